"""make soak: it repeats its commands, leaves nothing, and finds what is wrong
(kernel/test/soak.c, tests/soak/run)."""

import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest

from icebox import BUILD, TOP, lab_build
from test_docs import validate

SOAK = os.path.join(TOP, "tests/soak/run")


def soak(tmp_path, seconds, *options, build=BUILD):
    """(exit status, what it printed, the control channel)"""
    events = tmp_path / "events"
    done = subprocess.run(
        [sys.executable, SOAK, "--minutes", str(seconds / 60), "--smp", "4",
         "--keep", str(events), *options], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=dict(os.environ, ICEBOX_BUILD=build))
    with open(events) as f:
        return done.returncode, done.stdout, [json.loads(line) for line in f
                                              if line.endswith("\n")]


def lines_of(events):
    """{(round, actor): its commands in their order}"""
    lines = {}
    for e in events:
        if e["event"] == "soak" and "status" not in e and e["actor"]:
            lines.setdefault((e["round"], e["actor"]), []).append(e["line"])
    return lines


def test_a_seed_repeats_its_commands(tmp_path):
    """Each actor's lines are the same again in the same round, as far as both
    runs came; those of another seed are not. And nothing fails."""
    runs = []
    for seed in (7, 7, 8):
        status, text, events = soak(tmp_path, 2, "--seed", str(seed),
                                    "--round", "3")
        assert status == 0, text
        assert "seed %d," % seed in text and "nothing failed" in text, text
        runs.append(lines_of(events))
        validate(events)
    first, again, other = runs
    assert set(first) == {(3, actor) for actor in range(1, 8)}
    for actor, lines in first.items():
        n = min(len(lines), len(again[actor]))
        assert n >= 1 and lines[:n] == again[actor][:n]
    assert any(lines[:1] != other[actor][:1]
               for actor, lines in first.items())


def verdict_on(*blockers):
    """What the judge says of a refusal of fifo."""
    loader = importlib.machinery.SourceFileLoader("soak_run", SOAK)
    spec = importlib.util.spec_from_loader("soak_run", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    judge = module.Judge()
    judge.take({"event": "report", "module": "fifo", "outcome": "refused",
                "error": "EBUSY", "blockers": list(blockers)})
    return judge.failure


def test_who_is_on_his_way_is_no_reason_but_may_be_named():
    """The task that loads a module has its address until it is through, and a
    look without a freeze sees it so."""
    opener = {"kind": "open_file", "comm": "opener", "state": "asleep"}
    going = {"kind": "stack", "comm": "load", "state": "preempted"}
    staying = {"kind": "stack", "comm": "load", "state": "asleep"}
    assert verdict_on(opener, going) is None
    assert verdict_on(going) and verdict_on(opener, staying)


def test_a_protocol_with_a_hole_fails(tmp_path):
    """H36: nobody looks whether a device is still registered. The soak ends
    with what went wrong, the seed, and what the actor did last. With this seed
    actor 7, who has what is wrong, begins with the module; he is alone, so that
    nobody interrupts him before it shows."""
    status, text, events = soak(tmp_path, 0.01, "--seed", "3", "--actor", "7",
                                "--append", "guard_off=LEDGER_CLOSED",
                                build=lab_build())
    assert "forgets_device" in "".join(lines_of(events)[0, 7]), text
    assert status == 1, text
    assert re.search(r"FAILED: .*forgets_device", text)
    assert "--seed 3" in text and "last:" in text
    assert "the end of the console:" in text


@pytest.mark.long
def test_ten_minutes(tmp_path):
    """Of everything at once, on eight CPUs."""
    status, text, _ = soak(tmp_path, 600, "--smp", "8")
    assert status == 0, text
