"""The runner itself: its exit statuses, its arguments, what it leaves behind."""

import glob
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest

from icebox import FAILED, HUNG, NO_BOOT, OK, PANICKED, RUN, TOP, Console, boot, \
    is_debug

USAGE = 64


def run(*argv, **options):
    return subprocess.run([RUN, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, **options)


def test_success_exits_0():
    """A script whose every command succeeds makes the run succeed."""
    result = boot("lsmod; help", expect=OK)
    assert [s for _, s in result.statuses] == [0, 0]
    assert result.of("boot")


def test_failed_command_exits_1():
    """One failed command is enough, and does not keep the rest from running."""
    result = boot("unload no_such_module; lsmod", expect=FAILED)
    (_, first), (_, second) = result.statuses
    assert first != 0 and second == 0


def test_inverted_failure_exits_0():
    """`!` makes an expected failure a success."""
    boot("! unload no_such_module", expect=OK)


def test_panic_exits_2():
    """A panic is told from a failure, and its message reaches the channel."""
    result = boot("panic", expect=PANICKED)
    assert result.of("panic")


def test_hang_exits_3_and_says_where():
    """A kernel that never ends is called hung, and each CPU's place named."""
    result = boot("hang", expect=HUNG, timeout=5)
    assert "CPU 0" in result.stderr and "CPU 1" in result.stderr
    assert "+0x" in result.stderr


def test_no_kernel_exits_4():
    """Without a kernel nothing boots."""
    with tempfile.TemporaryDirectory() as empty:
        done = run("lsmod", env=dict(os.environ, ICEBOX_BUILD=empty))
    assert done.returncode == NO_BOOT
    assert "run make" in done.stderr


def test_no_qemu_exits_4():
    """Without an emulator nothing boots, either, and it is named."""
    done = run("lsmod", env=dict(os.environ, QEMU="/nowhere/qemu"))
    assert done.returncode == NO_BOOT
    assert "/nowhere/qemu does not start" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_command_exits_1():
    """A command that there is not is one that failed."""
    result = boot("no_such_command; lsmod", expect=FAILED)
    assert [s for _, s in result.statuses][1:] == [0], result


def test_panic_in_boot_exits_2():
    """A kernel that dies before its first prompt has not just failed to boot:
    it has said why, if it fits in at all."""
    result = boot("lsmod", expect=PANICKED, mem=5 if is_debug() else 4)
    assert result.of("panic") and not result.of("status"), result


@pytest.mark.parametrize("end", ["poweroff", "reboot"])
@pytest.mark.parametrize("first, status", [("lsmod", OK),
                                           ("no_such_command", FAILED)])
def test_an_end_in_the_middle_is_an_end(end, first, status):
    """The script has ended there, with what it was by then."""
    result = boot("%s; %s; no_such_command" % (first, end), expect=status)
    assert len(result.statuses) <= 2, result


def test_hang_of_one_cpu_is_no_end():
    """One CPU of four is lost, interrupts off: the timeout is kept, and the
    place of that one is among the others'."""
    began = time.monotonic()
    result = boot("spawn 2 spinner; hang", expect=HUNG, smp=4, timeout=4)
    assert 4 <= time.monotonic() - began < 14, result
    assert result.stderr.count("CPU ") >= 4 and "hang" in result.stderr


def test_refused_qemu_option_exits_4():
    """What QEMU refuses did not boot, and QEMU's reason is shown."""
    done = run("--qemu", "-no-such-option", "lsmod")
    assert done.returncode == NO_BOOT
    assert "no-such-option" in done.stderr


def test_iso_boots_the_same_script():
    """The ISO takes the script and the command line like the direct boot."""
    result = boot("lsmod; ! unload no_such_module", iso=True, expect=OK)
    assert len(result.statuses) == 2


def test_second_console_runs_its_own_script():
    """The second console's commands are reported as its own."""
    result = boot("lsmod", console2="mem", expect=OK)
    assert {e["console"] for e in result.of("status")} == {1, 2}


def test_icount_is_repeatable():
    """The same seed under -icount prints the same console, twice."""
    first, second = (boot("lsmod; ps; mem", icount=0, seed=7, expect=OK)
                     for _ in range(2))
    assert first.console == second.console


@pytest.mark.parametrize("argv", [
    ["--smp", "0", "x"], ["--mem", "none", "x"], ["--mem", "1", "x"],
    ["--bogus", "x"], ["--add", "/no/such/file", "x"], ["--icount=99", "x"],
    ["x", "y"]])
def test_wrong_usage_exits_64(argv):
    """No mistake in the arguments looks like a verdict on the kernel."""
    assert run(*argv).returncode == USAGE


def test_added_file_is_found(tmp_path):
    """--add puts a file where it says."""
    (tmp_path / "words").write_text("lsmod\n")
    boot("lsmod < /tmp/words; lsmod < /etc/other", expect=OK,
         add=[tmp_path / "words", "etc/other=%s" % (tmp_path / "words")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_cleans_up(number, tmp_path):
    """An interrupted run takes its QEMU and its folder with it."""
    env = dict(os.environ, TMPDIR=str(tmp_path))
    p = subprocess.Popen([RUN, "--json-out", str(tmp_path / "events"), "hang"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, env=env)
    p.stdout.read(1)                    # the kernel speaks: QEMU is up
    folder, = glob.glob(str(tmp_path / "icebox-*"))
    assert qemus_in(folder)
    p.send_signal(number)
    assert p.wait(20) == 128 + number
    assert not os.path.exists(folder)
    assert not qemus_in(folder)


def qemus_in(folder):
    """Processes whose working directory is, or was, the given folder."""
    found = []
    for link in glob.glob("/proc/[0-9]*/cwd"):
        try:
            where = os.readlink(link)
        except OSError:
            continue
        if where.split(" (deleted)")[0] == folder:
            found.append(link)
    return found


def test_console_takes_what_is_typed():
    """Standard input reaches the shell, and poweroff ends the run well."""
    with Console() as c:
        c.child.expect("> ")
        c.child.send("lsmod\r")
        c.child.expect("> ")
        c.child.send("poweroff\r")
        assert c.finish() == OK


def test_waits_in_the_background_end():
    """None of them waits for one that waits for it."""
    boot("repeat 3 'wait &'; wait; hello &; wait", expect=OK)


def test_a_wait_in_a_background_job_ends():
    """It waits neither for the job that it is part of nor, where another job
    does the same, for that one's end; for what its own job began it does."""
    inner = "repeat 1 'sleep 100; wait; echo over' &"
    for script in (inner, inner + " " + inner,
                   "repeat 1 'sleep 100 & wait; echo over' &"):
        result = boot(script + " sleep 1500; jobs; poweroff", expect=OK)
        assert "running" not in result.console, result
        assert len(re.findall("(?m)^over", result.console)) == \
            script.count("over"), result


def test_a_path_is_not_cut():
    """Too long is an error, and no other file is loaded instead."""
    result = boot("! load /lib/%smodules/hello.ko; lsmod" % ("./" * 70),
                  expect=OK)
    assert "the path is too long (ENAMETOOLONG)" in result.console, result


def test_output_that_cannot_be_written_fails_the_command():
    """And it is said once, where a person sees it."""
    result = boot("! mem > /dev/full; mem > /dev/null; "
                  "! repeat 2 'lsmod' > /dev/full", expect=OK)
    told = "could not be written (ENOSPC)"
    assert result.console.count("mem: what it printed " + told) == 1, result
    assert "lsmod: what it printed " + told in result.console, result


def test_program_whose_output_cannot_be_written_fails():
    """To a module's device programs print; here, one that takes no words."""
    result = boot("load edu; ! echo x > /dev/edu; ! ls > /dev/edu; "
                  "! cat /etc/motd > /dev/edu", expect=OK,
                  qemu="-device edu")
    for program in "echo", "ls", "cat":
        assert "%s: write: error 22" % program in result.console, result


def test_the_log_is_cleared_of_what_was_shown():
    result = boot("! dmesg -c > /dev/full; echo first; "
                  "dmesg; echo second; dmesg -c; echo third; dmesg")
    _, first, second = re.split("first\n|second\n", result.console)
    shown, rest = second.split("third\n")
    line = re.compile(r"(?m)^\[ *\d+\.\d{6}\]")
    assert line.search(first) and line.search(shown), result
    assert not line.search(rest), result


def test_no_name_commands_the_terminal():
    """Neither in a list of files nor as that of a process."""
    build = os.environ.get("ICEBOX_BUILD", os.path.join(TOP, "build"))
    result = boot("ls /bin; run ls /bin; spawn 1 \x1b[2Jname; ps",
                  add=["bin/\x1b[2Jname=%s/user/sleeper" % build], expect=OK)
    printed = [line for line in result.console.splitlines()
               if not line.startswith("icebox>")]
    assert printed.count("?[2Jname") == 2 and "\x1b" not in "".join(printed), result
    assert any(re.search(r"asleep .* \?\[2Jname ", line)
               for line in printed), result


def test_a_listing_goes_to_a_file_like_any_other(tmp_path):
    """Of several pages too; the file is in the folder that is listed."""
    (tmp_path / "empty").write_text("")
    names = ["%02d%s" % (i, "f" * 98) for i in range(50)]
    result = boot("run ls /tmp; ls /tmp > /tmp/list; cat /tmp/list",
                  add=["tmp/%s=%s/empty" % (name, tmp_path) for name in names],
                  expect=OK)
    printed = result.console.splitlines()
    assert [printed.count(name) for name in names] == [2] * 50, result
    assert printed.count("list") == 1, result


@pytest.mark.parametrize("iso", (False, True))
def test_added_file_takes_the_place_of_the_one_that_is_there(iso, tmp_path):
    (tmp_path / "hello.ko").write_text("no module at all")
    result = boot("load hello", iso=iso, expect=FAILED,
                  add=[tmp_path / "hello.ko"])
    assert "too few for an ELF file" in result.console, result


def test_unload_names_the_one_that_is_not_loaded():
    result = boot("load hello; ! unload hello nothere; unload hello",
                  expect=OK)
    assert "hello nothere: nothere is not loaded" in result.console, result


def test_modinfo_takes_what_load_takes():
    result = boot("modinfo leaks-pointer; modinfo hello.ko; "
                  "modinfo /lib/modules/hello.ko", expect=OK)
    assert re.findall(r"(?m)^file +(.*)", result.console) == [
        "/lib/modules/%s.ko" % name
        for name in ("leaks_pointer", "hello", "hello")], result


def test_wrong_words_are_told_whole():
    """An option that is none, a number that is not there, a program for which
    there is no page, a word that is near to nothing."""
    result = boot("unload --help; dmesg -n; help reader; exit; lsmdo",
                  expect=FAILED)
    for text in ("unload: --help: no such option", "dmesg: -n: which level?",
                 "A program, /bin/reader", "exit: no such command; try help",
                 "did you mean lsmod?"):
        assert text in result.console, result


def test_an_error_is_named_once():
    result = boot("load init_fails; load /lib/modules; reader; "
                  "echo > /dev/none", expect=FAILED)
    for text in ("there is no such device (EACCES)\n",
                 "init failed: ENXIO\n", "cannot be read: EISDIR\n",
                 "reader: which device?\n"):
        assert text in result.console, result


def test_advice_is_of_use():
    """Not to defer what is deferred."""
    result = boot("load fifo; spawn 1 reader /dev/fifo0; unload fifo; "
                  "unload -d fifo; echo second; unload fifo; killall reader",
                  expect=FAILED)
    first, second = result.console.rsplit("second\n", 1)
    assert "`unload -d fifo`" in first, result
    assert re.search(r"1 user\. `kill \d+` and it goes by itself, `bt \d+` to "
                     "look", second), result
    assert "unload -d" not in second, result
