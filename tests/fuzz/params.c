// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * A table of parameters whose pointers lead anywhere, and text for it: first
 * the text up to its NUL, then what the table is made of.
 */
#include "table.h"

static uint32_t some_size(struct input *in, uint32_t type)
{
	uint8_t how = take8(in);

	if (how < 32)
		return take32(in);
	if (how < 64)
		return how;
	return type == PARAM_BOOL ? 1 : type == PARAM_STRING ? how - 63 : 4;
}

static uint32_t some_table(struct input *in, uint32_t *table)
{
	uint32_t n = 0;

	while (in->left && n + 5 <= ENTRIES_SIZE / 4) {
		table[n++] = some_pointer(in, false);
		table[n++] = some_pointer(in, true);
		table[n] = take8(in) % (PARAM_TYPE_COUNT + 1);
		table[n + 1] = some_size(in, table[n]);
		n += 2;
		table[n++] = take8(in);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	size_t length = end ? (size_t)(end - data) : size;
	struct input in = { data + length + !!end, size - length - !!end };
	char *args = exact_string(data, length);
	uint32_t table[ENTRIES_SIZE / 4], n;
	char strings[STRINGS_SIZE];

	/* a, b, .. each at a multiple of 8, and some that are no names */
	for (uint32_t i = 0; i < sizeof(strings); i++)
		strings[i] = i % 8 ? '\0' : i < 224 ? (char)('a' + i / 8) : '=';
	n = some_table(&in, table);
	load_table("__param", table, n * 4, strings, args);
	free(args);
	return 0;
}
