/*
 * The heap of a module.  All that points into the window lies in the window:
 * struct heap is in the first page of the heap's first chunk, and the kernel
 * keeps but the number of that page.  So the search of the kernel's memory for
 * pointers into a module needs no exceptions for the heap's own account.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <lib/guard.h>
#include <mm/heap_internal.h>
#include <x86/cpu.h>

#define RESERVE_PAGES	4u	/* free in chunks, for GFP_ATOMIC */

/*
 * 1 + the number of the window page where a module's struct heap lies; 0: none.
 * Written by heap_create() and heap_destroy(), when nobody allocates; one load
 * for everybody else.
 */
static uint16_t heap_page[MAX_MODULES];

struct heap *heap_of_owner(module_id_t owner)
{
	uint32_t page;

	if (owner == MODULE_NONE)
		return &kernel_heap;
	page = owner < MAX_MODULES ? READ_ONCE(heap_page[owner]) : 0;
	if (!page)
		return NULL;
	return (struct heap *)(WINDOW_BASE + (page - 1) * PAGE_SIZE);
}

/* ---- chunks ---- */

bool heap_may_sleep(gfp_t flags)
{
	return !(flags & GFP_ATOMIC) && !irqs_disabled() && !preempt_count();
}

/* @pages in a row out of a chunk that the heap has; 0: none. */
static uintptr_t chunk_take(struct heap *heap, uint32_t pages)
{
	uint32_t flags, i, at, mask = (1u << pages) - 1;
	uintptr_t start = 0;

	flags = spin_lock_irqsave(&heap->lock);
	for (i = 0; i < heap->nr_chunks && !start; i++) {
		struct chunk *c = &heap->chunks[i];

		for (at = 0; at + pages <= CHUNK_PAGES && !start; at++) {
			if (c->used & mask << at)
				continue;
			c->used |= mask << at;
			heap->free_pages -= pages;
			start = c->start + at * PAGE_SIZE;
		}
	}
	spin_unlock_irqrestore(&heap->lock, flags);
	return start;
}

void chunk_pages_give_locked(struct heap *heap, uintptr_t start,
			     uint32_t pages)
{
	uint32_t i, at, mask = (1u << pages) - 1;

	for (i = 0; i < heap->nr_chunks; i++) {
		struct chunk *c = &heap->chunks[i];

		if (start - c->start >= CHUNK_SIZE)
			continue;
		at = (start - c->start) / PAGE_SIZE;
		c->used &= ~(mask << at);
		heap->free_pages += pages;
		return;
	}
	BUG();
}

/*
 * One chunk more; false: no memory, or the account is full.  The window is
 * asked before the lock is taken, as that sleeps; two tasks may grow the heap
 * at once, by a chunk too many.
 */
static bool heap_grow(struct heap *heap)
{
	void *chunk = window_alloc(CHUNK_SIZE, heap->owner);
	bool added = false;
	uint32_t flags;

	if (!chunk)
		return false;
	flags = spin_lock_irqsave(&heap->lock);
	if (heap->nr_chunks < MAX_CHUNKS) {
		heap->chunks[heap->nr_chunks] =
			(struct chunk){ (uintptr_t)chunk, 0 };
		heap->nr_chunks++;
		heap->free_pages += CHUNK_PAGES;
		added = true;
	}
	spin_unlock_irqrestore(&heap->lock, flags);
	if (!added)
		window_free(chunk, heap->owner);
	return added;
}

uintptr_t chunk_pages_take(struct heap *heap, uint32_t pages, gfp_t gfp)
{
	uintptr_t start = chunk_take(heap, pages);

	if (!heap_may_sleep(gfp))
		return start;
	if (!start && heap_grow(heap))
		start = chunk_take(heap, pages);
	/* For those who may not sleep.  A hint: read without the lock. */
	if (start && READ_ONCE(heap->free_pages) < RESERVE_PAGES)
		heap_grow(heap);
	return start;
}

/* ---- birth and death ---- */

int heap_create(module_id_t owner)
{
	struct heap *heap;

	BUG_ON(owner == MODULE_NONE || owner >= MAX_MODULES);
	BUG_ON(heap_page[owner]);
	heap = window_alloc(CHUNK_SIZE, owner);
	if (!heap)
		return -ENOMEM;
	heap_init(heap, owner);
	/* The account itself is the first chunk's first page. */
	heap->chunks[0] = (struct chunk){ (uintptr_t)heap, 1 };
	heap->nr_chunks = 1;
	heap->free_pages = CHUNK_PAGES - 1;
	WRITE_ONCE(heap_page[owner],
		   (uint16_t)(((uintptr_t)heap - WINDOW_BASE) / PAGE_SIZE + 1));
	return 0;
}

/* The caller of heap_destroy(), and what is to be told to it. */
struct leak_report {
	module_id_t	owner;
	bool		found;		/* one at least */
	void		(*leak)(const struct heap_object *obj, void *arg);
	void		*arg;
};

static void report_leak(struct leak_report *r, struct heap_object obj)
{
	obj.owner = r->owner;
	obj.live = true;
	heap_account(-1, obj.size);
	r->found = true;
	if (r->leak && obj.site != SITE_INTERNAL)
		r->leak(&obj, r->arg);
}

static void report_slab_leaks(struct leak_report *r,
			      const struct slab *slab)
{
	uint32_t i;

	for (i = 0; i < slab_nr_slots(slab); i++) {
		const struct slot *s = &slab->slots[i];

		if (s->next != SLOT_LIVE)
			continue;
		report_leak(r, (struct heap_object){
			.start = (uintptr_t)slot_address(slab, i),
			.size = s->size,
			.site = s->site,
		});
	}
}

static void report_chunk_leaks(struct leak_report *r,
			       const struct chunk *c)
{
	uintptr_t page, start;

	for (page = c->start; page < c->start + CHUNK_SIZE; page += PAGE_SIZE) {
		if (window_find_block(page, &start) == WINDOW_BLOCK_SLAB &&
		    start == page)
			report_slab_leaks(r, (struct slab *)page);
	}
}

void heap_destroy(module_id_t owner,
		  void (*leak)(const struct heap_object *obj, void *arg),
		  void *arg)
{
	struct leak_report report = { owner, false, leak, arg };
	struct heap *heap = heap_of_owner(owner);
	struct run *run;
	uint32_t i;

	BUG_ON(owner == MODULE_NONE);
	if (!heap)
		return;
	list_for_each_entry(run, &heap->runs, link) {
		if (run->size)
			report_leak(&report, (struct heap_object){
				.start = run->start,
				.size = run->size,
				.site = run->site,
			});
	}
	for (i = 0; i < heap->nr_chunks; i++)
		report_chunk_leaks(&report, &heap->chunks[i]);

	/* No lock in here: nobody of the module is left to take it. */
	WRITE_ONCE(heap_page[owner], 0);
	if (report.found && !guard(RECLAIM))
		return;
	/* The records of runs lie in chunks, the account in the first one. */
	list_for_each_entry(run, &heap->runs, link)
		window_free((void *)run->start, owner);
	for (i = heap->nr_chunks; i > 0; i--)
		window_free((void *)heap->chunks[i - 1].start, owner);
}
