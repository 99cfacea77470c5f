/*
 * Module parameters: the __param table of a relocated image, and the text
 * "name=value name2="quoted value"" that a user gave.  Pure, like elf.h.
 */
#ifndef MODULE_PARAMS_H
#define MODULE_PARAMS_H

#include <kernel/moduleparam.h>
#include <kernel/types.h>
#include "layout.h"

#define PARAMS_MAX		256
#define PARAMS_NAME_MAX		63
#define PARAMS_STRING_MAX	4096	/* bytes of a module_param_string() */

struct params {
	const struct image *image;
	const uint8_t *table;
	uint32_t count;
};

struct param {
	const char *name;		/* in the image */
	enum kernel_param_type type;
	uint8_t *arg;			/* in the image */
	uint32_t size;			/* bytes at arg */
	uint32_t perm;
};

/*
 * Where the strings of charp parameters go.  It must live as long as the
 * module; the caller sets mem, addr (of mem, as the module sees it) and size:
 * params_store_size() is always enough.
 */
struct param_store {
	char *mem;
	uint32_t addr;
	uint32_t size;
	uint32_t used;
};

/*
 * Every name must be a string of the module, every variable lie in its data
 * with room for its type.  -ENOEXEC with a text.
 */
int params_check(const struct image *image, struct params *params,
		 struct elf_error *err) __must_check;

/* @index is below params->count. */
struct param params_get(const struct params *params, uint32_t index);

size_t params_store_size(const char *args);

/*
 * Sets the variables from @args: all of them, or on error none.  -ENOENT for a
 * name that the module does not have, -EINVAL or -ERANGE for a value, each
 * with a text.  A bare name sets a bool; of a name given twice the last counts.
 */
int params_apply(const struct params *params, const char *args,
		 struct param_store *store, struct elf_error *err) __must_check;

#endif
