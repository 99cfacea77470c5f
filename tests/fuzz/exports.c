// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/* A table of exports whose pointers lead anywhere. */
#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t table[ENTRIES_SIZE / 4], n = 0;
	struct input in = { data, size };
	char strings[STRINGS_SIZE];

	for (uint32_t i = 0; i < sizeof(strings); i++)
		strings[i] = i < 32 ? (char)take8(&in) :
			     i % 8 ? (char)('a' + i / 8) : '\0';
	while (in.left && n < ARRAY_SIZE(table)) {
		table[n] = some_pointer(&in, !(n & 1));
		n++;
	}
	load_table(".ksymtab", table, n * 4, strings, "");
	return 0;
}
