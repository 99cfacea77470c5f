"""Reference tracking of the debug build: who has taken each count of a module,
where, and when (kernel/sched/refs.c); and that the ordinary one has none."""

import re
import subprocess

import pytest

from icebox import OK, boot, built, is_debug

debug = pytest.mark.skipif(not is_debug(), reason="for make DEBUG=1")


def refs_of(result, command):
    """The lines that a command `refs` has printed: (pid, name, place)."""
    part = result.console.split("icebox> " + command)[-1]
    return re.findall(r"(?m)^ *(\d+) (\w+) +(?:took|opened) it at (\S+), ",
                      part)


@debug
def test_each_count_has_a_name_and_a_place():
    """Counts of a module's own, of files, and of a call; none is left over
    when they are put."""
    result = boot("load overcounts; overcount; overcount; refs overcounts\n"
                  "overcount put; overcount put; refs overcounts\n"
                  "unload overcounts; load fifo; spawn 2 reader /dev/fifo0\n"
                  "refs fifo\nkillall reader; wait; refs fifo", expect=OK)
    console = result.console
    taken = re.findall(r"(?m)^ *\d+ (\w+) +took it at (\w+)\+", console)
    opened = re.findall(r"(?m)^ *\d+ (\w+) +opened it at (\w+)\+", console)
    # The call of the command itself is over by then: two, and not three.
    assert taken == [("overcount", "overcount_command")] * 2, result
    assert opened == [("reader", "file_open")] * 2 or \
        [who for who, _ in opened] == ["reader"] * 2, result
    assert refs_of(result, "killall reader; wait; refs fifo") == [], result


@debug
def test_a_refusal_names_who_has_ended():
    """The command that took the count is over: its name is known all the
    same, and its place."""
    result = boot("load overcounts; overcount; ! unload overcounts; "
                  "overcount put; unload overcounts", expect=OK)
    (b,) = result.reports[0]["blockers"]
    assert b["where"].startswith("overcount_command+0x")
    assert b["help"] == "taken as overcount, which has ended"


@debug
def test_more_counts_than_places_are_named():
    """Each call is a task of its own, so that eight fill the places that the
    ordinary kernel has; here the others are named, too."""
    result = boot("load overcounts; repeat 12 overcount; ! unload overcounts; "
                  "repeat 12 overcount put; unload overcounts", expect=OK)
    counts = [b for b in result.reports[0]["blockers"]
              if b["kind"] == "use_count"]
    assert len(counts) == 12, result
    assert all(b["where"].startswith("overcount_command+0x") for b in counts)


def test_the_ordinary_kernel_keeps_no_references():
    """Not a symbol of it, nor of the watchdog."""
    names = subprocess.run(["nm", built("icebox.elf")], capture_output=True,
                           text=True, check=True).stdout
    has = re.findall(r"\b(ref_note|refs|watchdog_init|sched_watchdog_nmi)$",
                     names, re.M)
    assert bool(has) == is_debug(), has
