"""What the kernel's file says of itself: addresses, types, constants.

Types and statics come from its debugging information, which gdb reads for us;
the names of addresses, for reports, from the symbol table of the ELF file.
"""

import bisect
import json
import os
import struct
import subprocess
import tempfile

# Asked of gdb once for each run; what is missing there is an error.
STRUCTS = [
    "bearer", "certificate", "certificate_name", "certificate_page", "frame",
    "geometry", "kthread", "list_head", "mm", "module", "owner", "percpu",
    "rq", "slab", "task", "trap_frame", "tss", "window_page",
]
VARIABLES = {
    "certificate": "'certificate.c'::certificate",
    "frames": "'page.c'::frames",
    "nr_frames": "'page.c'::nr_frames",
    "pages": "'window.c'::pages",
    "free_stacks": "'vmalloc.c'::free_stacks",
    "geometry": "'slab.c'::geometry",
    "idle_tasks": "'core.c'::idle_tasks",
    "owners": "owners",
    "percpus": "percpus",
    "rqs": "rqs",
    "nr_cpus": "nr_cpus",
    "tasklist": "tasklist",
}
CONSTANTS = [
    "CERTIFICATE_COMMIT", "CERTIFICATE_SECOND", "CERTIFICATE_REFUSAL",
    "MODULE_FREE", "MODULE_ENTOMBED", "MODULE_GONE",
    "PAGE_FREE", "PAGE_SLAB", "PAGE_SLAB_DATA",
    "TASK_DEAD", "WINDOW_BLOCK_SLAB",
]

QUESTIONS = """
import gdb, json

def layout(t, at=0, path=""):
    for f in t.fields():
        if not hasattr(f, "bitpos"):
            continue
        where = at + f.bitpos // 8
        inner = f.type.strip_typedefs()
        name = path + f.name if f.name else path.rstrip(".")
        if f.name:
            yield name, (where, inner.sizeof)
        if inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            yield from layout(inner, where, name + "." if name else "")

answer = {"struct": {}, "variable": {}, "constant": {}}
for name in asked["structs"]:
    t = gdb.lookup_type("struct " + name)
    answer["struct"][name] = [t.sizeof, dict(layout(t))]
for name, expression in asked["variables"].items():
    v = gdb.parse_and_eval(expression)
    answer["variable"][name] = int(v.address)
for name in asked["constants"]:
    answer["constant"][name] = int(gdb.parse_and_eval("(int)" + name))
print(json.dumps(answer))
"""


class Struct:
    """Size and layout of a C structure; s["a.b"] is the offset of a.b."""

    def __init__(self, size, fields):
        self.size = size
        self.fields = fields

    def __getitem__(self, field):
        return self.fields[field][0]

    def size_of(self, field):
        return self.fields[field][1]


class Names:
    def __init__(self, elf):
        answer = recall(elf)
        self.variable = answer["variable"]
        self.constant = answer["constant"]
        self.struct = {name: Struct(*layout)
                       for name, layout in answer["struct"].items()}
        symbols = sorted(read_symbols(elf))
        self.addresses = [s[0] for s in symbols]
        self.symbols = symbols
        self.symbol = {name: value for value, _, name in symbols}

    def describe(self, address):
        """"name+0x12" of an address in the kernel's image, or None."""
        i = bisect.bisect_right(self.addresses, address) - 1
        if i < 0:
            return None
        value, size, name = self.symbols[i]
        if address - value >= max(size, 1):
            return None
        return name + ("+0x%x" % (address - value) if address > value else "")


def recall(elf):
    """The answer of gdb, kept beside the file for the next run."""
    kept = elf + ".coroner.json"
    state = os.stat(elf)
    asked = [state.st_mtime_ns, state.st_size, STRUCTS, VARIABLES, CONSTANTS,
             QUESTIONS]
    try:
        with open(kept) as f:
            then, answer = json.load(f)
        if then == asked:
            return answer
    except (OSError, ValueError):
        pass
    answer = ask_gdb(elf)
    with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(kept),
                                     delete=False) as f:
        json.dump([asked, answer], f)
    os.rename(f.name, kept)
    return answer


def ask_gdb(elf):
    asked = {"structs": STRUCTS, "variables": VARIABLES,
             "constants": CONSTANTS}
    script = "asked = %r\n%s" % (asked, QUESTIONS)
    done = subprocess.run(["gdb", "-nx", "-batch", "-ex",
                           "python exec(%r)" % script, elf],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode or not done.stdout.strip():
        raise ValueError("gdb does not know this kernel (make LAB=1): "
                         + done.stderr.strip())
    return json.loads(done.stdout.strip().splitlines()[-1])


def read_symbols(elf):
    """(value, size, name) of every named symbol of an ELF32 file."""
    with open(elf, "rb") as f:
        data = f.read()
    shoff, = struct.unpack_from("<I", data, 0x20)
    shentsize, shnum = struct.unpack_from("<HH", data, 0x2e)
    sections = [struct.unpack_from("<10I", data, shoff + i * shentsize)
                for i in range(shnum)]
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != 2:                   # SHT_SYMTAB
            continue
        strings = sections[link][4]
        for at in range(offset, offset + size, 16):
            name, value, length, info, _, _ = struct.unpack_from(
                "<IIIBBH", data, at)
            if not name or info & 15 in (3, 4):     # section, file
                continue
            end = data.index(b"\0", strings + name)
            yield value, length, data[strings + name:end].decode()
