#!/usr/bin/python3
"""The README's session is what happens: its commands, run here, give the
output that is printed there, but for figures.

    ICEBOX_BUILD=build tests/test_readme.py

runs it too, and writes what came out into the README.
"""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))

from icebox import FAILED, TOP, boot, is_debug          # noqa: E402

README = os.path.join(TOP, "README.md")
PROMPT = "icebox> "
BLOCK = re.compile(r"(?ms)^```icebox\n(.*?)^```$")
LOG = re.compile(r"\[ *\d+\.\d{6}\] ([^\n]*)\n")


def turns(text):
    """[(command, what it printed)] of a console. The log's lines come when
    they come, between two commands or in the middle of a prompt: they are
    taken out, and returned in a second list."""
    log = [m[1] for m in LOG.finditer(text)]
    text = LOG.sub("", text)
    text = re.sub(r"icebox> \n", PROMPT, text)
    parts = re.split(r"(?m)^icebox> ", text)[1:]
    return [tuple(part.partition("\n")[::2]) for part in parts], log


def normal(text):
    """Figures, and the blanks and plurals that come with them, made alike."""
    text = re.sub(r"\b0x[0-9a-f]+\b", "N", text)
    text = re.sub(r"\b\d+(\.\d+)?\b", "N", text)
    text = re.sub(r"\bround\b", "rounds", text)
    return re.sub(r"[ \t]+", " ", text)


def documented():
    with open(README) as f:
        return "".join(m[1] for m in BLOCK.finditer(f.read()))


def run():
    script = "\n".join(command for command, _ in turns(documented())[0])
    return boot(script, smp=4)


@pytest.mark.skipif(is_debug(), reason="its watchdog has a pid of the session")
def test_session_is_what_happens():
    """Every command of the README prints what the README says."""
    result = run()
    said, said_log = turns(documented())
    happened, log = turns(result.console)
    assert [c for c, _ in happened] == [c for c, _ in said], result
    for (command, text), (_, output) in zip(said, happened):
        assert normal(output) == normal(text), (command, result)
    booted = [line for line in log if not line.startswith(("clock:", "smp:"))]
    assert sorted(map(normal, booted)) == sorted(map(normal, said_log)), result
    # It shows refusals, and a refusal is a failed command.
    assert result.status == FAILED, result


def update():
    """Puts the output of a run into the blocks, command by command."""
    console = re.sub(r"icebox> \n((?:\[.*\n)+)", r"\1icebox> ",
                     run().console)
    outputs = re.split(r"(?m)^icebox> ", console)[1:]
    with open(README) as f:
        text = f.read()
    at = 0

    def fill(match):
        nonlocal at
        n = len(re.findall("(?m)^" + PROMPT, match[1]))
        block = "".join(PROMPT + part for part in outputs[at:at + n])
        at += n
        return "```icebox\n%s```" % block

    text = BLOCK.sub(fill, text)
    with open(README, "w") as f:
        f.write(text)


if __name__ == "__main__":
    update()
