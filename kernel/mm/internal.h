/*
 * What the files of the memory room tell each other.
 */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <mm/inject.h>
#include <mm/mm.h>

/*
 * Poisoning every freed page costs more than it finds outside a debug build;
 * likewise a red zone behind objects that fill their slot exactly.
 */
#ifdef CONFIG_DEBUG
#define PAGE_POISON_ON_FREE	true
#define HEAP_REDZONE_MIN	8u
#else
#define PAGE_POISON_ON_FREE	false
#define HEAP_REDZONE_MIN	0u
#endif
#define PAGE_POISON		0x6c

/*
 * The block that a frame belongs to.  @note and @site are the heap's, 0 in a
 * fresh block: numbers, never addresses in the window.
 */
struct page_block {
	phys_t		head;
	unsigned int	order;
	enum page_kind	kind;
	uint32_t	note;
	uintptr_t	site;
};
/* False: no RAM.  Any context; takes the page lock. */
bool page_find_block(phys_t pa, struct page_block *b);
/*
 * The heap's note on a block of its own, under the heap's lock or before
 * anybody knows the block.  @site is an address in kernel text, 0: none.
 */
void page_set_note(phys_t head, uint32_t note, uintptr_t site);

/*
 * A set of pages, in bits that may change at any moment: who walks over it sees
 * a page before or after, which is a preparation only; at the verdict nobody is
 * in the midst of a change.
 */
#define PAGE_MAP_GROUP	4u
struct page_map {
	uintptr_t	base;		/* of the page of the first bit; a
					 * page table's first, at least */
	const uint32_t	*bits;
	const uint32_t	*but;		/* NULL, or those that are left out */
	uint32_t	words;		/* a multiple of PAGE_MAP_GROUP */
};
/*
 * Of the direct map: the PAGE_SLAB pages; those that hold page-table entries,
 * the kernel's own too; of these perhaps only what is not plain.  Of the
 * window: what is searched.  Any context.
 */
struct page_map page_slabs(void);
struct page_map page_tables(bool but_plain);
struct page_map window_searched(void);
/* The walks over one, in dirty.c; until @fn returns false: then so do they. */
bool page_map_walk(const struct page_map *m,
		   bool (*fn)(uintptr_t page, void *arg), void *arg);

/* A PAGE_WINDOW frame of the caller's is to be mapped at @va, nowhere else. */
void page_set_window(phys_t pa, uintptr_t va);

/*
 * Single pages (order 0) on their way out, linked through their records: to be
 * freed after a TLB shootdown.  All zero is the empty list.  A page is on one
 * list at most; the list is its owner's to lock.
 */
struct page_list {
	uint32_t first;
};
void page_list_add(struct page_list *l, phys_t pa);
phys_t page_list_pop(struct page_list *l);	/* 0: empty */

/*
 * A user's PTE is written in halves, that with the present bit last: where the
 * entry was not present no CPU walks to a half of it.  Where it was, the
 * address must stay, and rights may only be added; an A or D bit that another
 * CPU sets meanwhile is lost, and nobody asks a user's page for these.  For the
 * kernel's entries, whose D bit is asked for, pte_exchange(). mm->lock held.
 */
static inline void pte_make_present(pte_t *pte, uint64_t value)
{
	volatile uint32_t *half = (volatile uint32_t *)pte;

	half[1] = (uint32_t)(value >> 32);
	half[0] = (uint32_t)value;
}

/* Clears bits of the low half; the CPU may be setting A or D meanwhile. */
static inline void pte_clear_low(pte_t *pte, uint32_t bits)
{
	__atomic_fetch_and((uint32_t *)(void *)pte, ~bits, __ATOMIC_SEQ_CST);
}

/*
 * The entry becomes empty; returns what it was.  The half with the present bit
 * goes first, in one step, so A and D bits set before are in the result.
 */
static inline pte_t pte_take(pte_t *pte)
{
	uint32_t *half = (uint32_t *)(void *)pte;
	uint32_t low, high;

	low = __atomic_exchange_n(&half[0], 0, __ATOMIC_SEQ_CST);
	high = half[1];
	half[1] = 0;
	return (pte_t)high << 32 | low;
}

/* Heap blocks in the window (slab.c's, kept by window.c). */
enum window_block_kind {
	WINDOW_NO_BLOCK,
	WINDOW_BLOCK_SLAB,
	WINDOW_BLOCK_RUN,
};
/*
 * [@p, @p + @size), inside an allocation, is one block of the heap, or none.
 * The owner's heap lock is held, or nobody knows the block yet.
 */
void window_set_block(uintptr_t p, size_t size, enum window_block_kind kind);
/*
 * The block around @addr, in the window: its kind, and its first byte in
 * *@start (of no meaning without a block).  As window_set_block().
 */
enum window_block_kind window_find_block(uintptr_t addr, uintptr_t *start);
/*
 * Whole pages, mapped; as window_set_unsearched(), and its inverse.  Any
 * context, no lock: the bits change atomically.
 */
void window_set_searched(uintptr_t p, size_t size, bool searched);

/* The parts of mm_get_stats() (any context) and mm_drain_caches(). */
void page_get_stats(struct mm_stats *s);
void slab_get_stats(struct mm_stats *s);
void slab_drain(void);
void vmalloc_drain(void);

#endif
