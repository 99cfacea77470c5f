"""Engines of one name: each is itself again after a refused unload."""

import re

import pytest

from icebox import OK, boot

MACHINES = pytest.mark.parametrize(
    "machine", [{"smp": 1}, {"smp": 2}, {"smp": 4}, {"smp": 2, "icount": 0}],
    ids=str)


@MACHINES
def test_engines_of_one_name_find_themselves_again(machine):
    """G2: two threads, timers and work items that are called the same go on
    where they were, with the same pids. Register, which looks whether it has
    been given what it had, does not complain."""
    result = boot("load twins; twins 5; ps; twins 1000 &; twins 0 2; "
                  "repeat 5 ! unload -w 5 twins; ps; wait; "
                  "unload -w 20000 twins", expect=OK, **machine)
    pids = re.findall(r"(?m)^ *(\d+) .* twin .*\(thread of twins\)",
                      result.console)
    assert len(pids) == 4 and pids[:2] == pids[2:], result
    assert pids[0] != pids[1], result
    assert "register failed" not in result.console, result
    assert [r["outcome"] for r in result.reports] == \
        ["refused"] * 5 + ["gone"], result
