/*
 * Physical pages: who has which frame of RAM.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include <x86/paging.h>

enum page_kind {
	PAGE_RESERVED,		/* not RAM, the kernel's image, the initrd */
	PAGE_FREE,
	PAGE_KERNEL,		/* tables, stacks, other direct users */
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

/*
 * The heap's searchable pages, for the reachability search: calls @fn for
 * each PAGE_SLAB page's direct-map address until it returns false.  No locks:
 * pages change their kind under an irq-off lock only, so never while the
 * world stands still; otherwise the caller takes what it sees as a
 * preparation only, and reads it under searched_pin().  False: @fn ended it.
 */
bool page_for_each_slab(bool (*fn)(uintptr_t page, void *arg), void *arg);

#endif
