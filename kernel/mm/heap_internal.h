/*
 * The heap's inside: slabs, large objects and the heaps that own them, for the
 * files of the heap alone.
 *
 * heap->lock is held with interrupts off.  The verdict catches CPUs where
 * interrupts are on, so it finds every heap consistent.
 */
#ifndef MM_HEAP_INTERNAL_H
#define MM_HEAP_INTERNAL_H

#include <kernel/list.h>
#include <kernel/spinlock.h>
#include <mm/internal.h>

#define SLAB_MIN_SHIFT	4u	/* slots of 16 .. 2048 bytes */
#define SLAB_MAX_SHIFT	11u
#define NR_CLASSES	(SLAB_MAX_SHIFT - SLAB_MIN_SHIFT + 1)
#define KMALLOC_MAX	0x100000u

#define FREE_POISON	0x6b
#define FREE_WORD	0x6b6b6b6bu

/* Under the heap's lock. */
struct slot {
	uintptr_t	site;	/* who allocated it, or who freed it */
	uint16_t	size;	/* as asked for */
	uint16_t	next;	/* free: slot number or SLOT_END */
};
#define SLOT_END	0xffff
#define SLOT_LIVE	0xfffe

/* Under the heap's lock, but for class and data, constant. */
struct slab {
	struct list_head	link;	/* heap->partial, unless full */
	uint16_t		first_free;
	uint16_t		nr_free;
	uint8_t			class;
	uint8_t			data;
	struct slot		slots[];
};

/*
 * A large object of a module; the record is an object of the same heap.  On
 * heap->runs, alive or free, except while one task brings it from the one to
 * the other: off the list it is that task's alone.  Lock: the heap's.
 */
struct run {
	struct list_head	link;	/* heap->runs */
	uintptr_t		start;
	uintptr_t		site;
	size_t			size;	/* as asked for; 0: free */
	size_t			room;	/* whole pages */
};
#define SITE_INTERNAL	0u		/* of the heap's own, no leak */

/*
 * Window pages of a module's heap, given to slabs one by one; they stay the
 * heap's until it ends.  Lock: the heap's.
 */
#define CHUNK_PAGES	16u
#define CHUNK_SIZE	(CHUNK_PAGES * PAGE_SIZE)
#define MAX_CHUNKS	400u

struct chunk {
	uintptr_t	start;
	uint32_t	used;	/* a bit a page */
};

/*
 * Lock key: (h) this->lock  (c) constant
 */
struct heap {
	struct spinlock		lock;
	module_id_t		owner;				/* (c) */
	struct list_head	partial[2][NR_CLASSES];		/* (h) */
	/* Of a module's only: */
	struct list_head	runs;				/* (h) */
	uint32_t		nr_chunks;			/* (h) */
	uint32_t		free_pages;			/* (h) */
	struct chunk		chunks[];			/* (h) */
};
_Static_assert(sizeof(struct heap) + MAX_CHUNKS * sizeof(struct chunk) <=
	       PAGE_SIZE, "a module's heap starts with one page of account");

/* The notes of page.c on a kernel heap block. */
#define NOTE_NOT_READY	0u
#define NOTE_SLAB	1u	/* larger: the size of a large object */

/* kmalloc.c */
extern struct heap kernel_heap;
/* Before anybody knows @heap. */
void heap_init(struct heap *heap, module_id_t owner);
/* Counts objects in (1) or out (-1) of mm_stats.  Any context. */
void heap_account(int objects, size_t bytes);
/*
 * Red zones: the slack of @room behind the @size bytes at @p.  A check that
 * fails panics and names @site, who allocated it.
 */
void write_redzone(uint8_t *p, size_t size, size_t room);
void check_redzone(const uint8_t *p, size_t size, size_t room, uintptr_t site);

/* module_heap.c */
/*
 * NULL: has none.  Any context.  The heap of a module stays until
 * heap_destroy(), whose caller sees to it that nobody asks any more.
 */
struct heap *heap_of_owner(module_id_t owner);
/* The window may be asked for pages: @gfp and the context both allow it. */
bool heap_may_sleep(gfp_t gfp);
/*
 * @pages in a row (CHUNK_PAGES at most) for a slab of a module; 0: none.  Any
 * context, the heap's lock not held: where it may sleep, it takes window_lock.
 */
uintptr_t chunk_pages_take(struct heap *heap, uint32_t pages, gfp_t gfp);
/* Back to the chunk, never to the window: that takes a mutex. */
void chunk_pages_give_locked(struct heap *heap, uintptr_t start,
			     uint32_t pages);

/* slab.c */
/* Boot, before the first slab. */
void slab_set_geometry(void);
/* Of a slab's class, which is constant: no lock. */
uint32_t slab_nr_slots(const struct slab *slab);
size_t slot_room(const struct slab *slab);
uint8_t *slot_address(const struct slab *slab, uint32_t i);
/* The slot around @addr in *@i; false: the slab's own front or its waste. */
bool slab_find_slot(const struct slab *slab, uintptr_t addr, uint32_t *i);
/*
 * @size with its red zone fits the largest class.  The content is poison.  NULL
 * without memory.  Any context, the heap's lock not held.
 */
void *slab_alloc(struct heap *heap, size_t size, gfp_t gfp, uintptr_t site);
/* @slot is live; @slab may be gone on return. */
void slab_free_locked(struct heap *heap, struct slab *slab, uint32_t slot,
		      uintptr_t site);
/* Gives empty slabs back.  Any context, the heap's lock not held. */
void slab_trim(struct heap *heap);

/* large.c */
/*
 * An object beyond the slabs, KMALLOC_MAX at most; the content is poison or 0.
 * In frames that have no byte above @bound.
 * NULL without memory.  Contexts as slab_alloc().
 */
void *kernel_large_alloc(size_t size, gfp_t gfp, phys_t bound, uintptr_t site);
void *module_large_alloc(struct heap *heap, size_t size, gfp_t gfp,
			 phys_t bound, uintptr_t site);
/* The run that begins at @start, alive or free; NULL: none on the list. */
struct run *run_find_locked(struct heap *heap, uintptr_t start);
/* The run was taken off heap->runs.  Wipes it without the lock, keeps it. */
void keep_free_run(struct heap *heap, struct run *run, uintptr_t site);

#endif
