"""The watch over the dead, seen from the coroner: who is watched, what was seen.

The other half is watch.c, a plugin of QEMU. The two share a file; its layout is
struct watch there and LAYOUT here. This side writes while the machine stands.
"""

import numpy as np

from kernel import KERNEL_BASE, PAGE, WINDOW, WINDOW_PAGES

CPUS, EXCUSED, TOUCHES, FRAMES = 64, 16, 256, 1 << 18
TABLES = (1 << 32) - WINDOW >> 21
NOT_WATCHED, DYING, DEAD, DOSSIER = range(4)
HOW = ("fetch", "load", "store")

LAYOUT = np.dtype(
    [(name, "<u4") for name in (
        "armed", "frames", "frame_size", "frame_kind", "nr_frames",
        "kind_free", "pages", "page_size", "page_owner", "page_freed",
        "owners", "owner_size", "owner_state", "state_entombed",
        "current_task", "irq_depth")]
    + [("percpu", "<u4", CPUS), ("table", "<u4", TABLES),
       ("undertaker", "<u4"), ("bearer", "<u4", EXCUSED),
       ("nr_touches", "<u4"), ("accesses", "<u4"),
       ("touch", [(name, "<u4") for name in (
           "how", "address", "frame", "eip", "cpu", "by_frame")],
        TOUCHES),
       ("freed", "<u4", WINDOW_PAGES), ("page_state", "u1", WINDOW_PAGES),
       ("frame_state", "u1", FRAMES)])


class Watch:
    def __init__(self, path, kernel):
        with open(path, "r+b") as f:
            f.truncate(LAYOUT.itemsize)
        self.file = np.memmap(path, dtype=LAYOUT, mode="r+", shape=1)[0]
        self.kernel = kernel
        self.told = 0
        self.page_name, self.frame_name = {}, {}    # of the dead, whose

    def set(self, **values):
        for name, value in values.items():
            self.file[name] = value

    # ---- who is dead ----

    def hear(self, judge, verdict):
        """After each verdict on the dead of a judge."""
        conclusion = verdict.certificate["conclusion"]
        kind = verdict.certificate["kind"]
        if kind == "refusal" or kind == "commit" and conclusion != "clean":
            return                      # they live on
        if conclusion != "clean":
            state = NOT_WATCHED         # will be entombed, or tried again
        else:
            state = DYING if kind == "commit" else DEAD
        if not self.file["armed"]:
            self.say_where()
        self.say_who(judge)
        pages = np.flatnonzero(judge.dead)
        states = np.full(len(pages), state, dtype="u1")
        if state:
            states[np.isin(pages, self.dossiers(judge))] = DOSSIER
        self.file["page_state"][pages] = states
        self.file["freed"][pages] = self.freed(pages)
        frames = self.kernel.window_frame[pages]
        for page, frame in zip(pages.tolist(), frames.tolist()):
            name = self.kernel.module(int(self.kernel.owner[page]))[0]
            self.page_name[page] = self.frame_name[frame] = name
        mapped = (frames >= 0) & (frames < FRAMES)
        self.file["frame_state"][frames[mapped]] = states[mapped]
        self.set(armed=1)

    def say_where(self):
        """Constant once the kernel runs."""
        k, s, m = self.kernel, self.kernel.struct, self.kernel.machine
        self.set(frames=k.frames_at, frame_size=s["frame"].size,
                 frame_kind=s["frame"]["kind"], nr_frames=k.nr_frames,
                 kind_free=k.constant["PAGE_FREE"], pages=k.window_at,
                 page_size=s["window_page"].size,
                 page_owner=s["window_page"]["owner"],
                 page_freed=s["window_page"]["freed"],
                 owners=k.at["owners"], owner_size=s["owner"].size,
                 owner_state=s["owner"]["state"],
                 state_entombed=k.constant["MODULE_ENTOMBED"],
                 current_task=s["percpu"]["current_task"],
                 irq_depth=s["percpu"]["irq_depth"])
        for cpu in k.cpus:
            if cpu.number < CPUS:
                self.file["percpu"][cpu.number] = \
                    k.at["percpus"] + cpu.kernel_cpu * s["percpu"].size
        first = (WINDOW - KERNEL_BASE) // PAGE // 512
        for i in range(TABLES):
            self.file["table"][i] = m.kernel_tables[
                m.kernel_table_at.index(first + i)]

    def say_who(self, judge):
        """Whose work on the dead is lawful."""
        bearers = [task.at for task in self.kernel.tasks.values()
                   if judge.is_bearer(task)][:EXCUSED]
        self.set(undertaker=judge.undertaker.at if judge.undertaker else 0,
                 bearer=bearers + [0] * (EXCUSED - len(bearers)))

    def dossiers(self, judge):
        """Pages of the window from which the kernel answers questions about
        the dead until it buries them: struct module, and what goes with it."""
        k = self.kernel
        s, w = k.struct["module"], k.struct["window_page"]
        pages = []
        for number in judge.ids:
            dossier = k.module(number)[2]
            for at in (dossier, dossier and k.machine.word(dossier
                                                           + s["extra"])):
                if not at:
                    continue
                first = at - WINDOW >> 12
                count = k.machine.half(k.window_at + first * w.size
                                       + w["pages"])
                pages += range(first, first + count)
        return pages

    def freed(self, pages):
        stamps = self.kernel.field_of(self.kernel.window_at, WINDOW_PAGES,
                                      "window_page", "freed")
        return stamps[pages]

    # ---- what was seen ----

    def is_dead(self, address):
        """Of an access that faulted: page_is_dead() of watch.c."""
        page, k = address - WINDOW >> 12, self.kernel
        if not self.file["page_state"][page]:
            return False
        w = k.struct["window_page"]
        record = k.machine.word(self.kernel.at["pages"]) + page * w.size
        if k.machine.word(record + w["freed"]) == self.file["freed"][page]:
            return self.file["page_state"][page] != DOSSIER
        return k.machine.half(record + w["owner"]) == 0

    def name(self, address, frame):
        """Whose an address was, or else a frame; "" if nobody's."""
        return self.page_name.get(address - WINDOW >> 12,
                                  self.frame_name.get(frame, ""))

    def touches(self):
        """What has been seen and not been told yet."""
        count = int(self.file["nr_touches"])
        for t in self.file["touch"][self.told:count]:
            yield {"how": int(t["how"]), "address": int(t["address"]),
                   "frame": int(t["frame"]), "eip": int(t["eip"]),
                   "cpu": int(t["cpu"]),
                   "seen": "frame" if t["by_frame"] else "address"}
        self.told = count
