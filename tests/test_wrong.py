"""The wrong modules: each is refused, reported or entombed, never fatal.

Of each: the report names the culprit, in the text and in the JSON; lifting the
fault lets the module go; and the system works as before.
"""

import re

import pytest

from icebox import FAILED, OK, Console, boot, make_module

AFTER = "; load hello; unload hello"
CPUS = pytest.mark.parametrize("smp", [1, 2, 4])


def run(script, smp, **options):
    result = boot(script + AFTER, expect=OK, smp=smp, **options)
    assert "goodbye, world" in result.console, result
    return result


def refusal(result, error, step, n=0):
    """The n-th report: a refusal. Its blockers."""
    r = result.reports[n]
    assert (r["outcome"], r["error"], r["step"]) == ("refused", error, step), \
        result
    assert r["nr_blockers"] == len(r["blockers"]), result
    return r["blockers"]


def gone(result, name, n=-2):
    """The n-th report (the last is that of hello): it has gone."""
    r = result.reports[n]
    assert (r["module"], r["outcome"]) == (name, "gone"), result
    return r


# ---- Refused until the fault is lifted ----

@CPUS
def test_uncounted_sleeper_is_refused_by_name(smp):
    """H25: a task asleep inside with count 0 is found on its stack."""
    result = run("load keeper; load sleeps_uncounted; keeper call &; "
                 "nap ready; ! unload sleeps_uncounted; nap wake; wait; "
                 "unload sleeps_uncounted", smp)
    (b,) = refusal(result, "EBUSY", "examine")
    assert b["kind"] == "stack" and b["comm"] == "keeper"
    assert b["state"] == "asleep" and b["where"].startswith("nap+0x")
    assert b["pid"] > 0 and b["stack_offset"] >= 0
    assert any(f.startswith("nap+0x") for f in b["backtrace"])
    assert re.search(r"pid %d\s+keeper\s+asleep in nap\+0x" % b["pid"],
                     result.console), result
    gone(result, "sleeps_uncounted")


@CPUS
def test_forgotten_device_is_named(smp):
    """H36: refused before anything is frozen; both devices are there again."""
    result = run("load forgets_device; ! unload forgets_device; ls /dev; "
                 "remember; unload forgets_device", smp)
    (b,) = refusal(result, "EBUSY", "unregister")
    assert b["kind"] == "registration" and "device lost0" in b["what"]
    assert result.reports[0]["frozen_ns"] == 0
    assert "kept0\nlost0\n" in result.console, result
    gone(result, "forgets_device")


@CPUS
def test_pointer_in_another_module_is_named(smp):
    """H37: the variable that holds it, and what it points to."""
    result = run("load keeper; load leaks_pointer; ! unload leaks_pointer; "
                 "! unload keeper; unleak; unload leaks_pointer", smp)
    (b,) = refusal(result, "EBUSY", "examine")
    assert b["kind"] == "memory" and b["where"].startswith("kept+0x0")
    assert "points to callback+0x0" in b["what"]
    (b,) = refusal(result, "EBUSY", "look", 1)
    assert b["kind"] == "dependent" and "leaks_pointer" in b["what"]
    gone(result, "leaks_pointer")


@CPUS
def test_pointer_in_the_kernels_heap_is_named(smp):
    """H37: the heap object that holds it."""
    result = run("load keeper; load leaks_pointer where=heap; "
                 "! unload leaks_pointer; unleak; unload leaks_pointer keeper",
                 smp)
    (b,) = refusal(result, "EBUSY", "examine")
    assert b["kind"] == "memory" and "heap object of 4 bytes" in b["where"]
    assert "points to callback+0x0" in b["what"]
    gone(result, "leaks_pointer keeper")


@CPUS
def test_thread_that_never_stops_is_named(smp):
    """G10: its pid, at the deadline; it runs on, and can be reformed."""
    result = run("load thread_never_stops; ! unload -t 200 thread_never_stops;"
                 " ps; relent; unload thread_never_stops", smp)
    (b,) = refusal(result, "ETIMEDOUT", "hold engines")
    assert b["kind"] == "engine" and b["comm"] == "never_stops"
    assert "thread never_stops" in b["what"]
    assert re.search(r"^\s+%d .*never_stops" % b["pid"], result.console,
                     re.M), result
    assert gone(result, "thread_never_stops")["threads_reaped"] == 1


@CPUS
def test_thread_asleep_with_a_mutex_is_named(smp):
    """H22: a thread is not held where it owns a mutex."""
    result = run("load mutex_thread; ! unload -t 200 mutex_thread; let_go; "
                 "unload mutex_thread", smp)
    (b,) = refusal(result, "ETIMEDOUT", "hold engines")
    assert b["kind"] == "engine" and b["comm"] == "mutex_thread"
    assert b["state"] == "asleep" and "own+0x" in b["where"]
    assert "holding 1 mutex" in b["what"]
    gone(result, "mutex_thread")


@CPUS
def test_work_that_hangs_is_named(smp):
    """The worker that the module keeps for itself, and where it is."""
    result = run("load work_hangs; ! unload -t 200 work_hangs; work_release; "
                 "unload work_hangs", smp)
    (b,) = refusal(result, "ETIMEDOUT", "hold engines")
    assert b["kind"] == "engine" and "work hangs" in b["what"]
    assert b["comm"].startswith("kworker") and "hang_about+0x" in b["where"]
    gone(result, "work_hangs")


@CPUS
def test_overcount_is_reported_with_its_site(smp):
    """H35: who took the count, where, and how many."""
    result = run("load overcounts; overcount; overcount; ! unload overcounts; "
                 "overcount put; overcount put; unload overcounts", smp)
    counts = refusal(result, "EBUSY", "look")
    assert {b["kind"] for b in counts} == {"use_count"}
    assert all("overcount_command+0x" in b["where"] and b["pid"] > 0
               for b in counts)
    gone(result, "overcounts")


@CPUS
def test_counts_that_had_no_room_are_told(smp):
    """G7: only so many places are noted; of those beyond it is said that they
    are there, and who is left is named."""
    result = run("load overcounts; repeat 9 overcount; ! unload overcounts; "
                 "repeat 8 overcount put; ! unload overcounts; overcount put; "
                 "unload overcounts", smp)
    first, second = result.reports[:2]
    counts = [int(re.search(r"\d+", b["what"])[0]) for b in first["blockers"]]
    assert sum(counts) == 9 and "not noted" in first["blockers"][-1]["what"]
    (b,) = second["blockers"]
    assert b["where"].startswith("overcount_command+0x")
    gone(result, "overcounts")


@CPUS
def test_failing_reregistration_opens_the_doors(smp):
    """H30: it is reported, and the interfaces are there all the same."""
    result = run("load keeper; load reregister_fails; "
                 "! unload reregister_fails; still_here; keeper drop; "
                 "unload reregister_fails", smp)
    refusal(result, "EBUSY", "examine")
    assert "reregister_fails: register failed with EIO" in result.console
    assert "still_here: register was called 2 times" in result.console
    gone(result, "reregister_fails")


@CPUS
def test_hanging_unregister_is_reported_and_undone(smp):
    """H44: where it sleeps; when it returns at last the module is whole."""
    with Console(smp=smp) as c:
        def type_line(text, answer):
            c.child.expect("icebox> ")
            c.child.send(text + "\r")
            c.child.expect(answer)

        type_line("load unregister_hangs", "loaded, ")
        type_line("unload -t 200 unregister_hangs", "does not return")
        type_line("unload unregister_hangs", "has not returned yet")
        type_line("unregister_release", "has returned at last")
        assert "refused" not in c.child.before, c.child.before
        c.child.send("\r")
        type_line("unload unregister_hangs", r": gone \(")
        type_line("load hello", "hello, world")
        type_line("poweroff", "")
        assert c.finish() == OK
        first, second, third = c.events("report")
    assert (first["error"], second["error"]) == ("ETIMEDOUT", "EBUSY")
    (b,) = first["blockers"]
    assert b["kind"] == "routine" and b["state"] == "asleep"
    assert b["where"].startswith("unregister_hangs_unregister+0x")
    (b,) = second["blockers"]
    assert b["kind"] == "routine" and "bearer/unregister_hangs" in b["what"]
    assert third["outcome"] == "gone"


# ---- Self-unload ----

@CPUS
def test_self_unload_is_a_deadlock_everywhere(smp):
    """H17: from a command, a thread, work, a timer, an ioctl."""
    result = run("load unloads_itself; ! itself command; ! itself thread; "
                 "! itself work; ! itself timer; devtest deadlock /dev/itself0;"
                 " unload unloads_itself", smp)
    for where in ("command", "thread", "work", "timer"):
        assert "itself: from its %s: EDEADLK" % where in result.console, result
    assert {s for c, s in result.statuses if c.startswith("! itself")} == {0}
    gone(result, "unloads_itself")


@pytest.mark.parametrize("routine",
                         ["init", "register", "unregister", "cleanup"])
def test_self_unload_from_its_routines(routine):
    """H17: at once, not when the attempt that runs the routine has given up."""
    result = run("load unloads_itself routine=%s; unload unloads_itself"
                 % routine, 2)
    assert "unloads_itself: from its %s: EDEADLK" % routine in result.console
    assert gone(result, "unloads_itself")["total_ns"] < 900e6


# ---- A load that fails ----

def heap_objects(result):
    return [int(n) for n in re.findall(r"(\d+) heap objects", result.console)]


@CPUS
def test_failed_register_leaves_nothing(smp):
    """H29: device, thread and memory of a half-registered module are gone."""
    result = run("! load register_fails; mem; "
                 "repeat 20 ! load register_fails; mem; ls /dev; ps; lsmod",
                 smp)
    assert "its register failed: EIO" in result.console
    before, after = heap_objects(result)
    assert after - before < 20, result
    listing = result.console[result.console.rindex("heap objects"):]
    assert not re.search(r"half|register_fails\s+\d+ KiB", listing), result


@CPUS
def test_failed_init_leaves_nothing(smp):
    """H29: a registration in init is refused; what init took is given back."""
    result = run("! load init_fails; mem; repeat 20 ! load init_fails; mem; "
                 "ls /dev; lsmod", smp)
    assert "init_fails: device early0 refused" in result.console
    assert "its init failed: ENXIO" in result.console
    before, after = heap_objects(result)
    assert after - before < 20, result
    assert "\nearly0\n" not in result.console
    assert not re.search(r"init_fails\s+\d+ KiB", result.console)


# ---- Reported, and gone ----

@CPUS
def test_leak_is_reclaimed_and_its_site_told(smp):
    """H38: three objects of 100 bytes from one line of leaks_init()."""
    result = run("load leaks; unload leaks; mem; load leaks; unload leaks; "
                 "mem", smp)
    r = gone(result, "leaks")
    assert (r["leaks"], r["leaked_bytes"]) == (3, 300)
    assert all(s["bytes"] == 100 and "leaks_init+0x" in s["site"]
               for s in r["leak_sites"]) and len(r["leak_sites"]) == 3
    assert "leaked: 3 objects, 300 bytes" in result.console
    before, after = heap_objects(result)
    assert after - before < 3, result


@CPUS
def test_underflow_is_reported_and_changes_nothing(smp):
    """H35: the count stays 0, and the place of the put is told."""
    result = run("load underflows; repeat 3 underflow; lsmod; "
                 "unload underflows", smp)
    assert re.search(r"underflows: module_put\(\) without a get at "
                     r"underflow_command\+0x", result.console), result
    assert re.search(r"underflows\s+\d+ KiB\s+0\s+live", result.console)
    gone(result, "underflows")


@CPUS
def test_cleanup_cannot_resurrect(smp):
    """H48: what cleanup registers, arms, queues or starts is refused."""
    result = run("load keeper; load cleanup_resurrects; "
                 "unload cleanup_resurrects; ls /dev; ps", smp)
    for what in ("device undead0", "timer undead", "work undead",
                 "thread undead", "timer old", "work old"):
        assert re.search(r"cleanup_resurrects: .*%s" % what,
                         result.console), result
    assert "it lives" not in result.console
    assert "it runs" not in result.console
    gone(result, "cleanup_resurrects")


# ---- Entombed ----

@CPUS
def test_pointer_left_by_cleanup_entombs(smp):
    """H48: the second verdict names the holder; the memory stays."""
    result = run("load keeper; load cleanup_resurrects leave=1; "
                 "! unload cleanup_resurrects; lsmod; "
                 "! load cleanup_resurrects; ! unload cleanup_resurrects", smp)
    r = result.reports[0]
    assert r["outcome"] == "entombed" and r["error"] == "EBUSY", result
    (b,) = r["blockers"]
    assert b["kind"] == "memory" and b["where"].startswith("kept+0x0")
    assert "points to rise+0x0" in b["what"]
    assert re.search(r"cleanup_resurrects\s+\d+ KiB\s+0\s+entombed",
                     result.console)
    assert result.reports[1]["error"] == "EPERM"


@CPUS
def test_hanging_cleanup_entombs(smp):
    """H44: after the verdict there is no way back; the place is told."""
    result = run("load cleanup_hangs; ! unload -t 200 cleanup_hangs; lsmod; "
                 "! load cleanup_hangs; ! unload cleanup_hangs", smp)
    r = result.reports[0]
    assert (r["outcome"], r["error"]) == ("entombed", "ETIMEDOUT"), result
    (b,) = r["blockers"]
    assert b["kind"] == "routine" and b["state"] == "asleep"
    assert b["where"].startswith("cleanup_hangs_cleanup+0x")
    assert re.search(r"cleanup_hangs\s+\d+ KiB\s+0\s+entombed",
                     result.console)


# ---- All of them ----

REFUSED = {
    "forgets_device": "load forgets_device; %s! unload forgets_device",
    "leaks_pointer": "load keeper; load leaks_pointer; "
                     "%s! unload leaks_pointer",
    "thread_never_stops": "load thread_never_stops; "
                          "%s! unload -t 20 thread_never_stops",
    "mutex_thread": "load mutex_thread; %s! unload -t 20 mutex_thread",
    "overcounts": "load overcounts; overcount; %s! unload overcounts",
}


# A line of ps: the pid, and the name in its column.
TASK = r"(?m)^ +(\d+) +\d+ +\d+ +\w+ +\d+ +\d+  (\S+)"


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_leave_nothing_behind(name):
    """G2: as many tasks and heap objects after twenty more refusals."""
    script = REFUSED[name] % ""
    again = REFUSED[name] % "repeat 20 "
    result = run(script + "; ps; mem; " + again[again.index("repeat"):] +
                 "; ps; mem", 2)
    before, after = heap_objects(result)
    assert abs(after - before) < 20, result
    tables = re.findall(r"PID +PPID.*?in all", result.console, re.S)
    first, second = [set(re.findall(TASK, table)) for table in tables]
    # A bearer that got no CPU in its time ends a little later.
    lasting = {(pid, name) for pid, name in first
               if name != "ps" and not name.startswith("bearer/")}
    assert lasting and lasting <= second, result


@pytest.mark.parametrize("icount", [0, 3])
@pytest.mark.parametrize("script", [
    "load keeper; load sleeps_uncounted; keeper call &; nap ready; "
    "! unload sleeps_uncounted; nap wake; wait; unload sleeps_uncounted",
    "load thread_never_stops; ! unload -t 50 thread_never_stops; relent; "
    "unload thread_never_stops",
    "load mutex_thread; ! unload -t 50 mutex_thread; let_go; "
    "unload mutex_thread",
    "load keeper; load cleanup_resurrects; unload cleanup_resurrects",
])
def test_on_exact_time(icount, script):
    """The same, with CPUs that run one at a time; and G9's bound, exact."""
    result = run(script, 2, icount=icount, seed=1)
    assert result.reports[-2]["outcome"] == "gone"
    assert all(r["frozen_max_ns"] <= 10e6 for r in result.reports), result


def test_refused_script_exits_1():
    """A refusal is a failed command to a script."""
    result = boot("load overcounts; overcount; unload overcounts",
                  expect=FAILED)
    assert result.statuses[-1] == ("unload overcounts", -16)


def test_what_was_not_withdrawn_is_not_deferred():
    """-d of two, and unregister of the first hangs: that of the second was
    never called, so nothing of it is taken away (H41), now or later."""
    result = boot("load unregister_hangs; load fifo; "
                  "spawn 1 reader /dev/fifo0; "
                  "! unload -d -t 200 unregister_hangs fifo; "
                  "spawn 1 reader /dev/fifo0; lsmod; killall reader; wait; "
                  "unload fifo", expect=OK)
    first, last = result.reports
    assert (first["outcome"], first["error"]) == ("refused", "ETIMEDOUT")
    assert re.search(r"(?m)^fifo .* live", result.console), result
    assert last["outcome"] == "gone", result


def test_what_is_forgotten_is_not_deferred():
    """H36: with a user inside or without, -d is no way for it to go on."""
    result = boot("load forgets_device; run sleeper </dev/kept0 &; sleep 50; "
                  "! unload -d forgets_device; lsmod; killall sleeper; ! wait; "
                  "remember; unload forgets_device", expect=OK)
    first, last = result.reports
    assert (first["outcome"], first["error"]) == ("refused", "EBUSY"), result
    assert "forgot it" in first["blockers"][0]["what"]
    assert re.search(r"(?m)^forgets_device .* live", result.console), result
    assert last["outcome"] == "gone", result


def test_all_that_depend_on_it_are_named(tmp_path):
    """G7: and the advice has all of them."""
    for name in ("abacus", "bead"):
        (tmp_path / f"{name}.c").write_text("""
#include <kernel/module.h>
int counter_read(void);
static int get_init(void)
{
	return counter_read() > 5;
}
module_init(get_init);
""")
    (tmp_path / "Makefile").write_text("obj-m := abacus.o bead.o\n")
    make_module(tmp_path)
    result = boot("load counter; load abacus; load bead; ! unload counter; "
                  "unload abacus bead counter",
                  add=[str(tmp_path / "abacus.ko"), str(tmp_path / "bead.ko")],
                  expect=OK)
    first, last = result.reports
    assert [b["what"].split()[1] for b in first["blockers"]] == \
        ["abacus", "bead"], result
    assert "`unload abacus bead counter`" in result.console, result
    assert last["outcome"] == "gone", result


def test_who_computes_inside_uncounted_is_named(tmp_path):
    """G7: he is let through, to leave, and never does."""
    (tmp_path / "spins.c").write_text("""
#include <kernel/module.h>
void spin_inside(void);
void spin_inside(void)
{
	for (;;)
		__asm__ volatile("pause");
}
static int spins_init(void)
{
	return 0;
}
module_init(spins_init);
""")
    (tmp_path / "Makefile").write_text("obj-m := spins.o\n")
    make_module(tmp_path)
    result = boot("load spins; ghost keep spins spin_inside; ghost call &; "
                  "sleep 100; ! unload -t 100 spins", smp=2,
                  add=[str(tmp_path / "spins.ko")], expect=OK)
    (report,) = result.reports
    assert (report["outcome"], report["error"]) == ("refused", "ETIMEDOUT")
    assert any("ghost" in b.get("comm", "") for b in report["blockers"]), result


def test_what_was_given_and_freed_holds_nobody(tmp_path):
    """Who frees an object of another module leaves no address of his own
    there: he can go (G14)."""
    (tmp_path / "giver.c").write_text("""
#include <kernel/export.h>
#include <kernel/module.h>
#include <kernel/slab.h>

void *giver_new(void);
void *giver_new(void)
{
	return kmalloc(100, GFP_KERNEL);
}
EXPORT_SYMBOL(giver_new);
""")
    (tmp_path / "taker.c").write_text("""
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/slab.h>

void *giver_new(void);

static int taker_register(void)
{
	void *p = giver_new();

	kfree(p);
	return p ? 0 : -ENOMEM;
}
module_register(taker_register);
""")
    (tmp_path / "Makefile").write_text("obj-m := giver.o taker.o\n")
    make_module(tmp_path)
    result = boot("load giver; load taker; unload taker; unload giver",
                  add=[str(tmp_path / "giver.ko"), str(tmp_path / "taker.ko")],
                  expect=OK)
    assert [r["outcome"] for r in result.reports] == ["gone"] * 2, result
