"""The documents are true as far as a machine can tell: what they name exists,
every command is in them, and the reports are what the schema says."""

import glob
import json
import os
import re
import subprocess

import pytest

from icebox import FAILED, OK, PANICKED, RUN, TOP, boot

DOCS = [os.path.relpath(p, TOP) for p in
        ["README.md", "CAVEATS.md"] + sorted(glob.glob(TOP + "/docs/*.md"))]
DOCS = sorted(set(os.path.normpath(d) for d in DOCS))


def read(path):
    with open(os.path.join(TOP, path)) as f:
        return f.read()


def sources():
    """The text of everything that a document may name."""
    found = []
    for folder in ("boot", "kernel", "modules", "user", "tests", "tools"):
        for root, _, names in os.walk(os.path.join(TOP, folder)):
            found += [os.path.join(root, n) for n in names
                      if n.endswith((".c", ".h", ".asm", ".py", ".pml"))]
    return "\n".join(read(p) for p in sorted(found))


SOURCES = sources()
WORDS = set(re.findall(r"\w+", SOURCES))


def code_spans(path):
    """What stands in backticks, blocks of code left out."""
    text = re.sub(r"(?ms)^```.*?^```", "", read(path))
    return [s.replace("\n", " ") for s in re.findall(r"`([^`]+)`", text)]


# ---- What is named exists ----

@pytest.mark.parametrize("doc", DOCS)
def test_named_files_exist(doc):
    """A path in backticks is one of this tree, or of the folder named just
    before it."""
    missing, folder = [], ""
    for span in code_spans(doc):
        if not re.fullmatch(r"\.?[\w./-]+(/|\.(c|h|asm|py|md|ld|json|dot|pml))",
                            span) or "NAME" in span or "build" in span:
            continue
        tries = [span, os.path.join(folder, span), "docs/" + span,
                 "modules/" + span]
        if not any(os.path.exists(os.path.join(TOP, t)) for t in tries):
            missing.append(span)
        elif "/" in span:
            folder = os.path.dirname(span)
    assert not missing


@pytest.mark.parametrize("doc", DOCS)
def test_links_lead_somewhere(doc):
    """A relative link is a file of this tree."""
    here = os.path.dirname(os.path.join(TOP, doc))
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(doc))
    assert not [link for link in links if "://" not in link and
                not os.path.exists(os.path.join(here, link))]


@pytest.mark.parametrize("doc", DOCS)
def test_named_functions_exist(doc):
    """`name()` is in the sources, and so are structs, members and constants
    that are written like one."""
    missing = []
    for span in code_spans(doc):
        m = re.fullmatch(r"(\w+)\(\)|struct (\w+)|([A-Z]+_[A-Z_]+)|"
                         r"\w+(?:->|\.)(\w+)\(?\)?|([a-z]+_[a-z_]+)", span)
        # A file name is the other test's.
        if not m or re.search(r"\.(c|h|py|md|asm|ld|json|dot|ko|pml)$", span):
            continue
        word = next(g for g in m.groups() if g)
        if word not in WORDS:
            missing.append(span)
    assert not missing


# ---- Commands and options ----

def test_every_command_is_documented():
    """What `help` lists is in scripting.md."""
    console = boot("help; help tests", expect=OK).console
    listed = re.findall(r"(?m)^  ([a-z]+) +\w", console)
    table = console[:console.index("\nA program")]
    listed += re.findall(r"(?m)^  \w.{38}([a-z]+) +\w", table)
    assert {"unload", "help", "bt", "wait", "panic"} <= set(listed)
    spans = " ".join(code_spans("docs/scripting.md"))
    documented = set(re.findall(r"\w+", spans))
    assert not [c for c in listed if c not in documented]


def test_help_fits_on_a_screen():
    """With the line typed and the prompt below: 80 columns, 25 lines."""
    console = boot("help", expect=OK).console
    lines = console[console.index("icebox> help"):].rstrip("\n").split("\n")
    assert len(lines) <= 24 and max(map(len, lines)) < 80, console


def test_every_documented_command_exists():
    """What scripting.md has in the left column of a table of commands does."""
    names = set(re.findall(r"(?m)^(?:TEST_)?COMMAND\((\w+)", SOURCES))
    text = read("docs/scripting.md")
    part = text[text.index("### Modules"):text.index("## tests/run")]
    rows = [row.split("|")[1] for row in re.findall(r"(?m)^\| `.*", part)]
    words = [s.split()[0] for row in rows for s in re.findall("`([^`]+)`", row)]
    assert not [w for w in words if w[0] != "-" and w not in names]


def test_options_of_the_runner_are_documented():
    """--help of tests/run and scripting.md know the same options."""
    usage = subprocess.run([RUN, "--help"], capture_output=True, text=True,
                           check=True).stdout
    known = set(re.findall(r"(--[a-z0-9-]+)", usage)) - {"--help"}
    text = read("docs/scripting.md")
    part = text[text.index("## tests/run"):text.index("## The control")]
    assert set(re.findall(r"`[^`]*?(--[a-z0-9-]+)", part)) == known


def test_goals_of_make_exist():
    """`make GOAL` in a document is a goal of the Makefile."""
    goals = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    named = {goal for doc in DOCS for goal in
             re.findall(r"`make (?:deps )?([a-z-]+)", read(doc))}
    assert named and not named - goals


def test_every_hazard_is_answered():
    """protocol.md has a row for each of H01 to H51."""
    rows = re.findall(r"(?m)^\| (H\d\d) \|", read("docs/protocol.md"))
    assert rows == ["H%02d" % n for n in range(1, 52)]


def rows_of_the_proof():
    """[(guard, hazards, scenes, claims, explorer's scenes)]"""
    return re.findall(r"(?m)^\| `([A-Z_]+)`" + r" \| ?([^|\n]*?) ?" * 4 +
                      r"\|$", read("docs/proof.md"))


def words_of(column):
    return {word for row in rows_of_the_proof()
            for word in re.findall(r"`([^`]+)`", row[column])}


def test_the_proof_has_every_guard():
    """With its hazards, a scene that goes wrong without it, and claims that the
    models make."""
    defined = re.findall(r'(?m)^GUARD\((\w+),\s*"([^"]*)"',
                         read("kernel/lib/guards.def"))
    rows = rows_of_the_proof()
    assert sorted(row[:2] for row in rows) == sorted(defined)
    assert all(row[2] for row in rows)
    scenes = set(json.loads(read("docs/matrix.json"))["columns"][
        "everything on"])
    assert not words_of(2) - scenes
    assert not words_of(3) - set(re.findall(r"`(\w+)`",
                                            read("docs/model.md")))


def test_the_proof_has_what_the_explorer_found():
    """Of several guards that are off together, each."""
    found = re.findall(r"(?m)^\| ([A-Z_,]+) \| ([\w-]+)",
                       read("docs/explore.md"))
    assert {guard: scene for guards, scene in found
            for guard in guards.split(",")} == \
        {row[0]: row[4].strip("`") for row in rows_of_the_proof() if row[4]}


# ---- Reports and the schema ----

def schema():
    return json.loads(read("docs/report.schema.json"))


def validate(events):
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    for event in events:
        errors = [cause.message for error in validator.iter_errors(event)
                  for cause in (error.context or [error])]
        assert not errors, (event, errors)


def test_schema_is_a_schema():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())


def table_of(name):
    """The strings of a table in the renderer."""
    table = re.search(r"(?s)%s\[.*?\{(.*?)\}" % name,
                      read("kernel/module/report_render.c"))[1]
    return re.findall(r'"(\w+)"', table)


def test_schema_has_the_kernels_steps():
    """An attempt may end in each of them, interrupted or late."""
    source = read("kernel/module/unload.c")
    steps = re.findall(r'step\(a, "([^"]+)"|->step, "([^"]+)"', source)
    named = {one or other for one, other in steps}
    assert {"wait", "examine", "cleanup"} <= named
    assert set(schema()["$defs"]["report"]["properties"]["step"]["enum"]) == \
        named | {""}


def test_schema_has_the_kernels_words():
    """Outcomes and kinds are those of the renderer, no more and no less."""
    defs = schema()["$defs"]
    assert sorted(defs["report"]["properties"]["outcome"]["enum"]) == \
        sorted(table_of("outcome_names"))
    assert sorted(defs["blocker"]["properties"]["kind"]["enum"]) == \
        sorted(table_of("kind_names"))


OUTCOMES = {
    "gone": "load ticker; unload ticker",
    "would_go": "load hello; unload -n hello",
    "deferred": "load fifo; spawn 1 reader /dev/fifo0; unload -d fifo",
    "entombed": "load fifo; spawn 1 reader /dev/fifo0; unload -f fifo",
    "refused": "load fifo; spawn 30 reader /dev/fifo0; ! unload fifo; "
               "! unload nothing; load keeper; load leaks_pointer; "
               "! unload keeper; ! unload leaks_pointer; load overcounts; "
               "overcount; ! unload overcounts; load forgets_device; "
               "! unload forgets_device; load thread_never_stops; "
               "! unload -t 50 thread_never_stops; load unregister_hangs; "
               "! unload -t 50 unregister_hangs; freeze; ! unload ticker; "
               "thaw",
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_reports_match_the_schema(outcome):
    """Every event of a run, and there is a report of that outcome."""
    result = boot(OUTCOMES[outcome], expect=OK)
    assert outcome in {r["outcome"] for r in result.reports}, result
    assert result.of("boot") and result.of("exit")
    validate(result.events)


def test_leaks_match_the_schema():
    result = boot("load leaks; unload leaks", expect=OK)
    assert result.reports[0]["leak_sites"], result
    validate(result.events)


def test_panic_matches_the_schema():
    result = boot("panic", expect=PANICKED)
    assert result.of("panic")
    validate(result.events)


def test_first_example_of_the_readme():
    """Three named readers, their place in the code, and exit status 1."""
    command = re.search(r"tests/run --smp 4 '([^']*)'", read("README.md"))[1]
    result = boot(command, smp=4, expect=FAILED)
    readers = result.reports[0]["blockers"]
    assert [b["comm"] for b in readers] == ["reader"] * 3
    assert all(b["where"].startswith("fifo_read+0x") for b in readers)
    assert len(re.findall(r"pid \d+ +reader +asleep in fifo_read\+0x",
                          result.console)) == 3, result


# ---- Frozen by hand ----

def test_unload_while_frozen_by_hand_is_refused_at_once():
    """Its threads would stand behind the gate; after the thaw it goes."""
    result = boot("load fifo; freeze; ! unload -n fifo; ! unload fifo; thaw; "
                  "unload fifo", expect=OK)
    assert [r["error"] for r in result.reports] == ["EPERM", "EPERM", ""]
    assert all(r["total_ns"] < 500e6 for r in result.reports[:2]), result
