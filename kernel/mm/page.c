/*
 * Physical pages: a binary buddy allocator over the RAM that the boot loader
 * reported, with one record a frame.  It protects the answer to "what is this
 * frame?": the search for pointers into a module trusts the kind of a page.
 *
 * Records hold frame numbers and never pointers, and lie with the bitmap of
 * heap pages in memory of their own: nothing there can be taken for an address
 * in the module window, so neither is searched.
 */
#include <kernel/bug.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <mm/internal.h>
#include <x86/machine.h>

/*
 * Lock key: (p) page_lock  (a) atomic  (h) the heap, under its own lock
 * A frame is free, the head of a block in use, or behind such a head.
 */
struct frame {
	union {
		uint32_t	next;	/* (p) free: frame number, 0 ends */
		uint32_t	refs;	/* (a) head, PAGE_USER */
		uint32_t	site;	/* (p) head, heap: text offset */
		uint32_t	head;	/* (p) behind a head: its number */
	};
	union {
		uint32_t	prev;	/* (p) free: frame number, 0 at first */
		uint32_t	link;	/* in use: the page_list's owner */
		uint32_t	note;	/* (p) head, heap; the owner's,
					 * PAGE_WINDOW: its page number;
					 * PAGE_TABLE: the root; a table of
					 * the kernel's: the first page that
					 * it maps */
	};
	uint8_t			kind;	/* (p) enum page_kind */
	uint8_t			order;	/* (p) of a head, or ORDER_BEHIND */
};
_Static_assert(sizeof(struct frame) <= 12, "a record for each frame of RAM");

#define ORDER_BEHIND	0xff
#define LOW_MEMORY_END	0x100000u	/* BIOS, trampoline: never given out */

static DEFINE_SPINLOCK(page_lock);
/*
 * Frame number 0 stands for none: that frame lies below LOW_MEMORY_END and is
 * never free.
 */
static struct frame *frames;
static uint32_t *slab_map;		/* (p) a bit a frame: PAGE_SLAB */
static uint32_t *table_map;		/* (p) a bit a frame: PAGE_TABLE, and
					 * the kernel's tables */
static uint32_t *plain_map;		/* a bit a frame, changed atomically:
					 * see page_table_set_plain() */
static uint32_t nr_frames;		/* constant after page_init() */
static uint32_t free_first[PAGE_MAX_ORDER + 1];	/* (p) frame numbers */
static uint32_t kind_count[NR_PAGE_KINDS];	/* (p) */

static uint32_t frame_number(phys_t pa)
{
	uint32_t n = pa >> PAGE_SHIFT;

	BUG_ON(n >= nr_frames);
	return n;
}

static phys_t frame_address(uint32_t n)
{
	return n << PAGE_SHIFT;
}

static void free_list_add(uint32_t n, unsigned int order)
{
	uint32_t next = free_first[order];

	frames[n].kind = PAGE_FREE;
	frames[n].order = (uint8_t)order;
	frames[n].next = next;
	frames[n].prev = 0;
	if (next)
		frames[next].prev = n;
	free_first[order] = n;
}

static void free_list_remove(uint32_t n, unsigned int order)
{
	uint32_t next = frames[n].next, prev = frames[n].prev;

	if (next)
		frames[next].prev = prev;
	if (prev)
		frames[prev].next = next;
	else
		free_first[order] = next;
	frames[n].order = ORDER_BEHIND;
}

static void map_set(uint32_t *map, uint32_t n, bool on)
{
	if (on)
		map[n / 32] |= 1u << n % 32;
	else
		map[n / 32] &= ~(1u << n % 32);
}

static void set_plain(uint32_t n, bool plain)
{
	if (plain)
		__atomic_fetch_or(&plain_map[n / 32], 1u << n % 32,
				  __ATOMIC_RELAXED);
	else if (READ_ONCE(plain_map[n / 32]) & 1u << n % 32)
		__atomic_fetch_and(&plain_map[n / 32], ~(1u << n % 32),
				   __ATOMIC_RELAXED);
}

/*
 * The search reads the maps without the lock, a word at a time: it sees the
 * page before or after, and what it sees while the world runs is a preparation
 * only.  The verdict finds no CPU in here, as page_lock is held with interrupts
 * off.
 */
static void set_kind(uint32_t n, enum page_kind kind)
{
	kind_count[frames[n].kind]--;
	kind_count[kind]++;
	frames[n].kind = (uint8_t)kind;
	map_set(slab_map, n, kind == PAGE_SLAB);
	map_set(table_map, n, kind == PAGE_TABLE);
	set_plain(n, false);
}

/*
 * The first free block of @order whose first 2^@part frames end below frame
 * @end; 0: none.
 */
static uint32_t find_free_block(unsigned int order, unsigned int part,
				uint32_t end)
{
	uint32_t n = free_first[order];

	while (n && n + (1u << part) > end)
		n = frames[n].next;
	return n;
}

/* A free block of @order, split off a larger one if need be; 0: none. */
static uint32_t take_free_block(unsigned int order, uint32_t end)
{
	unsigned int o = order;
	uint32_t n;

	while (!(n = find_free_block(o, order, end)))
		if (++o > PAGE_MAX_ORDER)
			return 0;
	free_list_remove(n, o);
	while (o > order) {
		o--;
		free_list_add(n + (1u << o), o);
	}
	return n;
}

/*
 * A PAGE_SLAB page is searched from the unlock on, with what stood in it
 * before: the heap poisons it at once.  A search that comes in between sees
 * false evidence, and comes again.
 */
phys_t page_alloc_below(unsigned int order, enum page_kind kind, phys_t bound)
{
	uint32_t end = (uint32_t)(((uint64_t)bound + 1) >> PAGE_SHIFT);
	uint32_t flags, n, i;

	if (order > PAGE_MAX_ORDER || should_fail_alloc())
		return 0;

	flags = spin_lock_irqsave(&page_lock);
	n = take_free_block(order, end);
	if (!n)
		goto unlock;
	for (i = 0; i < 1u << order; i++) {
		set_kind(n + i, kind);
		frames[n + i].order = ORDER_BEHIND;
		frames[n + i].head = n;
	}
	frames[n].order = (uint8_t)order;
	frames[n].refs = kind == PAGE_USER;
	frames[n].note = 0;
unlock:
	spin_unlock_irqrestore(&page_lock, flags);
	return frame_address(n);
}

phys_t page_alloc(unsigned int order, enum page_kind kind)
{
	return page_alloc_below(order, kind, PHYS_ANYWHERE);
}

phys_t page_alloc_zeroed(enum page_kind kind)
{
	phys_t pa = page_alloc(0, kind);

	if (pa)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

/* Joins the free block with its buddies as far as they are free and whole. */
static void merge_free_block(uint32_t n, unsigned int order)
{
	uint32_t buddy;

	while (order < PAGE_MAX_ORDER) {
		buddy = n ^ (1u << order);
		/* At the end of RAM there may be no buddy, nor a record. */
		if (buddy + (1u << order) > nr_frames ||
		    frames[buddy].kind != PAGE_FREE ||
		    frames[buddy].order != order)
			break;
		free_list_remove(buddy, order);
		n &= ~(1u << order);
		order++;
	}
	free_list_add(n, order);
}

static void check_free(uint32_t n, unsigned int order)
{
	const struct frame *f = &frames[n];

	if (f->kind == PAGE_FREE || f->kind == PAGE_RESERVED ||
	    f->order != order)
		panic("page_free: frame %x order %u is kind %u order %u",
		      frame_address(n), order, f->kind, f->order);
	if (f->kind == PAGE_USER && f->refs > 1)
		panic("page_free: frame %x has %u users", frame_address(n),
		      f->refs);
}

void page_free(phys_t pa, unsigned int order)
{
	uint32_t flags, n = frame_number(pa), i;

	/*
	 * The poison is written before the block is anybody else's, and not by
	 * a wrong free over a page that is; hence two checks.  The block is the
	 * caller's, so the first needs no lock.
	 */
	if (PAGE_POISON_ON_FREE) {
		check_free(n, order);
		memset(phys_to_virt(pa), PAGE_POISON, PAGE_SIZE << order);
	}

	flags = spin_lock_irqsave(&page_lock);
	check_free(n, order);
	for (i = 0; i < 1u << order; i++) {
		set_kind(n + i, PAGE_FREE);
		frames[n + i].order = ORDER_BEHIND;
	}
	merge_free_block(n, order);
	spin_unlock_irqrestore(&page_lock, flags);
}

void page_get(phys_t pa)
{
	struct frame *f = &frames[frame_number(pa)];

	BUG_ON(f->kind != PAGE_USER);
	__atomic_add_fetch(&f->refs, 1, __ATOMIC_SEQ_CST);
}

/*
 * Who takes the count to 0 is the only one that knows the page: it can neither
 * be shared again nor be put twice meanwhile.
 */
void page_put(phys_t pa)
{
	struct frame *f = &frames[frame_number(pa)];

	BUG_ON(f->kind != PAGE_USER);
	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_SEQ_CST) == 0)
		page_free(pa, 0);
}

/*
 * A reference is added by a space that has the page itself, under its mm->lock;
 * so a count of 1 stays 1 while the caller holds his.
 */
bool page_is_shared(phys_t pa)
{
	struct frame *f = &frames[frame_number(pa)];

	return __atomic_load_n(&f->refs, __ATOMIC_SEQ_CST) > 1;
}

bool page_find_block(phys_t pa, struct page_block *b)
{
	uint32_t flags, n = pa >> PAGE_SHIFT;

	if (n >= nr_frames)
		return false;
	flags = spin_lock_irqsave(&page_lock);
	b->kind = frames[n].kind;
	/* Behind the head of a free block @head is stale. */
	if (b->kind != PAGE_FREE && frames[n].order == ORDER_BEHIND)
		n = frames[n].head;
	b->head = frame_address(n);
	b->order = frames[n].order;
	b->note = frames[n].note;
	b->site = frames[n].site ? frames[n].site + KERNEL_BASE : 0;
	spin_unlock_irqrestore(&page_lock, flags);
	return true;
}

void page_set_note(phys_t head, uint32_t note, uintptr_t site)
{
	uint32_t flags, n = frame_number(head);

	flags = spin_lock_irqsave(&page_lock);
	frames[n].note = note;
	frames[n].site = site ? site - KERNEL_BASE : 0;
	spin_unlock_irqrestore(&page_lock, flags);
}

/* No lock: a page in use is its owner's, and so is its link. */
void page_list_add(struct page_list *l, phys_t pa)
{
	uint32_t n = frame_number(pa);

	frames[n].link = l->first;
	l->first = n;
}

phys_t page_list_pop(struct page_list *l)
{
	uint32_t n = l->first;

	if (n)
		l->first = frames[n].link;
	return frame_address(n);
}

/* All frames, a bit each, in whole groups of words. */
static struct page_map map_of(const uint32_t *bits, const uint32_t *but)
{
	return (struct page_map){
		.base = KERNEL_BASE, .bits = bits, .but = but,
		.words = DIV_ROUND_UP(nr_frames, 32 * PAGE_MAP_GROUP) *
			 PAGE_MAP_GROUP,
	};
}

struct page_map page_slabs(void)
{
	return map_of(slab_map, NULL);
}

struct page_map page_tables(bool but_plain)
{
	return map_of(table_map, but_plain ? plain_map : NULL);
}

/* Of an address that is in no frame's place of the direct map: nr_frames. */
static uint32_t frame_at(uintptr_t page)
{
	uint32_t n = (page - KERNEL_BASE) >> PAGE_SHIFT;

	return min(n, nr_frames);
}

bool page_is_table(uintptr_t page)
{
	uint32_t n = frame_at(page);

	return n < nr_frames && READ_ONCE(table_map[n / 32]) & 1u << n % 32;
}

phys_t page_table_root(uintptr_t page)
{
	const struct frame *f = &frames[frame_at(page)];

	return f->kind == PAGE_TABLE ? f->note : 0;
}

uintptr_t page_table_base(uintptr_t page)
{
	const struct frame *f = &frames[frame_at(page)];

	return f->kind == PAGE_TABLE ? 0 : f->note << PAGE_SHIFT;
}

void page_table_set_plain(uintptr_t page, bool plain)
{
	uint32_t n = frame_at(page);

	if (n < nr_frames)
		set_plain(n, plain);
}

void page_set_window(phys_t pa, uintptr_t va)
{
	frames[frame_number(pa)].note = va >> PAGE_SHIFT;
}

bool page_is_allocatable(uint64_t pa)
{
	return pa >> PAGE_SHIFT < nr_frames &&
	       READ_ONCE(frames[pa >> PAGE_SHIFT].kind) != PAGE_RESERVED;
}

bool page_is_others(uint64_t pa)
{
	uint32_t kind = PAGE_RESERVED;

	if (pa >> PAGE_SHIFT < nr_frames)
		kind = READ_ONCE(frames[pa >> PAGE_SHIFT].kind);
	return kind != PAGE_WINDOW && kind != PAGE_FREE;
}

uintptr_t page_window_address(uint64_t pa)
{
	const struct frame *f;

	if (pa >> PAGE_SHIFT >= nr_frames)
		return 0;
	f = &frames[pa >> PAGE_SHIFT];
	return READ_ONCE(f->kind) == PAGE_WINDOW ?
		READ_ONCE(f->note) << PAGE_SHIFT : 0;
}

void page_get_stats(struct mm_stats *s)
{
	uint32_t flags;

	flags = spin_lock_irqsave(&page_lock);
	memcpy(s->by_kind, kind_count, sizeof(s->by_kind));
	spin_unlock_irqrestore(&page_lock, flags);
	s->pages_total = nr_frames;
	s->pages_free = s->by_kind[PAGE_FREE];
}

/* The boot module that shares a byte with [@start, @end), or NULL. */
static const struct boot_module *overlapping_module(phys_t start, phys_t end)
{
	uint32_t i;

	for (i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];

		if (m->start < end && start < m->end)
			return m;
	}
	return NULL;
}

/* The first place for @size bytes that boot uses for nothing. */
static phys_t find_boot_memory(uint32_t size)
{
	phys_t lowest = max(paging_boot_end(), LOW_MEMORY_END);
	phys_t start, end;
	uint32_t i;

	for (i = 0; i < boot_info.nr_ranges; i++) {
		const struct boot_module *m;

		start = ALIGN_UP(max(boot_info.ranges[i].start, lowest),
				 PAGE_SIZE);
		end = min(boot_info.ranges[i].end, DIRECT_MAP_SIZE);
		while (start < end && end - start >= size) {
			m = overlapping_module(start, start + size);
			if (!m)
				return start;
			start = ALIGN_UP(m->end, PAGE_SIZE);
		}
	}
	panic("no room for the records of %u frames", nr_frames);
}

/* Boot, one CPU: no lock. */
static void add_ranges(phys_t records, phys_t records_end)
{
	phys_t lowest = max(paging_boot_end(), LOW_MEMORY_END);
	phys_t pa, end;
	uint32_t i;

	for (i = 0; i < boot_info.nr_ranges; i++) {
		pa = ALIGN_UP(max(boot_info.ranges[i].start, lowest),
			      PAGE_SIZE);
		end = min(boot_info.ranges[i].end, DIRECT_MAP_SIZE);
		for (; pa < end && end - pa >= PAGE_SIZE; pa += PAGE_SIZE) {
			if (pa >= records && pa < records_end)
				continue;
			if (overlapping_module(pa, pa + PAGE_SIZE))
				continue;
			/* Ranges of a careless BIOS may overlap. */
			if (frames[pa >> PAGE_SHIFT].kind == PAGE_FREE)
				continue;
			set_kind(pa >> PAGE_SHIFT, PAGE_FREE);
			merge_free_block(pa >> PAGE_SHIFT, 0);
		}
	}
}

static void add_own_tables(void)
{
	phys_t table;
	uintptr_t va;

	for (uint32_t i = 0; (table = paging_own_table(i, &va)) != 0; i++) {
		map_set(table_map, table >> PAGE_SHIFT, true);
		frames[table >> PAGE_SHIFT].note = va >> PAGE_SHIFT;
	}
}

void page_init(void)
{
	uint32_t i, bytes, map_bytes;
	phys_t top = 0, records;

	for (i = 0; i < boot_info.nr_ranges; i++)
		top = max(top, boot_info.ranges[i].end);
	nr_frames = min(top, DIRECT_MAP_SIZE) >> PAGE_SHIFT;

	map_bytes = page_slabs().words * 4;
	bytes = ALIGN_UP(nr_frames * (uint32_t)sizeof(struct frame) +
			 3 * map_bytes, PAGE_SIZE);
	records = find_boot_memory(bytes);
	frames = phys_to_virt(records);
	slab_map = (uint32_t *)(void *)(frames + nr_frames);
	table_map = slab_map + map_bytes / 4;
	plain_map = table_map + map_bytes / 4;
	memset(frames, 0, bytes);
	add_own_tables();
	kind_count[PAGE_RESERVED] = nr_frames;
	add_ranges(records, records + bytes);
}
