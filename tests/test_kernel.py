"""The suites inside the kernel (kernel/test/), on each sort of machine."""

import os
import re

from icebox import TOP
from scenes import MACHINES, is_exact, on, play

# Those that are run elsewhere, or by themselves.
ELSEWHERE = {"exact", "caller", "turns"}


def suites():
    """Those that the sources have."""
    found = set()
    folder = os.path.join(TOP, "kernel/test")
    for name in os.listdir(folder):
        if name.endswith(".c"):
            with open(os.path.join(folder, name)) as f:
                found |= set(re.findall(r"(?m)^KTEST\((\w+),", f.read()))
    return found


SHORT = sorted(suites() - ELSEWHERE)


def run_suites(machine, names):
    """All of them pass, as many as were announced, and of each suite some."""
    result = play("ktest " + " ".join(names), machine)
    planned = re.search(r"(?m)^1\.\.(\d+)$", result.console)
    passed = re.findall(r"(?m)^ok \d+ (\w+)\.\w+", result.console)
    assert planned and len(passed) == int(planned[1]), result
    assert set(passed) == set(names), result


@on(MACHINES)
def test_suites_pass(machine):
    """Memory, files, processes, the machine, the refrigerator, locks."""
    assert len(SHORT) >= 5
    run_suites(machine, SHORT)


@on([m for m in MACHINES if is_exact(m)])
def test_turns_come_in_order(machine):
    """Who is preferred is next, and once. A host that lets one CPU wait gives
    the others turns."""
    run_suites(machine, ["turns"])


@on(MACHINES)
def test_caller_is_interrupted_anywhere(machine):
    """^C at every place of an unload, most of all where a step takes
    microseconds; and who comes meanwhile."""
    run_suites(machine, ["caller"])


@on(MACHINES)
def test_sleepers_at_a_door_keep_no_time(machine):
    """Programs that were preempted over and over, asleep at a closed door: no
    word of their stacks is a time, which could be any address (H09)."""
    play("load fifo; spawn 100 opener -k /dev/fifo0; cpus; spawn 3 reader "
         "/dev/fifo0; unload -w 20000 fifo &; await fifo closed; "
         "ktest sched.sleepers_keep_no_time", machine)


@on(MACHINES)
def test_sleepers_until_a_moment_keep_no_time(machine):
    """The moment they keep as a stamp; of now, which it was reckoned from,
    nothing stays (H09)."""
    play("spawn 100 sleeper; spawn 20 sleeper nanosleep; spawn 20 sleeper "
         "poll; "
         "ktest sched.sleepers_keep_no_time", machine)
