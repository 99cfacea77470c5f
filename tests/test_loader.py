"""Bad module files, each for one refusal, given to the kernel itself."""

import os
import re
import subprocess
import sys

import pytest

from icebox import BUILD, TOP, boot, make_module
from scenes import FEW, on, play

sys.path.insert(0, os.path.join(TOP, "tests/badfiles"))

import make                                             # noqa: E402


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The sound file, compiled as the modules of this kernel are."""
    with open(os.path.join(BUILD, ".mflags")) as f:
        words = f.read().split()
    compiler = words[:next(i for i, w in enumerate(words)
                           if i and not w.startswith("-"))]
    path = tmp_path_factory.mktemp("good") / "good.ko"
    subprocess.run(compiler + ["-DKBUILD_MODNAME=\"good\"", "-c", "-o",
                               str(path), "tests/badfiles/good.c"],
                   cwd=TOP, check=True)
    return path


@pytest.fixture(scope="module")
def bad_files(good, tmp_path_factory):
    """[(name, path, text that the refusal has)]"""
    folder = tmp_path_factory.mktemp("bad")
    files = []
    for name, data, expected in make.cases(good.read_bytes()):
        path = folder / (name + ".ko")
        path.write_bytes(data)
        files.append((name, path, expected))
    return files


@on([(1, None), (4, None), (2, 0)])
def test_every_bad_file_is_refused(machine, good, bad_files):
    """Each with its own text and a status that is not 0; nothing is changed or
    left behind, and the sound file loads before and after."""
    sound = "load good; unload good"
    script = ["%s; census" % sound]
    script += ["! load /tmp/%s.ko" % name for name, _, _ in bad_files]
    script += ["lsmod; census check; " + sound]
    result = play("\n".join(script), machine,
                  add=[good] + ["tmp/%s.ko=%s" % (name, path)
                                for name, path, _ in bad_files])
    for name, _, expected in bad_files:
        said = re.search(r"(?m)^load: /tmp/%s\.ko: (.*)$" % re.escape(name),
                         result.console)
        assert said, (name, result)
        assert expected in said[1], (name, expected, said[1])
    lines = result.console[result.console.index("icebox> lsmod"):].split("\n")
    assert lines[1].startswith("MODULE") and "census" not in lines[2], lines


def test_truncated_files_are_refused(good):
    """Wherever the file was cut off."""
    data = good.read_bytes()
    cuts = range(0, len(data), max(1, len(data) // 60))
    add, script = [good], ["load good; unload good; census"]
    for n in cuts:
        path = good.parent / ("cut%d.ko" % n)
        path.write_bytes(data[:n])
        add.append("tmp/cut%d.ko=%s" % (n, path))
        script.append("! load /tmp/cut%d.ko" % n)
    play("\n".join(script + ["census check; load good; unload good"]),
         (2, None), add=add)


def test_bad_parameters_are_refused(good):
    """Of a sound file: unknown, not a number, too long a list."""
    result = play("census; ! load good limit=many; ! load good nothing=1; "
                  "! load good limit=99999999999; load good limit=5; "
                  "! load good; unload good; census check", (2, None),
                  add=[good])
    assert "limit" in result.console and "nothing" in result.console


def test_failing_routines_leave_nothing():
    """init that fails, register that fails half-way: as if never loaded."""
    boot("census; ! load init_fails; ! load register_fails; ! load nothing; "
         "lsmod; census check; load hello; unload hello", expect=0)


def test_what_is_no_file_is_refused():
    """A folder, a device, a name that is too long: loaded or asked about."""
    result = boot("census; ! load /lib/modules; ! load /dev/null; ! load /; "
                  "! load %s; ! modinfo /lib/modules; ! modinfo /dev/null; "
                  "census check" % ("n" * 100), expect=0)
    assert "EISDIR" in result.console, result


def test_exports_that_are_taken_are_refused(tmp_path):
    """By the kernel or by another module; and what init returns is told."""
    for name, symbol, status in (("one", "shared", 0), ("two", "shared", 0),
                                 ("three", "kfree", 0), ("four", "own", 5)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.c").write_text(
            "#include <kernel/export.h>\n#include <kernel/module.h>\n"
            "void %s(void);\nvoid %s(void)\n{\n}\nEXPORT_SYMBOL(%s);\n"
            "static int start(void)\n{\n\treturn %d;\n}\n"
            "module_init(start);\n" % (symbol, symbol, symbol, status))
        make_module(folder)
    result = boot("load one; ! load two; unload one; load two; unload two; "
                  "! load three; ! load four", expect=0,
                  add=[tmp_path / n / (n + ".ko")
                       for n in ("one", "two", "three", "four")])
    for text in ("shared, which module one exports", "kfree, which the kernel",
                 "init returned 5"):
        assert text in result.console, result


COUNTED = """
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/module.h>

void shared(void);
void shared(void)
{
}
EXPORT_SYMBOL(shared);

static int start(void)
{
	return try_module_get(THIS_MODULE) ? 0 : -ENODEV;
}
module_init(start);
"""


@on(FEW)
def test_exports_of_a_deferred_module_are_taken(machine, tmp_path):
    """It may be revived; and then two modules would have the names."""
    (tmp_path / "one.c").write_text(COUNTED)
    (tmp_path / "two.c").write_text(COUNTED)
    (tmp_path / "Makefile").write_text("obj-m := one.o two.o\n")
    make_module(tmp_path)
    result = play("load one; unload -d one; ! load two; load one; ! load two",
                  machine, add=[tmp_path / "one.ko", tmp_path / "two.ko"])
    assert result.console.count("two: exports shared, which module one "
                                "exports already") == 2, result


@on(FEW)
def test_exports_of_a_closed_module_are_taken(machine):
    """It may be reactivated; and then two modules would have the names."""
    result = play("load counter; load fifo; spawn 1 reader /dev/fifo0; "
                  "unload -w 60000 counter fifo &; await counter closed; "
                  "! load again; killall reader; wait; load again; "
                  "! load counter; unload again", machine,
                  add=["/lib/modules/again.ko=%s/modules/counter.ko" % BUILD])
    for text in (r"again: exports counter_\w+, which module counter exports",
                 r"counter: exports counter_\w+, which module again exports"):
        assert re.search(text, result.console), result
