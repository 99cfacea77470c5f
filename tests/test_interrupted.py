"""The caller interrupted in each step of an unload: before the verdict the
module is given back, after it nothing is undone, and he is told which.

The steps that take microseconds are the in-kernel suite `caller`
(kernel/test/test_caller.c), which sends the signal at every place of the way.
"""

import re

import pytest

from icebox import Console
from scenes import MACHINES, MS, on, play

UNCOUNTED = "load keeper; load sleeps_uncounted; keeper call &; nap ready"

# A module each that makes an attempt stay in one step, how the scene is set,
# and how it is lifted.
STEPS = [
    ("users", "load fifo; spawn 1 reader /dev/fifo0", "fifo", "closed",
     "killall reader; wait"),
    ("unregister", "load unregister_hangs", "unregister_hangs", "closed",
     "unregister_release"),
    ("hold engines", "load mutex_thread", "mutex_thread", "held", "let_go"),
    ("examine", UNCOUNTED, "sleeps_uncounted", "held", "nap wake; wait"),
]


@pytest.mark.parametrize("step, scene, module, state, lift", STEPS,
                         ids=[s[0].replace(" ", "_") for s in STEPS])
def test_ctrl_c_gives_the_module_back(step, scene, module, state, lift):
    """^C on the console ends the attempt in whichever step; the module is
    live, and the next attempt succeeds."""
    with Console(console2="await %s %s; echo there" % (module, state)) as c:
        c.child.expect("icebox> ")
        for line in (scene + "; echo set", "unload -w 50000 -t 50000 " +
                     module):
            c.child.send(line + "\r")
            if line.endswith("set"):
                c.child.expect("\nset\r")
        c.child.expect(r"2\| there")
        c.child.send("\x03")
        c.child.expect("interrupted")
        c.child.send("lsmod\r")
        c.child.expect(module + r" .* live")
        c.child.send("%s; unload -w 9000 %s; echo done\r" % (lift, module))
        c.child.expect("\ndone\r")
        reports = c.events("report")
    assert reports[0]["error"] == "EINTR", reports
    # To be closed is to be in unregister, however briefly, and then there.
    assert reports[0]["step"] == step or \
        (step, reports[0]["step"]) == ("users", "unregister"), reports
    assert reports[1]["outcome"] == "gone", reports


# Background jobs are signalled by name; what is asleep there sleeps as long as
# the script wants.
BEFORE = [
    ("users", "load fifo; spawn 1 reader /dev/fifo0", "fifo",
     "await fifo closed", "killall reader"),
    ("unregister", "load keeper; load unregister_waits; keeper hold",
     "unregister_waits", "asleep bearer/unregist keeper_wait",
     "keeper release"),
    ("hold engines", "load fifo; load mutex_thread", "mutex_thread fifo",
     "await mutex_thread held", "let_go"),
    ("examine", UNCOUNTED, "sleeps_uncounted",
     "asleep undertaker verdict_rounds", "nap wake"),
]


@on(MACHINES)
@pytest.mark.parametrize("step, scene, modules, there, lift", BEFORE,
                         ids=[s[0].replace(" ", "_") for s in BEFORE])
def test_before_the_verdict_all_is_given_back(machine, step, scene, modules,
                                              there, lift):
    """Refused with EINTR in that very step; live; and it goes when asked
    again, with nothing left behind."""
    first = modules.split()[0]
    result = play("%s; unload -w 50000 -t 50000 %s &; %s; interrupt unload; "
                  "await %s live; lsmod; %s; ! wait; unload -w 9000 %s"
                  % (scene, modules, there, first, lift, modules), machine)
    stopped, again = result.reports
    assert (stopped["outcome"], stopped["error"]) == ("refused", "EINTR")
    # To be closed is to be in unregister, however briefly, and then there.
    assert stopped["step"] == step or \
        (step, stopped["step"]) == ("users", "unregister"), result
    assert stopped["total_ns"] < 45000 * MS, result
    for name in modules.split():
        assert re.search(r"(?m)^%s .* live" % name, result.console), result
    assert again["outcome"] == "gone", result


@on(MACHINES)
def test_before_its_turn_nothing_was_begun(machine):
    """Another unload is under way: who waits for his turn leaves the queue,
    and the other waits on."""
    result = play("load fifo; load hello; spawn 1 reader /dev/fifo0; "
                  "unload -w 50000 fifo &; await fifo closed; "
                  "! rmmod -w 50000 hello; killall reader; wait; "
                  "unload hello", machine,
                  console2="asleep rmmod module_unload; interrupt rmmod")
    assert [(r["module"], r["outcome"], r["error"])
            for r in result.reports] == [
        ("hello", "refused", "EINTR"), ("fifo", "gone", ""),
        ("hello", "gone", "")], result


CLEANUP = "load keeper; load cleanup_waits %s; keeper hold; " \
    "unload -w 20000 cleanup_waits &; asleep bearer/cleanup_ keeper_wait; "


@on(MACHINES)
def test_in_cleanup_it_goes_all_the_same(machine):
    """Past the verdict there is no way back: it is gone, and he is told so."""
    result = play("load keeper; census; " + CLEANUP[len("load keeper; "):] % ""
                  + "await cleanup_waits dead; interrupt unload; "
                  "keeper release; wait; lsmod; census check; "
                  "load cleanup_waits; unload cleanup_waits", machine)
    assert [(r["outcome"], r["error"]) for r in result.reports] == \
        [("gone", "")] * 2, result
    assert not re.search(r"(?m)^cleanup_waits +\d+ KiB", result.console)


@on(MACHINES)
def test_a_cleanup_that_hangs_entombs_all_the_same(machine):
    """He gets his answer at the deadline, and not before: who hangs where."""
    result = play("load cleanup_hangs; unload -t 300 cleanup_hangs &; "
                  "asleep bearer/cleanup_ cleanup_hangs_cleanup; "
                  "interrupt unload; ! wait; lsmod", machine)
    report, = result.reports
    assert (report["outcome"], report["error"], report["step"]) == \
        ("entombed", "ETIMEDOUT", "cleanup"), result
    assert report["blockers"][0]["where"].startswith("cleanup_hangs_cleanup")
    assert re.search(r"(?m)^cleanup_hangs .* entombed", result.console), result


@on(MACHINES)
def test_in_the_second_verdict_it_goes_all_the_same(machine):
    """What cleanup left behind is taken away while the second verdict waits
    for that: gone, although he was interrupted meanwhile."""
    result = play(CLEANUP % "leave=1" + "keeper release; "
                  "asleep undertaker verdict_rounds; interrupt unload; "
                  "keeper drop; wait; lsmod; load cleanup_waits; "
                  "unload -f cleanup_waits", machine)
    assert (result.reports[0]["outcome"], result.reports[0]["error"]) == \
        ("gone", ""), result


@on(MACHINES)
def test_in_the_second_verdict_it_is_entombed_all_the_same(machine):
    """.. and is not: entombed, and he is told the holder, not that he was
    interrupted."""
    result = play(CLEANUP % "leave=1" + "keeper release; "
                  "asleep undertaker verdict_rounds; interrupt unload; "
                  "! wait; lsmod; ! load cleanup_waits", machine)
    report, = result.reports
    assert (report["outcome"], report["error"], report["step"]) == \
        ("entombed", "EBUSY", "second verdict"), result
    assert report["blockers"][0]["where"].startswith("kept+0x0"), result
    assert re.search(r"(?m)^cleanup_waits .* entombed", result.console), result
