#!/usr/bin/python3
"""One bad module file for each refusal of the loader.

make.py GOOD.ko DIR damages GOOD.ko (good.c, compiled for the i386 without PIC)
in one place for each case below, and writes DIR/NAME.ko and DIR/expected.tsv:
a line "NAME.ko<tab>text that the refusal has to contain" for each.
A test in Python may call cases(bytes) instead.
"""

import os
import struct
import sys

EHDR = dict(cls=(4, "B"), data=(5, "B"), version=(6, "B"), osabi=(7, "B"),
            type=(16, "H"), machine=(18, "H"), shoff=(32, "I"),
            flags=(36, "I"), ehsize=(40, "H"), shentsize=(46, "H"),
            shnum=(48, "H"), shstrndx=(50, "H"))
SHDR = ["name", "type", "flags", "addr", "offset", "size", "link", "info",
        "addralign", "entsize"]
SYM = dict(name=(0, "I"), value=(4, "I"), size=(8, "I"), info=(12, "B"),
           shndx=(14, "H"))

WRITE, ALLOC, EXEC = 1, 2, 4
NOBITS, RELA, NOTE, SYMTAB_SHNDX = 8, 4, 7, 18


class File:
    """An ELF32 file as bytes, and its fields by name."""

    def __init__(self, data):
        self.data = bytearray(data)

    def get(self, at, fmt="I"):
        return struct.unpack_from("<" + fmt, self.data, at)[0]

    def put(self, at, value, fmt="I"):
        struct.pack_into("<" + fmt, self.data, at, value)

    def head(self, field, value=None):
        at, fmt = EHDR[field]
        if value is not None:
            self.put(at, value, fmt)
        return self.get(at, fmt)

    def sec_at(self, index, field):
        return self.head("shoff") + 40 * index + 4 * SHDR.index(field)

    def string(self, table, offset):
        at = self.get(self.sec_at(table, "offset")) + offset
        return self.data[at:self.data.index(0, at)].decode()


class Module(File):
    """A copy to damage; sections and symbols are found as in the good file."""

    def __init__(self, data):
        super().__init__(data)
        self.good = File(data)

    def sec(self, index, field, value=None):
        at = self.good.sec_at(index, field)
        if value is not None:
            self.put(at, value)
        return self.get(at)

    def section_name(self, index):
        return self.good.string(self.good.head("shstrndx"), self.good.get(
            self.good.sec_at(index, "name")))

    def find(self, name, nth=0):
        return [i for i in range(1, self.good.head("shnum"))
                if self.section_name(i) == name][nth]

    def label(self, index):
        return "section %d (%s)" % (index, self.section_name(index))

    @property
    def symtab(self):
        return self.find(".symtab")

    def at(self, name):
        """File offset of what section @name holds."""
        return self.good.get(self.good.sec_at(self.find(name), "offset"))

    def size(self, name):
        return self.good.get(self.good.sec_at(self.find(name), "size"))

    def sym_at(self, index, field):
        return self.at(".symtab") + 16 * index + SYM[field][0]

    def sym(self, index, field, value=None):
        at, fmt = self.sym_at(index, field), SYM[field][1]
        if value is not None:
            self.put(at, value, fmt)
        return self.get(at, fmt)

    def symbol_count(self):
        return self.size(".symtab") // 16

    def symbol_name(self, index):
        return self.good.string(self.find(".strtab"), self.good.get(
            self.sym_at(index, "name")))

    def symbol(self, name):
        return [i for i in range(1, self.symbol_count())
                if self.symbol_name(i) == name][0]

    def symbol_label(self, index):
        return "symbol %d (%s)" % (index, self.symbol_name(index))

    def rel(self, name, symbol=None):
        """File offset of the first relocation of .rel+name (for @symbol)."""
        at = self.at(".rel" + name)
        for i in range(self.size(".rel" + name) // 8):
            if symbol is None or self.rel_symbol(at + 8 * i) == symbol:
                return at + 8 * i
        raise KeyError(symbol)

    def rel_symbol(self, at):
        return self.symbol_name(self.good.get(at + 4) >> 8)

    def export(self):
        """The name of the first export: compilers differ in the order."""
        return self.rel_symbol(self.rel(".ksymtab"))


CASES = []


def case(function):
    CASES.append(function)
    return function


def header_case(name, field, value, expected):
    def damage(m):
        m.head(field, value)
        return expected
    damage.__name__ = name
    CASES.append(damage)


def section_case(name, section, field, value, expected):
    def damage(m):
        index = m.find(section)
        m.sec(index, field, value)
        return m.label(index) + ": " + expected
    damage.__name__ = name
    CASES.append(damage)


def symbol_case(name, symbol, field, value, expected):
    def damage(m):
        index = m.symbol(symbol)
        label = m.symbol_label(index)
        m.sym(index, field, value)
        return label + ": " + expected
    damage.__name__ = name
    CASES.append(damage)


# ---- The header -------------------------------------------------------------

@case
def empty(m):
    m.data = bytearray()
    return "0 bytes are too few for an ELF file"


@case
def short_header(m):
    m.data = m.data[:51]
    return "51 bytes are too few for an ELF file"


@case
def not_elf(m):
    m.data[0:4] = b"#!/b"
    return "not an ELF file"


header_case("elf64", "cls", 2, "a 64-bit ELF file")
header_case("class_unknown", "cls", 3, "ELF class 3 is not known")
header_case("big_endian", "data", 2, "ELF data encoding 2")
header_case("version", "version", 2, "ELF version 2/1 is not known")
header_case("osabi", "osabi", 9, "made for another system (OS ABI 9)")
header_case("machine", "machine", 40, "made for machine 40")
header_case("executable", "type", 2, "ELF type 2: an executable")
header_case("shared_object", "type", 3, "ELF type 3: a shared object")
header_case("core_dump", "type", 4, "ELF type 4: a core dump")
header_case("processor_flags", "flags", 0x10, "processor flags 0x10")
header_case("header_size", "ehsize", 64, "ELF header of 64 bytes")

# ---- The section table ------------------------------------------------------

header_case("no_sections", "shoff", 0, "no section table")
header_case("extended_count", "shnum", 0, "one of more than 65279 sections")
header_case("section_header_size", "shentsize", 64,
            "section headers of 64 bytes, should be 40")
header_case("too_many_sections", "shnum", 8193,
            "8193 sections, the limit is 8192")
header_case("sections_at_the_end", "shoff", 0xfffffffc, "section table: offset"
            " 0xfffffffc")


@case
def sections_misaligned(m):
    m.head("shoff", m.head("shoff") + 2)
    return "section table at offset 0x%x is not aligned" % m.head("shoff")


@case
def truncated(m):
    m.data = m.data[:-1]
    return "section table: offset 0x%x + size 0x%x lies outside the file " \
        "(0x%x bytes)" % (m.head("shoff"), 40 * m.head("shnum"), len(m.data))


@case
def names_index(m):
    m.head("shstrndx", m.head("shnum"))
    return "section names are said to be in section %d" % m.head("shnum")


@case
def names_not_strings(m):
    m.head("shstrndx", m.find(".text"))
    return "section %d is not a string table" % m.find(".text")


@case
def names_unterminated(m):
    index = m.head("shstrndx")
    m.sec(index, "size", m.sec(index, "size") - 1)
    return "string table does not end with a NUL"


@case
def name_offset(m):
    m.sec(m.find(".text"), "name", 0x100000)
    return "name offset 0x100000 lies outside the name table"


@case
def name_too_long(m):
    index = m.head("shstrndx")
    old = m.data[m.sec(index, "offset"):][:m.sec(index, "size")]
    m.sec(index, "offset", len(m.data))
    m.sec(index, "size", len(old) + 301)
    text = m.find(".text")
    m.sec(text, "name", len(old))
    m.data += old + b"x" * 300 + b"\0"
    return "section %d (%s): name is longer than 255" % (text, "x" * 40)


# ---- Sections ---------------------------------------------------------------

@case
def section_outside(m):
    text = m.find(".text")
    m.sec(text, "offset", 0x90000)
    return "%s: offset 0x90000 + size 0x%x lies outside the file (0x%x " \
        "bytes)" % (m.label(text), m.sec(text, "size"), len(m.data))


@case
def section_wraps(m):
    text = m.find(".text")
    m.sec(text, "size", 0xffffffff)
    return m.label(text) + ": offset"


section_case("write_execute", ".text", "flags", ALLOC | WRITE | EXEC,
             "both writable and executable")
section_case("tls_section", ".data", "flags", ALLOC | WRITE | 0x400,
             "thread-local storage")
section_case("compressed", ".data", "flags", ALLOC | WRITE | 0x800,
             "compressed (SHF_COMPRESSED)")
section_case("nonconforming", ".data", "flags", ALLOC | WRITE | 0x100,
             "needs treatment that is not known")
section_case("unknown_type", ".data", "type", 0x70000001,
             "allocated, of type 0x70000001")
section_case("rela", ".rel.text", "type", RELA, "relocations with addend")
section_case("symtab_shndx", ".comment", "type", SYMTAB_SHNDX,
             "extended section indices")
section_case("alignment_odd", ".data", "addralign", 24,
             "alignment 24 is not a power of two")
section_case("alignment_large", ".data", "addralign", 8192,
             "alignment 8192, the limit is 4096")
section_case("link", ".data", "link", 0xffff, "linked to section 65535 of")


@case
def constructors(m):
    index = m.find(".ksymtab_strings")
    at = m.sec(m.head("shstrndx"), "offset") + m.sec(index, "name")
    m.data[at:at + 16] = b".init_array.0001"
    return "(.init_array.0001): constructors and destructors are not run"


@case
def strings_unterminated(m):
    index = m.sec(m.symtab, "link")
    m.sec(index, "size", m.sec(index, "size") - 1)
    return m.label(index) + ": string table does not end with a NUL"


@case
def strings_empty(m):
    index = m.sec(m.symtab, "link")
    m.sec(index, "size", 0)
    return m.label(index) + ": string table is empty"


@case
def strings_begin(m):
    index = m.sec(m.symtab, "link")
    m.data[m.sec(index, "offset")] = ord("x")
    return m.label(index) + ": string table does not begin with a NUL"


@case
def overlap(m):
    for name in (".text", ".data", ".comment"):
        m.sec(m.find(name), "offset", 0)
        m.sec(m.find(name), "size", len(m.data) // 2)
    return "overlaps another"


@case
def too_large(m):
    m.sec(m.find(".bss"), "size", 0x1000001)
    return ".bss: the module is larger than 16384 KiB"


@case
def too_large_together(m):
    m.sec(m.find(".bss"), "size", 0xfff000)  # fits, but not with the rest
    return "all sections together: the module is larger than 16384 KiB"


# ---- Symbols ----------------------------------------------------------------

section_case("no_symbols", ".symtab", "size", 0, "symbol table is empty")
section_case("symbol_size", ".symtab", "entsize", 24,
             "entries of 24 bytes, should be 16")
section_case("first_global", ".symtab", "info", 0x10000,
             "first global symbol is said to be 65536")
section_case("symbol_names", ".symtab", "link", 1, "section 1, for the names, "
             "is not a string table")


@case
def section_zero(m):
    m.sec(m.find(".symtab"), "link", 0)     # which says it holds the names,
    m.sec(0, "type", 3)                     # far outside the file
    m.sec(0, "offset", 0x70000000)
    m.sec(0, "size", 0x7fffffff)
    return "section 0 has type 3"


@case
def stripped(m):
    index = m.symtab
    m.sec(index, "type", 1)
    return "no symbol table: stripped?"


@case
def second_symtab(m):
    index = m.find(".comment")
    m.sec(index, "type", 2)
    later = max(index, m.symtab)
    return m.label(later) + ": a second symbol table (the first is section " \
        "%d)" % min(index, m.symtab)


@case
def symtab_ragged(m):
    index = m.symtab
    m.sec(index, "size", m.sec(index, "size") - 4)
    return m.label(index) + ": size 0x%x is no multiple of 16" % \
        m.sec(index, "size")


@case
def symtab_misaligned(m):
    index = m.symtab
    m.sec(index, "offset", m.sec(index, "offset") - 2)
    return m.label(index) + ": offset 0x%x is not aligned to 4" % \
        m.sec(index, "offset")


@case
def too_many_symbols(m):
    index = m.symtab
    m.data += bytes(-len(m.data) % 4)
    m.sec(index, "offset", len(m.data))
    m.sec(index, "size", 65537 * 16)
    m.data += bytes(65537 * 16)
    return m.label(index) + ": 65537 symbols, the limit is 65536"


@case
def null_symbol(m):
    m.sym(0, "value", 1)
    return "symbol 0 is not the null symbol"


@case
def symbol_name_offset(m):
    index = m.symbol("good_value")
    m.sym(index, "name", 0x100000)
    return "symbol %d (name unknown): name offset 0x100000 lies outside" % \
        index


@case
def symbol_name_too_long(m):
    names = m.sec(m.symtab, "link")
    old = m.data[m.sec(names, "offset"):][:m.sec(names, "size")]
    index = m.symbol("good_value")
    m.sec(names, "offset", len(m.data))
    m.sec(names, "size", len(old) + 301)
    m.sym(index, "name", len(old))
    m.data += old + b"y" * 300 + b"\0"
    return "symbol %d (%s): name is longer than 255" % (index, "y" * 40)


@case
def symbol_unnamed(m):
    index = m.symbol("good_value")
    m.sym(index, "name", 0)
    return "symbol %d (): global without a name" % index


symbol_case("symbol_tls", "good_value", "info", 0x16,
            "thread-local symbols (STT_TLS)")
symbol_case("symbol_ifunc", "good_value", "info", 0x1a,
            "indirect functions (STT_GNU_IFUNC)")
symbol_case("symbol_type", "good_value", "info", 0x17,
            "symbol type 7 is not known")
symbol_case("symbol_binding", "good_value", "info", 0xa1,
            "symbol binding 10 is not supported")
symbol_case("symbol_local", "good_value", "info", 0x01,
            "a local symbol among the global")
symbol_case("symbol_global", "limit", "info", 0x11,
            "a global symbol among the local")
symbol_case("symbol_section", "good_value", "shndx", 0xfe00,
            "in section 0xfe00 of")
symbol_case("symbol_xindex", "good_value", "shndx", 0xffff,
            "extended section index (SHN_XINDEX)")
symbol_case("symbol_reserved", "good_value", "shndx", 0xff00,
            "in section 0xff00 of")
symbol_case("symbol_value", "good_value", "value", 0xfffffffe,
            "value 0xfffffffe + size 0x4 lies outside section")
symbol_case("symbol_extent", "good_value", "size", 0x8000,
            "value 0x")
symbol_case("common_alignment", "good_common", "value", 3,
            "COMMON with alignment 3")
symbol_case("common_alignment_zero", "good_common", "value", 0,
            "COMMON with alignment 0")


@case
def common_size(m):
    m.sym(m.symbol("good_common"), "size", 0xffffffff)
    return "good_common: the module is larger than 16384 KiB"


# ---- Relocations ------------------------------------------------------------

section_case("rel_size", ".rel.text", "entsize", 12,
             "entries of 12 bytes, should be 8")
section_case("rel_symbols", ".rel.text", "link", 1, "section 1, for the "
             "symbols, is not the symbol table")
section_case("rel_target", ".rel.text", "info", 0, "relocates section 0 of")
section_case("rel_target_outside", ".rel.text", "info", 0xfff0,
             "relocates section 65520 of")


@case
def rel_of_bss(m):
    index = m.find(".rel.text")
    m.sec(index, "info", m.find(".bss"))
    return m.label(index) + ": relocates section %d (.bss), which has no " \
        "bytes" % m.find(".bss")


@case
def rel_offset(m):
    text = m.find(".text")
    offset = m.sec(text, "size") - 3
    m.put(m.rel(".text"), offset)
    return "%s: relocation 0: offset 0x%x lies outside .text (0x%x bytes)" % (
        m.label(m.find(".rel.text")), offset, m.sec(text, "size"))


@case
def rel_symbol(m):
    at = m.rel(".text")
    m.put(at + 4, 0xffff00 << 8 | 1)
    return "relocation 0: symbol 16776960 of %d" % m.symbol_count()


def rel_type_case(name, number, text):
    def damage(m):
        at = m.rel(".text", "printk")
        m.put(at + 4, m.get(at + 4) & ~0xff | number)
        return "relocation %s at .text+0x%x against printk is not " \
            "supported" % (text, m.get(at))
    damage.__name__ = "rel_" + name
    CASES.append(damage)


rel_type_case("copy", 5, "R_386_COPY")
rel_type_case("relative", 8, "R_386_RELATIVE")
rel_type_case("32plt", 11, "R_386_32PLT")
rel_type_case("tls_le", 17, "R_386_TLS_LE")
rel_type_case("tls_gd", 18, "R_386_TLS_GD")
rel_type_case("16", 20, "R_386_16")
rel_type_case("pc16", 21, "R_386_PC16")
rel_type_case("8", 22, "R_386_8")
rel_type_case("pc8", 23, "R_386_PC8")
rel_type_case("irelative", 42, "R_386_IRELATIVE")
rel_type_case("unknown", 99, "type 99")


@case
def rel_got_at_start(m):
    at = m.rel(".text", "printk")
    m.put(at, 0)
    m.put(at + 4, m.get(at + 4) & ~0xff | 43)
    return "relocation R_386_GOT32X at .text+0x0 against printk"


@case
def rel_to_init(m):
    at = m.rel(".text", "printk")
    symbol = m.symbol("good_init")
    m.put(at + 4, symbol << 8 | 2)
    return ".text+0x%x refers to good_init in .init.text, which is freed " \
        "after load" % m.get(at)


@case
def rel_to_unloaded(m):
    at = m.rel(".text", "printk")
    index = m.symbol("good_value")
    m.sym(index, "shndx", m.find(".modinfo"))
    m.sym(index, "value", 0)
    m.put(at + 4, index << 8 | 2)
    return "refers to good_value in .modinfo, which is not loaded"


@case
def undefined(m):
    at = m.at(".strtab") + m.sym(m.symbol("printk"), "name")
    m.data[at:at + 6] = b"prinkt"
    return "undefined symbol: prinkt (needed by .text+0x%x)" % \
        m.get(m.rel(".text", "printk"))


@case
def hostile_name(m):
    at = m.at(".strtab") + m.sym(m.symbol("printk"), "name")
    m.data[at:at + 6] = b"\x1b[2J\x07\xff"
    return "undefined symbol: ?[2J?? (needed by"


# ---- Groups -----------------------------------------------------------------

@case
def group_twice(m):
    first, second = m.find(".group"), m.find(".group", 1)
    m.sec(second, "info", m.sec(first, "info"))
    return "%s: COMDAT group group_one is in section %d too" % (
        m.label(second), first)


@case
def group_member(m):
    index = m.find(".group")
    m.put(m.sec(index, "offset") + 4, 0xffff)
    return m.label(index) + ": group member 1 is section 65535 of"


@case
def group_flags(m):
    index = m.find(".group")
    m.put(m.sec(index, "offset"), 0x40)
    return m.label(index) + ": group flags are not known"


@case
def group_empty(m):
    index = m.find(".group")
    m.sec(index, "size", 0)
    return m.label(index) + ": group flags are missing"


@case
def group_signature(m):
    index = m.find(".group")
    m.sec(index, "info", 0xffff)
    return m.label(index) + ": group signature: symbol 65535"


# ---- What the module says of itself -----------------------------------------

@case
def modinfo_unterminated(m):
    index = m.find(".modinfo")
    m.data[m.at(".modinfo") + m.size(".modinfo") - 1] = ord("x")
    return m.label(index) + ": the last entry has no terminating NUL"


@case
def modinfo_large(m):
    index = m.find(".modinfo")
    m.sec(index, "offset", len(m.data))
    m.sec(index, "size", 0x10004)
    m.data += b"a=b\0" * 0x4001
    return m.label(index) + ": has 0x10004 bytes, more than 0x10000"


@case
def modinfo_no_key(m):
    at = m.data.index(b"license=", m.at(".modinfo"))
    m.data[at + 7] = ord("-")
    return m.label(m.find(".modinfo")) + \
        ': "license-MIT" is not of the form key=value'


@case
def modinfo_binary(m):
    at = m.data.index(b"license=MIT", m.at(".modinfo"))
    m.data[at + 9] = 0x1b
    return '"license=M?T" has a byte that is not printable'


@case
def modinfo_twice(m):
    m.sec(m.find(".comment"), "name", m.sec(m.find(".modinfo"), "name"))
    return "has the same name"


@case
def abi_other(m):
    at = m.data.index(b"abi=", m.at(".modinfo")) + 4
    m.data[at] = ord("!")
    return "compiled for ABI !"


@case
def abi_missing(m):
    at = m.data.index(b"abi=", m.at(".modinfo"))
    m.data[at] = ord("x")
    return "no ABI stamp: not an Icebox module"


@case
def abi_mixed(m):
    at = m.data.index(b"license=MIT", m.at(".modinfo"))
    m.data[at:at + 11] = b"abi=another"
    return "linked from objects of different builds (ABI"


# ---- Entry points, exports, parameters --------------------------------------

@case
def init_in_data(m):
    index = m.symbol("init_module")
    m.sym(index, "shndx", m.find(".data"))
    m.sym(index, "value", 0)
    m.sym(index, "size", 0)
    return m.symbol_label(index) + ": entry point is not in an executable"


@case
def init_at_end(m):
    index = m.symbol("init_module")
    m.sym(index, "value", m.sec(m.find(".init.text"), "size"))
    m.sym(index, "size", 0)
    return m.symbol_label(index) + ": entry point lies at the end of " \
        ".init.text"


@case
def cleanup_in_init(m):
    index = m.symbol("cleanup_module")
    m.sym(index, "shndx", m.find(".init.text"))
    m.sym(index, "value", 0)
    m.sym(index, "size", 0)
    return m.symbol_label(index) + ": entry point lies in .init.text, which " \
        "is freed after load"


@case
def export_ragged(m):
    index = m.find(".ksymtab")
    m.sec(index, "size", m.size(".ksymtab") + 4)
    return m.label(index) + ": size 0x14 is no multiple of 8"


@case
def export_writable_code(m):
    index = m.find(".ksymtab")
    m.sec(index, "flags", ALLOC | EXEC)
    return m.label(index) + ": is not constant data"


@case
def export_outside(m):
    at = m.rel(".ksymtab")
    m.put(at + 4, 0)
    return "export 0: %s does not lie in the module" % m.export()


@case
def export_init(m):
    at = m.rel(".ksymtab")
    m.put(at + 4, m.symbol("good_init") << 8 | 1)
    return "export 0: %s is freed after load" % m.export()


@case
def export_name(m):
    at = m.rel(".ksymtab") + 8
    m.put(at + 4, m.symbol("good_value") << 8 | 1)
    return "export 0: the name is no constant string of the module"


@case
def export_nameless(m):
    m.data[m.data.index(m.export().encode(), m.at(".ksymtab_strings"))] = 0
    return "export 0: the name has to have 1 to 127 characters"


@case
def export_twice(m):
    strings = m.at(".ksymtab_strings")
    at = m.data.index(b"good_common", strings)
    m.data[at:at + 11] = b"good_value\0"
    return "export 1: good_value is exported twice"


@case
def param_ragged(m):
    index = m.find("__param")
    m.sec(index, "size", m.size("__param") + 4)
    return m.label(index) + ": size 0x18 is no multiple of 20"


@case
def param_name(m):
    m.put(m.rel("__param") + 4, 0)
    return "parameter 0: the name is no constant string of the module"


@case
def param_variable(m):
    m.put(m.rel("__param") + 8 + 4, m.symbol("good_register") << 8 | 1)
    return "parameter limit: the variable (4 bytes at 0x"


@case
def param_kernel(m):
    m.put(m.at("__param") + 4, 0xc0100000)
    m.put(m.rel("__param") + 8 + 4, 0)
    return "parameter limit: the variable (4 bytes at 0xc0100000) does not " \
        "lie in the module's data"


@case
def param_type(m):
    m.put(m.at("__param") + 8, 77)
    return "parameter limit: type 77 is not known"


@case
def param_size(m):
    m.put(m.at("__param") + 12, 5)
    return "parameter limit: size 5 does not fit its type"


@case
def param_mode(m):
    m.put(m.at("__param") + 16, 0x8000)
    return "parameter limit: 0x8000 is no file mode"


def cases(good):
    """(name, bytes, text that the refusal contains) of each bad file."""
    for damage in CASES:
        module = Module(good)
        expected = damage(module)
        yield damage.__name__, bytes(module.data), expected


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as f:
        good = f.read()
    os.makedirs(sys.argv[2], exist_ok=True)
    with open(os.path.join(sys.argv[2], "expected.tsv"), "w") as table:
        for name, data, expected in cases(good):
            with open(os.path.join(sys.argv[2], name + ".ko"), "wb") as f:
                f.write(data)
            table.write("%s.ko\t%s\n" % (name, expected))


if __name__ == "__main__":
    main()
