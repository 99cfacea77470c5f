"""A pointer that is left anywhere in memory keeps the module, and the refusal
says who has it, be it an address or, in a page table, a frame (H37, H45,
H46)."""

import re

import pytest

from icebox import OK, boot

# Where it lies, and what the report calls that.
PLACES = {
    "data": r"planted_data\+0x0",
    "bss": r"planted_bss\+0x0",
    "percpu": r"percpus\+0x[0-9a-f]+",
    "heap": r"heap object of 48 bytes from heap_word\+0x[0-9a-f]+, "
            r"at offset 20",
    "large": r"heap object of 20480 bytes from heap_word\+0x[0-9a-f]+, "
             r"at offset 16392",
    "segment": r"descriptor_tables\+0x0",
    "tss": r"descriptor_tables\+0x[0-9a-f]+",
    "gate": r"idt\+0x7f0",
}


def refusals(script, n):
    """The memory blockers of each of the n refusals of a run."""
    result = boot("load fifo; " + script, smp=1, icount=0, expect=OK)
    reports = result.reports
    assert [r["outcome"] for r in reports] == ["refused"] * n + ["gone"], \
        result
    return [[b for b in r["blockers"] if b["kind"] == "memory"]
            for r in reports[:-1]]


def test_a_pointer_anywhere_is_found_and_named():
    """H37: data, per-CPU records, small and large heap objects by the place
    that allocated them, and addresses that descriptors have in pieces. Each is
    told once, and when it is gone the module goes."""
    script = "".join("plant %s fifo fifo_read; ! unload --json fifo; "
                     "plant clear; " % place for place in PLACES)
    found = refusals(script + "unload --json fifo", len(PLACES))
    for (place, where), blockers in zip(PLACES.items(), found):
        assert len(blockers) == 1, (place, blockers)
        assert re.fullmatch(where, blockers[0]["where"]), (place, blockers)
        assert "points to fifo_read+0x0" in blockers[0]["what"], place


@pytest.mark.parametrize("bias", [-4096, -4, 2, 4, 8192])
def test_a_pointer_beside_it_is_found(bias):
    """H45: into the middle of a function, before the module's first byte or in
    the margin: a compiler may keep such a one. It is said whose it is."""
    [[blocker]] = refusals(
        "plant heap fifo fifo_read %d; ! unload --json fifo; plant clear; "
        "unload --json fifo" % bias, 1)
    assert re.search(r"points to (\w+\+0x[0-9a-f]+ \(fifo\.c\)|"
                     r"\S+ of fifo)", blocker["what"]), blocker


def test_a_freed_object_points_nowhere():
    """H09: what was freed keeps no address of what it had."""
    assert refusals("plant heap fifo fifo_read; plant free; "
                    "plant large fifo fifo_read; plant free; "
                    "unload --json fifo", 0) == []


# Whose page table maps the page, and which entry of it.
TABLES = {
    "alias": r"page table of the kernel, for 0x[0-9a-f]+",
    "direct": r"page table of the kernel, for 0x[0-9a-f]+",
    "user": r"page table of pid \d+ \(sleeper\), entry \d+",
    "largepage": r"page table, entry 511",
}


def test_a_page_under_another_name_is_found_and_named():
    """H46: a page table that maps a page of the module, the kernel's or a
    process's, is told with whose it is. When the entry is gone the module
    goes. Twice: a table in which nothing was found is read again when it was
    written."""
    places = list(TABLES) * 2
    script = "spawn 1 sleeper; " + \
        "".join("plant %s fifo fifo_read; ! unload --json fifo; "
                "plant clear; " % place for place in places)
    found = refusals(script + "unload --json fifo", len(places))
    for place, blockers in zip(places, found):
        assert len(blockers) == 1, (place, blockers)
        assert re.fullmatch(TABLES[place], blockers[0]["where"]), \
            (place, blockers)
        # Of a large page, the first page of the module's that lies in it.
        page = ".*" if place == "largepage" else \
            r"fifo_\w+\+0x0 \(fifo\.c\)"
        assert re.fullmatch("maps the page at " + page,
                            blockers[0]["what"]), (place, blockers)
