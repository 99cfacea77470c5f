"""The explorer: that it stops where it means to, that it finds what a missing
guard does without being told where, that a line repeats a failure, and that
shards are parts of one whole."""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import types

import pytest

from icebox import TOP, lab_build

np = pytest.importorskip("numpy", reason="python3-numpy: make deps-check")
TOOL = os.path.join(TOP, "tools/explore")
sys.path.insert(0, os.path.join(TOP, "tests/explore"))
import outcome                                          # noqa: E402
import player                                           # noqa: E402
import points                                           # noqa: E402


def load_tool():
    loader = importlib.machinery.SourceFileLoader("explore_tool", TOOL)
    spec = importlib.util.spec_from_loader("explore_tool", loader)
    tool = importlib.util.module_from_spec(spec)
    loader.exec_module(tool)
    return tool


tool = load_tool()


def explore(tmp_path, *arguments):
    return subprocess.run(
        [TOOL, "--out", str(tmp_path), *arguments], text=True,
        stdin=subprocess.DEVNULL, capture_output=True,
        env=dict(os.environ, ICEBOX_BUILD=lab_build()))


# ---- the engine ----

@pytest.mark.long
def test_without_a_guard_a_schedule_fails_and_its_line_repeats_that(tmp_path):
    """USE_COUNT: an open file is no reason to stay. Found somewhere on the
    way, and again from the line alone."""
    done = explore(tmp_path, "--scenario", "file", "--guard-off", "USE_COUNT",
                   "--limit", "400")
    assert done.returncode == 1, done
    line, why = re.search(r"^FAILED (.*)\n +(.*)$", done.stdout, re.M).groups()
    assert "guard_off=USE_COUNT" in line, done
    again = explore(tmp_path, "--replay", line)
    assert again.returncode == 1 and why in again.stdout, again
    guarded = explore(tmp_path, "--replay",
                      line.replace(" guard_off=USE_COUNT", ""))
    assert guarded.returncode == 0, guarded


@pytest.mark.long
def test_with_everything_on_nothing_fails(tmp_path):
    """Stops are where the recording says, to the instruction (else the status
    is not 0), and some are refused and some are not."""
    parts = ["--scenario", "file", "--shard", "4/40", "--check", "3"]
    done = explore(tmp_path, *parts)
    assert done.returncode == 0, done
    assert " 0 failed\n" in done.stdout, done
    assert "3 stops that were left out compared, 0 differ" in done.stdout, done
    report = explore(tmp_path, "--report")
    assert re.search(r"file, bound 1: \d{2,} schedules of 1 shards "
                     r"\(1 complete\)", report.stdout), report
    # What has been played is not played again.
    again = explore(tmp_path, *parts)
    assert re.findall(r"\d+ schedules", again.stdout) == \
        re.findall(r"\d+ schedules", done.stdout), again


@pytest.mark.long
def test_stops_behind_a_fault_are_where_the_recording_has_them(tmp_path):
    """The instruction that faults is recorded, and takes no tick."""
    done = explore(tmp_path, "--scenario", "fault", "--shard", "3/20",
                   "--check", "3")
    assert done.returncode == 0, done


@pytest.mark.long
def test_two_preemptions_can_be_played(tmp_path):
    """Bound 2: the second stop is recorded behind the first, and played. Two
    of the eight are the plays without a preemption, which come first."""
    done = explore(tmp_path, "--scenario", "counts-itself", "--bound", "2",
                   "--shard", "3/1000", "--limit", "8")
    assert done.returncode == 0, done
    assert "8 schedules, 0 failed, not complete" in done.stdout, done
    with open(os.path.join(
            tmp_path, "counts-itself-bound2-3-of-1000.jsonl")) as f:
        assert len(re.findall(r'"schedule": "\w+:\d+ \w+:\d+ \w+ \w+"',
                              f.read())) == 6


@pytest.mark.long
def test_no_stop_is_lost_where_the_timer_is_armed(tmp_path):
    """The instructions between the look at the tick and the timer's register,
    and those in the timer's own interrupt: the stop comes late, or early, but
    it comes, at the instruction that the recording has there."""
    build = lab_build()
    with player.Machine(build, "timer", trace=True) as recorder, \
            player.Machine(build, "timer") as machine:
        plan = tool.Plan(recorder, machine, False)
        for actor, turn in plan.turns.items():
            armed = [row for row in np.flatnonzero(
                turn.trace.code == machine.symbols["clock_arm_ticks"])
                if turn.first < row < turn.end][:2]
            assert armed
            for row in [r + n for r in armed for n in range(0, 90, 3)]:
                ticks = turn.ticks(row)
                result = machine.play(tool.one_stop(actor, ticks))
                assert turn.stop_of(result) and \
                    turn.is_there(result, ticks), \
                    (actor, row, ticks, result.stops)
                assert turn.reach(result, ticks) >= ticks


# ---- its parts ----

def test_a_stop_while_preemption_is_off_is_where_it_comes_on():
    """Unless another task has the CPU by then: who was asked stands, and who
    follows him does not."""
    trace = points.Trace.__new__(points.Trace)
    trace.preemptible = np.array([0, 1, 2, 6, 7, 12])
    trace.switches = np.array([9])
    assert trace.where_preempted(np.array([1, 3, 6, 8, 9, 10])).tolist() == \
        [1, 6, 6, 8, 9, 12]


def test_a_turn_that_is_over_ends_where_its_interrupt_came():
    """Not where one came that went back to what it interrupted."""
    trace = points.Trace.__new__(points.Trace)
    trace.is_entry = np.array([0, 0, 1, 0, 0, 0, 1, 0], dtype=bool)
    trace.is_return = np.array([0, 0, 0, 0, 1, 0, 0, 0], dtype=bool)
    assert [trace.ending(0, last) for last in (2, 4, 6, 8)] == [2, 2, 6, 6]


@pytest.mark.parametrize("stops", [0, 1, 7, 100, 1001])
@pytest.mark.parametrize("parts", [1, 2, 7, 1000])
def test_shards_are_disjoint_and_cover_everything(stops, parts):
    """Each stop is played by one shard, in order."""
    shares = [tool.share_of(list(range(stops)), types.SimpleNamespace(
        part=i + 1, parts=parts, guard_off="")) for i in range(parts)]
    assert sum(shares, []) == list(range(stops))


def test_a_line_says_what_is_to_be_played():
    schedule = [(0, 6036), (1, 70), (0, 0), (1, 0)]
    line = tool.line_of("abc", "door", "FREEZE", schedule)
    assert tool.parse_line(line) == ("abc", "door", "FREEZE", schedule)


def played(**words):
    """What a play came to: gone, nobody harmed, unless said otherwise."""
    result = types.SimpleNamespace(
        ended="", text="", stops=[], result=[0, 0], called=True, lent=0,
        outcome="gone", state="free", second_error=0, left_behind=0)
    vars(result).update(words)
    return result


STOOD = [(0, 100), (1, 0), (0, 0)]
COUNTED = types.SimpleNamespace(segment=0, actor=0, count=1)


@pytest.mark.parametrize("scene, result, words", [
    ("file", played(), None),
    ("file", played(result=[outcome.ENODEV, 0], called=False), None),
    ("file", played(ended="crash", text="autopsy"), "crash: autopsy"),
    ("file", played(ended="hang"), "hang"),
    ("file", played(result=[outcome.ENODEV, 0]), "the user saw error"),
    ("file", played(stops=[COUNTED]), "though it was in use"),
    ("file", played(outcome="refused", result=[0, outcome.EBUSY]), "G14"),
    ("file", played(outcome="refused", result=[0, outcome.EBUSY],
                    stops=[COUNTED]), None),
    ("file", played(outcome="refused", result=[outcome.ENODEV, outcome.EBUSY],
                    stops=[COUNTED]), "G2"),
    ("door", played(), "held on to"),
    ("taken", played(), "held on to"),
    ("lent", played(), "held on to"),
    ("counted", played(), "held on to"),
    ("counted", played(outcome="refused", result=[0, outcome.EBUSY]), None),
    ("counted", played(result=[outcome.ENODEV, 0], called=False), None),
    ("pointer", played(outcome="entombed"), "entombed"),
    ("file", played(left_behind=1), "left behind"),
    ("file", played(second_error=16), "does not go"),
])
def test_the_judge_objects_to_each_harm(scene, result, words):
    why = outcome.complaint(scene, STOOD, result)
    assert why is None if words is None else words in why
