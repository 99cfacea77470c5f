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
instruction that it could not prevent, as it should. What changes interrupts,
preemption, or who runs, needs no rule of its own: the counter and the run
queue are words in memory, and a stop while interrupts are off is a stop where
they come on.

What the other accesses depends on where he is let in. So his accesses are taken
from several plays, those in which he comes first, last, and in between; the
reduction is checked by playing stops that it left out (--check).
"""

import collections

import numpy as np

from machine import UNLOADER, USER

WINDOW, WINDOW_SIZE = 0xe8000000, 0x08000000
SPLIT = 3                       # plays with the other in between


class Trace:
    """One play, an instruction a row: address and accesses, and the tick of
    each. Time goes on without instructions where the CPU halts."""

    def __init__(self, machine, schedule):
        self.schedule = schedule
        self.result = machine.play(schedule)
        self.code = np.fromfile(machine.trace + ".code", dtype="<u4")
        data = np.fromfile(machine.trace + ".data", dtype="<u4")
        data = data[:len(data) // 3 * 3].reshape(-1, 3)
        self.at, self.word = data[:, 0], data[:, 1] >> 2
        self.store = (data[:, 2] & 1).astype(bool)
        wide = data[:, 2] >> 1 == 3             # 8 bytes: two words
        self.at = np.concatenate([self.at, self.at[wide]])
        self.word = np.concatenate([self.word, self.word[wide] + 1])
        self.store = np.concatenate([self.store, self.store[wide]])
        self.find_ticks(machine)

    def find_ticks(self, machine):
        marks = np.flatnonzero(self.code == machine.symbols["explore_mark"])
        marks = marks[:len(self.result.marks)]
        halts = np.flatnonzero(self.code == machine.halt_address())
        tsc = np.array(self.result.marks[:len(marks)], dtype=np.int64)
        lead = tsc - marks
        # Behind each halt time has gained on the count, by as much as the next
        # mark says; there is one between two halts, at the latest at the end.
        ahead = np.full(len(self.code), lead[0], dtype=np.int64)
        for halt in halts:
            after = np.searchsorted(marks, halt)
            if after < len(marks):
                ahead[halt + 1:] = lead[after]
        self.tick = np.arange(len(self.code), dtype=np.int64) + ahead
        self.marks = marks

    def segment(self, i):
        """The rows of the i-th segment: from its mark on to the next of a
        segment, which is not one of the idle loop's."""
        starts = [m for m, t in zip(self.marks, self.result.marks)
                  if not self.is_idle_mark(m)]
        return starts[i], starts[i + 1] if i + 1 < len(starts) else \
            len(self.code)

    def is_idle_mark(self, mark):
        """The idle loop's come behind a halt, and from another place."""
        return mark > 0 and self.code[mark - 1] in self.idle_calls

    idle_calls = frozenset()

    def accesses(self, first, last):
        """(words read or written, words written) by these rows."""
        mine = (self.at >= first) & (self.at < last)
        return (np.unique(self.word[mine]),
                np.unique(self.word[mine & self.store]))


def observable(trace, rows, others):
    """The rows of @rows behind which a stop can make a difference."""
    touched, written = others
    first, last = rows
    mine = (trace.at >= first) & (trace.at < last)
    at, word, store = trace.at[mine], trace.word[mine], trace.store[mine]
    hit = np.isin(word, written) | (store & np.isin(word, touched))
    inside = (trace.code[first:last].astype(np.int64) - WINDOW)
    inside = (inside >= 0) & (inside < WINDOW_SIZE)
    steps = first + np.flatnonzero(np.diff(inside.astype(np.int8)))
    return np.unique(np.concatenate([at[hit], steps, [first]]))


def union(sets):
    return tuple(np.unique(np.concatenate(column)) for column in zip(*sets))


class Clock:
    """The tick at which to stop so that the next instruction is a certain
    one. The way from the tick to the interrupt is a constant number of
    instructions; it is measured, not believed."""

    def __init__(self, machine, trace, actor):
        rows = trace.segment(0)
        votes = collections.Counter()
        span = rows[1] - rows[0]
        for k in range(24):
            n = int(span * (0.35 + 0.02 * k))
            stops = machine.play([(actor, n), (1 - actor, 0),
                                  (actor, 0)]).stops
            if not stops or stops[0].late:
                continue
            at = rows[0] + n
            near = trace.code[max(at - 200, 0):at + 200]
            for d in np.flatnonzero(near == stops[0].eip):
                votes[int(d) - min(at, 200)] += 1
        self.votes = votes.most_common(2)
        if not votes or self.votes[0][1] < 6:
            raise ValueError("ticks are not instructions here: %s" % votes)
        self.offset = self.votes[0][0]

    def ticks(self, trace, row):
        """For the stop of a first segment before that row."""
        begin = trace.segment(0)[0]
        return int(trace.tick[row] - trace.tick[begin]) - self.offset


def others_of(machine, actor, traces):
    """What the other actor accesses, wherever he comes in."""
    other = 1 - actor
    first, last = traces[other], traces[actor]
    sets = [first.accesses(*first.segment(0)), last.accesses(*last.segment(1))]
    begin, end = last.segment(0)
    for i in range(1, SPLIT + 1):
        n = (end - begin) * i // (SPLIT + 1)
        t = Trace(machine, [(actor, n), (other, 0), (actor, 0)])
        if len(t.result.stops) == 1 and not t.result.ended:
            sets.append(t.accesses(*t.segment(1)))
    return union(sets)
