"""What a person does with unload, each outcome once: gone, refused, waited
for, deferred, predicted, forced."""

import re

import pytest

from icebox import FAILED, HUNG_AFTER, boot
from scenes import FEW, MACHINES, MS, is_exact, on, play

READER = re.compile(
    r"pid (\d+) +reader +asleep in fifo_read\+0x[0-9a-f]+ \(fifo\.c\), "
    r"\d+ m?s, CPU \d; holds /dev/fifo0 as descriptor 3")


def pids(result, nth=0):
    """Those that the nth spawn of the script has printed."""
    lines = re.findall(r"(?m)^pids((?: \d+)+)$", result.console)
    return [int(p) for p in lines[nth].split()]


def last(result):
    return result.reports[-1]


# ---- nothing is left behind ----

@on(MACHINES)
@pytest.mark.parametrize("modules", ["hello", "fifo", "ticker",
                                     "counter tally"])
def test_loads_and_unloads_leave_nothing(machine, modules):
    """Memory, modules, tasks, slots: after many times what it was before."""
    come_and_go(machine, modules)


@on([(1, None), (2, None), (4, None), (1, 0)])
def test_restless_engines_leave_nothing(machine):
    """The same of engines that never rest by themselves."""
    come_and_go(machine, "restless")


def come_and_go(machine, modules):
    loads = "; ".join("load " + m for m in modules.split())
    once = "%s; unload %s" % (loads, modules)
    play("%s; census; repeat 20 '%s'; census check" % (once, once), machine)


@pytest.mark.parametrize("machine, module", [
    ((2, None), "fifo"), pytest.param((4, None), "ticker",
                                      marks=pytest.mark.long),
    pytest.param((1, 0), "restless", marks=pytest.mark.long),
    pytest.param((8, None), "fifo", marks=pytest.mark.long)])
def test_thousand_loads_and_unloads_leave_nothing(machine, module):
    """The same, a thousand times."""
    once = "load %s; unload %s" % (module, module)
    play("%s; census; repeat 1000 '%s'; census check" % (once, once), machine,
         timeout=2 * HUNG_AFTER)


# ---- busy ----

@on(MACHINES)
def test_readers_are_named(machine):
    """A refusal names each sleeper, its place in the code and its file, says
    what to do, and exits 1; they sleep on."""
    result = play("load fifo; census; spawn 3 reader /dev/fifo0; unload fifo; "
                  "ps; killall reader; wait; census check; unload fifo",
                  machine, expect=FAILED)
    named = [int(p) for p in READER.findall(result.console)]
    assert named == pids(result), result
    assert re.search(r"3 users\. `kill %d %d %d` and try again, `unload -d "
                     r"fifo`" % tuple(named), result.console), result
    refusal = result.reports[0]
    assert (refusal["outcome"], refusal["error"]) == ("refused", "EBUSY")
    assert {b["kind"] for b in refusal["blockers"]} == {"open_file"}
    assert all(b["backtrace"] for b in refusal["blockers"])
    assert dict(result.statuses)["unload fifo"] == 0
    for pid in named:
        assert re.search(r"(?m)^ +%d .* asleep .* reader .* fifo_read" % pid,
                         result.console), result


def test_the_example_of_the_readme():
    """The line that everybody tries first: refused, and tests/run exits 1."""
    result = boot("load fifo; spawn 3 reader /dev/fifo0; unload fifo", smp=4,
                  expect=FAILED)
    assert len(READER.findall(result.console)) == 3, result


@on(FEW)
def test_deferred_goes_with_its_last_user(machine):
    """-d: newcomers are turned away, and the last user takes it along."""
    result = play("census; load fifo; spawn 3 reader /dev/fifo0; "
                  "unload -d fifo; ! cat /dev/fifo0; lsmod; killall reader; "
                  "wait; await fifo gone; census check; ! cat /dev/fifo0",
                  machine)
    assert last(result)["outcome"] == "deferred"
    assert "cat: /dev/fifo0: ENODEV" in result.console
    assert re.search(r"(?m)^fifo .* deferred", result.console), result


@on(MACHINES)
def test_what_is_deferred_together_goes_together(machine):
    """-d A B: with the last user of all; by itself one never would, as the
    other points to it."""
    result = play("load fifo; load keeper; load leaks_pointer; census; "
                  "spawn 1 reader /dev/fifo0; "
                  "unload -d fifo leaks_pointer keeper; lsmod; "
                  "killall reader; wait; await fifo gone; load hello; "
                  "unload hello", machine)    # after it has been told
    assert len(re.findall(r"(?m)^\S+ +\d+ KiB +\d+ +deferred",
                          result.console)) == 3
    assert ("fifo keeper leaks_pointer: gone, after its last user"
            in result.console)


@on(FEW)
def test_one_of_what_is_deferred_may_be_loaded_again(machine):
    """The others go without it."""
    result = play("load fifo; load hello; load ticker; "
                  "spawn 1 reader /dev/fifo0; unload -d fifo hello ticker; "
                  "load hello; killall reader; wait; await fifo gone; "
                  "await ticker gone; lsmod; unload hello", machine)
    assert "fifo ticker: gone, after its last user" in result.console
    assert [r["outcome"] for r in result.reports] == ["deferred", "gone"]


@on(FEW)
def test_load_revives_what_is_deferred(machine):
    """Old users and new ones together find it as it was."""
    result = play("load fifo; spawn 2 reader /dev/fifo0; unload -d fifo; "
                  "load fifo; spawn 1 reader /dev/fifo0; lsmod; "
                  "killall reader; wait; unload fifo", machine)
    assert re.search(r"(?m)^fifo .* 3  live", result.console), result
    assert last(result)["outcome"] == "gone"


@on(MACHINES)
def test_waits_for_users_to_leave(machine):
    """-w: who is inside finishes, and then it goes."""
    result = play("load fifo; spawn 1 leavers /dev/fifo0 3 /tmp/go; "
                  "unload -w 60000 fifo &; await fifo closed; echo > /tmp/go; "
                  "wait; await fifo gone", machine)
    assert last(result)["outcome"] == "gone"


@on(FEW)
def test_waits_no_longer_than_told(machine):
    """-w: who stays is named, and stays."""
    result = play("load fifo; spawn 2 reader /dev/fifo0; ! unload -w 40 fifo; "
                  "spawn 1 reader /dev/fifo0; lsmod; ps; killall reader; "
                  "wait; unload fifo", machine)
    refusal = result.reports[0]
    assert refusal["error"] == "ETIMEDOUT" and refusal["step"] == "users"
    assert {b["pid"] for b in refusal["blockers"]} == set(pids(result))
    assert refusal["total_ns"] >= 40 * MS
    if is_exact(machine):
        assert refusal["total_ns"] < 50 * MS


# ---- engines go on after a refusal ----

UNCOUNTED = "load keeper; load sleeps_uncounted; keeper call &; nap ready"


@on(FEW)
def test_refusal_keeps_threads(machine):
    """A module's thread is held, let go, and is the same: pid and all."""
    result = play(UNCOUNTED + "; load ticker; ps; repeat 10 '! unload ticker "
                  "sleeps_uncounted'; ps; ticker; nap wake; wait; "
                  "unload ticker sleeps_uncounted keeper", machine)
    threads = re.findall(r"(?m)^ +(\d+) .* ticker .*\(thread of ticker\)$",
                         result.console)
    assert len(threads) == 2 and threads[0] == threads[1], result
    assert re.search(r"ticker: [1-9]\d* ticks", result.console), result


@on([(1, None), (2, None), (4, None), (8, None), (1, 3), (2, 3)])
def test_refusal_loses_no_tick(machine):
    """rtc at 1024 Hz, its line held and let go time and again: the ticks are
    those of the time that has passed, and its readers get them."""
    result = play(UNCOUNTED + "; load rtc; rtc; "
                  "repeat 10 '! unload rtc sleeps_uncounted'; "
                  "spawn 2 reader /dev/rtc; sleep 20; repeat 20 rtc; ps; "
                  "killall reader; nap wake; wait; unload rtc", machine,
                  qemu="-rtc clock=vm")
    (before, _, _), *after = [
        tuple(int(n) for n in line) for line in re.findall(
            r"1024 Hz: (\d+) ticks by (\d+) interrupts, (\d+) by the clock",
            result.console)]
    assert len(after) == 20 and after[0][0] > before, result
    for ticks, interrupts, due in after:
        assert interrupts > 0, result
        # The next interrupt brings what the last period has added.  Ticks and
        # clock round alike, wherever in a period the chip has begun.
        assert ticks <= due, result
        if is_exact(machine):
            assert due - ticks <= 1, result
    assert len(re.findall(r"(?m)^ +\d+ .* reader ", result.console)) == 2


# ---- predictions, budgets, force ----

@on(FEW)
def test_dry_run_changes_nothing(machine):
    """-n says what would be, and that it says so; nobody notices."""
    result = play("load fifo; load ticker; census; ps; unload -n fifo ticker; "
                  "lsmod; ps; spawn 1 reader /dev/fifo0; ! unload -n fifo; "
                  "killall reader; wait; census check; unload fifo; "
                  "unload ticker", machine)
    first, second = result.reports[:2]
    assert first["outcome"] == "would_go" and first["rounds"] >= 1
    assert (second["outcome"], second["error"]) == ("refused", "EBUSY")
    assert "a prediction" in result.console
    assert len(set(re.findall(r"(?m)^ +(\d+) .*\(thread of ticker\)$",
                              result.console))) == 1, result


@on(FEW)
def test_dry_run_predicts_hidden_users(machine):
    """What only the stacks know is predicted, too."""
    result = play(UNCOUNTED + "; ! unload -n sleeps_uncounted; nap wake; "
                  "wait; unload -n sleeps_uncounted; "
                  "unload sleeps_uncounted", machine)
    assert [r["outcome"] for r in result.reports] == [
        "refused", "would_go", "gone"]


@on(FEW)
def test_budget_is_kept(machine):
    """-t: an engine that does not come to rest costs no more than that."""
    result = play("load mutex_thread; ! unload -t 60 mutex_thread; let_go; "
                  "unload mutex_thread", machine)
    refusal = result.reports[0]
    assert refusal["error"] == "ETIMEDOUT", result
    assert refusal["step"] == "hold engines"
    assert refusal["total_ns"] >= 60 * MS
    if is_exact(machine):
        assert refusal["total_ns"] < 75 * MS


@on(FEW)
def test_force_entombs_only(machine):
    """-f where somebody is inside: the interfaces go, the memory stays, and
    the rest of the machine lives on."""
    result = play(UNCOUNTED + "; unload -f sleeps_uncounted; ! nap wake; "
                  "! unload sleeps_uncounted; lsmod; load hello; unload hello",
                  machine, expect=None)
    entombed, again, hello = result.reports
    assert entombed["outcome"] == "entombed", result
    assert again["error"] == "EPERM"
    assert hello["outcome"] == "gone"
    assert re.search(r"(?m)^sleeps_uncounted .* entombed", result.console)
    statuses = [s for c, s in result.statuses if not c.startswith("unload -f")]
    assert not any(statuses), result


@on(FEW)
def test_force_is_none_where_nobody_is_inside(machine):
    """-f of a module that can go: it goes."""
    result = play("load hello; unload -f hello", machine)
    assert last(result)["outcome"] == "gone"


# ---- several at once ----

@on(FEW)
def test_dependents_are_named(machine):
    """Who is linked to it comes first, or along, whatever the order."""
    result = play("load counter; load tally; tally 5; ! unload counter; "
                  "unload counter tally; load counter; load tally; "
                  "unload tally counter; load counter; load tally; "
                  "unload tally; unload counter; ! load tally", machine)
    refusal = result.reports[0]
    assert refusal["blockers"][0]["kind"] == "dependent"
    assert "`unload tally counter`" in refusal["blockers"][0]["help"]
    assert [r["outcome"] for r in result.reports[1:]] == ["gone"] * 4


@on(FEW)
def test_territory_is_all_or_nothing(machine):
    """One of several is in use: none goes, and all are open again."""
    result = play("load hello; load fifo; load ticker; "
                  "spawn 1 reader /dev/fifo0; ! unload hello fifo ticker; "
                  "! unload -w 30 hello fifo ticker; lsmod; ticker; "
                  "killall reader; wait; unload hello fifo ticker; "
                  "! unload hello", machine)
    for name in "hello", "fifo", "ticker":
        assert re.search(r"(?m)^%s .* live" % name, result.console), result
    assert result.reports[2]["outcome"] == "gone"


@on(FEW)
def test_those_that_point_at_each_other_go_together(machine):
    """A pointer from within the territory is none from outside."""
    result = play("load keeper; load leaks_pointer; ! unload leaks_pointer; "
                  "unload keeper leaks_pointer", machine)
    assert result.reports[0]["blockers"][0]["kind"] == "memory"
    assert "keeper" in result.reports[0]["blockers"][0]["where"]
    assert last(result)["outcome"] == "gone"


@on(FEW)
def test_nothing_is_unloaded_while_frozen_by_hand(machine):
    """freeze is an experiment; unload says what to do first."""
    result = play("load hello; spawn 2 spinner; freeze; ! unload hello; thaw; "
                  "unload hello", machine)
    assert result.reports[0]["error"] == "EPERM"
    assert "thaw" in result.reports[0]["message"]
    assert last(result)["outcome"] == "gone"
