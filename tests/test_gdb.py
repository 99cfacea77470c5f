"""gdb on the running kernel: the symbols of modules follow load and unload."""

import os
import re
import subprocess

import pytest

from icebox import BUILD, TOP

START = os.path.join(TOP, "tools/gdb/start")


def gdb(tmp_path, script, *commands):
    """What gdb says to the commands, while the kernel runs the script."""
    p = subprocess.Popen(
        [START, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=environment(tmp_path))
    try:
        return p.communicate("\n".join(commands) + "\n", timeout=60)[0]
    except subprocess.TimeoutExpired:
        p.terminate()
        pytest.fail("gdb hangs: " + p.communicate()[0])


def environment(tmp_path):
    return dict(os.environ, ICEBOX_BUILD=BUILD, TERM="dumb",
                ICEBOX_CONSOLE=str(tmp_path / "console"))


def test_symbols_come_and_go_with_the_module(tmp_path):
    """A breakpoint set beforehand is hit, with the module's source lines; after
    the unload the module's names mean nothing."""
    out = gdb(tmp_path, "load hello; unload hello; lsmod",
              "break hello_init", "continue", "backtrace", "finish",
              "print hello_cleanup", "tbreak cmd_lsmod", "continue",
              "print hello_cleanup")
    assert re.search(r"#0 .* hello_init \(\) at modules/hello\.c:\d+", out), out
    assert re.search(r" module_load \([^#]* at kernel/module/load\.c:", out), out
    loaded, unloaded = out.split("icebox: hello unloaded")
    assert "{void (void)}" in loaded and "<hello_cleanup>" in loaded, out
    assert 'No symbol "hello_cleanup"' in unloaded, out


def test_breakpoint_outlives_the_module(tmp_path):
    """What was set in a module is hit in each of its lives, and while it is
    unloaded stops nobody else."""
    out = gdb(tmp_path, "repeat 3 'load hello; unload hello'",
              "break hello_cleanup", *["continue"] * 3)
    assert len(re.findall("hit Breakpoint 1, .*hello_cleanup", out)) == 3, out
    assert out.count("icebox: hello loaded") == 3, out


def test_ctrl_c_stops_the_machine(tmp_path):
    """Ctrl-C brings gdb's prompt back and ends nothing; what is typed through
    gdb reaches the shell."""
    pexpect = pytest.importorskip("pexpect")
    env = environment(tmp_path)
    open(env["ICEBOX_CONSOLE"], "w").close()
    console = pexpect.spawn("tail", ["-n", "+1", "-f", env["ICEBOX_CONSOLE"]],
                            encoding="utf-8", timeout=60)
    child = pexpect.spawn(START, env=env, echo=False, encoding="utf-8",
                          timeout=60)
    try:
        child.expect(r"\(gdb\) ")
        child.sendline("tbreak shell_start")
        child.expect(r"\(gdb\) ")
        child.sendline("continue")
        child.expect(r"shell_start[^\n]*\n.*\(gdb\) ")
        child.sendline("continue")
        console.expect("icebox> ")	# it runs, and gdb waits
        child.sendintr()
        child.expect(r"(?s)SIGINT.*\(gdb\) ")
        child.sendline("tbreak cmd_lsmod")
        child.expect(r"\(gdb\) ")
        child.sendline("icebox type lsmod")
        child.expect(r"\(gdb\) ")
        child.sendline("continue")
        child.expect(r"cmd_lsmod.*\(gdb\) ")
    finally:
        child.close(force=True)
        console.close(force=True)
