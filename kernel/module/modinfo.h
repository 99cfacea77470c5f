/*
 * The .modinfo section of a module file, checked.  Pure, like elf.h.  The
 * strings lie in the file: copy what outlives it (H31).
 */
#ifndef MODULE_MODINFO_H
#define MODULE_MODINFO_H

#include <kernel/types.h>
#include "elf.h"

/* In bytes: far more than anybody has to say of a module. */
#define MODINFO_MAX	0x10000u

struct modinfo {
	const char *text;	/* "key=value", each with its NUL */
	uint32_t size;		/* 0 where the file has no such section */
};

/*
 * Finds and checks the section: every entry printable, terminated, and with a
 * key; all ABI stamps the same; MODINFO_MAX.  -ENOEXEC with a text.
 */
int modinfo_check(const struct elf_file *elf, struct modinfo *info,
		  struct elf_error *err) __must_check;

/* The entry after @entry (the first for NULL), or NULL. */
const char *modinfo_next(const struct modinfo *info, const char *entry);

/* The value of the first entry with that key, or NULL. */
const char *modinfo_get(const struct modinfo *info, const char *key);

/*
 * -ENOEXEC with a text where the module was not compiled with the headers and
 * flags that @abi stands for.
 */
int modinfo_check_abi(const struct modinfo *info, const char *abi,
		      struct elf_error *err) __must_check;

#endif
