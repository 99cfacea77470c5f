// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * Sections and COMMON symbols of all sorts in a file that is sound otherwise:
 * where they go, and how large the regions become.
 */
#include "build.h"
#include "loader.h"

#define NR_SECTIONS	60u
#define NR_SYMBOLS	16u

static const char *const names[] = {
	".text", ".init.text", ".rodata", ".data", ".bss", ".init.data",
	".data.rel.ro", ".init.rodata", ".ksymtab", "__param", ".eh_frame",
	".note", ".text.unlikely", ".rodata.str1.1", ".init.",
};

static struct part some_section(struct input *in, const void *data)
{
	struct part p = {
		.name = names[take8(in) % ARRAY_SIZE(names)],
		.type = take8(in) % 4 ? SHT_PROGBITS : SHT_NOBITS,
		.flags = take8(in) & 7,
		.align = 1u << take8(in) % 13,
		.data = data,
	};

	p.size = take16(in);
	if (p.type == SHT_NOBITS)
		p.size <<= take8(in) % 20;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf32_sym sym[NR_SYMBOLS + 1] = { { 0 } };
	static const uint8_t bytes[0x10000];
	struct input in = { data, size };
	struct part part[NR_SECTIONS + 2];
	uint32_t n = 0, s = 1, count = take8(&in) % NR_SYMBOLS;
	void *file;

	while (s <= count)
		sym[s++] = (struct elf32_sym) {
			.st_name = 1, .st_value = 1u << take8(&in) % 14,
			.st_size = take32(&in), .st_shndx = SHN_COMMON,
			.st_info = STB_GLOBAL << 4 | STT_OBJECT,
		};
	part[n++] = (struct part) {
		".symtab", SHT_SYMTAB, 0, 2, 1, 4, sizeof(sym[0]),
		s * sizeof(sym[0]), sym,
	};
	part[n++] = (struct part) {
		".strtab", SHT_STRTAB, 0, 0, 0, 1, 0, 3, "\0c",
	};
	while (in.left && n < ARRAY_SIZE(part))
		part[n++] = some_section(&in, bytes);
	file = build_file(part, n, &size);
	load_and_check(file, size, "");
	free(file);
	return 0;
}
