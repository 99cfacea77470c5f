"""How the kernel dies: with a report, told from a hang, and with the name of
the module that stood where it trod."""

import re

import pytest

from icebox import HUNG, PANICKED, boot, is_debug, make_module
from scenes import on, play

MACHINES = [(1, None), (2, None), (4, None), (8, None), (1, 0), (2, 3)]


def death(result):
    """The event, and that the console has the same and a backtrace."""
    event, = result.of("panic")
    assert event["message"] in result.console, result
    assert event["backtrace"], result
    for frame in event["backtrace"][:3]:
        assert frame in result.console, result
    return event


def frames(event):
    return " ".join(event["backtrace"])


@on(MACHINES)
def test_panic_tells_where(machine):
    """The backtrace leads from the command to panic, and each CPU has one."""
    result = play("panic", machine, expect=PANICKED)
    event = death(result)
    assert "the command panic was given" in event["message"]
    assert "cmd_panic" in frames(event)
    for cpu in range(machine[0]):
        assert re.search(r"CPU %d (stood|was)" % cpu, result.console), result


@on(MACHINES)
def test_null_pointer_is_named(machine):
    """Address 0 is called what it is."""
    event = death(play("oops", machine, expect=PANICKED))
    assert "NULL pointer dereference" in event["message"]
    assert "cmd_oops" in frames(event)


@on(MACHINES)
def test_stack_overflow_is_named(machine):
    """The guard page stops it, and the function that went too deep shows."""
    event = death(play("dig", machine, expect=PANICKED))
    assert "stack overflow" in event["message"]
    assert "dig+" in frames(event)


@pytest.mark.skipif(not is_debug(), reason="for make DEBUG=1")
@on(MACHINES)
def test_write_to_a_sleepers_stack_is_seen(machine):
    """A stack is written by its own task only (H42): what was read of it when
    it was examined has to be there at the next examination."""
    result = play("load hello; unload hello; load hello; scribble 3; "
                  "unload hello", machine, expect=PANICKED)
    event = death(result)
    assert "(H42)" in event["message"] and "kworker/0[3]" in event["message"]


@pytest.mark.skipif(not is_debug(), reason="for make DEBUG=1")
def test_undefined_behaviour_is_fatal(tmp_path):
    """The debug build dies where the C standard leaves it open what happens,
    in a module, too, with the place and the values."""
    (tmp_path / "sums.c").write_text("""
#include <kernel/module.h>
#include <kernel/moduleparam.h>

static int add = 1;
module_param(add, int, 0444);

static int sums_init(void)
{
	int sum = 0x7fffffff;

	sum += add;
	return sum > 0;
}
module_init(sums_init);
""")
    (tmp_path / "Makefile").write_text("obj-m := sums.o\n")
    make_module(tmp_path)
    event = death(boot("load sums", add=[str(tmp_path / "sums.ko")],
                       expect=PANICKED))
    assert "sums.c:12" in event["message"], event
    assert "a signed sum overflows" in event["message"]
    assert "sums_init" in frames(event)


@on(MACHINES)
def test_hang_is_no_panic(machine):
    """A CPU that spins for ever, and with one CPU the machine with it."""
    result = play("hang", machine, expect=HUNG, timeout=6)
    assert not result.of("panic")
    assert "hung" in result.stderr
    assert re.search("cmd_hang|spin_for_ever", result.stderr), result


@pytest.mark.parametrize("how, verb", [("call", "execution of"),
                                       ("read", "read of"),
                                       ("write", "write to")])
@on(MACHINES)
def test_autopsy_of_a_touch(machine, how, verb):
    """Whoever touches a module that has gone is told its name, its function,
    which unload that was, and who he is."""
    result = play("load hello; unload hello; load ticker; "
                  "ghost keep ticker ticker_command; unload ticker; ghost "
                  + how, machine, expect=PANICKED)
    event = death(result)
    assert "was ticker_command+0x0 of module ticker, gone since unload 2" \
        in event["message"], result
    assert "kernel %s unmapped memory" % verb in result.console, result
    assert "job_main" in frames(event)


def test_autopsy_outlives_others():
    """Other modules come and go, and the stone still stands."""
    result = play("load ticker; ghost keep ticker tick; unload ticker; "
                  "repeat 8 'load fifo; unload fifo'; ghost call", (2, None),
                  expect=PANICKED)
    assert "was tick+0x0 of module ticker, gone since unload 1" \
        in death(result)["message"], result


def test_a_load_that_fails_takes_no_stone():
    """It had no code that ever ran; and there are 16 stones."""
    result = play("load ticker; ghost keep ticker tick; unload ticker; "
                  "repeat 16 '! load hello nosuch=1'; ghost call", (2, None),
                  expect=PANICKED)
    assert "was tick+0x0 of module ticker, gone since unload 1" \
        in death(result)["message"], result


def test_touch_of_the_living_is_no_autopsy():
    """A write to a living module's text is called that."""
    result = play("load ticker; ghost keep ticker tick; ghost write",
                  (2, None), expect=PANICKED)
    assert "belongs to module ticker (live)" in death(result)["message"]
    assert "read-only memory" in result.console, result
