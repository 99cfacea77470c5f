"""Where a preemption can make a difference: points in a recorded play.

Two stops of an actor between which he does nothing that another can see, and
sees nothing that another does, lead to the same schedule. So of all
instructions those are kept that are *observable*:

 - an access to a word of memory that the other actor accesses as well, one of
   the two being a store;
 - a step into the module or out of it, which no memory shows.

A point stands right *behind* an observable instruction (and one at the actor's
first), for all stops up to the next observable one. Behind, as where interrupts
are off the stop comes later by itself: it then goes with the last observable
instruction that it could not prevent, as it should. What changes interrupts, or
who runs, needs no rule of its own: the run queue is words in memory, and a stop
while interrupts are off is a stop where they come on.

Some accesses are not what they look like:

 - A stack is written by its own task only (H42; the debug build asserts it),
   and read by its own task, and by whoever examines it. Only the user is
   examined: his stack's words count, for both. All others' do not; what an
   interrupt leaves below somebody's stack pointer is nobody's.
 - The search of memory reads each word to see whether it leads into the module.
   Of a page only its first read counts: two stops within a page differ in which
   of the other's stores have been seen, and the other moves no pointer to the
   module from one place of a page to another of the same.
 - An object is cleared before anybody has its address, or when nobody has it any
   more, the dead part of a stack when nobody examines it. Of a memset() only
   the first and the last store count: in between the search finds in it what
   it found before, or nothing, as behind.
 - A spinlock is free at every stop, and what a CPU knows of itself is alike
   (preemption on, no interrupt under way, the one who runs): whoever has taken
   a spinlock stands where he has given it back. What it guards is in words of
   its own.
 - What the explorer itself keeps is no part of the scene.

While preemption is off an actor stands, however often he is asked to, where it
comes on. For the unloader, whose stack and registers nobody examines, the stops
in between are that one, but where he becomes another task: who asks is not who
works for him, and the one may stand while the other does not. So that step is
observable, too. The user's stops are taken singly.

What the other accesses depends on where he is let in. So his accesses are taken
from several plays, those in which he comes first, last, and in between; the
reduction is checked by playing stops that it left out (--check).
"""

import collections
import random

import numpy as np

from player import ACTORS, UNLOADER, USER

WINDOW, WINDOW_SIZE = 0xe8000000, 0x08000000
STACKS, STACKS_END = 0xf0000000, 0xffc00000     # kernel/x86/paging.h
SPLIT = 3                       # plays with the other in between
PROBES = 24
# A stop that came late has passed places that arm the timer, which is shorter
# work when the tick has passed.
SLACK = 60
LAST = 200                      # instructions with interrupts off
NESTED = 4
# Intel SDM vol. 3, table 6-1.
FAULTS = [0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19]
APART = 4                       # instructions from one store of memset to the next
STACK_WORDS = 2048              # KERNEL_STACK_SIZE
CURRENT_TASK, PREEMPT_COUNT = 1, 2      # of struct percpu
ALIKE = ["percpus"]
EXPLORERS = ["clock_trap", "clock_entered", "ex"]
SPINLOCK = ["spin_take", "spin_release", "spin_is_held"]


class Trace:
    """One play, an instruction a row: address and accesses, and the tick of
    each. Time goes on without instructions where the CPU halts."""

    def __init__(self, machine, schedule):
        self.schedule = schedule
        self.result = machine.play(schedule)
        self.code = np.fromfile(machine.trace + ".code", dtype="<u4")
        data = np.fromfile(machine.trace + ".data", dtype="<u4")
        data = data[:len(data) // 3 * 3].reshape(-1, 3)
        data = data[data[:, 0] < len(self.code)]    # both end at a mark
        self.at, self.word = data[:, 0], data[:, 1] >> 2
        self.store = (data[:, 2] & 1).astype(bool)
        wide = data[:, 2] >> 1 == 3             # 8 bytes: two words
        self.at = np.concatenate([self.at, self.at[wide]])
        self.word = np.concatenate([self.word, self.word[wide] + 1])
        self.store = np.concatenate([self.store, self.store[wide]])
        self.find_depth(machine)
        self.leave_out(machine)
        self.find_ticks(machine)
        self.is_entry = (self.code >= machine.symbols["trap_stub_0"]) & \
            (self.code < machine.symbols["trap_common"])
        self.is_return = np.isin(self.code, machine.return_addresses())

    def find_depth(self, machine):
        """Where preemption is on, as where the scene begins, and where one task
        follows another."""
        def written(word):
            word += machine.symbols["percpus"] >> 2
            return np.unique(self.at[(self.word == word) & self.store])

        self.switches = written(CURRENT_TASK)
        rows = written(PREEMPT_COUNT)
        step = {eip: machine.counts_preemption(int(eip))
                for eip in np.unique(self.code[rows])}
        change = np.zeros(len(self.code), dtype=np.int32)
        change[rows] = [step[eip] for eip in self.code[rows]]
        depth = np.cumsum(change)
        self.preemptible = np.flatnonzero(depth == depth[
            np.flatnonzero(self.code == machine.symbols["explore_mark"])[0]])

    def where_preempted(self, rows):
        """Where preemption comes on behind them, by the same task."""
        ends = self.preemptible[np.searchsorted(self.preemptible, rows)]
        same = np.searchsorted(self.switches, rows) == \
            np.searchsorted(self.switches, ends)
        return np.where(same, ends, rows)

    def leave_out(self, machine):
        """All of a page's search but its first word; what is the same at each
        stop; what is the explorer's; and stacks, but for the user's."""
        eip = self.code[self.at]
        stack = (self.word >= STACKS >> 2) & (self.word < STACKS_END >> 2)
        users = self.result.stack[USER] >> 2
        gone = stack & ~((self.word >= users) &
                         (self.word < users + STACK_WORDS))
        for name in ALIKE + EXPLORERS:
            gone |= machine.within(self.word << 2, name)
        for function in SPINLOCK:
            gone |= machine.within(eip, function)
        search = np.flatnonzero(machine.within(eip, "search_page") & ~stack)
        page = self.word[search] >> 10
        gone[search[1:][page[1:] == page[:-1]]] = True
        again = np.unique(self.code[1:][self.code[1:] == self.code[:-1]])
        fills = [address for address in again if machine.fills(int(address))]
        cleared = np.flatnonzero(
            (machine.within(eip, "memset") | np.isin(eip, fills)) & ~gone)
        apart = np.diff(self.at[cleared].astype(np.int64)) > APART
        gone[cleared[1:-1][~apart[1:] & ~apart[:-1]]] = True
        self.at, self.word = self.at[~gone], self.word[~gone]
        self.store = self.store[~gone]

    def find_ticks(self, machine):
        marks = np.flatnonzero(self.code == machine.symbols["explore_mark"])
        marks = marks[:len(self.result.marks)]
        halts = np.flatnonzero(self.code == machine.halt_address())
        tsc = np.array(self.result.marks[:len(marks)], dtype=np.int64)
        # An instruction that faults is executed once more behind the handler.
        stubs = [machine.symbols["trap_stub_%d" % v] for v in FAULTS]
        rows = np.arange(len(self.code), dtype=np.int64)
        rows -= np.cumsum(np.isin(self.code, stubs))
        lead = tsc - rows[marks]
        # Behind each halt time has gained on the count, by as much as the next
        # mark says; there is one between two halts, at the latest at the end.
        ahead = np.full(len(self.code), lead[0], dtype=np.int64)
        for halt in halts:
            after = np.searchsorted(marks, halt)
            if after < len(marks):
                ahead[halt + 1:] = lead[after]
        self.tick = rows + ahead
        idle = machine.within(self.code[marks - 1], "idle_loop")
        self.starts = marks[~idle]

    def resumed_after(self, first, last):
        """What goes on behind an interrupt that came in these rows; others may
        have come in it, and ended."""
        came = first + np.flatnonzero(self.is_entry[first:last])
        if not len(came):
            return ()
        ends = np.flatnonzero(self.is_return[came[0]:]) + came[0]
        return self.code[ends[ends + 1 < len(self.code)][:NESTED] + 1]

    def ending(self, first, last):
        """Where the interrupt came that these rows end in; else their end."""
        came = first + np.flatnonzero(self.is_entry[first:last])
        if not len(came) or self.is_return[came[-1]:last].any():
            return last
        return came[-1]

    def segment(self, i):
        """The rows of the i-th segment, the idle loop's marks left out."""
        return int(self.starts[i]), int(self.starts[i + 1])

    def first_of(self, actor):
        """The row at which he begins: before that the stage has the CPU."""
        started = self.result.started[actor] - self.result.marks[0]
        return int(np.searchsorted(self.tick - self.tick[self.starts[0]],
                                   started))

    def of(self, rows):
        return (self.at >= rows[0]) & (self.at < rows[1])

    def accesses(self, rows):
        """(words read or written, words written) in these rows."""
        mine = self.of(rows)
        return (np.unique(self.word[mine]),
                np.unique(self.word[mine & self.store]))


def observable(trace, actor, rows, others):
    """The rows behind which a stop can make a difference, and the first."""
    touched, written = others
    first, last = rows
    mine = trace.of(rows)
    at, word, store = trace.at[mine], trace.word[mine], trace.store[mine]
    hit = np.isin(word, written) | (store & np.isin(word, touched))
    inside = trace.code[first:last].astype(np.int64) - WINDOW
    inside = (inside >= 0) & (inside < WINDOW_SIZE)
    steps = first + np.flatnonzero(np.diff(inside.astype(np.int8)))
    found = np.unique(np.concatenate([at[hit], steps, [first]])).astype(int)
    if actor == UNLOADER:
        found = trace.where_preempted(found)
    switches = trace.switches[(trace.switches >= first) &
                              (trace.switches < last)]
    return np.unique(np.concatenate([found[found < last], switches]))


def union(sets):
    return tuple(np.unique(np.concatenate(column)) for column in zip(*sets))


class Clock:
    """How far behind its tick the interrupt of a stop comes: a constant number
    of instructions where interrupts are on, measured and not believed; where
    they are off it is later by what the result says, and where the tick passes
    in an interrupt of the timer that one is taken."""

    def __init__(self, machine, trace, actor):
        first, last = trace.first_of(actor), trace.segment(0)[1]
        begin = trace.segment(0)[0]
        plays = []
        for row in self.probes(trace, first, last):
            n = int(trace.tick[row] - trace.tick[begin])
            r = machine.play([(actor, n), (1 - actor, 0), (actor, 0)])
            if r.stops and r.stops[0].actor == actor:
                plays.append((n, lag(r.stops[0], n), r.stops[0].eip))
        if not plays:
            raise ValueError("the %s does not stop" % ACTORS[actor])
        self.lag = min(p[1] for p in plays)
        plays = [p for p in plays if p[1] == self.lag]
        votes = collections.Counter()
        for n, late, eip in plays:
            at = int(np.searchsorted(trace.tick, trace.tick[begin] + n +
                                     late - self.lag))
            votes.update(np.flatnonzero(trace.code[at:at + 300] == eip)
                         .tolist())
        best = votes.most_common(2)
        if best[0][1] < len(plays) or len(best) == 2 and \
                best[1][1] == best[0][1]:
            raise ValueError("ticks are not instructions here: %s" % best)
        self.offset = best[0][0]

    @staticmethod
    def probes(trace, first, last):
        """Rows in whose neighbourhood no instruction comes twice or so: in a
        loop one would not know which turn it is."""
        rng = random.Random(1)
        found = []
        for _ in range(PROBES * 200):
            row = rng.randrange(first, last - 300)
            if len(np.unique(trace.code[row:row + 150])) > 120:
                found.append(row)
            if len(found) == PROBES:
                break
        return found

    def reach(self, stop, ticks):
        """The last tick to ask for that leads to this stop: of an interrupt
        that waited until it could come, or of one that it passed in."""
        late = lag(stop, ticks) - self.lag
        return ticks + (max(late - 1, 0) if late >= 0 else stop.past)


class Turn:
    """A segment of a recording, and where its actor may be stopped in it."""

    def __init__(self, clock, trace, i, actor, others):
        self.clock, self.trace, self.i, self.actor = clock, trace, i, actor
        self.begin, self.end = trace.segment(i)
        self.first = self.begin if i else trace.first_of(actor)
        self.rows = observable(trace, actor, (self.first, self.end), others)

    def ticks(self, row):
        """For the stop before that row."""
        tick = self.trace.tick
        return int(tick[row] - tick[self.begin]) - self.clock.offset

    def stops(self):
        """Ticks right behind each observable instruction."""
        ticks = [self.ticks(int(row) + 1) for row in self.rows
                 if row + 1 < self.end]
        return [n for n in ticks if n > 0]

    def stop_of(self, result):
        """None: the actor was not stopped in it."""
        stop = result.stops[self.i] if len(result.stops) > self.i else None
        return stop if stop and stop.actor == self.actor else None

    def reach(self, result, ticks):
        stop = self.stop_of(result)
        return self.clock.reach(stop, ticks) if stop else ticks

    def is_there(self, result, ticks):
        """The stop was at the recorded instruction; and there was one, unless
        the actor's way ended before interrupts were on again, or his turn did
        in the interrupt that says so. Nothing is said of a play in which
        somebody else was stopped."""
        trace, stop = self.trace, self.stop_of(result)
        begin = trace.tick[self.begin]
        if len(result.stops) <= self.i:
            end = trace.ending(self.begin, self.end)
            return trace.tick[end] - begin - ticks < LAST
        if stop is None:
            return True
        late = lag(stop, ticks) - self.clock.lag
        row = int(np.searchsorted(trace.tick, begin + ticks +
                                  self.clock.offset + late))
        slack = SLACK if late else 0
        first, last = max(row - slack, 0), row + slack + 1
        return stop.eip in trace.code[first:last] or \
            stop.eip in trace.resumed_after(first, last)

    def left_out(self, count, rng):
        """[(row, the observable ones before and behind it)]"""
        rows = [int(r) for r in self.rows]
        gaps = [(r, q) for r, q in zip(rows, rows[1:]) if q - r > 2]
        if not gaps:
            return []
        chosen = rng.choices(gaps, [q - r for r, q in gaps], k=count)
        return [(rng.randrange(r + 2, q), (r, q)) for r, q in chosen]

    def taken_for(self, row, gap, result):
        """The ticks of that one of the two that stands for a stop before this
        row: the one before it, or the one behind it if interrupts or preemption
        were off until then, as both are the same stop."""
        before, behind = gap
        stands = self.trace.where_preempted(row - 1)
        last = self.reach(result, self.ticks(row))
        late = stands >= behind or last >= self.ticks(behind + 1)
        return self.ticks((behind if late else before) + 1)


def signed(word):
    return ((word + 0x80000000) & 0xffffffff) - 0x80000000


def lag(stop, ticks):
    return signed(stop.entered - ticks)


def others_of(machine, actor, traces):
    """What the other actor accesses, wherever he comes in."""
    other = 1 - actor
    first, last = traces[other], traces[actor]
    sets = [first.accesses(first.segment(0)),
            last.accesses(last.segment(1))]
    begin, end = last.segment(0)
    for i in range(1, SPLIT + 1):
        n = (end - begin) * i // (SPLIT + 1)
        t = Trace(machine, [(actor, n), (other, 0), (actor, 0)])
        if len(t.result.stops) == 1 and not t.result.ended:
            sets.append(t.accesses(t.segment(1)))
    return union(sets)
