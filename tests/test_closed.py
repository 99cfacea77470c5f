"""Who comes to a device while its module is being unloaded: he sleeps at the
system-call boundary, in nobody's way, and learns the outcome (G2)."""

import re

from icebox import Console
from scenes import FEW, MACHINES, on, play

# An attempt with its doors closed for as long as its reader stays.
CLOSED = "load fifo; spawn 1 reader /dev/fifo0; unload -w 50000 fifo &; " \
    "await fifo closed; "


@on(MACHINES)
def test_newcomers_wait_and_go_on(machine):
    """An attempt is given up: who has waited sees no error, and who was
    killed while he waited is gone."""
    result = play(CLOSED + "opener /dev/fifo0 &; "
                  "asleep opener slot_wait_outcome; exercise /dev/fifo0 5 &; "
                  "asleep exercise slot_wait_outcome; ps; killall opener; "
                  "lsmod; interrupt unload; killall reader; ! wait; ps; "
                  "unload fifo", machine)
    assert [(r["outcome"], r["error"]) for r in result.reports] == \
        [("refused", "EINTR"), ("gone", "")], result
    assert re.search(r"(?m)^fifo .* closed", result.console), result
    before, after = result.console.split("  PID")[1:]
    for name in "opener", "exercise":
        assert re.search(r"asleep .* %s .* slot_wait_outcome" % name, before)
        assert not re.search(r"(?m)^ .* %s\b" % name, after), result
    assert "error" not in result.console, result


@on(MACHINES)
def test_newcomers_are_no_evidence(machine):
    """Those who wait keep nothing: the module goes while they do, its users
    alone are named, and then the newcomers find no device."""
    result = play(CLOSED.replace("50000", "600") + "opener /dev/fifo0 &; "
                  "asleep opener slot_wait_outcome; await fifo live; "
                  "killall opener; unload -w 50000 fifo &; "
                  "await fifo closed; opener /dev/fifo0 &; "
                  "asleep opener slot_wait_outcome; killall reader; "
                  "await fifo gone; ! wait; ps", machine)
    refused, gone = result.reports
    assert refused["error"] == "ETIMEDOUT", result
    assert {b["comm"] for b in refused["blockers"]} == {"reader"}, result
    assert gone["outcome"] == "gone", result
    assert re.search(r"/dev/fifo0: error (19|2)\b", result.console), result
    assert "opener" not in result.console.split("  PID")[1], result


@on(MACHINES)
def test_newcomers_wait_while_engines_are_held(machine):
    """The same one step later: the doors are closed for all of a territory
    while one engine of it does not come to rest."""
    result = play("load fifo; load mutex_thread; "
                  "unload -t 50000 fifo mutex_thread &; await fifo held; "
                  "exercise /dev/fifo0 5 &; "
                  "asleep exercise slot_wait_outcome; interrupt unload; "
                  "! wait; let_go; unload fifo mutex_thread", machine)
    assert [(r["error"], r["step"]) for r in result.reports][0] == \
        ("EINTR", "hold engines"), result
    assert "error" not in result.console, result


@on(MACHINES)
def test_newcomers_are_turned_away_at_once_when_deferred(machine):
    """DEFERRED: who waits gets ENODEV, and who comes then, too; that is
    before the last user has left, who leaves only when they have been told."""
    result = play("load keeper; load unregister_waits; "
                  "sleep 600000 < /dev/slow0 &; asleep sleep cmd_sleep; "
                  "keeper hold; unload -d unregister_waits &; "
                  "await unregister_waits closed; "
                  "asleep opener slot_wait_outcome; keeper release; "
                  "! wait; await unregister_waits gone", machine,
                  console2="await unregister_waits closed; "
                  "! opener /dev/slow0; ! opener /dev/slow0; lsmod; "
                  "interrupt sleep")
    assert result.console2.count("/dev/slow0: error 19") == 2, result
    assert re.search(r"(?m)^unregister_waits .* deferred", result.console2), \
        result
    assert result.reports[0]["outcome"] == "deferred", result


def test_backtrace_of_a_newcomer():
    """`bt` shows it where it sleeps, and nothing of the module."""
    with Console(smp=2) as c:
        c.child.expect("icebox> ")
        c.child.send(CLOSED + "opener /dev/fifo0 &; "
                     "asleep opener slot_wait_outcome\r")
        c.child.expect(r"asleep: pid (\d+)\r")
        c.child.send("bt %s; echo end\r" % c.child.match[1])
        c.child.expect(r"pid %s opener, CPU \d, in system call 5: asleep\r"
                       % c.child.match[1])
        c.child.expect("\nend\r")
        trace = c.child.before
    assert "slot_wait_outcome+0x" in trace
    assert "fifo" not in trace and "chrdev_open" not in trace, trace


@on(FEW)
def test_threads_that_are_held_are_listed(machine):
    """A thread that stands still in its record is there (G2)."""
    result = play("load ticker; load mutex_thread; "
                  "unload -t 50000 ticker mutex_thread &; await ticker held; "
                  "repeat 20 ps; interrupt unload; ! wait; let_go; "
                  "unload ticker mutex_thread", machine)
    assert result.console.count("(thread of ticker)") == 20, result
    assert result.reports[-1]["outcome"] == "gone"
