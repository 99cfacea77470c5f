"""The coroner: the judge outside the kernel, and the watch over the dead.

A judge that never objects proves nothing. So most of these scenes take guards
away until the kernel commits what it must not, and ask whether the coroner has
noticed, and what the watch has seen afterwards.
"""

import os
import re
import subprocess
import sys

import pytest

from icebox import FAILED, OK, PANICKED, TOP, boot, lab_build

np = pytest.importorskip("numpy", reason="python3-numpy: make deps-check")
sys.path.insert(0, os.path.join(TOP, "tools/coroner"))
from judge import Judge, Verdict                        # noqa: E402
from watch import DEAD, LAYOUT                          # noqa: E402

pytestmark = pytest.mark.coroner

BLIND = "MEMORY_SEARCH,VERDICT_MEMORY"
NAP = "load keeper; load sleeps_uncounted; keeper call &; nap ready; "
LEAK = "load keeper; load leaks_pointer; "


def judged(script, guard_off="", **options):
    """Runs the script under the coroner, which has come to its end. A watched
    machine is slow, so unloads have more than their usual second."""
    result = boot(re.sub(r"\bunload (?!-)", "unload -t 20000 ", script),
                  lab=True, coroner=True,
                  append=guard_off and "guard_off=" + guard_off, **options)
    assert len(result.of("coroner_end")) == 1, result
    return result


def verdicts(result):
    return [(v["verdict"], v["kernel"], v["coroner"])
            for v in result.of("coroner")]


def objections(result):
    return [v for v in result.of("coroner") if v["disagrees"]]


def touches(result):
    return {(t["how"], t["seen"]) for t in result.of("coroner_touch")}


# ---- where the two agree ----

@pytest.mark.parametrize("smp, icount", [(1, None), (2, None), (4, None),
                                         (2, 0)])
@pytest.mark.parametrize("modules", ["fifo", "ticker", "tally counter"])
def test_the_innocent_go_in_peace(smp, icount, modules):
    """A module that nobody uses: two verdicts, searched memory, no objection,
    and nobody touches what is gone."""
    load = "; ".join("load " + m for m in reversed(modules.split()))
    result = judged("%s; unload %s" % (load, modules), expect=OK, smp=smp,
                    icount=icount)
    assert verdicts(result)[-2:] == [("commit", "clean", "unreachable"),
                                     ("second", "clean", "unreachable")]
    assert all(v["words"] > 100000 and v["objects"] > 50 and not v["complaints"]
               for v in result.of("coroner")), result
    assert not touches(result), result


def test_a_refusal_is_understood():
    """Who sleeps inside is found by both; when he has left, by neither."""
    result = judged(NAP + "! unload sleeps_uncounted; nap wake; wait; "
                    "unload sleeps_uncounted", expect=OK)
    seen = verdicts(result)
    assert ("refusal", "task", "reachable") in seen, result
    assert seen[-2:] == [("commit", "clean", "unreachable"),
                         ("second", "clean", "unreachable")], result


def test_who_aims_at_it_is_no_way():
    """Registers, arguments, FPU and TLS descriptors of programs are full of its
    address; the kernel and the coroner make nothing of it."""
    result = judged("load hello; where hello > /tmp/at; "
                    "spawn 1 aimer /tmp/at spin; spawn 1 aimer /tmp/at sleep; "
                    "unload hello", expect=OK, smp=1, icount=0)
    assert verdicts(result)[-2:] == [("commit", "clean", "unreachable"),
                                     ("second", "clean", "unreachable")]
    assert result.of("coroner_end")[0]["false_positives"] == 0, result


def test_evidence_without_a_way_is_counted():
    """A kernel object that only the dead know holds an address of theirs: the
    kernel, which reads all memory, refuses; no way leads there."""
    result = judged("load keeper; load leaks_pointer where=heap; "
                    "! unload leaks_pointer; unleak; unload leaks_pointer",
                    expect=OK)
    assert ("refusal", "memory", "unreachable") in verdicts(result)
    assert result.of("coroner_end")[0]["false_positives"] == 1, result


# ---- where the kernel is wrong ----

class Told:
    """A kernel whose certificate has these pages and frames, and whose owner
    table and page tables have pages 3 and 4: a margin, and frame 77."""

    at = {"certificate": 0}

    def __init__(self, pages, frames):
        self.column = {"page": np.array(pages), "frame": np.array(frames)}
        self.window_frame = np.array([-1, -1, -1, -1, 77])
        self.machine, self.names = self, self
        self.struct = {"certificate": Layout(4, room=80),
                       "certificate_page": Layout(8, room=8)}

    def word(self, _):
        return len(self.column["page"])

    def field_of(self, _at, _count, _struct, name):
        return self.column[name]


class Layout(dict):
    def __init__(self, offset, room):
        super().__init__(page=offset, nr_pages=0)
        self.size = room

    def size_of(self, _):
        return self.size


@pytest.mark.parametrize("pages, frames, wrong", [
    ([3, 4], [0, 77], False), ([3, 4], [0, 78], True), ([4], [77], True),
    ([3, 4, 5], [0, 77, 0], True), ([3, 4], [77, 77], True)])
def test_a_certificate_that_lies(pages, frames, wrong):
    """Pages or frames that are not those of the tables make a complaint, and a
    complaint is a disagreement."""
    judge = Judge(Told(pages, frames), 0)
    judge.verdict = Verdict({"conclusion": "clean"})
    judge.dead = np.array([False, False, False, True, True])
    judge.compare_territory()
    assert judge.verdict.disagrees == wrong, judge.verdict.complaints


@pytest.mark.parametrize("guards, script, where", [
    # a sleeper's stack, and the record of his task
    ("TASK_EVIDENCE," + BLIND, NAP + "unload sleeps_uncounted",
     [r"stack of keeper\[\d+\], esp\+\d+", r"object \w+\+\d+ of \d+ bytes"]),
    # a variable of a module that lives on
    (BLIND, LEAK + "unload leaks_pointer", [r"module keeper, \w+"]),
    # a heap object that static data leads to
    ("LEDGER_CLOSED," + BLIND, "load forgets_device; unload forgets_device",
     [r"object \w+\+\d+ of \d+ bytes < kernel data chrdevs"]),
    # another module's calls, which no word shows
    ("DEPENDENTS," + BLIND, "load counter; load tally; unload counter",
     [r"module tally is linked to it"]),
], ids=["stack", "module", "heap", "linked"])
def test_what_the_kernel_overlooks(guards, script, where):
    """With guards off the kernel lets go what can be reached: the coroner
    objects to that very verdict and names the holder. With them on it refuses,
    and nobody objects."""
    result = judged(script, guards, expect=PANICKED)
    first = objections(result)[0]
    assert first["verdict"] == "commit", result
    for pattern in where:
        assert any(re.match(pattern, hit) for hit in first["hits"]), result
    assert "the kernel says clean, and it is reachable" in result.stderr
    assert not objections(judged(script, expect=FAILED))


@pytest.mark.parametrize("guard", ["TASK_EVIDENCE", "WHOLE_STACK",
                                   "DATA_COUNTS"])
def test_no_crash_without_an_objection(guard):
    """H02: of the ways through a module, preempted at each instruction, with
    stacks not read, or not all of it, the first that ends in a crash is one
    that the coroner has objected to just before."""
    result = judged("ktest exact", guard, expect=PANICKED, smp=1, icount=0)
    last = result.of("coroner")[-1]
    assert last["disagrees"] and "stack of victim" in last["hits"][0], result
    assert len(result.of("coroner")) > 10
    assert touches(result), result


def test_what_cleanup_leaves_behind():
    """H48: without a second verdict the kernel buries what cleanup has left a
    pointer to, and asks nobody; the coroner is asked all the same. What he said
    comes true when the pointer is followed."""
    script = "load keeper; load cleanup_waits leave=1; unload cleanup_waits; "
    result = judged(script + "keeper call", "SECOND_VERDICT", expect=PANICKED)
    assert verdicts(result)[-2:] == [("commit", "clean", "unreachable"),
                                     ("second", "clean", "reachable")]
    assert "module keeper" in objections(result)[0]["hits"][0], result
    assert touches(result) == {("fetch", "fault")}, result


# ---- the watch ----

@pytest.mark.parametrize("how, kind", [("call", "fetch"), ("read", "load"),
                                       ("write", "store")])
def test_a_touch_that_faults(how, kind):
    """An address that was kept where no judge can see it (as an offset) is
    used when the module has gone: each kind of access is told."""
    result = judged("load ticker; ghost keep ticker ticker_command; "
                    "unload ticker; ghost " + how, expect=PANICKED)
    assert not objections(result), result
    assert touches(result) == {(kind, "fault")}, result


def test_a_touch_between_the_verdicts():
    """Cleanup may work on the dead; a call from elsewhere meanwhile does not
    fault, and is seen all the same, with its place."""
    result = judged(LEAK + "load cleanup_waits; keeper hold; "
                    "unload cleanup_waits leaks_pointer & "
                    "await leaks_pointer dead; keeper call; keeper release; "
                    "wait", BLIND, expect=PANICKED)
    assert touches(result) == {("fetch", "address")}, result
    touch = result.of("coroner_touch")[0]
    assert touch["module"] == touch["at"] == "leaks_pointer"
    assert touch["eip"] == touch["address"]
    assert touch["address"] in objections(result)[0]["hits"][0]


def test_a_touch_of_a_frame(tmp_path):
    """The watch alone, on a frame that is called dead while the kernel's list
    of tasks lies in it: it is seen at work there, and nowhere else."""
    lab = lab_build()
    ram, shared = tmp_path / "ram", tmp_path / "watch"
    with open(ram, "wb") as f:
        f.truncate(32 << 20)
    symbols = subprocess.run(["nm", os.path.join(lab, "icebox.elf")],
                             capture_output=True, text=True).stdout
    tasklist = int(re.search(r"(\w+) \w tasklist\n", symbols)[1], 16)
    frame = tasklist - 0xc0000000 >> 12
    w = np.zeros(1, dtype=LAYOUT)
    w["armed"] = 1
    w["frame_state"][0][frame] = DEAD
    shared.write_bytes(w.tobytes())
    boot("ps", lab=True, expect=OK, mem=32, qemu="-object memory-backend-file,"
         "id=ram,share=on,size=32M,mem-path=%s -machine memory-backend=ram "
         "-plugin %s,ram=%s,watch=%s" % (
             ram, os.path.join(lab, "coroner-watch.so"), ram, shared))
    w = np.fromfile(shared, dtype=LAYOUT)[0]
    seen = w["touch"][:min(int(w["nr_touches"]), len(w["touch"]))]
    assert len(seen) and seen["by_frame"].all()
    assert (seen["frame"] == frame).all()
    assert (seen["address"] >> 12 == tasklist >> 12).all(), seen["address"]
    assert {1, 2} <= set(seen["how"])       # loads and stores
