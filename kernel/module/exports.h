/*
 * What a module exports: its .ksymtab, checked after relocation.  Pure, like
 * elf.h.  The names lie in the image and live as long as the module.
 */
#ifndef MODULE_EXPORTS_H
#define MODULE_EXPORTS_H

#include <kernel/types.h>
#include "layout.h"

#define EXPORTS_MAX		1024
#define EXPORTS_NAME_MAX	127

struct exports {
	const struct image *image;
	const uint8_t *table;
	uint32_t count;
};

struct export {
	const char *name;
	uint32_t value;
};

/*
 * Every value and every name must lie in what stays of the module, and no name
 * may occur twice.  -ENOEXEC with a text.
 */
int exports_check(const struct image *image, struct exports *exports,
		  struct elf_error *err) __must_check;

/* @index is below exports->count. */
struct export exports_get(const struct exports *exports, uint32_t index);

#endif
