"""Module files damaged by chance, loaded in the guest and unloaded where they
load (kernel/test/mutate.c): no panic, no leak, no hang (G12)."""

import re

import pytest

from icebox import boot

MODULES = ["fifo", "hello", "ticker", "counter", "tally", "twins", "probe",
           "keeper", "leaks_pointer", "restless"]
ALL = 100000
# Whose symbols a module is linked to.
NEEDS = {"tally": "counter", "leaks_pointer": "keeper",
         "sleeps_uncounted": "keeper"}


def mutate(names, n, smp, icount, timeout):
    """Sound ones load before and after. {module: (loaded, refused)}"""
    script = ["load fifo; unload fifo; census"]
    for name in names:
        line = "mutate %s %d" % (name, n)
        if name in NEEDS:
            line = "load %s; %s; unload %s" % (NEEDS[name], line, NEEDS[name])
        script.append(line)
    script += ["census check; load fifo; unload fifo"]
    result = boot("\n".join(script), expect=0, smp=smp, icount=icount,
                  timeout=timeout)
    found = re.findall(r"(?m)^mutate: (\w+): (\d+) of (\d+) loaded(.*)$",
                       result.console)
    assert [(f[0], int(f[2])) for f in found] == [(m, n) for m in names]
    return {name: (int(loaded), sum(map(int, re.findall(r"\d+", refused))))
            for name, loaded, _, refused in found}


@pytest.mark.parametrize("smp, icount, n", [(1, 0, 500), (4, None, 100)])
def test_damaged_modules_do_no_harm(smp, icount, n):
    """Of each module some load and more are refused: were it all or none, the
    damage would show nothing."""
    for loaded, refused in mutate(MODULES, n, smp, icount, 120).values():
        assert loaded + refused == n and n // 50 < loaded < refused


@pytest.mark.long
@pytest.mark.parametrize("smp, icount", [(1, 0), (2, None)])
@pytest.mark.parametrize("name", MODULES)
def test_many_damaged_modules_do_no_harm(name, smp, icount):
    """100,000 in all."""
    n = ALL // len(MODULES) // 2
    loaded, refused = mutate([name], n, smp, icount, 280)[name]
    assert loaded + refused == n and loaded > n // 50


def test_a_mutation_repeats_itself():
    """The same seed and number, the same outcome, whatever came before."""
    result = boot("mutate fifo 50 7 100; mutate fifo 20 7 100; "
                  "mutate fifo 30 7 120; ! mutate none 1; ! mutate fifo x",
                  expect=0)
    loaded = [int(n) for n in re.findall(r"fifo: (\d+) of", result.console)]
    assert loaded[0] == loaded[1] + loaded[2] > 0
