/*
 * A table that macros of the public headers build in a section of its own, as
 * it lies in the relocated image.
 */
#ifndef MODULE_TABLE_H
#define MODULE_TABLE_H

#include <kernel/types.h>
#include "layout.h"

struct table {
	const uint8_t *mem;
	uint32_t count;		/* entries; 0 where there is no such section */
};

/*
 * Section @name as a table of entries of @entry bytes.  -ENOEXEC with a text
 * where there are two, or it would not be there after load, or holds half an
 * entry.
 */
int table_find(const struct image *image, const char *name, uint32_t entry,
	       struct table *table, struct elf_error *err) __must_check;

#endif
