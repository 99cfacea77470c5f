"""Unloads under load: openers, spinners, users in a loop, births and kills."""

import re

import pytest

from icebox import HUNG_AFTER, OK
from scenes import FREEZE_MAX_NS, is_exact, longest_freeze, on, patience_ms, \
    play

BUSY = [(1, None), (2, None), (4, None), (8, None), (2, 0)]
LONG = pytest.mark.long


def outcomes(result, module):
    return [r["outcome"] for r in result.reports if r["module"] == module]


# ---- G14: no refusal without a reason ----

def unload_under_openers(machine, rounds, openers):
    return play("load fifo; spawn %d opener -k /dev/fifo0; "
                "spawn %d spinner; census; "
                "repeat %d 'unload -w %d fifo; load fifo; true'"
                % (openers, machine[0], rounds, patience_ms(machine, 1000)),
                machine, expect=None, timeout=HUNG_AFTER + 2 * rounds)


@pytest.mark.parametrize("machine, rounds", [
    ((1, None), 10), ((2, None), 100), ((4, None), 25), ((8, None), 5),
    ((1, 0), 25), ((2, 3), 10), ((4, 3), 10), ((8, 3), 5),
    pytest.param((4, None), 1000, marks=LONG)])
def test_unloads_succeed_under_openers(machine, rounds):
    """200 programs open and close the device, spinners keep all CPUs: of 1,000
    unloads 999 get their turn, and of fewer all."""
    result = unload_under_openers(machine, rounds, 200)
    assert result.status == OK, result
    refused = [r for r in result.reports if r["outcome"] != "gone"]
    assert len(outcomes(result, "fifo")) == rounds
    assert len(refused) <= rounds // 1000, str(refused[:3])
    assert all(r["blockers"] for r in refused), str(refused[:3])


@on([(1, 0)])
def test_an_unload_waits_for_no_crowd(machine):
    """Its routines, an engine that is to come to rest, and who buries the dead
    come before 60 others, who take 240 ms for a turn of each."""
    result = play("load ticker; spawn 60 spinner; unload ticker; "
                  "repeat 5 'load restless; unload -t 5 restless'", machine)
    assert outcomes(result, "restless") == ["gone"] * 5, result
    assert max(r["total_ns"] for r in result.reports) < 40_000_000, result


@on([(1, 0)])
def test_a_long_cleanup_is_no_hung_one(machine):
    """It needs many turns, and 60 others want theirs: it has every other one,
    and its module is not entombed for being slow."""
    result = play("load keeper; load cleanup_waits turns=8000000; "
                  "spawn 60 spinner; unload cleanup_waits", machine)
    assert outcomes(result, "cleanup_waits") == ["gone"], result


# ---- several CPUs inside ----

# One CPU looks; the others can be inside.
@on([(4, None), (8, None), (4, 0), (4, 3)])
def test_two_cpus_inside_at_once(machine):
    """Two CPUs in the module's code at the same time are nothing special."""
    result = play("load fifo; spawn %d exercise -k /dev/fifo0; inside fifo 2; "
                  "repeat 10 'unload -w 20000 fifo; load fifo'; "
                  "inside fifo 2; killall exercise; wait; unload fifo"
                  % max(4, machine[0]), machine)
    assert outcomes(result, "fifo") == ["gone"] * 11


# ---- G2: a refusal is invisible ----

# Its sleeper is counted for keeper, so that every attempt goes all the way to
# the freeze, finds him there, and gives everything back.
HOPELESS = "load keeper; load sleeps_uncounted; keeper call &; nap ready"


@pytest.mark.parametrize("machine, attempts", [
    ((1, None), 20), ((2, None), 40), ((4, None), 20), ((8, None), 10),
    ((1, 0), 20), ((2, 3), 5), pytest.param((2, None), 200, marks=LONG),
    pytest.param((4, None), 200, marks=LONG),
    pytest.param((1, 0), 200, marks=LONG)])
def test_users_notice_nothing_of_refusals(machine, attempts):
    """Ten programs use a device in a loop, 10,000 calls and more, while it is
    taken away and given back: no call fails, and threads are the same."""
    result = play(HOPELESS + "; load fifo; load ticker; ps; "
                  "spawn 10 exercise /dev/fifo0 170 /tmp/stop; "
                  "repeat %d '! unload -w 10 -t %d fifo ticker "
                  "sleeps_uncounted'; echo > /tmp/stop; ps; nap wake; wait; "
                  "unload fifo ticker sleeps_uncounted"
                  % (attempts, 100 if is_exact(machine) else 400), machine)
    refused = result.reports[:-1]
    assert len(refused) == attempts
    assert {r["outcome"] for r in refused} == {"refused"}
    # It was closed, held and frozen, or no newcomer would have had to wait.
    frozen = [r for r in refused if r["step"] == "examine"]
    assert len(frozen) >= attempts // 2, [r["step"] for r in refused]
    threads = re.findall(r"(?m)^ +(\d+) .*\(thread of ticker\)$",
                         result.console)
    assert len(threads) == 2 and threads[0] == threads[1]
    assert result.reports[-1]["outcome"] == "gone"
    if is_exact(machine):
        assert longest_freeze(result) <= FREEZE_MAX_NS


@pytest.mark.parametrize("machine, attempts", [
    ((2, None), 60), ((1, 0), 20), pytest.param((4, None), 200, marks=LONG)])
def test_users_notice_nothing_of_waiting(machine, attempts):
    """The same where somebody stays, and the attempt only waits for him."""
    result = play("load fifo; spawn 1 reader /dev/fifo0; "
                  "spawn 10 exercise /dev/fifo0 170 /tmp/stop; "
                  "repeat %d '! unload -w 2 fifo'; echo > /tmp/stop; "
                  "killall reader; wait; unload fifo" % attempts, machine)
    assert {r["error"] for r in result.reports[:-1]} == {"ETIMEDOUT"}


@on([(2, None), (4, None)])
def test_no_routine_is_waited_for_for_ever(machine):
    """A budget that is too small for busy CPUs: the routine is given up before
    its turn has come, and that is all; the next attempt finds no trace."""
    result = play("load fifo; spawn 1 reader /dev/fifo0; "
                  "spawn 10 exercise /dev/fifo0 170 /tmp/stop; "
                  "repeat 25 '! unload -w 1 -t 1 fifo'; echo > /tmp/stop; "
                  "killall reader; wait; unload fifo", machine)
    assert result.reports[-1]["outcome"] == "gone"


# ---- births and deaths (H19 to H21) ----

@on(BUSY + [(1, 0)])
def test_unloads_beside_fork_bombs(machine):
    """Programs are born and die at every moment of the attempts."""
    result = play("load ticker; spawn 4 forker 300; census; "
                  "repeat 20 'unload -t 20000 ticker; load ticker'; wait; "
                  "unload ticker", machine)
    assert outcomes(result, "ticker") == ["gone"] * 21


@on(BUSY + [(4, 3)])
def test_unloads_beside_kills(machine):
    """Users are killed inside the module while it is being unloaded: the
    attempt that waits for them succeeds, and nothing is left of them."""
    play("load fifo; census; repeat 10 'spawn 5 reader /dev/fifo0; "
         "spawn 3 exercise -k /dev/fifo0; unload -w 20000 fifo &; "
         "await fifo closed; killall -9 reader; await fifo gone; "
         "killall -9 exercise; load fifo'; wait; census check; unload fifo",
         machine)


# ---- chance ----

@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_other_seeds(seed):
    """Modules at other addresses: what holds, holds there too."""
    result = play("load fifo; load ticker; load counter; load tally; census; "
                  "spawn 4 exercise -k /dev/fifo0; "
                  "repeat 10 'unload -w 20000 fifo; unload ticker; "
                  "unload tally counter; load counter; load tally; "
                  "load fifo; load ticker'; killall exercise; wait; "
                  "census check", (2, None), seed=seed)
    assert {r["outcome"] for r in result.reports} == {"gone"}
