"""QEMU's debugger interface: stops the machine, steps it, reads registers.

The gdb remote serial protocol, as much of it as a coroner needs (GDB manual,
appendix E). While QEMU runs it says nothing; when a breakpoint is met *all*
CPUs stand, and virtual time with them.
"""

import re
import socket


class Ended(Exception):
    """QEMU is no more."""


class Remote:
    def __init__(self, listener):
        """Takes the first who comes to a socket: QEMU."""
        with socket.socket(fileno=listener) as door:
            self.sock, _ = door.accept()
        self.buffer = b""
        self.breakpoints = set()
        self.ask("qSupported")
        if self.ask("QStartNoAckMode") == "OK":
            self.sock.sendall(b"+")
        self.ask("?")

    # ---- packets: $text#checksum ----

    def send(self, text):
        data = text.encode()
        try:
            self.sock.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        except OSError as e:
            raise Ended() from e

    def receive(self):
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if start >= 0 and end >= 0 and len(self.buffer) >= end + 3:
                text = self.buffer[start + 1:end].decode("latin-1")
                self.buffer = self.buffer[end + 3:]
                return text
            try:
                more = self.sock.recv(65536)
            except OSError as e:
                raise Ended() from e
            if not more:
                raise Ended()
            self.buffer += more

    def ask(self, text):
        self.send(text)
        return self.receive()

    def monitor(self, command):
        """A command of QEMU's monitor; its output comes in pieces."""
        self.send("qRcmd," + command.encode().hex())
        text = ""
        while True:
            answer = self.receive()
            if answer == "OK":
                return text
            if not answer.startswith("O"):
                raise ValueError("monitor: " + answer)
            text += bytes.fromhex(answer[1:]).decode("latin-1")

    # ---- running ----

    def break_at(self, address):
        self.breakpoints.add(address)
        if self.ask("Z0,%x,1" % address) != "OK":
            raise ValueError("no breakpoint at %x" % address)

    def wait(self):
        """The number of the CPU that stopped, from 0."""
        while True:
            answer = self.receive()
            if answer[:1] in "WX":
                raise Ended()
            if answer[:1] in "ST":
                thread = re.search(r"thread:p?[0-9a-f.]*?([0-9a-f]+);", answer)
                return int(thread[1], 16) - 1 if thread else 0

    def run(self):
        self.send("c")
        return self.wait()

    def step_over(self, cpu, address):
        """One instruction of one CPU at a breakpoint, the others standing."""
        self.ask("z0,%x,1" % address)
        self.send("vCont;s:%x" % (cpu + 1))
        self.wait()
        self.ask("Z0,%x,1" % address)
