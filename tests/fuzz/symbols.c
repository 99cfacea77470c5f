// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * Symbols of all sorts in a file that is sound otherwise: the table that is
 * made of them for backtraces.
 */
#include "build.h"
#include "loader.h"

#define MAX_SYMBOLS	512u
#define PART_SIZE	0x400u

enum { TEXT = 1, INIT, BSS, SYMTAB, STRTAB, NR_PARTS = STRTAB };

static struct elf32_sym some_symbol(struct input *in, uint32_t names,
				    uint8_t bind)
{
	static const uint8_t types[] = {
		STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_FUNC, STT_FILE,
		STT_SECTION, STT_COMMON, STT_OBJECT,
	};
	uint8_t how = take8(in);
	struct elf32_sym s = {
		.st_name = take16(in) % names,
		.st_info = (uint8_t)(bind << 4 | types[how & 7]),
		.st_shndx = (how >> 3 & 3) + !(how >> 5),
		.st_value = take16(in),
		.st_size = take16(in),
	};

	if (how >> 5 == 7)
		s.st_shndx = SHN_ABS;
	if (how >> 5 != 6 && s.st_shndx <= BSS) {
		s.st_value %= PART_SIZE;
		s.st_size %= PART_SIZE - s.st_value + 1;
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf32_sym sym[MAX_SYMBOLS];
	static const uint8_t bytes[PART_SIZE];
	struct input in = { data, size };
	struct part part[NR_PARTS] = {
		[TEXT - 1] = { ".text", SHT_PROGBITS, SHF_ALLOC |
			SHF_EXECINSTR, 0, 0, 16, 0, PART_SIZE, bytes },
		[INIT - 1] = { ".init.text", SHT_PROGBITS, SHF_ALLOC |
			SHF_EXECINSTR, 0, 0, 1, 0, PART_SIZE, bytes },
		[BSS - 1] = { ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 0, 0,
			32, 0, PART_SIZE, NULL },
	};
	uint32_t name_bytes = 1 + take8(&in) % 64, n = 1;
	uint32_t locals = take8(&in) * 2u, count = locals + take8(&in);
	char names[66] = "";
	void *file;

	for (uint32_t i = 1; i < name_bytes; i++)
		names[i] = (char)take8(&in);
	while (in.left && n <= count && n < MAX_SYMBOLS) {
		sym[n] = some_symbol(&in, name_bytes, n > locals);
		n++;
	}
	part[SYMTAB - 1] = (struct part) {
		".symtab", SHT_SYMTAB, 0, STRTAB, locals < n ? locals + 1 : n,
		4, sizeof(sym[0]), n * sizeof(sym[0]), sym,
	};
	part[STRTAB - 1] = (struct part) {
		".strtab", SHT_STRTAB, 0, 0, 0, 1, 0, name_bytes + 1, names,
	};
	file = build_file(part, NR_PARTS, &size);
	load_and_check(file, size, "");
	free(file);
	return 0;
}
