/*
 * The heap.  It protects the account of every object: size asked, who asked
 * and where, live or not; and stops the machine where a free is wrong or an
 * object was written past its end.
 */
#include <kernel/atomic.h>
#include <kernel/bug.h>
#include <kernel/export.h>
#include <kernel/string.h>
#include <lock/lockdep.h>
#include <mm/heap_internal.h>

#define REDZONE_POISON	0xbb
#define REDZONE_MAX	64u	/* bytes of slack that are looked at */

struct heap kernel_heap;
static atomic_t nr_objects, nr_bytes;

/*
 * A heap of the kernel's holds no address of the window, not even a site.  A
 * module's own heap lies in the window, and may name places in the module.
 */
static uintptr_t site_for(const struct heap *heap, uintptr_t site)
{
	return in_window(site) && window_owner(site) != heap->owner ? 0 : site;
}

/*
 * Two numbers, each right by itself: who looks between the two sees them apart.
 */
void heap_account(int objects, size_t bytes)
{
	atomic_add_return(objects, &nr_objects);
	atomic_add_return(objects * (int)bytes, &nr_bytes);
}

/* Not all of a large slack: who runs over the end begins there. */
void write_redzone(uint8_t *p, size_t size, size_t room)
{
	memset(p + size, REDZONE_POISON, min(room - size, REDZONE_MAX));
}

void check_redzone(const uint8_t *p, size_t size, size_t room, uintptr_t site)
{
	size_t n, end = size + min(room - size, REDZONE_MAX);

	for (n = size; n < end; n++) {
		if (p[n] != REDZONE_POISON)
			panic("heap: object %p of %zu bytes from %pS was "
			      "written past its end at %p", p, size,
			      (void *)site, &p[n]);
	}
}

/* ---- allocation ---- */

/*
 * The context is checked whether there is memory at hand or not, so that a
 * wrong one is found where it is and not when memory is short.  Once taken the
 * object is this call's alone: it is zeroed without a lock.
 */
void *kmalloc_below(size_t size, gfp_t flags, phys_t bound, module_id_t owner,
		    uintptr_t site)
{
	struct heap *heap = heap_of_owner(owner);
	void *p;

	if (!(flags & GFP_ATOMIC))
		might_sleep();
	if (!heap || !size || size > KMALLOC_MAX || should_fail_alloc())
		return NULL;
	site = site_for(heap, site);
	if (size + HEAP_REDZONE_MIN <= 1u << SLAB_MAX_SHIFT)
		p = slab_alloc(heap, size, flags, site);
	else if (owner == MODULE_NONE)
		p = kernel_large_alloc(size, flags, bound, site);
	else
		p = module_large_alloc(heap, size, flags, bound, site);
	if (!p)
		return NULL;
	heap_account(1, size);
	if (flags & __GFP_ZERO)
		memset(p, 0, size);
	return p;
}

void *kmalloc_site(size_t size, gfp_t flags, module_id_t owner, uintptr_t site)
{
	return kmalloc_below(size, flags, PHYS_ANYWHERE, owner, site);
}

/*
 * The return address is the line that asks, of a module or of the kernel, for
 * which this is a function and no inline.
 */
void *kmalloc_owner(size_t size, gfp_t flags, module_id_t owner)
{
	return kmalloc_site(size, flags, owner,
			    (uintptr_t)__builtin_return_address(0));
}
EXPORT_SYMBOL(kmalloc_owner);

char *kstrdup_owner(const char *s, gfp_t flags, module_id_t owner)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc_site(size, flags, owner,
				  (uintptr_t)__builtin_return_address(0));

	if (copy)
		memcpy(copy, s, size);
	return copy;
}
EXPORT_SYMBOL(kstrdup_owner);

/* ---- from an address to its object ---- */

enum object_kind { OBJECT_NONE, OBJECT_SLOT, OBJECT_PAGES, OBJECT_RUN };

/*
 * What stands at an address; which of the last three is set, @kind says.  True
 * while the heap's lock is held.
 */
struct place {
	enum object_kind	kind;
	struct heap_object	object;
	size_t			room;
	struct slab		*slab;		/* OBJECT_SLOT */
	uint32_t		slot;
	struct page_block	block;		/* OBJECT_PAGES */
	struct run		*run;		/* OBJECT_RUN */
};

/*
 * By the address alone, so that no kfree() can name a wrong heap.  NULL:
 * neither RAM nor anybody's page of the window.
 */
static struct heap *heap_of_address(uintptr_t addr)
{
	module_id_t owner;

	if (addr - KERNEL_BASE < DIRECT_MAP_SIZE)
		return &kernel_heap;
	owner = window_owner(addr);
	return owner ? heap_of_owner(owner) : NULL;
}

/* @start: of the slab's pages.  Leaves OBJECT_NONE for the slab's own front. */
static void place_slot(struct place *pl, uintptr_t start, uintptr_t addr)
{
	struct slab *slab = (struct slab *)start;
	const struct slot *s;

	if (!slab_find_slot(slab, addr, &pl->slot))
		return;
	s = &slab->slots[pl->slot];
	pl->kind = OBJECT_SLOT;
	pl->slab = slab;
	pl->room = slot_room(slab);
	pl->object.start = (uintptr_t)slot_address(slab, pl->slot);
	pl->object.size = s->size;
	pl->object.site = s->site;
	pl->object.live = s->next == SLOT_LIVE;
}

/* A block without a note is no object: not yet, or not any more (kfree). */
static void place_in_kernel(struct place *pl, uintptr_t addr)
{
	struct page_block *b = &pl->block;
	uintptr_t start;

	if (!page_find_block(addr - KERNEL_BASE, b) ||
	    (b->kind != PAGE_SLAB && b->kind != PAGE_SLAB_DATA) ||
	    b->note == NOTE_NOT_READY)
		return;
	start = (uintptr_t)phys_to_virt(b->head);
	if (b->note == NOTE_SLAB) {
		place_slot(pl, start, addr);
		return;
	}
	pl->kind = OBJECT_PAGES;
	pl->room = PAGE_SIZE << b->order;
	pl->object.start = start;
	pl->object.size = b->note;
	pl->object.site = b->site;
	pl->object.live = true;
}

static void place_in_window(struct place *pl, struct heap *heap,
			    uintptr_t addr)
{
	uintptr_t start;
	struct run *run;

	switch (window_find_block(addr, &start)) {
	case WINDOW_NO_BLOCK:
		return;
	case WINDOW_BLOCK_SLAB:
		place_slot(pl, start, addr);
		return;
	case WINDOW_BLOCK_RUN:
		run = run_find_locked(heap, start);
		if (!run)
			return;
		pl->kind = OBJECT_RUN;
		pl->run = run;
		pl->room = run->room;
		pl->object.start = start;
		pl->object.size = run->size;
		pl->object.site = run->site;
		pl->object.live = run->size != 0;
		return;
	}
}

static void place_find_locked(struct place *pl, struct heap *heap,
			      uintptr_t addr)
{
	pl->kind = OBJECT_NONE;
	pl->object.owner = heap->owner;
	if (heap->owner == MODULE_NONE)
		place_in_kernel(pl, addr);
	else
		place_in_window(pl, heap, addr);
}

/*
 * *@obj is a copy, of use where this is true; it may be old at once, but for
 * who holds the object.
 */
bool heap_find_object(uintptr_t addr, struct heap_object *obj)
{
	struct heap *heap = heap_of_address(addr);
	struct place pl;
	uint32_t flags;

	if (!heap)
		return false;
	flags = spin_lock_irqsave(&heap->lock);
	place_find_locked(&pl, heap, addr);
	spin_unlock_irqrestore(&heap->lock, flags);
	*obj = pl.object;
	return pl.kind != OBJECT_NONE;
}

size_t ksize(const void *p)
{
	struct heap_object obj;

	if (!heap_find_object((uintptr_t)p, &obj) || !obj.live ||
	    obj.start != (uintptr_t)p)
		panic("ksize: %p is no object of the heap", p);
	return obj.size;
}
EXPORT_SYMBOL(ksize);

/* ---- free ---- */

/*
 * Before anything is changed, and in words that name who did it: after a wrong
 * free the heap is not to be believed.
 */
static void check_free(const struct place *pl, uintptr_t addr, uintptr_t site)
{
	const struct heap_object *obj = &pl->object;

	if (pl->kind == OBJECT_NONE)
		panic("kfree: wild pointer %p freed at %pS", (void *)addr,
		      (void *)site);
	if (obj->start != addr)
		panic("kfree: %p freed at %pS lies inside the object at %p",
		      (void *)addr, (void *)site, (void *)obj->start);
	if (!obj->live)
		panic("kfree: %p freed twice, at %pS and then at %pS",
		      (void *)addr, (void *)obj->site, (void *)site);
	check_redzone((const uint8_t *)addr, obj->size, pl->room, obj->site);
}

/*
 * From the look to the removal under one lock: of two who free the same object,
 * on whatever CPUs, the second finds none that lives.
 */
void kfree(const void *ptr)
{
	uintptr_t addr = (uintptr_t)ptr;
	uintptr_t site = (uintptr_t)__builtin_return_address(0);
	struct heap *heap;
	struct place pl;
	uint32_t flags;

	if (!ptr)
		return;
	heap = heap_of_address(addr);
	if (!heap)
		panic("kfree: wild pointer %p freed at %pS", ptr,
		      (void *)site);

	flags = spin_lock_irqsave(&heap->lock);
	place_find_locked(&pl, heap, addr);
	check_free(&pl, addr, site);
	if (pl.kind == OBJECT_SLOT) {
		slab_free_locked(heap, pl.slab, pl.slot,
				 site_for(heap, site));
	} else if (pl.kind == OBJECT_PAGES) {
		page_set_note(pl.block.head, NOTE_NOT_READY, 0);
	} else {
		list_del(&pl.run->link);
	}
	spin_unlock_irqrestore(&heap->lock, flags);

	/*
	 * What is large is no object any more, for another kfree of it and for
	 * a search; the slow part needs no lock.
	 */
	if (pl.kind == OBJECT_PAGES)
		page_free(pl.block.head, pl.block.order);
	else if (pl.kind == OBJECT_RUN)
		keep_free_run(heap, pl.run, site_for(heap, site));
	heap_account(-1, pl.object.size);
}
EXPORT_SYMBOL(kfree);

/* ---- the kernel's heap ---- */

void heap_init(struct heap *heap, module_id_t owner)
{
	unsigned int i;

	spin_lock_init(&heap->lock, "heap");
	heap->owner = owner;
	for (i = 0; i < NR_CLASSES; i++) {
		INIT_LIST_HEAD(&heap->partial[false][i]);
		INIT_LIST_HEAD(&heap->partial[true][i]);
	}
	INIT_LIST_HEAD(&heap->runs);
	heap->nr_chunks = 0;
	heap->free_pages = 0;
}

void slab_init(void)
{
	slab_set_geometry();
	heap_init(&kernel_heap, MODULE_NONE);
}

void slab_drain(void)
{
	slab_trim(&kernel_heap);
}

void slab_get_stats(struct mm_stats *s)
{
	s->heap_objects = (uint32_t)atomic_read(&nr_objects);
	s->heap_bytes = (uint32_t)atomic_read(&nr_bytes);
}
