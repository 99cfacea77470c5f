"""What only looks like an address of a module keeps none from going (H09)."""

import pytest

from icebox import FAILED, OK, boot

# What a program can put into registers, memory and calls, and then sleep.
AIMERS = [("poll", 250), ("read", 200), ("sleep", 200), ("write", 200),
          ("wait", 150)]


def spawn_aimers(share=1):
    return "".join("spawn %d aimer /tmp/at %s >/dev/null; "
                   % (max(n // share, 1), how) for how, n in AIMERS)


@pytest.mark.parametrize("smp, icount", [(1, 0), (2, None)])
def test_a_thousand_programs_that_aim_keep_no_module(smp, icount):
    """H09: 1,000 programs sleep with the module's address in arguments, paths, poll
    arrays, buffers, FPU registers and whatever else the kernel takes; 100 have
    used its device before. None of them is taken for a user."""
    result = boot("load fifo; where fifo > /tmp/at; " + spawn_aimers() +
                  "spawn 100 former /dev/fifo0 >/dev/null; "
                  "unload --json fifo", smp=smp, mem=512, icount=icount,
                  expect=OK)
    report = result.reports[-1]
    assert report["outcome"] == "gone", result
    assert report["tasks"] > 1100, report
    if icount is not None:
        # One round for each verdict: nobody had to be let through.
        assert (report["rounds"], report["spared"]) == (2, 0), report


def test_programs_that_aim_keep_no_module_again_and_again():
    """Wherever the module comes to lie, and with some that compute meanwhile:
    ten unloads, ten successes."""
    result = boot("repeat 10 'load hello; where hello > /tmp/at; "
                  "spawn 2 aimer /tmp/at spin >/dev/null; " +
                  spawn_aimers(50) +
                  "unload -t 20000 hello; killall aimer; wait'", smp=2,
                  expect=OK)
    assert result.console.count("hello: gone") == 10, result


def test_a_program_s_number_is_told_for_what_it_is():
    """Where a number of a program's is taken for an address, as without the
    guard for the user's registers, the report says which argument it is, of
    which call of whom."""
    result = boot("load fifo; where fifo > /tmp/at; "
                  "spawn 1 aimer /tmp/at wait; unload --json fifo",
                  lab=True, append="guard_off=USER_FRAME", expect=FAILED)
    report = result.reports[-1]
    assert report["outcome"] == "refused", result
    [blocker] = [b for b in report["blockers"] if b["comm"] == "aimer"]
    assert blocker["help"] == ("looks like argument 1 of pid %d's pause, a "
                               "number that it chose" % blocker["pid"])


# Few, as each of them is always ready to run, and an unload has its turns
# among them.
STRESS = ("spawn 1 reader /dev/fifo0 >/dev/null; "
          "spawn 1 writer /dev/fifo0 >/dev/null; "
          "spawn 1 opener /dev/fifo0 >/dev/null; "
          "spawn 1 forker 1000000 >/dev/null; "
          "spawn 20 former /dev/fifo0 >/dev/null; ")


def unload_under_stress(times, seed):
    """So many loads and unloads, while others use another module's device, and
    fork: the report of each unload. No refusal is right, as nobody ever uses
    this module; that the host is slow is no reason, so there is time."""
    result = boot("load fifo; " + STRESS + "repeat %d 'load hello; "
                  "unload -t 20000 --json hello >/dev/null'" % times, smp=2,
                  seed=seed, expect=OK)
    return [r["outcome"] for r in result.reports]


def test_unloads_under_stress_are_never_refused():
    """H09, G14: 30 unloads among readers, writers, openers and forks."""
    assert unload_under_stress(30, 1) == ["gone"] * 30


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_ten_thousand_unloads_under_stress_are_never_refused(seed):
    """H09, G14: 500 with each of 20 seeds."""
    assert unload_under_stress(500, seed) == ["gone"] * 500
