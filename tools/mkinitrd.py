#!/usr/bin/python3
"""Packs files into a cpio archive (newc), the form of the kernel's initrd.

The result depends on the names and contents given and on nothing else: no
times, owners or inode numbers of the host get in, and names are sorted.
"""

import os
import sys

HEADER = "070701" + "%08X" * 13


class Archive:
    """A tree of directories and files; parents come into being by themselves."""

    def __init__(self):
        self.nodes = {}

    def add_dir(self, path):
        path = path.strip("/")
        while path:
            self.nodes.setdefault(path, (0o040755, b""))
            path = os.path.dirname(path)

    def add(self, path, data, executable=False):
        path = path.strip("/")
        if not path or ".." in path.split("/"):
            raise ValueError("not a path inside the archive: %r" % path)
        self.add_dir(os.path.dirname(path))
        self.nodes[path] = (0o100755 if executable else 0o100644, data)

    def add_file(self, path, source):
        with open(source, "rb") as f:
            self.add(path, f.read(), os.access(source, os.X_OK))

    def pack(self):
        # A directory sorts before what it holds, as unpackers expect.
        out = bytearray()
        for ino, path in enumerate(sorted(self.nodes), 1):
            mode, data = self.nodes[path]
            out += record(ino, path, mode, data)
        out += record(0, "TRAILER!!!", 0, b"")
        return bytes(out)


def record(ino, path, mode, data):
    name = path.encode() + b"\0"
    links = 2 if mode & 0o040000 else 1
    head = HEADER % (ino, mode, 0, 0, links, 0, len(data),
                     0, 0, 0, 0, len(name), 0)
    return pad(head.encode() + name) + pad(data)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def main(argv):
    """mkinitrd.py OUT [DIR/ | DEST=SOURCE]..."""
    archive = Archive()
    for arg in argv[1:]:
        dest, eq, source = arg.partition("=")
        if not eq:
            archive.add_dir(dest)
        else:
            archive.add_file(dest, source)
    with open(argv[0], "wb") as f:
        f.write(archive.pack())


if __name__ == "__main__":
    main(sys.argv[1:])
