"""A thread stopped at each instruction of its way through a module, and the
module unloaded there (kernel/test/test_exact.c). Exact where ticks are
instructions: under -icount shift=0."""

import re

import pytest

from icebox import OK, boot


def results(result):
    """{test: the rest of its line} of what ktest printed."""
    return {m[1]: m[2] for m in
            re.finditer(r"^ok \d+ exact\.(\w+)(.*)$", result.console, re.M)}


@pytest.mark.parametrize("smp, seed", [(1, 1), (2, 2)])
def test_every_instruction_is_safe(smp, seed):
    """At no instruction is the module freed under who is in it, and none is
    refused without a reason; and the tests did stop where they meant to."""
    result = boot("ktest exact", smp=smp, icount=0, seed=seed,
                  expect=OK)
    tests = results(result)
    assert len(tests) >= 12, result
    assert not any("SKIP" in rest for rest in tests.values()), result


def test_elsewhere_it_says_so():
    """Where a tick is no instruction the tests pass for skipped."""
    result = boot("ktest exact.h01_entered_not_counted_is_found", smp=2,
                  icount=3, expect=OK)
    assert "SKIP needs -icount" in results(result)[
        "h01_entered_not_counted_is_found"]
