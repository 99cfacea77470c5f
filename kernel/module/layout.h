/*
 * Where the parts of a module go.  A plan assigns each loaded section an
 * offset in one of six regions; the caller gives the regions memory; the copy
 * fills it.  Target addresses are 32 bits and kept apart from the pointers
 * through which the bytes are written: the kernel may write through an alias,
 * and the host tests run in 64 bits.  Pure, like elf.h.
 */
#ifndef MODULE_LAYOUT_H
#define MODULE_LAYOUT_H

#include <kernel/types.h>
#include "elf.h"

#define IMAGE_MAX_SIZE	(16u << 20)

/*
 * In this order: what stays, then what is freed when module_init() is through.
 */
enum region_id {
	REGION_TEXT,		/* R X */
	REGION_RODATA,		/* R, written until the relocations are done */
	REGION_DATA,		/* R W: data, bss, COMMON */
	REGION_INIT_TEXT,
	REGION_INIT_RODATA,
	REGION_INIT_DATA,
	REGION_COUNT,
	REGION_NONE = REGION_COUNT,
};

struct region {
	uint32_t used;		/* bytes */
	uint32_t size;		/* used, rounded up to pages; may be 0 */
	uint32_t addr;		/* set by the caller: where it will run */
	uint8_t *mem;		/* set by the caller: the bytes, writable */
};

/* Of a section; region is REGION_NONE for one that is not loaded. */
struct placement {
	enum region_id region;
	uint32_t offset;
};

/* Of a symbol. */
struct symbol_slot {
	uint32_t value;		/* COMMON: offset in REGION_DATA
				 * undefined: address, once @resolved */
	uint32_t got;		/* its entry in the GOT + 1, 0 for none */
	bool resolved;
};

struct image {
	const struct elf_file *elf;
	struct region region[REGION_COUNT];
	struct placement *section;	/* [elf->section_count] */
	struct symbol_slot *symbol;	/* [elf->symbol_count] */
	uint32_t common_offset;		/* of all COMMON, in REGION_DATA */
	uint32_t common_size;
	uint32_t got_offset;		/* in REGION_RODATA */
	uint32_t got_count;		/* entries of 4 bytes */
};

static inline bool region_is_init(enum region_id id)
{
	return id >= REGION_INIT_TEXT && id < REGION_COUNT;
}

/* Bytes that layout_plan() needs as @scratch, for as long as @image lives. */
size_t layout_scratch_size(const struct elf_file *elf);

/*
 * Places everything and checks every relocation, so that reloc_apply() can
 * fail for want of a symbol only.  Fills @image but for addr and mem of its
 * regions.  -ENOEXEC with a text; @scratch is the caller's, 4-byte aligned.
 */
int layout_plan(const struct elf_file *elf, void *scratch,
		struct image *image, struct elf_error *err) __must_check;

/* Fills the memory of all regions, every byte of it.  Before relocation. */
void layout_copy(const struct image *image);

/* The address of a loaded section. */
uint32_t image_section_addr(const struct image *image, uint32_t section);

/* The address of a symbol that is defined in a loaded section or COMMON. */
uint32_t image_symbol_addr(const struct image *image, uint32_t symbol);

/*
 * Where the @len bytes at target address @addr are, or NULL where they do not
 * lie within one region of @regions (a mask of 1 << id).
 */
uint8_t *image_at(const struct image *image, uint32_t addr, uint32_t len,
		  uint32_t regions);

/* Likewise a string, its NUL included. */
const char *image_string(const struct image *image, uint32_t addr,
			 uint32_t regions);

#define REGIONS_ALL	((1u << REGION_COUNT) - 1)
#define REGIONS_CONST	(1u << REGION_RODATA | 1u << REGION_INIT_RODATA)
#define REGIONS_DATA	(1u << REGION_DATA | 1u << REGION_INIT_DATA)
#define REGIONS_KEPT	((1u << REGION_INIT_TEXT) - 1)

#endif
