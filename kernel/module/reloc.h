/*
 * Relocation: the module's code and data learn where everything lies.  Pure,
 * like elf.h; the caller resolves the names that the module does not define.
 */
#ifndef MODULE_RELOC_H
#define MODULE_RELOC_H

#include <kernel/types.h>
#include "layout.h"

/*
 * resolve() sets *value and returns 0, or -ENOENT for a name nobody exports,
 * or another error, then with a text in @err.  It is called once for each
 * undefined symbol that loaded code needs, so it may record dependencies.
 */
struct symbol_resolver {
	int (*resolve)(void *ctx, const char *name, uint32_t *value,
		       struct elf_error *err);
	void *ctx;
};

/* Part of layout_plan(): checks every relocation, counts the GOT's entries. */
int reloc_check(struct image *image, struct elf_error *err) __must_check;

/*
 * Relocates the copied image in place.  -ENOENT with a text for an undefined
 * symbol, or what resolve() returned; the image is of no use then.
 */
int reloc_apply(struct image *image, const struct symbol_resolver *resolver,
		struct elf_error *err) __must_check;

#endif
