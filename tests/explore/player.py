"""A machine in which schedules are played: QEMU with a scene of
kernel/test/explore.c, a snapshot of the moment where it is set, and the
debugger's interface to write a schedule into it and to read what came of it.

Each play begins from the snapshot, so a kernel that dies costs no more than
one that does not.
"""

import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
sys.path.insert(0, os.path.join(TOP, "tools/coroner"))

import kallsyms                                         # noqa: E402
from remote import Ended, Remote                        # noqa: E402

USER, UNLOADER, NOBODY = 0, 1, 0xff
ACTORS = ["user", "unloader"]
STATES = ["free", "LOADING", "LIVE", "CLOSED", "HELD", "DEFERRED", "DEAD",
          "ENTOMBED", "GONE"]
OUTCOMES = ["gone", "would go", "refused", "deferred", "entombed",
            "unfinished"]
SEGMENTS, MARKS = 8, 96
STOP_WORDS = 10
EIP, ESP = 8, 4                 # in what the debugger calls g

BOOT_SECONDS = 120
# Real ones. A play takes a tenth of a second where nobody else computes.
PLAY_SECONDS = 120


class NoScene(Exception):
    """The machine did not come to where its scene is set."""


class Stop:
    def __init__(self, words):
        (self.segment, self.actor, eip, self.entered, self.past, self.late,
         self.state, self.frozen, self.count, self.inside) = words
        self.eip = eip ^ 0xffffffff

    @property
    def place(self):
        """Where the protocol is, for the statistics."""
        return STATES[self.state] + (" frozen" if self.frozen else "")


class Result:
    """struct explore_result, and how the machine came to the end of it."""

    def __init__(self, data, ended="", text=""):
        words = struct.unpack("<%dI" % (len(data) // 4), data)
        signed = struct.unpack("<%di" % (len(data) // 4), data)
        self.ended, self.text = ended, text     # "", "crash" or "hang"
        at = 1 + SEGMENTS * STOP_WORDS
        self.stops = [Stop(words[1 + i * STOP_WORDS:
                                 1 + (i + 1) * STOP_WORDS])
                      for i in range(words[0])]
        self.finished = [words[at + 5 * a] for a in range(2)]
        self.result = [signed[at + 5 * a + 1] for a in range(2)]
        self.called = bool(words[at + 2])
        self.started = [words[at + 5 * a + 3] for a in range(2)]
        self.stack = [words[at + 5 * a + 4] for a in range(2)]
        at += 10
        (outcome, self.spared, self.rounds, self.lent, state,
         self.second_error, self.left_behind, n) = words[at:at + 8]
        self.outcome = OUTCOMES[outcome]
        self.state = STATES[state]
        self.marks = words[at + 8:at + 8 + n]


RESULT_BYTES = 4 * (1 + SEGMENTS * STOP_WORDS + 10 + 8 + MARKS)


class Debugger(Remote):
    """As the coroner's, but QEMU is who listens."""

    def __init__(self, path):
        until = time.monotonic() + BOOT_SECONDS
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except (ConnectionRefusedError, FileNotFoundError):
                self.sock.close()       # it is there before it listens
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        self.buffer = b""
        self.breakpoints = set()
        self.ask("qSupported")
        if self.ask("QStartNoAckMode") == "OK":
            self.sock.sendall(b"+")
        self.ask("?")

    def read(self, address, size):
        data = b""
        while len(data) < size:
            n = min(1024, size - len(data))
            answer = self.ask("m%x,%x" % (address + len(data), n))
            if answer[:1] == "E":
                raise ValueError("no memory at %x" % address)
            data += bytes.fromhex(answer)
        return data

    def write(self, address, data):
        if self.ask("M%x,%x:%s" % (address, len(data), data.hex())) != "OK":
            raise ValueError("no memory at %x" % address)

    def register(self, i):
        return struct.unpack_from("<I", bytes.fromhex(self.ask("g")), 4 * i)[0]

    def run_for(self, seconds):
        """False: it went on for longer, and has been stopped."""
        self.send("c")
        self.sock.settimeout(seconds)
        try:
            self.wait()
            return True
        except (TimeoutError, Ended) as e:
            if not isinstance(e.__cause__ or e, TimeoutError) and \
                    not isinstance(e.__context__, TimeoutError):
                raise
            self.sock.settimeout(30)
            self.sock.sendall(b"\x03")
            self.wait()
            return False
        finally:
            self.sock.settimeout(None)


class Machine:
    def __init__(self, build, scene, guard_off="", trace=False):
        self.made_of = (build, scene, guard_off, trace)
        self.symbols = {s.name: s.value for s in kallsyms.read_symbols(
            os.path.join(build, "icebox.elf"))}
        values = sorted(set(self.symbols.values()))
        self.ends = dict(zip(values, values[1:]))
        self.start()

    def start(self):
        self.folder = tempfile.TemporaryDirectory(prefix="icebox-explore-")
        self.trace = os.path.join(self.folder.name, "trace")
        self.run = None
        try:
            self.boot(*self.made_of)
        except BaseException:
            self.close()
            raise

    def boot(self, build, scene, guard_off, trace):
        disk = os.path.join(self.folder.name, "snapshots")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk,
                        "64M"], check=True)
        argv = [os.path.join(TOP, "tests/run"), "--smp", "1", "--mem", "16",
                "--icount=0", "--seed", "1", "--gdb", "--qemu",
                "-drive if=none,format=qcow2,file=" + disk]
        if guard_off:
            argv += ["--append", "guard_off=" + guard_off]
        if trace:
            argv += ["--qemu", "-plugin %s/explore-trace.so,start=%d,mark=%d,"
                     "out=%s" % (build, self.symbols["explore_ready"],
                                 self.symbols["explore_mark"], self.trace)]
        self.run = subprocess.Popen(
            argv + ["explore " + scene], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, ICEBOX_BUILD=build))
        self.gdb = Debugger(self.socket())
        self.gdb.break_at(self.symbols["explore_ready"])
        if not self.gdb.run_for(BOOT_SECONDS):
            raise NoScene("%s: the scene is not set" % scene)
        if self.gdb.monitor("savevm scene").strip():
            raise NoScene("no snapshot")
        self.gdb.ask("z0,%x,1" % self.symbols["explore_ready"])
        self.gdb.break_at(self.symbols["explore_done"])
        self.gdb.break_at(self.symbols["panic_end"])

    def socket(self):
        """tests/run says where; QEMU makes it a little later."""
        for line in self.run.stderr:
            found = re.search(r"target remote (\S+?)'", line)
            if found:
                break
        else:
            raise NoScene("QEMU does not start")
        return found[1]

    def play(self, schedule):
        """[(actor, ticks)], ticks 0: to his end. QEMU 7.2 may die of a
        snapshot that is loaded beneath a plugin: then it begins anew."""
        try:
            return self.play_once(schedule)
        except Ended:
            self.close()
            self.start()
            return self.play_once(schedule)

    def play_once(self, schedule):
        words = [len(schedule)] + [w for pair in schedule for w in pair]
        self.gdb.monitor("loadvm scene")
        self.gdb.write(self.symbols["explore_schedule"],
                       struct.pack("<%dI" % len(words), *words))
        ended = "" if self.gdb.run_for(PLAY_SECONDS) else "hang"
        text = ""
        if not ended and self.gdb.register(EIP) == self.symbols["panic_end"]:
            ended, text = "crash", self.last_words()
        data = self.gdb.read(self.symbols["explore_result"], RESULT_BYTES)
        return Result(data, ended, text)

    def last_words(self):
        message, = struct.unpack("<I", self.gdb.read(
            self.gdb.register(ESP) + 4, 4))
        return self.gdb.read(message, 200).split(b"\0")[0].decode(
            errors="replace")

    def halt_address(self):
        """Where an idle CPU halts: time goes on there without instructions."""
        start = self.symbols["idle_loop"]
        code = self.gdb.read(start, 512)
        at = code.find(b"\xfb\xf4")             # sti; hlt
        if at < 0:
            raise NoScene("the idle loop does not halt")
        return start + at + 1

    def return_addresses(self):
        """Where interrupts end that came in the kernel."""
        start = self.symbols["trap_return"]
        code = self.gdb.read(start, 64)
        return [start + i for i, byte in enumerate(code) if byte == 0xcf]

    def counts_preemption(self, address):
        """By how much an instruction that writes preempt_count changes it."""
        code = self.gdb.read(address, 12).lstrip(b"\x64\x65\x66")
        kind = code[0], code[1] >> 3 & 7
        if kind in ((0xff, 0), (0xff, 1)):
            return 1 - 2 * kind[1]
        if kind in ((0x83, 0), (0x83, 5)):
            step = code[6] if code[1] & 0xc7 == 5 else code[3]
            return step if kind[1] == 0 else -step
        raise NoScene("%08x: how does it write preempt_count?" % address)

    def fills(self, address):
        """Whether it is a `rep stos`: memset(), or a wipe of a dead stack."""
        return self.gdb.read(address, 2) in (b"\xf3\xaa", b"\xf3\xab")

    def within(self, addresses, function):
        """Which of an array of addresses are the function's."""
        first = self.symbols[function]
        return (addresses >= first) & (addresses < self.ends[first])

    def close(self):
        if self.run is not None:
            self.run.terminate()
            try:
                self.run.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.run.kill()
                self.run.wait()
            self.run.stderr.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
