/*
 * Physical pages: who has which frame of RAM.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include <x86/paging.h>

enum page_kind {
	PAGE_RESERVED,		/* not RAM, the kernel's image, the initrd */
	PAGE_FREE,
	PAGE_KERNEL,		/* stacks, other direct users */
	PAGE_TABLE,		/* entries of page tables: searched as such */
	PAGE_SLAB,		/* heap, may hold pointers: searched */
	PAGE_SLAB_DATA,		/* heap, GFP_DATA: not searched */
	PAGE_WINDOW,		/* belongs to a module, not in the direct map */
	PAGE_USER,
};
#define NR_PAGE_KINDS	(PAGE_USER + 1)
#define PAGE_MAX_ORDER	10u

/* Before anything else of mm; takes boot_info's ranges. */
void page_init(void);

/*
 * 2^@order pages, physically contiguous and aligned; 0 without memory.
 * Content undefined.  Any context.  Who takes pages as PAGE_KERNEL keeps no
 * pointer into the module window there: they are not searched.  PAGE_SLAB is
 * the heap's, which may hold such pointers; PAGE_WINDOW is window.c's.
 */
phys_t page_alloc(unsigned int order, enum page_kind kind);
/* The same, with no byte above @bound: for devices that do not reach all. */
phys_t page_alloc_below(unsigned int order, enum page_kind kind, phys_t bound);
/*
 * A block goes back whole, as it was taken.  Every translation of it that a
 * TLB may hold is gone (H32), and it is in the direct map.  Any context.
 */
void page_free(phys_t pa, unsigned int order);
/* One page, order 0; otherwise as page_alloc(). */
phys_t page_alloc_zeroed(enum page_kind kind);

/*
 * Sharing of user pages (fork): PAGE_USER is allocated with one reference, and
 * freed with its last.  Any context.
 */
void page_get(phys_t pa);
void page_put(phys_t pa);
/* Stable at false for who holds the only reference; true may be stale. */
bool page_is_shared(phys_t pa);

struct mm_stats {
	uint32_t pages_total, pages_free;
	uint32_t by_kind[NR_PAGE_KINDS];
	uint32_t heap_objects, heap_bytes;	/* the kernel's and modules' */
};
/* Any context.  Exact if nobody allocates meanwhile. */
void mm_get_stats(struct mm_stats *s);
/*
 * Gives back what is kept for speed only (free stacks, lazily freed ranges,
 * empty slabs), so that two mm_get_stats() can be compared.  Process context,
 * interrupts on.
 */
void mm_drain_caches(void);

/* @page, of the direct map, holds page-table entries.  Any context, no lock. */
bool page_is_table(uintptr_t page);
/*
 * Of such a page the root of the space whose table it is, 0: the kernel's; and,
 * of the kernel's, the address that its first entry maps, 0: it is one of the
 * levels above.  As above.
 */
phys_t page_table_root(uintptr_t page);
uintptr_t page_table_base(uintptr_t page);
/*
 * A table is plain if each of its entries is empty, or has the frame that the
 * direct map has at its very address, or one that is others': before a module
 * gets such a one it is freed, and no entry has it any more (page_free()).
 * Who has searched notes it, the page's dirty bit having been cleared before;
 * who clears the bit, having found it set, forgets it first (dirty.c).  So what
 * is noted as plain is plain, or dirty.  By the undertaker; false: any address,
 * any context.
 */
void page_table_set_plain(uintptr_t page, bool plain);
/*
 * The frame at @pa is, or was, or will be, page_alloc()'s to give: it never
 * changes.  Any context, no lock.
 */
bool page_is_allocatable(uint64_t pa);
/* The frame at @pa has an owner, who is no module.  Any context, no lock. */
bool page_is_others(uint64_t pa);
/*
 * Where in the window the frame at @pa is mapped; 0: it is no PAGE_WINDOW.  Any
 * context, no lock.
 */
uintptr_t page_window_address(uint64_t pa);

#endif
