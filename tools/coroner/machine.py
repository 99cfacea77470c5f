"""The machine from outside: its RAM, its CPUs, its page tables.

RAM is a file that QEMU shares; the offset in it is the physical address. Page
tables are walked as the processor does (PAE; Intel SDM vol. 3, 4.4), from the
CR3 that a CPU has. Nothing here knows anything of the kernel but the address
at which its half begins.
"""

import re

import numpy as np

PAGE = 4096
KERNEL_BASE = 0xc0000000
KERNEL_PAGES = (1 << 32) - KERNEL_BASE >> 12
PRESENT, LARGE = 1, 1 << 7
NO_EXECUTE = np.uint64(1 << 63)
ADDRESS = np.uint64(0x000ffffffffff000)
GENERAL = ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EIP")


class Cpu:
    """The registers of one CPU, from `info registers`."""

    def __init__(self, number, text):
        self.number = number
        self.reg = {name: int(value, 16) for name, value in
                    re.findall(r"\b(E[A-Z]{2}|CR[0-4])=([0-9a-f]{8})", text)}
        # "FS =0018 c01ab400 0000003f 00409300", "GDT=     c01a9000 00000057"
        self.base = {name: int(base, 16) for name, base in re.findall(
            r"\b(ES|CS|SS|DS|FS|GS|LDT|TR|GDT|IDT) *= *(?:[0-9a-f]{4} )? *"
            r"([0-9a-f]{8}) [0-9a-f]{8}", text)}
        self.limit = {name: int(limit, 16) for name, limit in re.findall(
            r"\b(TR|GDT|IDT) *= *(?:[0-9a-f]{4} )? *[0-9a-f]{8} "
            r"([0-9a-f]{8})", text)}
        # Neither follows: x87 and SSE registers, debug registers, CR2.
        self.others = [int(word, 16) for value in re.findall(
            r"\b(?:FPR\d|XMM\d+|DR\d|CR2)=([0-9a-f ]+)", text)
            for word in re.findall(r"[0-9a-f]{8}", value.replace(" ", ""))]
        self.in_user_mode = bool(re.search(r"\bCPL=3\b", text))


class Machine:
    def __init__(self, ram_file):
        self.ram = np.memmap(ram_file, dtype="<u4", mode="r")
        self.cpus = []
        # Of the kernel's half, by page: the frame behind it or -1, and rights;
        # its page tables, and the (2 MiB) place of each.
        self.frame = self.executable = None
        self.kernel_tables = self.kernel_table_at = None

    def stopped(self, registers):
        """Reads CPUs and the kernel's map anew."""
        blocks = re.split(r"(?m)^CPU#\d+\s*$", registers)[1:]
        self.cpus = [Cpu(i, text) for i, text in enumerate(blocks)]

    # ---- physical ----

    def table(self, physical):
        """The 512 entries of a page table."""
        at = physical // 4
        return np.array(self.ram[at:at + 1024]).view("<u8")

    def directories(self, root):
        """The four entries of a page-directory-pointer table."""
        at = (root & ~31) // 4
        return np.array(self.ram[at:at + 8]).view("<u8")

    def leaf_tables(self, root, quarters):
        """(virtual address, entries) of every page table under some of the
        four quarters of an address space."""
        for quarter in quarters:
            top = int(self.directories(root)[quarter])
            if not top & PRESENT:
                continue
            directory = self.table(top & int(ADDRESS))
            for i in np.flatnonzero(directory & np.uint64(PRESENT)):
                entry, va = int(directory[i]), (quarter << 30) + (int(i) << 21)
                if entry & LARGE:
                    first = (entry & int(ADDRESS)) & ~0x1fffff
                    yield va, (np.arange(512, dtype="u8") * np.uint64(PAGE)
                               + np.uint64(first | PRESENT)), 0
                else:
                    pa = entry & int(ADDRESS)
                    yield va, self.table(pa), pa

    # ---- the kernel's half ----

    def map_kernel(self, root):
        self.frame = np.full(KERNEL_PAGES, -1, dtype="i8")
        self.executable = np.zeros(KERNEL_PAGES, dtype=bool)
        self.kernel_tables, self.kernel_table_at = [], []
        for va, entries, pa in self.leaf_tables(root, [3]):
            first = va - KERNEL_BASE >> 12
            present = (entries & np.uint64(PRESENT)) != 0
            frames = (entries & ADDRESS) >> np.uint64(12)
            self.frame[first:first + 512] = np.where(
                present, frames.astype("i8"), -1)
            self.executable[first:first + 512] = present & (
                (entries & NO_EXECUTE) == 0)
            self.kernel_tables.append(pa)
            self.kernel_table_at.append(first // 512)

    def is_mapped(self, va):
        return self.frame[va - KERNEL_BASE >> 12] >= 0

    def gather(self, addresses):
        """The words at an array of (aligned, mapped) kernel addresses."""
        frames = self.frame[(addresses - KERNEL_BASE) >> 12]
        if (frames < 0).any():
            raise ValueError("nothing is mapped at %08x"
                             % addresses[np.argmin(frames)])
        return self.ram[((frames << 12) + (addresses & 4095)) >> 2]

    def words(self, va, end):
        """The words of a range of the kernel, all of it mapped."""
        if va >= end:
            return np.empty(0, dtype="<u4")
        return self.gather(np.arange(va & ~3, end, 4, dtype="i8"))

    def word(self, va):
        frame = int(self.frame[va - KERNEL_BASE >> 12])
        if frame < 0:
            raise ValueError("nothing is mapped at %08x" % va)
        return int(self.ram[(frame * PAGE + (va & 4095)) // 4])

    def half(self, va):
        return self.word(va & ~3) >> 8 * (va & 2) & 0xffff

    def byte(self, va):
        return self.word(va & ~3) >> 8 * (va & 3) & 0xff

    def text(self, va, size):
        data = self.words(va & ~3, va + size).tobytes()[va & 3:]
        return data[:size].split(b"\0")[0].decode("latin-1")
