"""Two people at two consoles: one module goes once, and everybody is told."""

import pexpect
import pytest

from icebox import Console
from scenes import on, play

MACHINES = [(1, None), (2, None), (4, None), (8, None), (2, 0), (4, 3)]

# Both consoles do this at the same time.
CONTEND = "; ".join(["load hello; unload hello"] * 25)


@on(MACHINES)
def test_same_module_from_both_consoles(machine):
    """Exactly one is told that it is gone; the other that there is none such,
    or that another one is at it."""
    result = play("load hello; load ticker; unload hello", machine,
                  expect=None, console2="await ticker live; unload hello")
    answers = [(r["outcome"], r["error"]) for r in result.reports]
    assert len(answers) == 2, result
    assert answers.count(("gone", "")) == 1, result
    (other, error), = [a for a in answers if a != ("gone", "")]
    assert other == "refused", result
    assert error in ("ENOENT", "EAGAIN", "EPERM"), result


@on(MACHINES)
def test_different_modules_from_both_consoles(machine):
    """They take turns, and both succeed, time after time."""
    once = "unload %s; load %s"
    result = play("load ticker; repeat 20 '%s'" % (once % (("ticker",) * 2)),
                  machine, console2="load fifo; repeat 20 '%s'"
                  % (once % (("fifo",) * 2)))
    outcomes = [(r["module"], r["outcome"]) for r in result.reports]
    assert sorted(outcomes) == [("fifo", "gone")] * 20 + \
        [("ticker", "gone")] * 20, result


@on(MACHINES)
def test_load_and_unload_of_one_name_at_once(machine):
    """One state machine under one lock: whoever loses is told so, and at the
    end the module loads and unloads like any other."""
    result = play(CONTEND, machine, expect=None, console2=CONTEND)
    gone = [r for r in result.reports if r["outcome"] == "gone"]
    other = {r["error"] for r in result.reports if r["outcome"] != "gone"}
    assert gone, result
    assert other <= {"ENOENT", "EAGAIN", "EPERM"}, result


def test_ctrl_c_ends_a_large_write():
    """A program in the midst of 16 MiB for its console hears ^C at once."""
    with Console() as c:
        c.child.expect("icebox> ")
        c.child.send("run writer /dev/tty 16000000\r")
        c.child.expect("a line from a writer")
        c.child.send("\x03")
        c.child.expect("icebox> ")
        assert len(c.child.before) < 4000000


@pytest.mark.parametrize("line", ["sleeper -i", "time sleeper -i",
                                  "repeat 2 time sleeper -i"])
def test_a_second_ctrl_c_kills(line):
    """A program that ignores the first, also below commands that run it."""
    with Console(console2="asleep sleeper sys_pause; echo there") as c:
        c.child.expect("icebox> ")
        c.child.send(line + "\r")
        c.child.expect(r"2\| there")
        for _ in range(20):
            c.child.send("\x03")
            if not c.child.expect(["icebox> ", pexpect.TIMEOUT], timeout=0.5):
                break
        else:
            pytest.fail("it is not killed")
        assert "ended by signal 9" in c.child.before, c.child.before


@pytest.mark.long
@on(MACHINES)
def test_contention_leaves_nothing(machine):
    """The same for longer: what is left at the end is what there was."""
    result = play("load ticker; load hello; unload hello; census; %s; "
                  "await ticker gone; unload hello; census check"
                  % "; ".join([CONTEND] * 4), machine, expect=None,
                  console2="; ".join([CONTEND] * 4) + "; unload ticker")
    assert {r["outcome"] for r in result.reports} <= {"gone", "refused"}
    assert dict(result.statuses)["census check"] == 0, result
