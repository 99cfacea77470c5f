"""The verdict, passed once more: can anything still reach the dead?

What begins a way (the roots): registers of the CPUs; the live part of every
kernel stack; the kernel's static data; descriptor tables and task states;
data of modules that live on. From there every word that points into an object
of the heap leads to that object, pointers into its middle too, and the words
in it lead on. The territory's own pages are left out: that the dead know each
other is no way to them. A word that lies in the territory, margins included,
and that can be reached like this is a hit.

Frames count as well as addresses: any page table, of the kernel or of a
process, that maps a frame of the territory at another place is a hit; so is a
frame of it that serves as a page table, and a module that is linked to a dead
one.

The undertaker is left out, its stack and the registers of the CPU that it runs
on: it is the hand that buries, and has to know whom.
"""

import time

import numpy as np

from kernel import MAX_MODULES, WINDOW, WINDOW_END, page_of
from machine import ADDRESS, GENERAL, KERNEL_BASE, PAGE

MAX_TOLD = 16                   # of one verdict's hits; all are counted
EVIDENCE = ("task", "memory")   # conclusions that say: somebody leads there


class Verdict:
    """One certificate, and what was found."""

    def __init__(self, certificate):
        self.certificate = certificate
        self.hits = []          # "where: word", each a way to the dead
        self.notes = []         # the same in what was declared free of them
        self.complaints = []    # the certificate is wrong, or the machine is
        self.nr_hits = self.nr_notes = self.words = self.objects = 0

    @property
    def opinion(self):
        return "reachable" if self.nr_hits else "unreachable"

    @property
    def disagrees(self):
        """The kernel takes for gone what can be reached; or it has not told
        the truth about what it judged."""
        claims_gone = self.certificate["conclusion"] == "clean"
        return bool(claims_gone and self.nr_hits or self.complaints)

    @property
    def false_positive(self):
        """The kernel has found evidence where no way leads."""
        return (self.certificate["conclusion"] in EVIDENCE
                and not self.nr_hits and not self.complaints)


class Judge:
    def __init__(self, kernel, cpu):
        self.kernel = kernel
        self.machine = kernel.machine
        self.names = kernel.names
        self.leader = cpu               # the CPU that the undertaker runs on

    # ---- the certificate ----

    def read_certificate(self):
        m, at = self.machine, self.kernel.at["certificate"]
        c, n = (self.names.struct[s] for s in ("certificate",
                                               "certificate_name"))
        dead = []
        for i in range(min(m.word(at + c["nr_names"]), 8)):
            name = at + c["name"] + i * n.size
            dead.append((m.word(name + n["id"]),
                         m.text(name + n["name"], n.size_of("name"))))
        return {
            "serial": m.word(at + c["serial"]),
            "unload": m.word(at + c["unload_number"]),
            "kind": self.kind_name(m.word(at + c["kind"])),
            "conclusion": m.text(at + c["conclusion"],
                                 c.size_of("conclusion")),
            "dead": dead,
        }

    def kind_name(self, number):
        for kind in ("COMMIT", "SECOND", "REFUSAL"):
            if self.names.constant["CERTIFICATE_" + kind] == number:
                return kind.lower()
        return "kind %d" % number

    # ---- all of it ----

    def judge(self):
        since = time.monotonic()
        self.kernel.read(self.leader)
        v = self.verdict = Verdict(self.read_certificate())
        self.name_the_dead()
        self.compare_territory()
        self.check_undertaker()
        self.check_standstill()
        self.check_frames()
        self.check_dependencies()
        self.mark()
        v.seconds = time.monotonic() - since
        return v

    def name_the_dead(self):
        """The territory, by the owner table: pages, margins included."""
        k = self.kernel
        ids = [number for number, _ in self.verdict.certificate["dead"]]
        for number, name in self.verdict.certificate["dead"]:
            if k.module(number)[0] != name:
                self.complain("module %d is called %s, not %s"
                              % (number, k.module(number)[0], name))
        self.ids = ids
        self.dead = np.isin(k.owner, ids) & (k.owner != 0)
        self.dead_frames = np.unique(k.window_frame[self.dead])
        self.dead_frames = self.dead_frames[self.dead_frames >= 0]
        if not self.dead.any():
            self.complain("none of the dead has a page")

    def complain(self, text):
        self.verdict.complaints.append(text)

    def compare_territory(self):
        """Pages and frames of the certificate against our own."""
        at = self.kernel.at["certificate"]
        c, p = (self.names.struct[s] for s in ("certificate",
                                               "certificate_page"))
        room = c.size_of("page") // p.size
        count = self.machine.word(at + c["nr_pages"])
        if count > room:
            return                      # told in part only: nothing to compare
        told = dict(zip(*(self.kernel.field_of(
            at + c["page"], count, "certificate_page", name)
            for name in ("page", "frame"))))
        pages = np.flatnonzero(self.dead)
        frames = np.maximum(self.kernel.window_frame[pages], 0)
        if told != dict(zip(pages, frames)):
            self.complain("the certificate has other pages or frames than the "
                          "owner table and the page tables")

    def thread_function(self, task):
        """(function, argument) of a thread of the kernel's own."""
        if not task.kthread or task.owner:
            return 0, 0
        s = self.names.struct["kthread"]
        return (self.machine.word(task.kthread + s["fn"]),
                self.machine.word(task.kthread + s["arg"]))

    def is_bearer(self, task):
        """It calls the routines of one of the dead."""
        function, argument = self.thread_function(task)
        return function == self.names.symbol["bearer_thread"] and \
            self.machine.half(argument
                              + self.names.struct["bearer"]["id"]) in self.ids

    def check_undertaker(self):
        task = self.machine.cpus[self.leader].task
        self.undertaker = task
        if self.thread_function(task)[0] != self.names.symbol["undertaker"]:
            self.complain("who judges is not the undertaker but %s" % task)

    def check_standstill(self):
        if len(self.kernel.cpus) != self.kernel.nr_cpus:
            self.complain("of %d CPUs %d are in the kernel" % (
                self.kernel.nr_cpus, len(self.kernel.cpus)))
        for cpu in self.kernel.cpus:
            if cpu.number != self.leader and not cpu.caught:
                self.complain("CPU %d does not stand in the rendezvous"
                              % cpu.number)

    # ---- hits ----

    def add_hit(self, where, word):
        self.verdict.nr_hits += 1
        if len(self.verdict.hits) < MAX_TOLD:
            self.verdict.hits.append(self.tell(where, word))

    def add_note(self, where, word):
        self.verdict.nr_notes += 1
        if len(self.verdict.notes) < MAX_TOLD:
            self.verdict.notes.append(self.tell(where, word))

    def tell(self, where, word):
        if WINDOW <= word < WINDOW_END:
            owner = int(self.kernel.owner[page_of(word)])
            return "%s: %08x of %s" % (where, word,
                                       self.kernel.module(owner)[0])
        return "%s: %08x" % (where, word)

    def in_territory(self, words):
        """Which of an array of words are addresses of the dead."""
        inside = (words >= WINDOW) & (words < WINDOW_END)
        inside[inside] = self.dead[page_of(words[inside].astype("i8"))]
        return inside

    def look(self, addresses, words, describe, add=None):
        self.verdict.words += len(words)
        for i in np.flatnonzero(self.in_territory(words)):
            (add or self.add_hit)(describe(int(addresses[i])), int(words[i]))

    # ---- frames and links ----

    def check_frames(self):
        """Every page table there is, for a second name of a dead frame."""
        self.frame_is_dead = np.zeros(1 << 20, dtype=bool)
        self.frame_is_dead[self.dead_frames] = True
        top = {int(self.machine.directories(cpu.reg["CR3"])[3])
               for cpu in self.kernel.cpus}
        if len(top) > 1:
            self.complain("CPUs differ in the kernel's half")
        self.check_kernel_tables()
        for root in self.kernel.user_roots():
            self.check_user_tables(root)

    def check_kernel_tables(self):
        frame = self.machine.frame
        self.verdict.words += len(frame) * 2
        for page in np.flatnonzero((frame >= 0)
                                   & self.frame_is_dead[frame & 0xfffff]):
            va = KERNEL_BASE + int(page) * PAGE
            if not (WINDOW <= va < WINDOW_END and self.dead[page_of(va)]):
                self.add_hit("page table entry of %08x" % va,
                             int(frame[page]) * PAGE)
        for table in self.machine.kernel_tables:
            self.check_table(table)

    def check_user_tables(self, root):
        self.check_table(root)
        for va, entries, table in self.machine.leaf_tables(root, [0, 1, 2]):
            self.verdict.words += 1024
            self.check_table(table)
            # Present or not: a page without rights keeps its frame.
            frames = (entries & ADDRESS).astype("i8") >> 12 & 0xfffff
            for i in np.flatnonzero(self.frame_is_dead[frames]):
                self.add_hit("user page table %08x, entry of %08x"
                             % (root, va + int(i) * PAGE),
                             int(frames[i]) * PAGE)

    def check_table(self, physical):
        if self.frame_is_dead[physical >> 12 & 0xfffff]:
            self.add_hit("a frame that serves as page table", physical)

    def check_dependencies(self):
        for number in range(1, MAX_MODULES):
            if number in self.ids:
                continue
            for used in set(self.kernel.dependencies(number)) & set(self.ids):
                self.add_hit("module %s is linked to it"
                             % self.kernel.module(number)[0], used)

    # ---- roots ----

    def roots(self):
        """(addresses, words, how to name one) of all that begins a way."""
        yield from self.registers()
        yield from self.static_data()
        yield from self.stacks()
        yield from self.other_modules()

    def registers(self):
        for cpu in self.kernel.cpus:
            if cpu.number != self.leader:
                yield (np.arange(len(GENERAL)),
                       np.array([cpu.reg[r] for r in GENERAL], dtype="<u4"),
                       lambda i, n=cpu.number: "CPU %d, %s" % (n, GENERAL[i]))

    def static_data(self):
        s = self.names.symbol
        for start, end in (("__data_start", "__data_end"),
                           ("__bss_start", "__bss_end")):
            yield self.range(s[start], s[end], self.name_static)

    def range(self, start, end, describe):
        addresses = np.arange(start, end, 4, dtype="i8")
        mapped = self.machine.frame[(addresses - KERNEL_BASE) >> 12] >= 0
        addresses = addresses[mapped]       # a guard page may lie within
        return addresses, self.machine.gather(addresses), describe

    def name_static(self, at):
        return "kernel data %s" % (self.names.describe(at) or "%08x" % at)

    def stacks(self):
        for task in self.kernel.tasks.values():
            if task.cpu and task.cpu.number == self.leader:
                continue                    # the undertaker
            start, end = self.kernel.live_stack(task)
            if start >= WINDOW and start < WINDOW_END and \
                    self.dead[page_of(start)]:
                continue                    # of a dead module's own thread
            if task.at not in self.kernel.listed and \
                    task.at not in self.kernel.idle:
                self.complain("task %s is not on the task list" % task)
            yield self.range(start, end, self.stack_namer(task, start))

    def stack_namer(self, task, start):
        caught = task.cpu and task.cpu.caught or start

        def describe(at):
            if at < caught:
                return "stack of %s, %d bytes below where it was caught" % (
                    task, caught - at)
            return "stack of %s, esp+%d" % (task, at - start)
        return describe

    def other_modules(self):
        for va in self.kernel.module_pages(self.dead):
            yield self.range(int(va), int(va) + PAGE, self.name_window)

    def name_window(self, at):
        number = int(self.kernel.owner[page_of(at)])
        return "module %s, %08x" % (self.kernel.module(number)[0], at)

    # ---- what the processor keeps in forms of its own ----

    def look_at_cpus(self):
        """Task states and descriptors, whose addresses are cut into pieces,
        lead to no object of the heap; x87, SSE and debug registers give
        notes."""
        for cpu in self.kernel.cpus:
            self.descriptors(cpu)
            for i in range(0, self.names.struct["tss"].size, 4):
                self.judge_word("CPU %d, task state + %d" % (cpu.number, i),
                                self.machine.word(cpu.base["TR"] + i))
            for word in cpu.others:
                self.judge_word("CPU %d, a register that holds no pointers"
                                % cpu.number, word, self.add_note)

    def descriptors(self, cpu):
        m, gdt, idt = self.machine, cpu.base["GDT"], cpu.base["IDT"]
        for i in range(0, cpu.limit["GDT"] + 1, 8):
            low, high = m.word(gdt + i), m.word(gdt + i + 4)
            if high & 0x60_00 == 0x60_00 and high & 0x10_00:
                continue                # of a user, who chose it
            self.judge_word("CPU %d, GDT entry %d" % (cpu.number, i // 8),
                            low >> 16 | (high & 0xff) << 16
                            | high & 0xff000000)
        for i in range(0, cpu.limit["IDT"] + 1, 8):
            self.judge_word("CPU %d, IDT entry %d" % (cpu.number, i // 8),
                            m.word(idt + i) & 0xffff
                            | m.word(idt + i + 4) & 0xffff0000)
        self.judge_word("CPU %d, GDT base" % cpu.number, gdt)
        self.judge_word("CPU %d, IDT base" % cpu.number, idt)

    def judge_word(self, where, word, add=None):
        self.verdict.words += 1
        if WINDOW <= word < WINDOW_END and self.dead[page_of(word)]:
            (add or self.add_hit)(where, word)

    # ---- marking ----

    def mark(self):
        k = self.kernel
        self.reached = np.zeros(len(k.start), dtype=bool)
        self.reached_from = {}          # object -> how it was reached first
        # Objects of the dead themselves are never entered.
        inside = (k.start >= WINDOW) & (k.start < WINDOW_END)
        self.reached[inside] = self.dead[page_of(k.start[inside])]
        self.look_at_cpus()
        self.fresh = []
        for addresses, words, describe in self.roots():
            self.look(addresses, words, describe)
            self.follow(addresses, words, describe)
        while self.fresh:
            objects = np.concatenate(self.fresh)
            self.fresh = []
            self.verdict.objects += len(objects)
            self.enter(objects[~k.is_data[objects]], self.add_hit)
            self.enter(objects[k.is_data[objects]], self.add_note)

    def follow(self, addresses, words, describe):
        """Notes the objects that words point into and nobody had reached."""
        k = self.kernel
        pointers = np.flatnonzero(words >= KERNEL_BASE)
        if not len(pointers) or not len(k.start):
            return
        values = words[pointers].astype("i8")
        found = np.searchsorted(k.start, values, side="right") - 1
        good = (found >= 0) & (values < k.end[found])
        found, source = found[good], addresses[pointers[good]]
        new = ~self.reached[found]
        objects, first = np.unique(found[new], return_index=True)
        if len(objects):
            self.reached[objects] = True
            self.fresh.append(objects)
            self.reached_from.update(zip(
                objects.tolist(), ((describe, at) for at in
                                   source[new][first].tolist())))

    def enter(self, objects, add):
        """Looks at the words of objects, and follows them."""
        if not len(objects):
            return
        k = self.kernel
        counts = (k.end[objects] - k.start[objects]) // 4
        skipped = np.repeat(np.cumsum(counts) - counts, counts)
        addresses = np.repeat(k.start[objects], counts) + \
            (np.arange(counts.sum()) - skipped) * 4
        words = self.machine.gather(addresses)
        self.look(addresses, words, self.name_object, add)
        if add == self.add_hit:         # data leads nowhere
            self.follow(addresses, words, self.name_object)

    def name_object(self, at, depth=6):
        k = self.kernel
        i = int(np.searchsorted(k.start, at, side="right")) - 1
        start = int(k.start[i])
        text = "%sobject %08x+%d of %d bytes" % (
            "data " if k.is_data[i] else "", start, at - start,
            int(k.end[i]) - start)
        if i in self.reached_from and depth:
            describe, source = self.reached_from[i]
            if describe == self.name_object:
                return "%s < %s" % (text, self.name_object(source, depth - 1))
            return "%s < %s" % (text, describe(source))
        return text
