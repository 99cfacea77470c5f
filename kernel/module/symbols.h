/*
 * The symbol table of a loaded module, for backtraces: from an address to
 * "fifo_read+0x4c (fifo.c)" and back.  It is one block of memory (of the
 * module's dossier) that holds copies of all names, so nothing in it points
 * into the file or the image (H31).  Pure, like elf.h; look-ups take no locks
 * and may run in any context, also while another CPU calls symbols_forget().
 */
#ifndef MODULE_SYMBOLS_H
#define MODULE_SYMBOLS_H

#include <kernel/types.h>
#include "layout.h"

struct symbols_entry {
	uint32_t addr;
	uint32_t size;		/* 0: not known (a label of assembly) */
	uint32_t name;		/* offset in strings */
	uint32_t file;		/* offset in strings, 0: not known */
	uint32_t rank;		/* of several at one address, highest wins */
};

struct symbols_section {
	uint32_t addr;
	uint32_t size;		/* 0 once freed */
	uint32_t name;
};

/* Followed in memory by its arrays; sorted by address, then by rank. */
struct symbols {
	uint32_t section_count;
	uint32_t entry_count;
	struct symbols_section *section;
	struct symbols_entry *entry;
	char *strings;
};

/* The names live as long as the table. */
struct symbols_hit {
	const char *name;	/* of the section where no symbol covers it */
	const char *file;	/* or NULL */
	uint32_t offset;
	uint32_t size;		/* of the symbol, or of the section */
};

/* Bytes that symbols_build() writes; valid once the plan is made. */
size_t symbols_size(const struct image *image);

/* Builds the table in @mem (aligned to pointers); addresses must be set. */
struct symbols *symbols_build(const struct image *image, void *mem);

/* False where no section of the module holds @addr. */
bool symbols_lookup(const struct symbols *symbols, uint32_t addr,
		    struct symbols_hit *info);

/* The address of a function or object by name; false where there is none. */
bool symbols_find(const struct symbols *symbols, const char *name,
		  uint32_t *addr);

/* The sections in [@addr, @addr + @size) are gone: the init regions. */
void symbols_forget(struct symbols *symbols, uint32_t addr, uint32_t size);

/*
 * The address of one of the four entry points, by the name that the macros of
 * kernel/init.h gave it; *addr is 0 where the module has none.  -ENOEXEC with
 * a text where it is no function, or (unless @may_be_init) would be gone after
 * load.
 */
int symbols_entry_point(const struct image *image, const char *name,
			bool may_be_init, uint32_t *addr,
			struct elf_error *err) __must_check;

#endif
