#!/usr/bin/python3
"""Makes the seeds of the fuzz targets: seeds.py BUILD, into BUILD/fuzz/seeds.

What a target wants is taken from what has just been built: modules and
programs, what good compilers make of tests/host/ko, the bad files of
tests/badfiles. Where a target builds its file from bytes that mean nothing by
themselves, some such bytes are as good as others.
"""

import glob
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/badfiles"))
sys.path.insert(0, os.path.join(TOP, "tools"))

import make                                             # noqa: E402
from mkinitrd import Archive                            # noqa: E402

LARGEST = 64 << 10      # of debug information a fuzzer learns nothing

LINES = [
    "load hello; unload hello", "! load none", "echo 'a  b' \"c d\" e\\ f",
    "cat < /tmp/x > /tmp/y", "ls /bin >> /tmp/z &", "# nothing",
    "repeat 10 'unload -w 1000 fifo; load fifo'", "a 'b", "a | b", "> x",
]
KEYS = [
    "load hello\r", "lo\tld\x7f\x7f\b\r", "\x1b[A\x1b[B\x1b[C\x1b[D\r",
    "abc\x01x\x05y\x0b\x15\x17\x0c\r", "\x1bOA\x1b[3~\x1b[1~\x1b[4~\n",
    "l\t\t\r", "x" * 100 + "\x01\x02\x06\x10\x0e\r", "a\x03b\x04\r\n",
]
TEXTS = [
    "../x/./y//z/", "/a/b/../../..", "key=value key=\"a \\\"b\\\" c\" key",
    "0x7fffffff", "-2147483648", "0777", "18446744073709551616",
    "\"\\\n\t\x01\x7f\xff", "",
]
ARGUMENTS = [
    "a=1 b=0x10 c=\"d e\" f", "a=-1 b=yes c=no d=99999999999", "a", "=", "a=\"",
    "a=off b=-b", "d=" + "x" * 40,
]


def modules(build):
    """The files of all sorts of modules: [(name, bytes)]."""
    paths = glob.glob(os.path.join(build, "image/*.ko"))
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([os.path.join(TOP, "tests/host/ko/build"), tmp],
                       cwd=TOP, check=True)
        paths += glob.glob(os.path.join(tmp, "*.ko"))
        found = [(os.path.basename(path), read(path)) for path in paths]
        base = read(os.path.join(tmp, "badbase.ko"))
    found += [("bad-" + name, data) for name, data, _ in make.cases(base)]
    return [(name, data) for name, data in found if len(data) <= LARGEST]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def section(data, wanted):
    """The bytes of a section of a sound file."""
    f = make.File(data)
    names = f.head("shstrndx")
    for i in range(f.head("shnum")):
        if f.string(names, f.get(f.sec_at(i, "name"))) == wanted:
            at = f.get(f.sec_at(i, "offset"))
            return data[at:at + f.get(f.sec_at(i, "size"))]
    return None


def archive():
    files = Archive()
    files.add("etc/script", b"load hello\n")
    files.add("bin/true", bytes(100))
    return files.pack()


def noise(name, size):
    """Bytes, the same each time."""
    chance = random.Random(name)
    return [bytes(chance.randrange(256) for _ in range(size >> n))
            for n in range(6)]


def parameters(first):
    """A table of sound ones, a to f, of all types (tests/fuzz/params.c)."""
    return b"".join(
        struct.pack("<BHBHBBB", 15, 8 * n, 15, 64 * n, (first + n) % 5, 95, 0)
        for n in range(6))


def seeds(build):
    """{target: [bytes]}"""
    files = modules(build)
    sound = [data for name, data in files if not name.startswith("bad-")]
    infos = [section(data, ".modinfo") for data in sound]
    heads = [read(path)[:4096]
             for path in glob.glob(os.path.join(build, "image/bin/*"))]
    return {
        "elf": [data for _, data in files],
        "load": [data for _, data in files],
        "modinfo": sorted({info for info in infos if info}),
        "exec": [struct.pack("<H", 0xffff) + head for head in heads],
        "cpio": [archive(), archive()[:-200]],
        "parse": [line.encode() for line in LINES],
        "lineedit": [keys.encode("latin-1") for keys in KEYS],
        "text": [bytes([which, room]) + text.encode("latin-1")
                 for text in TEXTS for which in range(4)
                 for room in (7, 255)],
        "params": [text.encode() + b"\0" + parameters(first)
                   for text in ARGUMENTS for first in range(5)] +
        [b"a=1\0" + some for some in noise("params", 320)],
        "exports": noise("exports", 320),
        "layout": noise("layout", 256),
        "reloc": noise("reloc", 2048),
        "symbols": noise("symbols", 2048),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = os.path.join(sys.argv[1], "fuzz/seeds")
    shutil.rmtree(out, ignore_errors=True)
    for target, inputs in seeds(sys.argv[1]).items():
        folder = os.path.join(out, target)
        os.makedirs(folder)
        for n, data in enumerate(inputs):
            with open(os.path.join(folder, "%03d" % n), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
