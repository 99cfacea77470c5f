"""Boots Icebox from a test: boot() runs a script, console() is a live one.

Both go through tests/run, so that a test can be repeated by hand with the
command that its failure prints.
"""

import json
import os
import shlex
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
RUN = os.path.join(TOP, "tests/run")
BUILD = os.path.abspath(os.environ.get("ICEBOX_BUILD",
                                       os.path.join(TOP, "build")))

OK, FAILED, PANICKED, HUNG, NO_BOOT = 0, 1, 2, 3, 4

# Real seconds after which a run has hung. Nothing else takes as long, not even
# on a host that has ten other things to do.
HUNG_AFTER = 400


class Result:
    """What a run printed and how it ended."""

    def __init__(self, command, status, console, errors, events):
        self.command = command      # of tests/run, to paste into a shell
        self.status = status        # of tests/run: OK, FAILED, ...
        self.stderr = errors
        self.events = events        # the control channel, in order
        split = [line[3:] if line.startswith("2| ") else None
                 for line in console.split("\n")]
        self.console = "\n".join(
            line for line, second in zip(console.split("\n"), split)
            if second is None)
        self.console2 = "\n".join(s for s in split if s is not None)

    def of(self, kind):
        return [e for e in self.events if e.get("event") == kind]

    @property
    def reports(self):
        return self.of("report")

    @property
    def statuses(self):
        """(command, status) of each command, both consoles together."""
        return [(e["command"], e["status"]) for e in self.of("status")]

    def __repr__(self):
        return "%s\n-- console:\n%s\n-- console 2:\n%s\n-- stderr:\n%s\n" \
            "-- exit status %s" % (self.command, self.console, self.console2,
                                   self.stderr, self.status)


def arguments(script=None, smp=2, mem=128, iso=False, icount=None, seed=None,
              timeout=HUNG_AFTER, add=(), append="", qemu="", console2=None,
              interact=False):
    argv = [RUN, "--smp", str(smp), "--mem", str(mem)]
    argv += ["--iso"] * iso + ["--interact"] * interact
    if icount is not None:
        argv.append("--icount=%d" % icount)
    if seed is not None:
        argv += ["--seed", str(seed)]
    argv += ["--timeout", str(timeout)]
    for item in add:
        argv += ["--add", str(item)]
    if append:
        argv += ["--append", append]
    if qemu:
        argv += ["--qemu", qemu]
    if console2 is not None:
        argv += ["--console2", console2]
    return argv + [script] * (script is not None)


def boot(script, expect=None, **options):
    """Runs the script to its end. With expect, any other exit status fails
    the test. The options are those of tests/run (see arguments())."""
    argv = arguments(script, **options)
    with tempfile.TemporaryDirectory(prefix="icebox-test-") as tmp:
        out = os.path.join(tmp, "events")
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True,
            env=dict(os.environ, ICEBOX_JSON=out))
        result = Result(shlex.join(argv), done.returncode,
                        done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"),
                        read_events(out))
    if expect is not None:
        assert result.status == expect, result
    return result


class Console:
    """A live console on a pty: .child is pexpect's, events() what the control
    channel said so far. Use it in a with statement."""

    def __init__(self, script=None, **options):
        import pexpect
        self.tmp = tempfile.TemporaryDirectory(prefix="icebox-test-")
        self.json = os.path.join(self.tmp.name, "events")
        argv = arguments(script, interact=True, **options)
        self.child = pexpect.spawn(
            argv[0], argv[1:], encoding="utf-8", codec_errors="replace",
            timeout=options.get("timeout", HUNG_AFTER), echo=False,
            env=dict(os.environ, ICEBOX_JSON=self.json))
        self.child.delaybeforesend = None

    def events(self, kind=None):
        return [e for e in read_events(self.json)
                if kind is None or e.get("event") == kind]

    def finish(self):
        """Waits for the end of the run: its exit status."""
        import pexpect
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)
        self.tmp.cleanup()


def read_events(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def built(name):
    """The path of a file that make left in the build folder."""
    return os.path.join(BUILD, name)


def flags():
    """With which the modules of the build under test were made."""
    with open(built(".mflags")) as f:
        return f.read().split()


def is_debug():
    return "-DCONFIG_DEBUG" in flags()


def make_module(folder):
    """make M=folder, with the flags of the build under test but in a build
    folder of its own: that one is in use."""
    words = flags()
    variant = ["DEBUG=1"] * is_debug() + \
        ["LAB=1"] * ("-DCONFIG_LAB" in words) + \
        ["LLVM=1"] * ("ld.lld" in words)
    with tempfile.TemporaryDirectory(prefix="icebox-build-") as tmp:
        done = subprocess.run(
            ["make", "-C", TOP, "BUILD=" + tmp, "M=%s" % folder, *variant],
            env={k: v for k, v in os.environ.items()
                 if not k.startswith("MAKE")},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
