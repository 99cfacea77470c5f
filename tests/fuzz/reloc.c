// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * Relocations of all sorts, against symbols of all sorts, in a file that is
 * sound otherwise.
 */
#include "build.h"
#include "loader.h"

#define MAX_RELS	256u
#define TEXT_SIZE	256u
#define DATA_SIZE	64u

enum { TEXT = 1, DATA, INIT, SYMTAB, STRTAB, REL_TEXT, REL_DATA, REL_INIT,
       NR_PARTS = REL_INIT };

static const char strings[] = "\0_GLOBAL_OFFSET_TABLE_\0known\0?unknown\0"
			      "weak\0common";
#define NAME_GOT	1
#define NAME_KNOWN	23
#define NAME_UNKNOWN	29
#define NAME_WEAK	38
#define NAME_COMMON	43

#define GLOBAL(type)	(STB_GLOBAL << 4 | (type))

static const struct elf32_sym symbols[] = {
	{ 0 },
	{ .st_info = STT_SECTION, .st_shndx = TEXT },
	{ .st_info = STT_SECTION, .st_shndx = DATA },
	{ .st_info = STT_SECTION, .st_shndx = INIT },
	{ .st_name = NAME_GOT, .st_info = GLOBAL(STT_NOTYPE) },
	{ .st_name = NAME_KNOWN, .st_info = GLOBAL(STT_NOTYPE) },
	{ .st_name = NAME_UNKNOWN, .st_info = GLOBAL(STT_NOTYPE) },
	{ .st_name = NAME_UNKNOWN, .st_info = STB_WEAK << 4 },
	{ .st_name = NAME_COMMON, .st_info = GLOBAL(STT_OBJECT),
	  .st_shndx = SHN_COMMON, .st_value = 8, .st_size = 20 },
	{ .st_name = NAME_WEAK, .st_info = STB_WEAK << 4 | STT_FUNC,
	  .st_shndx = TEXT, .st_value = 16, .st_size = 8 },
	{ .st_name = NAME_KNOWN, .st_info = GLOBAL(STT_NOTYPE),
	  .st_shndx = SHN_ABS, .st_value = 0x12345678 },
	{ .st_name = NAME_KNOWN, .st_info = GLOBAL(STT_FUNC),
	  .st_shndx = INIT, .st_value = 4, .st_size = 4 },
};

static const uint8_t types[] = {
	R_386_32, R_386_PC32, R_386_PLT32, R_386_GOTOFF, R_386_GOTPC,
	R_386_GOT32, R_386_GOT32X, R_386_NONE,
};

static uint32_t some_relocations(struct input *in, struct elf32_rel *rel)
{
	uint32_t n = 0, wanted = take8(in);

	while (n < wanted && in->left) {
		uint8_t type = take8(in);

		rel[n].r_offset = take16(in);
		rel[n].r_info = take8(in) << 8 |
			(type & 0x80 ? type : types[type % ARRAY_SIZE(types)]);
		if (!(type & 0x40)) {	/* a place that there is */
			rel[n].r_offset %= DATA_SIZE - 3;
			rel[n].r_info = ELF32_R_SYM(rel[n].r_info) %
				ARRAY_SIZE(symbols) << 8 |
				ELF32_R_TYPE(rel[n].r_info);
		}
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf32_rel rel[3][MAX_RELS];
	uint8_t text[TEXT_SIZE], bytes[DATA_SIZE];
	struct input in = { data, size };
	struct part part[NR_PARTS] = {
		[TEXT - 1] = { ".text", SHT_PROGBITS, SHF_ALLOC |
			SHF_EXECINSTR, 0, 0, 16, 0, sizeof(text), text },
		[DATA - 1] = { ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
			0, 0, 4, 0, sizeof(bytes), bytes },
		[INIT - 1] = { ".init.text", SHT_PROGBITS, SHF_ALLOC |
			SHF_EXECINSTR, 0, 0, 1, 0, sizeof(bytes), bytes },
		[SYMTAB - 1] = { ".symtab", SHT_SYMTAB, 0, STRTAB, 4, 4,
			sizeof(symbols[0]), sizeof(symbols), symbols },
		[STRTAB - 1] = { ".strtab", SHT_STRTAB, 0, 0, 0, 1, 0,
			sizeof(strings), strings },
	};
	void *file;

	for (uint32_t i = 0; i < 3; i++)
		part[REL_TEXT - 1 + i] = (struct part) {
			".rel", SHT_REL, 0, SYMTAB, TEXT + i, 4,
			sizeof(rel[i][0]), some_relocations(&in, rel[i]) *
			sizeof(rel[i][0]), rel[i],
		};
	for (uint32_t i = 0; i < sizeof(text); i++)
		text[i] = take8(&in);
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = take8(&in);
	file = build_file(part, NR_PARTS, &size);
	load_and_check(file, size, "");
	free(file);
	return 0;
}
