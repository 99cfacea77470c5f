"""The watchdog of the debug build: names what does not go on, and nobody who
does (kernel/sched/watchdog.c)."""

import pytest

from icebox import OK, PANICKED, boot, is_debug

pytestmark = pytest.mark.skipif(not is_debug(), reason="for make DEBUG=1")

AT_ONCE = "watchdog=1 watchdog_panic=1"


def last_words(result):
    (panic,) = result.of("panic")
    return panic["message"]


def test_a_cpu_that_takes_no_interrupts_is_named():
    """The other CPUs notice; the NMI tells where it is."""
    result = boot("hang", expect=PANICKED, smp=2, append=AT_ONCE)
    assert "(hang) keeps its CPU" in last_words(result)
    assert "has not come to the scheduler" in result.console
    told = result.console[:result.console.index("panic: ")]
    assert "spin_for_ever" in told or "cmd_hang" in told, result


def test_a_task_that_sleeps_for_ever_is_named():
    """A command naps where no signal reaches it: its place is told, the
    module's function too."""
    result = boot("load keeper; load sleeps_uncounted; keeper call",
                  expect=PANICKED, append=AT_ONCE)
    assert "(keeper) sleeps for " in last_words(result)
    assert "nap+0x" in result.console, result


def test_who_waits_since_before_a_freeze_is_not_named():
    """By the watchdog, which was frozen itself, and looks before all of those
    who were ready had their turn."""
    result = boot("spawn 60 spinner; sleep 300; chill 2500; sleep 300; "
                  "killall spinner; wait", expect=OK, smp=1, icount=0,
                  append=AT_ONCE)
    assert "watchdog:" not in result.console, result


def test_who_has_just_come_is_not_named():
    """Ready, and without a turn yet, when the watchdog first looks."""
    result = boot("spawn 150 spinner; sleep 2000; spawn 20 spinner; "
                  "killall spinner; wait", expect=OK, smp=1, icount=0,
                  append=AT_ONCE)
    assert "watchdog:" not in result.console, result


def test_who_goes_on_is_not_named():
    """A crowd that keeps all CPUs, sleepers of all kinds, a module's engines,
    all frozen by hand for longer than the watchdog is patient."""
    result = boot("load ticker; load fifo; spawn 8 spinner; "
                  "spawn 3 reader /dev/fifo0; spawn 3 sleeper; chill 2500; "
                  "ticker 300; killall spinner; killall reader; "
                  "killall sleeper; wait; unload -t 20000 ticker fifo",
                  expect=OK, smp=2, append=AT_ONCE)
    assert "watchdog:" not in result.console, result
