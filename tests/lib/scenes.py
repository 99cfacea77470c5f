"""What the scenario tests share: the machines they run on, and the parts of
their scripts.

A script waits for events: spawn returns when its programs are where they have
to be, await and inside (kernel/test/scene.c) when a module is, wait when
everybody has left.
"""

import pytest

from icebox import OK, boot, is_debug

# (CPUs, shift of -icount or None).  Under -icount time is exact: only there
# may a test say how long something takes.
MACHINES = [(1, None), (2, None), (4, None), (8, None), (1, 0), (2, 0), (4, 3)]

# One of each sort, for what does not depend on the number of CPUs.
FEW = [(1, None), (4, None), (2, 0)]

MS = 1000000
# G9; a debug build has more to do (debug_slowness).
FREEZE_MAX_NS = 10 * MS * (4 if is_debug() else 1)


def name_of(machine):
    smp, icount = machine
    return "smp%d" % smp + ("" if icount is None else "-icount%d" % icount)


def on(machines):
    return pytest.mark.parametrize("machine", machines, ids=name_of)


def play(script, machine, expect=OK, **options):
    """Runs the scene; every command has to succeed unless expect says so."""
    smp, icount = machine
    return boot(script, expect=expect, smp=smp, icount=icount, **options)


def patience_ms(machine, ms):
    """For -w, where a test asks for so much of a machine's own time. Real time
    is not that, on a host that has others to serve: there a test may claim
    that something comes to pass, and not when."""
    return ms if is_exact(machine) else 30 * ms


def longest_freeze(result):
    return max(r["frozen_max_ns"] for r in result.reports)


def is_exact(machine):
    return machine[1] is not None
