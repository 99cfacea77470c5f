/*
 * Slabs: pages cut into slots of one power of two.  It protects that a free
 * slot holds poison and nothing else: the search for pointers into a module
 * reads whole pages, and a stale word would be taken for evidence.  Slots are
 * chained by number in records at the slab's front; a write after a free is
 * found when the slot is given out again.
 */
#include <kernel/bug.h>
#include <kernel/string.h>
#include <mm/heap_internal.h>

/* Where the slots of a class lie; constant after slab_set_geometry(). */
static struct geometry {
	unsigned int	order;		/* pages of a slab */
	uint32_t	first;		/* offset of slot 0 */
	uint32_t	nr_slots;
} geometry[NR_CLASSES];

/* ---- slots ---- */

uint32_t slab_nr_slots(const struct slab *slab)
{
	return geometry[slab->class].nr_slots;
}

size_t slot_room(const struct slab *slab)
{
	return 1u << (slab->class + SLAB_MIN_SHIFT);
}

uint8_t *slot_address(const struct slab *slab, uint32_t i)
{
	return (uint8_t *)(uintptr_t)slab + geometry[slab->class].first +
	       i * slot_room(slab);
}

bool slab_find_slot(const struct slab *slab, uintptr_t addr, uint32_t *i)
{
	const struct geometry *g = &geometry[slab->class];
	uintptr_t offset = addr - (uintptr_t)slab;

	if (offset < g->first)
		return false;
	*i = (offset - g->first) >> (slab->class + SLAB_MIN_SHIFT);
	return *i < g->nr_slots;
}

static void check_poison(const struct slab *slab, uint32_t i)
{
	const uint32_t *word = (const void *)slot_address(slab, i);
	size_t n;

	for (n = 0; n < slot_room(slab) / 4; n++) {
		if (word[n] != FREE_WORD)
			panic("heap: %p was written after its kfree at %pS",
			      &word[n], (void *)slab->slots[i].site);
	}
}

/* heap->lock held; the slab has a free slot. */
static void *slot_take(struct slab *slab, size_t size, uintptr_t site)
{
	uint32_t i = slab->first_free;
	uint8_t *p = slot_address(slab, i);

	check_poison(slab, i);
	slab->first_free = slab->slots[i].next;
	slab->slots[i] = (struct slot){ site, (uint16_t)size, SLOT_LIVE };
	slab->nr_free--;
	if (!slab->nr_free)
		list_del_init(&slab->link);
	write_redzone(p, size, slot_room(slab));
	return p;
}

static void slot_release(struct slab *slab, uint32_t i, uintptr_t site)
{
	struct slot *s = &slab->slots[i];

	memset(slot_address(slab, i), FREE_POISON, slot_room(slab));
	s->site = site;
	s->next = slab->first_free;
	slab->first_free = (uint16_t)i;
	slab->nr_free++;
}

/* ---- slabs ---- */

/* Pages for a slab; 0: none.  The heap's lock is not held: it may sleep. */
static uintptr_t slab_pages_take(struct heap *heap, unsigned int order,
				 bool data, gfp_t gfp)
{
	phys_t pa;

	if (heap->owner != MODULE_NONE)
		return chunk_pages_take(heap, 1u << order, gfp);
	pa = page_alloc(order, data ? PAGE_SLAB_DATA : PAGE_SLAB);
	return pa ? (uintptr_t)phys_to_virt(pa) : 0;
}

/* Nobody knows the slab yet: no lock. */
static struct slab *slab_create(struct heap *heap, unsigned int class,
				bool data, gfp_t gfp)
{
	const struct geometry *g = &geometry[class];
	struct slab *slab;
	uint32_t i;

	slab = (struct slab *)slab_pages_take(heap, g->order, data, gfp);
	if (!slab)
		return NULL;
	memset(slab, FREE_POISON, PAGE_SIZE << g->order);
	INIT_LIST_HEAD(&slab->link);
	slab->first_free = 0;
	slab->nr_free = (uint16_t)g->nr_slots;
	slab->class = (uint8_t)class;
	slab->data = data;
	for (i = 0; i < g->nr_slots; i++)
		slab->slots[i] = (struct slot){ 0, 0, (uint16_t)(i + 1) };
	slab->slots[g->nr_slots - 1].next = SLOT_END;
	return slab;
}

/*
 * From here on frees and searches for objects find the slab.  A page of a
 * chunk is searched or not as its last slab was, until here: its slots have
 * held poison since that one was emptied, and zeros before the first.
 */
static void slab_publish_locked(struct heap *heap, struct slab *slab)
{
	uintptr_t start = (uintptr_t)slab;
	size_t size = PAGE_SIZE << geometry[slab->class].order;

	if (heap->owner == MODULE_NONE) {
		page_set_note(virt_to_phys(slab), NOTE_SLAB, 0);
	} else {
		window_set_searched(start, size, !slab->data);
		window_set_block(start, size, WINDOW_BLOCK_SLAB);
	}
	list_add(&slab->link, &heap->partial[slab->data][slab->class]);
}

/* All slots are free, hence poison: nothing of a user's goes with the pages. */
static void slab_destroy_locked(struct heap *heap, struct slab *slab)
{
	unsigned int order = geometry[slab->class].order;
	size_t size = PAGE_SIZE << order;

	list_del(&slab->link);
	if (heap->owner == MODULE_NONE) {
		page_free(virt_to_phys(slab), order);
		return;
	}
	window_set_block((uintptr_t)slab, size, WINDOW_NO_BLOCK);
	chunk_pages_give_locked(heap, (uintptr_t)slab, 1u << order);
}

static unsigned int class_of(size_t room)
{
	unsigned int class = 0;

	while (1u << (class + SLAB_MIN_SHIFT) < room)
		class++;
	return class;
}

void *slab_alloc(struct heap *heap, size_t size, gfp_t gfp, uintptr_t site)
{
	unsigned int class = class_of(size + HEAP_REDZONE_MIN);
	bool data = gfp & GFP_DATA;
	struct list_head *partial = &heap->partial[data][class];
	struct slab *slab, *fresh = NULL;
	uint32_t flags;
	void *p = NULL;

	/*
	 * A slab is made without the lock.  One hold of it publishes the slab
	 * and takes a slot, so that the second round is the last.
	 */
	for (;;) {
		flags = spin_lock_irqsave(&heap->lock);
		if (fresh)
			slab_publish_locked(heap, fresh);
		slab = list_first_entry_or_null(partial, struct slab, link);
		if (slab)
			p = slot_take(slab, size, site);
		spin_unlock_irqrestore(&heap->lock, flags);
		if (p)
			return p;
		fresh = slab_create(heap, class, data, gfp);
		if (!fresh)
			return NULL;
	}
}

void slab_free_locked(struct heap *heap, struct slab *slab, uint32_t slot,
		      uintptr_t site)
{
	struct list_head *partial = &heap->partial[slab->data][slab->class];

	slot_release(slab, slot, site);
	/* Full until now: at the tail, those in use fill up first. */
	if (slab->nr_free == 1)
		list_add_tail(&slab->link, partial);
	/* One empty slab a class is kept against thrashing. */
	if (slab->nr_free == geometry[slab->class].nr_slots &&
	    partial->next != partial->prev)
		slab_destroy_locked(heap, slab);
}

static void trim_class(struct heap *heap, unsigned int data,
		       unsigned int class)
{
	struct slab *slab, *next;
	uint32_t flags;

	flags = spin_lock_irqsave(&heap->lock);
	list_for_each_entry_safe(slab, next, &heap->partial[data][class],
				 link) {
		if (slab->nr_free == geometry[class].nr_slots)
			slab_destroy_locked(heap, slab);
	}
	spin_unlock_irqrestore(&heap->lock, flags);
}

void slab_trim(struct heap *heap)
{
	unsigned int class;

	for (class = 0; class < NR_CLASSES; class++) {
		trim_class(heap, false, class);
		trim_class(heap, true, class);
	}
}

/* ---- geometry ---- */

/* Slabs grow with their slots, so that the front costs a slot in eight. */
static void set_geometry(unsigned int class)
{
	struct geometry *g = &geometry[class];
	uint32_t room = 1u << (class + SLAB_MIN_SHIFT), size, front;

	g->order = room > 256 ? class - class_of(256) : 0;
	size = PAGE_SIZE << g->order;
	g->nr_slots = (size - sizeof(struct slab)) /
		      (room + sizeof(struct slot));
	do {
		front = sizeof(struct slab) +
			g->nr_slots * sizeof(struct slot);
		g->first = ALIGN_UP(front, room);
	} while (g->first + g->nr_slots * room > size && g->nr_slots--);
}

void slab_set_geometry(void)
{
	unsigned int class;

	for (class = 0; class < NR_CLASSES; class++)
		set_geometry(class);
}
