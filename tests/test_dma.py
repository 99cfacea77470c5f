"""Devices that write memory by themselves (H41), with QEMU's edu: a transfer
of its takes 100 ms, with nobody waiting for it.

`hoard` takes the memory that a module has left, `hoard check` says whether
anybody has written to it since.
"""

import math
import re

import pytest

from icebox import OK, boot
from scenes import name_of

EDU = "-device edu"
LATER = "hoard; sleep 150; hoard check"


def play(script, smp=1, icount=0, **options):
    return boot(script, expect=OK, smp=smp, icount=icount, qemu=EDU, mem=32,
                **options)


def printed(result, text):
    return len(re.findall("(?m)^%s$" % re.escape(text), result.console))


def outcomes(result):
    return [r["outcome"] for r in result.reports]


def state_of(result):
    """What the last `edu` said: transfers, failed ones, interrupts."""
    said = re.findall(r"(\d+) transfers, (\d+) failed, (\d+) interrupts",
                      result.console)
    return tuple(map(int, said[-1]))


@pytest.mark.parametrize("mem", (64, 512, 1200))
def test_a_buffer_lies_where_the_device_reaches(mem):
    """It has 28 lines of address, and the machine may have more memory."""
    result = boot("census; load edu; edu fetch; edu wait; unload edu; "
                  "census check", expect=OK, icount=0, smp=1, mem=mem, qemu=EDU)
    assert outcomes(result) == ["gone"], result


def test_a_write_that_fails_leaves_the_block():
    """What others wrote before and after it is what they read."""
    assert outcomes(play("load edu; devtest block /dev/edublock; "
                         "unload edu")) == ["gone"]


# ---- There is none, or it is another ----

def test_absent_device_fails_the_load_and_leaves_nothing():
    result = boot("census; ! load edu; census check", expect=OK)
    assert "there is no PCI device 1234:11e8" in result.console, result
    assert "ENODEV" in result.console, result


@pytest.mark.parametrize("ids, says", [
    ("vendor=0x8086 device=0x1237", "has no registers"),    # the host bridge
    ("vendor=0x1234 device=0x1111", "has no interrupt"),    # the display
    ("vendor=0x8086 device=0x100e", "is none"),             # a network card
], ids=["bridge", "display", "network"])
def test_another_device_is_not_believed(ids, says):
    """It is given back, with all that was registered for it."""
    result = boot("census; ! load edu %s; ! load edu %s; census check; "
                  "load edu; edu fetch; edu wait" % (ids, ids), expect=OK,
                  icount=0, smp=1, qemu=EDU + " -device e1000")
    assert len(re.findall("edu: PCI device .* " + says, result.console)) == 2, \
        result


def test_one_module_has_the_device():
    result = play("load edu; ! load untold_transfer; edu fetch; edu wait; "
                  "unload edu; load untold_transfer; ! load edu; "
                  "unload untold_transfer; load edu")
    assert len(re.findall("register failed: EBUSY", result.console)) == 2, \
        result


# ---- What it is for ----

@pytest.mark.parametrize("smp", [1, 4])
def test_factorial_comes_by_interrupt(smp):
    """The device computes in its own time; the reader sleeps meanwhile."""
    numbers = [0, 1, 5, 12]
    result = boot("load edu; " + "; ".join(
        "echo %d > /dev/edu; cat /dev/edu" % n for n in numbers) +
        "; ! echo 13 > /dev/edu; ! echo x > /dev/edu; edu; unload edu",
        expect=OK, smp=smp, qemu=EDU)
    found = re.findall(r"(?m)^(\d+)$", result.console)
    assert found == [str(math.factorial(n)) for n in numbers], result
    assert state_of(result)[2] == len(numbers), result


@pytest.mark.parametrize("machine", [(1, 0), (2, 0), (4, None)], ids=name_of)
def test_block_makes_the_round_trip(machine):
    """In two transfers: who prints to a device writes once."""
    smp, icount = machine
    result = play("load edu; echo here and back > /dev/edublock; "
                  "cat /dev/edublock; edu; unload edu", smp, icount)
    assert printed(result, "here and back") == 1, result
    transfers, failed, interrupts = state_of(result)
    assert failed == 0 and transfers == interrupts == 2, result


# ---- In flight ----

# Milliseconds after its start at which it is unloaded.
MOMENTS = [0, 1, 7, 30, 60, 90, 95, 97, 98, 99, 100, 101, 105]


def in_flight(moments):
    return "; ".join(
        "load edu; echo stray > /dev/edublock; cat /dev/edublock; edu fetch; "
        "sleep %d; unload edu; %s" % (ms, LATER) for ms in moments)


@pytest.mark.parametrize("smp, seed", [(1, 1), (2, 2)])
def test_unload_with_a_transfer_in_flight_harms_nobody(smp, seed):
    """Whenever it comes, it goes, and nothing is written afterwards."""
    result = play(in_flight(MOMENTS), smp, seed=seed)
    assert outcomes(result) == ["gone"] * len(MOMENTS), result
    assert not result.reports[0]["leaks"], result


def test_without_the_guard_it_lands_in_the_memory_of_another():
    script = in_flight([0]).replace("; hoard check", "; ! hoard check")
    result = play(script, lab=True, append="guard_off=BUS_MASTER")
    assert outcomes(result) == ["gone"], result
    assert re.search("hoard: somebody wrote to it, \\d+ words",
                     result.console), result


def test_lab_kernel_with_the_guard_harms_nobody():
    result = play(in_flight([0]), lab=True)
    assert outcomes(result) == ["gone"], result


def test_transfer_that_nobody_was_told_of_harms_nobody():
    """It is lost, as bus mastering is off; cleanup cannot turn it on."""
    result = play("load untold_transfer; untold; unload untold_transfer; " +
                  LATER)
    assert outcomes(result) == ["gone"], result
    assert "turns on bus mastering of 00:0" in result.console, result


def test_transfer_of_an_earlier_owner_is_not_let_loose_by_the_next():
    """It is in flight still, with nowhere to go, when edu is loaded."""
    result = play("load untold_transfer; untold; unload untold_transfer; "
                  "load edu; hoard; edu fetch; edu wait; hoard check; "
                  "unload edu")
    assert outcomes(result) == ["gone", "gone"], result


# ---- Refused ----

REFUSED = "plant data edu edu_cleanup; ! unload edu; plant clear; "


@pytest.mark.parametrize("smp", [1, 2])
def test_refused_unload_loses_no_transfer(smp):
    """On its way to the device when it is asked for: it arrives."""
    result = play("load edu; " + "; ".join(
        "echo number %d > /dev/edublock; sleep %d; %s cat /dev/edublock"
        % (ms, ms, REFUSED) for ms in MOMENTS) + "; edu; unload edu", smp)
    assert outcomes(result) == ["refused"] * len(MOMENTS) + ["gone"], result
    for ms in MOMENTS:
        assert printed(result, "number %d" % ms) == 1, result
    assert state_of(result)[1] == 0, result


def test_transfer_that_outlasts_the_deadline_is_named():
    """It goes on meanwhile, and comes to its end."""
    result = play("load edu; echo as it was > /dev/edublock; "
                  "! unload -t 20 edu; cat /dev/edublock; edu; unload edu")
    refused = result.reports[0]
    assert refused["error"] == "ETIMEDOUT", result
    blocker, = refused["blockers"]
    assert blocker["kind"] == "engine", result
    assert re.match("PCI device 00:0.*1234:11e8.* transfer under way",
                    blocker["what"]), result
    assert printed(result, "as it was") == 1, result
    assert state_of(result)[1] == 0, result


def test_user_who_waits_for_a_transfer_sees_no_attempt():
    """Inside, he is waited for; newcomers come later, and see nothing."""
    result = play("load edu; echo seen by all > /dev/edublock; "
                  "cat /dev/edublock &; asleep cat block_read; "
                  "! unload edu; "
                  "plant data edu edu_cleanup; unload -w 5000 edu &; "
                  "await edu closed; cat /dev/edublock; ! wait; plant clear; "
                  "edu; unload edu")
    assert outcomes(result) == ["refused", "refused", "gone"], result
    assert printed(result, "seen by all") == 2, result
    assert state_of(result)[1] == 0, result


def test_forced_unload_keeps_the_buffer():
    result = play("load edu; echo x > /dev/edublock; edu fetch; "
                  "plant data edu edu_cleanup; unload -f edu; plant clear; " +
                  LATER)
    assert outcomes(result) == ["entombed"], result


# ---- It lies ----

def test_transfer_that_does_not_end_in_time_is_cut_off():
    """An error for who waits, a message, and no harm by what comes late."""
    result = play("load edu timeout_ms=20; echo x > /dev/edublock; "
                  "! edu wait; edu; ! cat /dev/edublock; unload edu; " + LATER)
    assert "a transfer has not ended within 20 ms" in result.console, result
    assert state_of(result)[:2] == (0, 1), result
    assert outcomes(result) == ["gone"], result


def test_interrupt_that_nobody_quiets_is_masked():
    """A storm on its line; the machine goes on, and so does the unload."""
    result = boot("load ignores_interrupt; storm; sleep 5; "
                  "unload ignores_interrupt; load edu; edu fetch; edu wait",
                  expect=OK, smp=1, qemu=EDU)
    assert "its handler knows nothing of 10000 interrupts" in \
        result.console, result
