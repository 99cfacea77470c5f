#!/usr/bin/python3
"""Turns a linked kernel's symbols into the table that names them at run time.

Usage: kallsyms.py KERNEL.elf > kallsyms.S, or kallsyms.py --empty, or
kallsyms.py --verify KERNEL.elf TABLE.S, which fails if the table is not the
one of that kernel. The table, read by kernel/debug/kallsyms.c:

    const uint32_t kallsyms_count;
    const uint32_t kallsyms_addresses[];  sorted; of equal ones, the preferred
                                          name is the last
    const uint32_t kallsyms_names_off[];  offset of each name in ...
    const char     kallsyms_names[];      ... NUL-terminated names
    const char     kallsyms_types[];      as nm: t text, r read-only, d data,
                                          b bss; a capital for a global one

The table changes the addresses of what follows it, but its size depends on
the names only: so the kernel is linked with an empty table, with one of the
right size, and with the right one.
"""

import re
import struct
import sys
from collections import namedtuple

KERNEL_VMA = 0xC0000000
SHT_SYMTAB, SHT_NOBITS = 2, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STT_NOTYPE, STT_OBJECT, STT_FUNC = 0, 1, 2
SHN_LORESERVE = 0xFF00

Section = namedtuple("Section", "name type flags addr offset size link info "
                     "align entsize")
Symbol = namedtuple("Symbol", "value name letter size")


def read_sections(image):
    shoff, = struct.unpack_from("<I", image, 32)
    entsize, count = struct.unpack_from("<HH", image, 46)
    return [Section(*struct.unpack_from("<10I", image, shoff + i * entsize))
            for i in range(count)]


def letter_of(section, is_global):
    if section.flags & SHF_EXECINSTR:
        letter = "t"
    elif not section.flags & SHF_WRITE:
        letter = "r"
    elif section.type == SHT_NOBITS:
        letter = "b"
    else:
        letter = "d"
    return letter.upper() if is_global else letter


def read_symbols(path):
    """All named text and data symbols of the kernel, sorted by address."""
    with open(path, "rb") as f:
        image = f.read()
    if image[:5] != b"\x7fELF\x01":
        raise ValueError("%s: not an ELF32 file" % path)
    sections = read_sections(image)
    symbols = []
    for table in (s for s in sections if s.type == SHT_SYMTAB):
        names = sections[table.link]
        for at in range(table.offset, table.offset + table.size, 16):
            off, value, size, info, _, shndx = struct.unpack_from(
                "<IIIBBH", image, at)
            if not 0 < shndx < SHN_LORESERVE or value < KERNEL_VMA:
                continue
            end = image.index(b"\0", names.offset + off)
            name = image[names.offset + off:end].decode()
            if wanted(name, info & 15):
                letter = letter_of(sections[shndx], info >> 4)
                symbols.append(Symbol(value, name, letter, size))
    return sorted(symbols, key=preference)


def wanted(name, kind):
    if kind not in (STT_NOTYPE, STT_OBJECT, STT_FUNC) or not name:
        return False
    if re.match(r"__\w+_(start|end)$", name):
        return False                    # a boundary set by linker.ld
    if kind == STT_NOTYPE and ("." in name or ".." in name):
        return False                    # a local label of the assembler
    return not name.startswith((".L", "$"))


def preference(s):
    return (s.value, s.letter.isupper(), not s.name.startswith("_"), s.name)


def lookup(symbols, addresses, value):
    """NAME+0xOFF for an address, or None. addresses: the sorted values."""
    import bisect
    i = bisect.bisect_right(addresses, value) - 1
    if i < 0:
        return None
    return "%s+0x%x" % (symbols[i].name, value - addresses[i])


def emit(symbols):
    out = ["\t.section .kallsyms,\"a\"", "\t.balign 4"]

    def begin(name):
        out.extend(["\t.globl " + name, name + ":"])

    begin("kallsyms_count")
    out.append("\t.long %d" % len(symbols))
    begin("kallsyms_addresses")
    out.extend("\t.long 0x%08x" % s.value for s in symbols)
    begin("kallsyms_names_off")
    offset = 0
    for s in symbols:
        out.append("\t.long %d" % offset)
        offset += len(s.name) + 1
    begin("kallsyms_types")
    out.append("\t.asciz \"%s\"" % "".join(s.letter for s in symbols))
    begin("kallsyms_names")
    out.extend("\t.asciz \"%s\"" % s.name for s in symbols)
    out.append("\t.section .note.GNU-stack,\"\",@progbits")
    return "\n".join(out) + "\n"


def main(argv):
    if argv == ["--empty"]:
        sys.stdout.write(emit([]))
    elif argv[0] == "--verify":
        with open(argv[2]) as f:
            if f.read() != emit(read_symbols(argv[1])):
                sys.exit("kallsyms: the table does not match " + argv[1])
    else:
        sys.stdout.write(emit(read_symbols(argv[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
