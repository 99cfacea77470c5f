"""The modules that do as they should, in use and on their way out."""

import os
import re

import pytest

from icebox import FAILED, OK, TOP, Console, boot, make_module

CPUS = pytest.mark.parametrize("smp", [1, 2, 4])


def last(result):
    assert result.reports[-1]["outcome"] == "gone", result
    return result.reports[-1]


@pytest.mark.parametrize("smp", [1, 2, 4, 8])
def test_hello_comes_and_goes(smp):
    """The smallest module, with its parameter."""
    result = boot('load hello whom="all of you"; unload hello; '
                  "! unload hello", expect=OK, smp=smp)
    assert "hello, all of you" in result.console
    assert "goodbye, all of you" in result.console
    assert result.reports[0]["outcome"] == "gone"
    assert result.reports[1]["error"] == "ENOENT"


# ---- ticker, restless: engines ----

@CPUS
def test_ticker_ticks_and_goes(smp):
    """A thread and a timer, neither of which the module stops itself."""
    result = boot("load ticker period_ms=1; ticker 20; unload ticker; "
                  "! ticker", expect=OK, smp=smp)
    assert last(result)["threads_reaped"] == 1


@CPUS
def test_engines_survive_a_refusal(smp):
    """G2: held, then let go: the same thread, and the timer goes on."""
    result = boot("load ticker period_ms=1; ticker 5; load keeper; "
                  "load leaks_pointer; ps; repeat 5 '! unload ticker "
                  "leaks_pointer; ticker'; ps; ticker 100; "
                  "unload ticker leaks_pointer keeper; ! unload ticker",
                  smp=smp)
    assert [r["step"] for r in result.reports[:5]] == ["examine"] * 5, result
    pids = re.findall(r"^ +(\d+) .*\bticker\b.*thread of ticker|"
                      r"^ +(\d+) .*\d  ticker ", result.console, re.M)
    assert len(pids) == 2 and pids[0] == pids[1], result
    assert re.search(r"ticker: \d{3,} ticks, \d{3,} handled", result.console)


@CPUS
def test_restless_engines_are_held(smp):
    """H11, H12, H13: what arms and queues itself for ever is not in the way,
    nor a thread that only computes, nor one that has ended by itself."""
    result = boot("repeat 30 'load restless; unload restless'", expect=OK,
                  smp=smp)
    assert [r["outcome"] for r in result.reports] == ["gone"] * 30


# ---- fifo: users ----

@CPUS
def test_fifo_is_a_good_device(smp):
    """Blocking and not, poll, ioctl, bad pointers: from a program's side."""
    result = boot("load fifo; devtest fifo /dev/fifo0; unload fifo",
                  expect=OK, smp=smp)
    last(result)


def test_fifo_depth_is_checked():
    """A parameter that makes no sense makes the load fail, with nothing left."""
    boot("! load fifo depth=0; ! load fifo depth=3000; "
         "! load fifo depth=2097152; ! load fifo depth=x; load fifo depth=16; "
         "unload fifo", expect=OK)


@CPUS
def test_readers_are_named(smp):
    """H24: each with its place in the code and what it holds."""
    result = boot("load fifo; spawn 3 reader /dev/fifo0; unload fifo",
                  expect=FAILED, smp=smp)
    (report,) = result.reports
    assert report["error"] == "EBUSY" and report["nr_blockers"] == 3
    pids = re.search(r"^pids (\d+) (\d+) (\d+)$", result.console, re.M)
    assert pids, result
    for b, pid in zip(report["blockers"], pids.groups()):
        assert (b["kind"], b["pid"], b["comm"]) == \
            ("open_file", int(pid), "reader")
        assert b["path"] == "/dev/fifo0" and b["fd"] == 3
        assert b["state"] == "asleep" and b["where"].startswith("fifo_read+0x")
    assert "3 users. `kill %s` and try again" % " ".join(pids.groups()) \
        in result.console


def spawn_reader(c, device="fifo0"):
    """Into a live console with its module loaded: the pid of a reader."""
    c.child.send("spawn 1 reader /dev/%s\r" % device)
    c.child.expect(r"pids (\d+)\r")
    return c.child.match[1]


@CPUS
def test_deferred_goes_with_its_last_user(smp):
    """G6, H49: the undertaker buries it, when the last reader was killed."""
    with Console(smp=smp) as c:
        c.child.expect("icebox> ")
        c.child.send("load fifo\r")
        c.child.expect("fifo: loaded")
        first, second = spawn_reader(c), spawn_reader(c)
        c.child.send("unload -d fifo\r")
        c.child.expect("deferred, goes when its last user has left")
        c.child.send("reader /dev/fifo0\r")
        c.child.expect("/dev/fifo0: error 19")
        c.child.send("kill %s\r" % first)
        c.child.send("lsmod\r")
        c.child.expect("deferred")
        c.child.send("kill %s\r" % second)
        c.child.expect("unload: fifo: gone, after its last user had left")
        c.child.send("poweroff\r")
        assert c.finish() in (OK, FAILED)


@CPUS
def test_wait_ends_when_the_users_have_left(smp):
    """G6: -w waits for the reader, and the module is gone."""
    with Console(smp=smp) as c:
        c.child.expect("icebox> ")
        c.child.send("load fifo\r")
        c.child.expect("fifo: loaded")
        reader = spawn_reader(c)
        c.child.send("unload -w 30000 fifo &\r")
        c.child.expect(r"\[1\] \d+")
        c.child.send("kill %s\r" % reader)
        c.child.expect(r"unload: fifo: gone \(")
        c.child.send("wait\r")
        c.child.send("poweroff\r")
        assert c.finish() in (OK, FAILED)
        (report,) = c.events("report")
        assert report["outcome"] == "gone"


def test_wait_ends_at_its_deadline():
    """G6: after so many milliseconds it is a refusal, and the device works."""
    result = boot("load fifo; spawn 1 reader /dev/fifo0; "
                  "! unload -w 50 fifo; spawn 1 reader /dev/fifo0", expect=OK)
    (report,) = result.reports
    assert report["error"] == "ETIMEDOUT" and report["total_ns"] >= 50e6
    assert report["blockers"][0]["kind"] == "open_file"


@CPUS
def test_revived_while_deferred(smp):
    """G6: `load` of the name opens it again for everybody."""
    boot("load fifo; spawn 1 reader /dev/fifo0; unload -d fifo; load fifo; "
         "spawn 1 reader /dev/fifo0; ! unload fifo", expect=OK, smp=smp)


@CPUS
def test_who_used_it_once_is_not_in_the_way(smp):
    """H09: words that a call left on a stack are no evidence."""
    result = boot("load fifo; spawn 5 devtest rest /dev/fifo0; unload fifo",
                  expect=OK, smp=smp)
    last(result)


def test_callers_own_file_is_a_deadlock():
    """H18: its standard input is the device."""
    result = boot("load fifo; ! unload fifo < /dev/fifo0; unload fifo",
                  expect=OK)
    assert result.reports[0]["error"] == "EDEADLK"
    assert "/dev/fifo0" in result.reports[0]["blockers"][0]["what"]
    last(result)


# ---- counter, tally: dependencies ----

@CPUS
def test_dependent_is_named_and_goes_first(smp):
    """H27: counter stays while tally is linked to it; both go at once."""
    result = boot("load counter; load tally; tally 5; tally 2; "
                  "! unload counter; tally; unload counter tally; "
                  "! load tally", expect=OK, smp=smp)
    assert result.console.count("tally: 7") == 2
    assert result.reports[0]["blockers"][0]["kind"] == "dependent"
    assert "`unload tally counter`" in result.console
    assert "undefined symbol: counter_" in result.console
    assert last(result)["module"].split() in (["counter", "tally"],
                                              ["tally", "counter"])


def test_dependent_first_then_the_other():
    """Taken one by one, from the top."""
    result = boot("load counter; load tally; unload tally; unload counter",
                  expect=OK)
    assert [r["outcome"] for r in result.reports] == ["gone", "gone"]


# ---- rtc ----

def ticks(result):
    """(ticks, periods by the clock) of each line that the command printed."""
    return [(int(t), int(p)) for t, p in re.findall(
        r"Hz: (\d+) ticks by \d+ interrupts, (\d+) by the clock",
        result.console)]


def test_no_program_has_probe_lock_a_pointer():
    """Its ioctl for the kernel's tests is none to a program."""
    boot("load probe; devtest probe /dev/probe; unload probe", expect=OK)


@CPUS
def test_rtc_is_a_good_device(smp):
    """Reads, poll, the time of day, from a program's side; twice."""
    boot("repeat 2 'load rtc; devtest rtc /dev/rtc; unload rtc'", expect=OK,
         smp=smp)


def test_rtc_frequency_is_checked():
    """What the chip cannot do makes the load fail."""
    boot("! load rtc hz=0; ! load rtc hz=1000; ! load rtc hz=16384; "
         "load rtc hz=8192; unload rtc; load rtc hz=2; unload rtc", expect=OK)


@pytest.mark.parametrize("icount", [0, 3])
def test_no_tick_is_lost_by_a_refusal(icount):
    """The line held and let go ten times: as many ticks as periods. With exact
    time, and the chip on the machine's clock."""
    result = boot("load rtc; load keeper; load leaks_pointer; rtc; "
                  "repeat 10 '! unload rtc leaks_pointer'; "
                  "devtest rtc /dev/rtc; rtc; unleak; unload rtc leaks_pointer",
                  expect=OK, icount=icount, qemu="-rtc clock=vm")
    assert [r["step"] for r in result.reports[:-1]] == ["examine"] * 10
    (_, _), (seen, periods) = ticks(result)
    assert periods > 500 and abs(seen - periods) <= 1, result


@CPUS
def test_readers_of_rtc_are_named_and_read_on(smp):
    """1024 Hz with readers: refused by name; -w refuses after unregister, and
    they have not noticed."""
    result = boot("load rtc; spawn 3 reader /dev/rtc; ! unload rtc; "
                  "repeat 10 '! unload -w 1 rtc'; ps; ! unload rtc",
                  expect=OK, smp=smp)
    assert [r["error"] for r in result.reports] == \
        ["EBUSY"] + ["ETIMEDOUT"] * 10 + ["EBUSY"], result
    first, final = result.reports[0], result.reports[-1]
    assert [b["pid"] for b in first["blockers"]] == \
        [b["pid"] for b in final["blockers"]]
    assert {b["comm"] for b in final["blockers"]} == {"reader"}


# ---- The guide ----

GUIDE = os.path.join(TOP, "docs/modules.md")


def guide_examples():
    """(name, source) of each whole module in the guide: a C block that begins
    with the comment that names its file."""
    with open(GUIDE) as f:
        blocks = re.findall(r"^```c\n(.*?)^```", f.read(), re.S | re.M)
    found = [(re.match(r"/\* (\w+)\.c\b", block), block) for block in blocks]
    return [(m[1], block) for m, block in found if m]


def test_examples_of_the_guide_work(tmp_path):
    """Every example is built outside the tree with make M=DIR, loaded, and
    unloaded again."""
    examples = guide_examples()
    assert len(examples) >= 5
    for name, source in examples:
        (tmp_path / (name + ".c")).write_text(source)
    (tmp_path / "Makefile").write_text(
        "obj-m := %s\n" % " ".join(name + ".o" for name, _ in examples))
    make_module(tmp_path)
    script = "; ".join("load %s; unload %s" % (name, name)
                       for name, _ in examples)
    result = boot(script, expect=OK, add=[
        tmp_path / (name + ".ko") for name, _ in examples])
    assert [r["outcome"] for r in result.reports] == ["gone"] * len(examples)
    assert all(r["leaks"] == 0 for r in result.reports), result


TAKEN = """
#include <kernel/command.h>
#include <kernel/fs.h>
#include <kernel/module.h>

static const struct file_operations fops;
const struct miscdevice misc = { "fifo0", &fops };

int fn(struct command_call *call);
int fn(struct command_call *call)
{
	return call->argc;
}

static int taken_register(void)
{
	return %s;
}

module_register(taken_register);
MODULE_LICENSE("MIT");
"""


def test_a_taken_name_is_told(tmp_path):
    """Of a command of the shell's own, and of another module's device."""
    for name, call in (("own", 'register_command("load", fn, "x")'),
                       ("other", "misc_register(&misc)")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.c").write_text(TAKEN % call)
        make_module(folder)
    result = boot("load fifo; ! load own; ! load other; unload fifo",
                  expect=OK, add=[tmp_path / n / (n + ".ko")
                                  for n in ("own", "other")])
    for text in ("own: command load refused: the name is taken",
                 "other: device fifo0 refused: the name is taken"):
        assert text in result.console, result


TWO_DOORS = """
#include <kernel/fs.h>
#include <kernel/module.h>
#include <kernel/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(wq);

static ssize_t near_read(struct file *file, char __user *buf, size_t n,
			 loff_t *pos)
{
	(void)file, (void)buf, (void)n, (void)pos;
	return wait_event_interruptible(wq, false);
}

static const struct file_operations far_fops;
static const struct miscdevice far = { "far", &far_fops };
static bool has_far;

static int near_release(struct inode *inode, struct file *file)
{
	(void)inode, (void)file;
	if (!has_far)
		has_far = misc_register(&far) == 0;
	return 0;
}

static const struct file_operations near_fops = {
	.read = near_read, .release = near_release,
};
static const struct miscdevice near = { "near", &near_fops };

static int doors_register(void)
{
	return misc_register(&near);
}

static void doors_unregister(void)
{
	misc_deregister(&near);
	if (has_far)
		misc_deregister(&far);
}

module_register(doors_register);
module_unregister(doors_unregister);
MODULE_LICENSE("MIT");
"""


def test_no_door_opens_of_what_is_deferred(tmp_path):
    """Not even one that a user of it registers when it leaves: who opens that
    is told so at once, and does not wait for the module to go."""
    folder = tmp_path / "doors"
    folder.mkdir()
    (folder / "a.c").write_text(TWO_DOORS)
    make_module(folder)
    with Console(smp=1, add=[folder / "doors.ko"]) as c:
        c.child.expect("icebox> ")
        c.child.send("load doors\r")
        c.child.expect("doors: loaded")
        first, second = spawn_reader(c, "near"), spawn_reader(c, "near")
        c.child.send("unload -d doors; kill %s; wait %s; "
                     "! run cat /dev/far\r" % (first, first))
        c.child.expect("cat: /dev/far: ")
        c.child.send("kill %s\r" % second)
        c.child.expect("unload: doors: gone, after its last user had left")
        c.child.send("poweroff\r")
        assert c.finish() in (OK, FAILED)
