/*
 * A module that has a table in its constant data (.ksymtab or __param), strings
 * beside it and variables, for the targets that are after what the table says.
 */
#ifndef TESTS_FUZZ_TABLE_H
#define TESTS_FUZZ_TABLE_H

#include "build.h"
#include "loader.h"

#define STRINGS_SIZE	256u
#define DATA_SIZE	8192u
#define ENTRIES_SIZE	2048u

/* A pointer of a table: mostly where it should lead, else anywhere. */
static inline uint32_t some_pointer(struct input *in, bool to_data)
{
	uint8_t how = take8(in);
	uint32_t offset = take16(in);
	uint32_t string = IMAGE_ADDR + PAGE_SIZE + offset % STRINGS_SIZE;

	switch (how & 15) {
	case 0:
		return take32(in);
	case 1:
		return IMAGE_ADDR + offset;			/* .text .. */
	case 2:
		return IMAGE_ADDR + 2 * PAGE_SIZE + offset;	/* .data .. */
	case 3:
		return string;
	default:
		return to_data ? IMAGE_ADDR + 2 * PAGE_SIZE +
				 offset % DATA_SIZE : string & ~7u;
	}
}

/*
 * .text one page, .rodata one page that begins with the strings, .data two,
 * then .init.data.  The words of the table are as they are: there are no
 * relocations.
 */
static inline void load_table(const char *name, const void *table,
			      uint32_t table_size, const char *strings,
			      const char *args)
{
	static const struct elf32_sym null_symbol;
	static const uint8_t zero[DATA_SIZE];
	struct part part[] = {
		{ ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0, 16,
		  0, 64, zero },
		{ ".rodata", SHT_PROGBITS, SHF_ALLOC, 0, 0, 4, 0,
		  STRINGS_SIZE, strings },
		{ name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, 4, 0,
		  table_size, table },
		{ ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, 4, 0,
		  DATA_SIZE - 16, zero },
		{ ".init.data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, 4,
		  0, 64, zero },
		{ ".symtab", SHT_SYMTAB, 0, 7, 1, 4, sizeof(null_symbol),
		  sizeof(null_symbol), &null_symbol },
		{ ".strtab", SHT_STRTAB, 0, 0, 0, 1, 0, 1, "" },
	};
	size_t size;
	void *file = build_file(part, ARRAY_SIZE(part), &size);

	load_and_check(file, size, args);
	free(file);
}

#endif
