"""The matrix: its judge tells outcomes apart, and some cells are known."""

import importlib.machinery
import importlib.util
import os
import subprocess

import pytest

import icebox

RUN = os.path.join(icebox.TOP, "tests/matrix/run")


def load_runner():
    loader = importlib.machinery.SourceFileLoader("matrix_run", RUN)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("matrix_run", loader))
    loader.exec_module(module)
    return module


matrix = load_runner()
from hazards import Scene                       # noqa: E402, by the runner


def scene(want, script="unload m", module="m"):
    return Scene("H00", "a scene", script, want, module)


def ended(status=icebox.OK, console="", errors="", statuses=(), reports=()):
    events = [{"event": "status", "command": c, "status": s}
              for c, s in statuses]
    events += [dict({"event": "report", "module": "m", "total_ns": 1,
                     "blockers": []}, **r)
               for r in reports]
    return icebox.Result("tests/run", status, console, errors, events)


GONE, REFUSED = {"outcome": "gone"}, {"outcome": "refused"}


@pytest.mark.parametrize("cell, want, result", [
    ("safe", "gone", ended(reports=[GONE])),
    ("refused", "kept", ended(reports=[REFUSED, GONE])),
    ("wrong refusal", "gone", ended(reports=[REFUSED])),
    ("freed in use", "kept", ended(reports=[GONE])),
    ("no answer", "gone", ended()),
    ("stall", "gone", ended(reports=[dict(GONE, total_ns=3e9)])),
    ("leak", "gone", ended(reports=[GONE], statuses=[("census check", 1)])),
    ("user-visible error", "kept",
     ended(reports=[REFUSED], statuses=[("echo x > /dev/m0", 1)])),
    ("crash", "gone", ended(icebox.PANICKED, "panic")),
    ("crash, autopsy", "gone", ended(icebox.PANICKED, "autopsy: m")),
    ("safe", "autopsy", ended(icebox.PANICKED, "autopsy: m")),
    ("silent use", "autopsy", ended(reports=[GONE])),
    ("stall", "gone", ended(icebox.HUNG)),
    ("stall", "gone", ended(icebox.PANICKED,
                            "limit: no end, and somebody runs")),
    ("deadlock", "gone", ended(icebox.PANICKED,
                               "limit: no end, and nobody runs")),
    ("safe", "ktest", ended(console="ok 1 exact.x")),
    ("wrong refusal", "ktest",
     ended(icebox.FAILED, "not ok 1 exact.x # nobody stayed (G14)")),
    ("unsafe: gone", "ktest", ended(icebox.FAILED, "not ok 1 exact.x # gone")),
])
def test_a_run_is_told_by_how_it_ended(cell, want, result):
    """Each sort of cell, from the least that makes it one."""
    assert matrix.judge(scene(want), result) == cell


def cells(everything, off):
    """A matrix in which every scene has one cell, but for H01."""
    names = [s.name for s in matrix.SCENES]
    rest = dict.fromkeys(names, "crash")
    return {"everything on": dict(dict.fromkeys(names, "safe"),
                                  H01=everything),
            "FREEZE off": dict.fromkeys(names, off), "count": rest}


@pytest.mark.parametrize("everything, off, said", [
    ("safe", "crash", []),
    ("crash", "crash", ["H01: crash with everything on"]),
    ("safe", "refused", ["nothing goes wrong with FREEZE off"]),
    ("not run", "crash", ["1 cells have not been run"]),
])
def test_shortcomings_are_said(everything, off, said):
    """What the exit status is made of."""
    assert matrix.shortcomings(cells(everything, off)) == said


def test_every_hazard_is_staged_or_ruled_out():
    """H01 to H51, each with a scene or with a reason why there is none."""
    staged = {s.hazard for s in matrix.SCENES}
    assert staged | set(matrix.RULED_OUT) == set(matrix.hazards())


@pytest.mark.parametrize("hazard, column, cell", [
    ("H36", "everything on", "refused"),
    ("H36", "LEDGER_CLOSED off", "wrong refusal"),
    ("H41", "everything on", "safe"),
    ("H41", "BUS_MASTER off", "overwritten"),
    ("H50-taken", "EXAM_GENERATION off", "crash, autopsy"),
])
def test_known_cells_come_out(hazard, column, cell):
    """Run anew (--verbose takes none that is done) in the lab kernel."""
    done = subprocess.run(
        [RUN, "--verbose", "--jobs", "1", "--only", hazard, "--only", column],
        env=dict(os.environ, ICEBOX_BUILD=icebox.lab_build()),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        check=True)
    found = [line.split(None, 1)[1] for line in done.stdout.splitlines()
             if line.startswith(hazard + " ")]
    assert [" ".join(f.split()) for f in found] == [f"{column} {cell}"]


def test_a_kernel_without_switches_is_not_judged(tmp_path):
    """Every cell of it would be safe."""
    (tmp_path / ".mflags").write_text("-O2\n")
    done = subprocess.run([RUN], env=dict(os.environ, ICEBOX_BUILD=tmp_path),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    assert done.returncode == 1 and "make LAB=1" in done.stderr, done
