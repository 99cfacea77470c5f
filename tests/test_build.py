"""What the Makefile builds, and modules outside the tree: make M=DIR."""

import os
import re
import subprocess

import pytest

from icebox import NO_BOOT, OK, TOP, boot, built, flags, make_module

MODULE = """
#include <kernel/module.h>
#include <kernel/printk.h>
#include "answer.h"

static int greet_init(void)
{
	pr_notice("%s: the answer is %d", KBUILD_MODNAME, answer() * FACTOR);
	return 0;
}

module_init(greet_init);
MODULE_DESCRIPTION("outside the tree");
MODULE_LICENSE("MIT");
"""
ANSWER = '#include "answer.h"\nint answer(void) { return 21; }\n'


def test_module_outside_the_tree(tmp_path):
    """A Kbuild file names the sources and adds flags, as for Linux; the kernel
    takes the module as one of its own."""
    folder = tmp_path / "greet-er"
    folder.mkdir()
    (folder / "main.c").write_text(MODULE)
    (folder / "answer.c").write_text(ANSWER)
    (folder / "answer.h").write_text("int answer(void);\n")
    (folder / "Kbuild").write_text("obj-m := greet-er.o\n"
                                   "greet-er-objs := main.o \\\n\tanswer.o\n"
                                   "ccflags-y := -DFACTOR=2\n")
    make_module(folder)
    result = boot("load greet-er; unload greet_er", expect=OK,
                  add=[folder / "greet-er.ko"])
    assert "the answer is 42" in result.console, result


def test_one_file_needs_no_kbuild(tmp_path):
    """A folder with C files alone makes one module named like it."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "any.c").write_text(MODULE.replace("answer()", "21")
                                  .replace("FACTOR", "2")
                                  .replace('#include "answer.h"\n', ""))
    make_module(folder)
    result = boot("load plain; unload plain", expect=OK,
                  add=[folder / "plain.ko"])
    assert "plain: the answer is 42" in result.console, result


def test_folders_that_are_no_module_are_told(tmp_path):
    """Nothing there, nothing in it, a path that make cannot bear."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "two words").mkdir()
    for name, text in (("none", "no such folder"),
                       ("empty", "neither C files nor"),
                       ("two words", "a path with blanks")):
        done = subprocess.run(
            ["make", "-C", TOP, "BUILD=%s" % (tmp_path / "b"),
             "M=%s" % (tmp_path / name)], capture_output=True, text=True)
        assert done.returncode and text in done.stderr, done


def test_an_ordinary_kernel_has_nothing_of_the_lab():
    """Neither switches nor the coroner's places are in there; and who asks for
    a coroner is told what to build."""
    if "-DCONFIG_LAB" in flags():
        pytest.skip("the build under test is a lab build itself")
    symbols = subprocess.run(["nm", built("icebox.elf")], capture_output=True,
                             text=True, check=True).stdout
    assert not re.search(r"coroner|certif|guard_", symbols)
    result = boot("true", coroner=True, expect=NO_BOOT)
    assert "make LAB=1" in result.stderr, result


@pytest.mark.parametrize("target, folder", (
    ("matrix", "lab"), ("explore", "lab"), ("coroner", "lab"),
    ("soak", "debug")))
def test_what_is_built_is_what_is_run(target, folder, tmp_path):
    """BUILD= holds for those, too, that build a kernel of another kind."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("MAKE")}
    for words, runs in ((["BUILD=%s" % tmp_path], tmp_path / folder),
                        ([], os.path.join(TOP, "build-" + folder))):
        done = subprocess.run(["make", "-n", "-C", TOP, target, *words],
                              capture_output=True, text=True, check=True,
                              env=env)
        assert set(re.findall(r"ICEBOX_BUILD=(\S+?);? ", done.stdout)) == {
            str(runs)}, done


def build_fails(tmp_path, files):
    """What make M= says of a folder with these files."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(AssertionError) as failed:
        make_module(folder)
    return str(failed.value)


def test_no_header_of_the_host_is_found(tmp_path):
    """<linux/module.h> is there on a host, and declares nothing of a module."""
    for i, header in enumerate(("linux/module.h", "stdio.h")):
        (tmp_path / str(i)).mkdir()
        assert header + ": No such file" in build_fails(
            tmp_path / str(i),
            {"a.c": "#include <%s>\n%s" % (header, MODULE)})


def test_module_exit_is_told_what_it_is_here(tmp_path):
    assert "module_unregister() and module_cleanup()" in build_fails(
        tmp_path, {"a.c": MODULE + "static void bye(void) { }\n"
                   "module_exit(bye);\n", "answer.h": "int answer(void);\n"})


@pytest.mark.parametrize("files", (
    {"Kbuild": "obj-m := gone.o\n"},
    {"Kbuild": "obj-m := a.o\na-objs := b.o gone.o\n", "b.c": MODULE},
    {"gone b.c": MODULE}))
def test_a_source_that_is_not_there_is_named(files, tmp_path):
    said = build_fails(tmp_path, files)
    assert "made of gone" in said and "no such file" in said, said
