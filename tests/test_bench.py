"""Counted instructions (make bench-exact): the figures are repeatable, well
formed, and compared with those that the tree has."""

import os
import re
import subprocess

import pytest

from icebox import BUILD, OK, TOP, boot, flags

BENCH = os.path.join(TOP, "tests/bench/run")
REFERENCE = os.path.join(TOP, "tests/bench/reference.txt")
LINE = re.compile(r"^[a-z][a-z0-9.-]* \d+ (ns|instructions(/[A-Za-z]+)?)$")

# In these builds more is done, and the reference is of neither.
ORDINARY = pytest.mark.skipif(
    bool({"-DCONFIG_DEBUG", "-DCONFIG_LAB"} & set(flags())),
    reason="figures are of the ordinary build")


def bench(*arguments):
    return subprocess.run([BENCH, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True,
                          env=dict(os.environ, ICEBOX_BUILD=BUILD, UPDATE=""))


def figures(text):
    return [line for line in text.splitlines()
            if line and not line.startswith("#")]


def changed(tmp_path, factor, name="unload.hello"):
    """Figures like the reference's, but for one."""
    path = tmp_path / "figures"
    with open(REFERENCE) as f:
        path.write_text(re.sub(
            r"(?m)^(%s) (\d+)" % re.escape(name),
            lambda m: "%s %d" % (m[1], int(int(m[2]) * factor)), f.read()))
    return bench("--figures", str(path))


def test_the_count_repeats_itself():
    """Two runs agree to the last digit, load, unload and programs alike."""
    runs = [bench("modules", "programs", "world.10") for _ in range(2)]
    assert [r.returncode for r in runs] == [0, 0], runs
    assert runs[0].stdout == runs[1].stdout
    names = [line.split()[0] for line in figures(runs[0].stdout)]
    assert {"load.hello", "unload.fifo", "syscall.null", "switch.pipe",
            "fork-exit-wait", "freeze.10", "thaw.10", "verdict.10"} \
        <= set(names)


def test_the_reference_is_well_formed():
    """A head that names compiler and emulator, then lines `name value unit',
    each name once, a topic's lines together and by their numbers."""
    with open(REFERENCE) as f:
        text = f.read()
    assert re.search(r"(?m)^# compiler: \S", text)
    assert re.search(r"(?m)^# emulator: QEMU", text)
    lines = figures(text)
    assert all(LINE.match(line) for line in lines), lines
    names = [line.split()[0] for line in lines]
    assert len(set(names)) == len(names)
    topics = [name.split(".")[0] for name in names]
    assert topics == sorted(topics)
    assert [n for n in names if n.startswith("freeze.")] == [
        "freeze.10", "freeze.100", "freeze.1000", "freeze.10000"]


def test_a_figure_that_moves_by_six_percent_fails(tmp_path):
    """Either way; 4 % is let pass."""
    for factor, status in ((1.0, 0), (1.04, 0), (0.96, 0),
                           (1.06, 1), (0.94, 1)):
        done = changed(tmp_path, factor)
        assert done.returncode == status, (factor, done)
        assert ("unload.hello: " in done.stdout) == (status == 1), done


def test_a_figure_that_is_missing_or_unknown_fails(tmp_path):
    """A line that is gone is no line within 5 %."""
    with open(REFERENCE) as f:
        text = f.read()
    path = tmp_path / "figures"
    for other in (re.sub(r"(?m)^unload\.hello .*\n", "", text),
                  text + "zeal 1 instructions\n"):
        path.write_text(other)
        assert bench("--figures", str(path)).returncode == 1


def test_another_compiler_is_not_compared(tmp_path):
    """It says so, and whose the reference is."""
    with open(REFERENCE) as f:
        text = re.sub(r"(?m)^(# compiler:) .*", r"\1 cc 1.0", f.read())
    path = tmp_path / "figures"
    path.write_text(text.replace("unload.hello ", "unload.hello 9"))
    done = bench("--figures", str(path))
    assert done.returncode == 0
    assert "not compared: the reference is of another compiler" in done.stdout


def test_a_machine_without_exact_time_counts_nothing():
    """Ticks that are no instructions are not taken for some."""
    result = boot("! bench modules", smp=1, expect=OK)
    assert not re.search(r"(?m)^count ", result.console), result
    assert "takes one CPU and -icount" in result.console


@ORDINARY
def test_thousands_of_sleepers_do_not_stretch_a_freeze():
    """In the exact time of -icount a module goes among 5,000 sleepers at the
    first attempt, and no freeze lasts 10 ms (G9)."""
    result = boot("load hello; repeat 5 'spawn 1000 sleeper >/dev/null'; "
                  "unload --json hello", smp=1, mem=512, icount=0, expect=OK)
    report = result.reports[-1]
    assert report["outcome"] == "gone", result
    assert report["frozen_max_ns"] < 10000000, report
