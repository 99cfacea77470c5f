"""Memory that is out at any moment: each allocation of a line fails in turn,
alone and together with the next (kernel/test/nomem.c)."""

import re

import pytest

from icebox import boot

LONG = pytest.mark.long
# Under -icount a run repeats itself, and with it the number of allocations.
MACHINES = pytest.mark.parametrize("smp, icount", [
    (1, 0), (4, None), pytest.param(4, 0, marks=LONG),
    pytest.param(1, None, marks=LONG)])

FIFO_READ = "load fifo; spawn 1 reader /dev/fifo0"
READ_ENDS = "killall reader; wait; "

# What comes before, the line, what comes after.
LINES = [
    ("true", "load fifo", "unload fifo"),
    ("true", "load fifo depth=64", "unload fifo"),
    ("true", "load ticker", "unload ticker"),
    ("load counter", "load tally", "unload tally counter"),
    ("load fifo", "unload fifo", "true"),
    ("load fifo", "unload -n fifo", "unload fifo"),
    ("load fifo", "unload -w 1000 fifo", "true"),
    ("load counter; load tally", "unload tally counter", "true"),
    (FIFO_READ, "unload -d fifo", READ_ENDS + "await fifo gone"),
    (FIFO_READ + "; unload -d fifo", "load fifo", READ_ENDS + "unload fifo"),
    ("load fifo", "frugal /dev/fifo0", "unload fifo"),
    ("true", "spawn 1 sleeper", "killall sleeper; wait"),
    ("true", "cat /tmp/list", "true"),
    ("true", "ls /bin > /tmp/list", "true"),
]


def said(result):
    """[(line, allocations, refused, done without)] of each nomem."""
    found = re.findall(r"(?m)^nomem: (\d+) allocations of `(.*)': (\d+) "
                       r"refused, (\d+) done without$", result.console)
    return [(line, int(n), int(refused), int(without))
            for n, line, refused, without in found]


@MACHINES
def test_no_allocation_is_taken_for_granted(smp, icount):
    """Load, unload, open, read, fork, exec and spawn: each ends in success or
    in a refusal that changed nothing, and then succeeds. fifo's load and
    unload, its device's open and a program's start have refusals among them,
    or nothing was shown."""
    hows = ["", "-2 "] if icount is not None else [""]
    script = ["ls /bin > /tmp/list; census"]
    script += ["nomem %s'%s' '%s' '%s'" % (how, *line)
               for line in LINES for how in hows]
    result = boot("\n".join(script + ["census check"]), expect=0, lab=True,
                  smp=smp, icount=icount, timeout=200)
    rounds = said(result)
    assert [r[0] for r in rounds] == [x[1] for x in LINES for _ in hows]
    for line, n, refused, without in rounds:
        assert n == refused + without > 5, (line, n, refused, without)
        assert refused > n // 2, (line, n, refused, without)


@MACHINES
def test_no_memory_inside_the_kernel(smp, icount):
    """The same where the kernel itself loads, opens and unloads, and where the
    last user of a deferred unload leaves: nobody can be told of a refusal."""
    names = ["unload.no_memory_at_any_moment",
             "unload.no_memory_for_the_last_user"]
    result = boot("ktest " + " ".join(names), expect=0, lab=True, smp=smp,
                  icount=icount, timeout=150)
    for name in names:
        assert re.search(r"(?m)^ok \d+ %s$" % re.escape(name),
                         result.console), result
