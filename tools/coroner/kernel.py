"""What stands in the kernel's memory: modules, tasks, stacks, heap objects.

This is the coroner's own reading of the kernel's structures, through their
types alone. What the kernel *thinks* of them (which pages it searches, which
objects it takes for live, what it remembers of a stack) is not asked for.
"""

import numpy as np

from machine import KERNEL_BASE, PAGE

WINDOW, WINDOW_END = 0xe8000000, 0xf0000000
VMALLOC, VMALLOC_END = 0xf0000000, 0xffc00000
WINDOW_PAGES = (WINDOW_END - WINDOW) // PAGE
STACK_SIZE = 8192
ORDER_BEHIND = 0xff             # of a frame: not the head of its block
NOTE_SLAB = 1                   # of a block of the heap: it is a slab
MAX_MODULES = 256


def page_of(address):
    return address - WINDOW >> 12


class Task:
    def __init__(self, kernel, at):
        m, t = kernel.machine, kernel.names.struct["task"]
        self.at = at
        self.pid = m.word(at + t["pid"])
        self.comm = m.text(at + t["comm"], t.size_of("comm"))
        self.stack = m.word(at + t["stack"])
        self.esp = m.word(at + t["esp"])
        self.owner = m.half(at + t["owner"])
        self.state = m.word(at + t["state"])
        self.is_process = m.word(at + t["process"]) != 0
        self.mm = m.word(at + t["mm"])
        self.kthread = m.word(at + t["kthread"])
        self.cpu = None                 # that runs it

    def __str__(self):
        return "%s[%d]" % (self.comm, self.pid)


class Kernel:
    def __init__(self, names, machine):
        self.names = names
        self.machine = machine
        self.struct = names.struct
        self.at = names.variable
        self.constant = names.constant

    def read(self, cpu):
        """Everything, while the machine stands; by the page tables of a CPU."""
        self.machine.map_kernel(self.machine.cpus[cpu].reg["CR3"])
        self.read_window()
        self.read_frames()
        self.read_tasks()
        self.read_stacks()
        self.read_objects()

    # ---- small things ----

    def array(self, at, count, size, offset, length):
        """One field of an array of structures."""
        if not count:
            return np.empty(0, dtype="i8")
        data = self.machine.words(at, (at + count * size + 3) & ~3)
        data = data.view("u1")[:count * size].reshape(count, size)
        field = np.ascontiguousarray(data[:, offset:offset + length])
        return field.view("<u%d" % length)[:, 0].astype("i8")

    def field_of(self, at, count, struct, field):
        s = self.struct[struct]
        return self.array(at, count, s.size, s[field], s.size_of(field))

    def list_of(self, head, link, limit=200000):
        """The structures on a list, by the offset of their link."""
        at, seen = self.machine.word(head), set()
        while at != head and at not in seen and len(seen) < limit:
            if at < KERNEL_BASE or not self.machine.is_mapped(at):
                return
            seen.add(at)
            yield at - link
            at = self.machine.word(at)

    # ---- the window, and modules ----

    def read_window(self):
        """Whose each page of the window is, and which are mapped."""
        at = self.machine.word(self.at["pages"])
        self.window_at = at
        self.owner = self.field_of(at, WINDOW_PAGES, "window_page", "owner")
        self.block_kind = self.field_of(at, WINDOW_PAGES, "window_page",
                                        "block_kind")
        self.block_at = self.field_of(at, WINDOW_PAGES, "window_page",
                                      "block_at")
        first = WINDOW - KERNEL_BASE >> 12
        self.window_frame = self.machine.frame[first:first + WINDOW_PAGES]
        self.window_text = self.machine.executable[first:first + WINDOW_PAGES]

    def module(self, number):
        """(name, state, address of the dossier or 0)."""
        o = self.struct["owner"]
        at = self.at["owners"] + number * o.size
        page = self.machine.word(at + o["dossier_page"])
        return (self.machine.text(at + o["name"], o.size_of("name")),
                self.machine.word(at + o["state"]),
                WINDOW + (page - 1) * PAGE if page else 0)

    def dependencies(self, number):
        """The modules whose symbols a module uses."""
        _, state, dossier = self.module(number)
        if not dossier or state in (self.constant["MODULE_FREE"],
                                    self.constant["MODULE_GONE"]):
            return []
        s = self.struct["module"]
        count = min(self.machine.word(dossier + s["nr_deps"]),
                    s.size_of("deps") // 2)
        return [self.machine.half(dossier + s["deps"] + 2 * i)
                for i in range(count)]

    # ---- frames ----

    def read_frames(self):
        self.nr_frames = self.machine.word(self.at["nr_frames"])
        self.frames_at = self.machine.word(self.at["frames"])
        self.kind, self.order, self.note = (
            self.field_of(self.frames_at, self.nr_frames, "frame", name)
            for name in ("kind", "order", "note"))

    # ---- tasks ----

    def read_tasks(self):
        """Of the task list, of the run queues, and what runs: one that is
        missing on the list would be missed by the kernel as well."""
        t, r = self.struct["task"], self.struct["rq"]
        found = list(self.list_of(self.at["tasklist"], t["tasks"]))
        self.listed = set(found)
        self.nr_cpus = self.machine.word(self.at["nr_cpus"])
        self.idle, self.caught = {}, {}
        for cpu in range(self.nr_cpus):
            rq = self.at["rqs"] + cpu * r.size
            head = self.struct["list_head"].size
            for at in [rq + r["spared"], rq + r["lists"],
                       rq + r["lists"] + head]:
                found += self.list_of(at, t["run_link"])
            self.idle[self.machine.word(rq + r["idle"])] = cpu
        found += self.idle
        self.tasks = {at: Task(self, at) for at in dict.fromkeys(found)}
        self.place_cpus()

    def place_cpus(self):
        """Which CPU of QEMU's is which of the kernel's: by %fs."""
        p = self.struct["percpu"]
        self.cpus = []                  # those that the kernel has
        for cpu in self.machine.cpus:
            number, rest = divmod(cpu.base["FS"] - self.at["percpus"], p.size)
            if rest or not 0 <= number < self.nr_cpus:
                continue
            self.cpus.append(cpu)
            at = self.at["percpus"] + number * p.size
            current = self.machine.word(at + p["current_task"])
            cpu.kernel_cpu = number
            cpu.caught = self.machine.word(at + p["rendezvous_frame"])
            cpu.idle_stack = self.machine.word(at + p["idle_stack"])
            if current not in self.tasks:
                self.tasks[current] = Task(self, current)
            cpu.task = self.tasks[current]
            cpu.task.cpu = cpu

    # ---- stacks ----

    def stack_bottom(self, task):
        """A task's own stack, or the one its CPU came up on; 0: none, as with
        a thread that is held."""
        if task.at not in self.idle:
            return task.stack
        p = self.struct["percpu"]
        return self.machine.word(self.at["percpus"] + p["idle_stack"]
                                 + self.idle[task.at] * p.size)

    def live_stack(self, task):
        """[from, to) of what can still be used of a task's stack: from the
        stack pointer up, but for the frame of user mode at the very top."""
        bottom = self.stack_bottom(task)
        if not bottom:
            return 0, 0
        top = bottom + STACK_SIZE
        if task.is_process:
            top -= self.struct["trap_frame"].size
        esp = task.cpu.reg["ESP"] if task.cpu else task.esp
        dead = task.state == self.constant["TASK_DEAD"] and not task.cpu
        if dead or not bottom <= esp <= top:
            return 0, 0
        return esp, top

    def read_stacks(self):
        """All pages that are some stack, in use or kept for the next task:
        no memory to be read as a whole."""
        bottoms = [self.stack_bottom(t) for t in self.tasks.values()]
        at = self.machine.word(self.at["free_stacks"])
        while at and len(bottoms) < 100000:
            bottoms.append(at)
            at = self.machine.word(at)
        self.stack_pages = {page for bottom in bottoms if bottom
                            for page in range(bottom, bottom + STACK_SIZE,
                                              PAGE)}

    # ---- address spaces ----

    def user_roots(self):
        """The page tables of every process, and what a CPU has loaded."""
        root = self.struct["mm"]["root"]
        roots = {self.machine.word(t.mm + root)
                 for t in self.tasks.values() if t.mm}
        return roots | {cpu.reg["CR3"] for cpu in self.cpus}

    # ---- heap objects ----

    def read_objects(self):
        """Everything that a pointer may point into and that has an extent of
        its own: slots of slabs and large blocks, of the kernel's heap and of
        modules'. Whether one is live is for the marking to find."""
        self.geometry = [self.slab_geometry(i) for i in range(8)]
        starts, ends, data = [], [], []
        for at in self.slabs():
            first, last, room, is_data = self.slab_slots(at)
            starts.append(np.arange(first, last, room, dtype="i8"))
            ends.append(starts[-1] + room)
            data.append(np.full(len(starts[-1]), is_data))
        large = np.array(list(self.large_objects()), dtype="i8")
        large = large.reshape(-1, 3)
        starts = np.concatenate(starts + [large[:, 0]])
        order = np.argsort(starts, kind="stable")
        self.start = starts[order]
        self.end = np.concatenate(ends + [large[:, 1]])[order]
        self.is_data = np.concatenate(data + [large[:, 2]])[order].astype(bool)

    def slab_geometry(self, number):
        g = self.struct["geometry"]
        at = self.at["geometry"] + number * g.size
        return (self.machine.word(at + g["first"]),
                self.machine.word(at + g["nr_slots"]))

    def slab_slots(self, at):
        s = self.struct["slab"]
        number = self.machine.byte(at + s["class"]) & 7
        first, count = self.geometry[number]
        room = 16 << number
        return (at + first, at + first + count * room, room,
                self.machine.byte(at + s["data"]) != 0)

    def heap_heads(self):
        kind = self.kind
        heap = (kind == self.constant["PAGE_SLAB"]) | (
            kind == self.constant["PAGE_SLAB_DATA"])
        return np.flatnonzero(heap & (self.order != ORDER_BEHIND))

    def slabs(self):
        for frame in self.heap_heads():
            if self.note[frame] == NOTE_SLAB:
                yield KERNEL_BASE + int(frame) * PAGE
        first = np.flatnonzero(
            (self.block_kind == self.constant["WINDOW_BLOCK_SLAB"])
            & (self.block_at == 0) & (self.owner != 0)
            & (self.window_frame >= 0))
        for page in first:
            yield WINDOW + int(page) * PAGE

    def large_objects(self):
        """(start, end, holds data only)"""
        for frame in self.heap_heads():
            if self.note[frame] != NOTE_SLAB:
                start = KERNEL_BASE + int(frame) * PAGE
                yield (start, start + (PAGE << int(self.order[frame])),
                       self.kind[frame] == self.constant["PAGE_SLAB_DATA"])

    # ---- what a module's pages are, beside its heap's slabs ----

    def module_pages(self, dead):
        """Pages of other modules that are neither text, nor a stack, nor a
        slab: images' data and constants, dossiers, large objects."""
        slab = self.block_kind == self.constant["WINDOW_BLOCK_SLAB"]
        mine = (self.owner != 0) & ~dead & (self.window_frame >= 0)
        pages = np.flatnonzero(mine & ~slab & ~self.window_text)
        addresses = WINDOW + pages.astype("i8") * PAGE
        return np.array([a for a in addresses if a not in self.stack_pages],
                        dtype="i8")
