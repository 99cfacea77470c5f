/*
 * The module window: 32768 pages in which all that belongs to modules lies,
 * and nothing else.  It protects the two answers on which evidence rests:
 * whose an address is (one load), and that the frames behind it have no other
 * name (they leave the direct map).
 *
 * The tables are numbers by page, in memory that is not searched.  They change
 * under window_lock and are read without it: a page is owned before it is
 * mapped and until after it is unmapped, so a reader errs on the side of
 * "somebody's" only.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/mutex.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/internal.h>
#include <x86/smp.h>

#define WINDOW_PAGES	(WINDOW_SIZE / PAGE_SIZE)
#define MARGIN_PAGES	1u
_Static_assert(WINDOW_PAGES <= 0x8000, "page numbers in heap_page[], slab.c");

/*
 * Lock key: (w) window_lock  (h) the owner's heap lock, after (w) gave it
 *
 * @owner is one aligned word, read by anyone.  The fields of a stone are read
 * without the lock too, for a report, which a stone from before does not harm.
 */
struct window_page {
	uint16_t	owner;		/* (w) 0: nobody */
	uint16_t	tomb_owner;	/* (w) 0: never used */
	uint32_t	tomb_number;	/* (w) of the unload */
	uint32_t	freed;		/* (w) when: window_frees; 0: never */
	uint16_t	pages;		/* (w) first of an allocation: length */
	uint16_t	block_at;	/* (h) pages to the block's start */
	uint8_t		block_kind;	/* (h) enum window_block_kind */
};

static DEFINE_MUTEX(window_lock);
static struct window_page *pages;
/* A bit a page: mapped, and searched for pointers.  Changed atomically, as the
 * heaps of several modules share a word. */
static uint32_t *searched_map;
/* .. and a bit a page that is mapped; the same. */
static uint32_t *mapped_map;
static uint32_t mapped[MAX_MODULES];		/* (w) */
static uint32_t unload_number[MAX_MODULES];	/* (w) */
static uint32_t window_frees;			/* (w) */
static uint32_t reusable;	/* (w) pages freed up to here may serve again */

static uint32_t page_number(uintptr_t addr)
{
	BUG_ON(!in_window(addr));
	return (addr - WINDOW_BASE) / PAGE_SIZE;
}

static uintptr_t page_address(uint32_t n)
{
	return WINDOW_BASE + n * PAGE_SIZE;
}

static void set_bit_of(uint32_t *map, uint32_t n)
{
	__atomic_fetch_or(&map[n / 32], 1u << n % 32, __ATOMIC_RELAXED);
}

static void clear_bit_of(uint32_t *map, uint32_t n)
{
	__atomic_fetch_and(&map[n / 32], ~(1u << n % 32), __ATOMIC_RELAXED);
}

void window_init(void)
{
	const uint32_t bytes = WINDOW_PAGES * sizeof(*pages) +
			       2 * WINDOW_PAGES / 8;
	unsigned int order = 0;
	phys_t pa;

	while (PAGE_SIZE << order < bytes)
		order++;
	pa = page_alloc(order, PAGE_KERNEL);
	if (!pa)
		panic("no memory for the tables of the module window");
	pages = phys_to_virt(pa);
	searched_map = (uint32_t *)(void *)(pages + WINDOW_PAGES);
	mapped_map = searched_map + WINDOW_PAGES / 32;
	memset(pages, 0, bytes);
}

/* ---- placement ---- */

static bool is_available(const struct window_page *p)
{
	return !p->owner && (p->freed <= reusable || !guard(REUSE_LAST));
}

/* The first run of @need available pages inside [@from, @to); @to: none. */
static uint32_t find_run(uint32_t from, uint32_t to, uint32_t need)
{
	uint32_t n, run = 0;

	for (n = from; n < to; n++) {
		run = is_available(&pages[n]) ? run + 1 : 0;
		if (run == need)
			return n + 1 - need;
	}
	return to;
}

/*
 * @need pages from a random place on.  Where none fit, the older half of what
 * was freed becomes reusable, until all of it is (H33).
 */
static bool find_range(uint32_t need, uint32_t *at)
{
	uint32_t start;

	if (need > WINDOW_PAGES)
		return false;
	for (;;) {
		start = guard(REUSE_LAST) ? prandom_u32() % WINDOW_PAGES : 0;
		*at = find_run(start, WINDOW_PAGES, need);
		if (*at < WINDOW_PAGES)
			return true;
		*at = find_run(0, WINDOW_PAGES, need);
		if (*at < WINDOW_PAGES)
			return true;
		/*
		 * Halves, not all at once: what was freed last stays a
		 * tombstone for as long as there is room elsewhere.
		 */
		if (reusable == window_frees)
			return false;
		reusable += (window_frees - reusable + 1) / 2;
	}
}

/*
 * Owned before it is mapped: no address is ever good without an owner.  The
 * stone of who was here before stays, unseen behind an owner.
 */
static void claim_range(uint32_t at, uint32_t need, module_id_t owner)
{
	uint32_t n;

	for (n = at; n < at + need; n++) {
		pages[n].block_kind = WINDOW_NO_BLOCK;
		pages[n].block_at = 0;
		pages[n].pages = 0;
		WRITE_ONCE(pages[n].owner, owner);
	}
}

/* Nobody ever had the range: no stone. */
static void unclaim_range(uint32_t at, uint32_t need)
{
	uint32_t n;

	for (n = at; n < at + need; n++)
		WRITE_ONCE(pages[n].owner, MODULE_NONE);
}

/* Unmapped, TLBs told, frames gone: last of all the owner. */
static void bury_range(uint32_t at, uint32_t need, module_id_t owner)
{
	uint32_t n;

	window_frees++;
	for (n = at; n < at + need; n++) {
		pages[n].tomb_owner = owner;
		pages[n].tomb_number = unload_number[owner];
		pages[n].freed = window_frees;
		pages[n].pages = 0;
		WRITE_ONCE(pages[n].owner, MODULE_NONE);
	}
}

/* ---- frames ---- */

static bool is_mapped(uintptr_t va)
{
	const pte_t *pte = paging_kernel_pte(va);

	return pte && *pte & PTE_P;
}

/*
 * Takes what is mapped in @count pages from @va away.  No CPU can reach a
 * frame by this address when it comes back to the direct map and is freed.  An
 * allocation that failed half-way has frames which never left that map.
 */
static void unmap_pages(uintptr_t va, uint32_t count, module_id_t owner)
{
	struct page_list frames = { 0 };
	uint32_t i;
	phys_t pa;

	for (i = 0; i < count; i++) {
		if (!is_mapped(va + i * PAGE_SIZE))
			continue;
		clear_bit_of(searched_map, page_number(va) + i);
		clear_bit_of(mapped_map, page_number(va) + i);
		pa = (phys_t)(paging_unmap(va + i * PAGE_SIZE) & PTE_ADDR);
		page_list_add(&frames, pa);
		mapped[owner]--;
	}
	if (guard(TLB_FLUSH))
		tlb_shootdown(va, count * PAGE_SIZE);
	while ((pa = page_list_pop(&frames)) != 0) {
		if (!is_mapped((uintptr_t)phys_to_virt(pa)))
			paging_direct_restore(pa);
		page_free(pa, 0);
	}
}

/*
 * Zeroed frames for @count pages from @va, still in the direct map too.  They
 * are searched from here on, zeros as yet.  -ENOMEM: what was mapped so far is
 * for unmap_pages().
 */
static int map_pages(uintptr_t va, uint32_t count, module_id_t owner,
		     phys_t bound)
{
	uint32_t i;
	phys_t pa;
	int err;

	err = paging_prepare(va, count * PAGE_SIZE);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		pa = page_alloc_below(0, PAGE_WINDOW, bound);
		if (!pa)
			return -ENOMEM;
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
		page_set_window(pa, va + i * PAGE_SIZE);
		paging_map(va + i * PAGE_SIZE, pa, PROT_KERNEL_RW);
		set_bit_of(searched_map, page_number(va) + i);
		set_bit_of(mapped_map, page_number(va) + i);
		mapped[owner]++;
	}
	return 0;
}

/*
 * From the return on the frames have one name only (H46).  All of each TLB: the
 * frames lie anywhere, and each would be a range of its own.
 */
static void remove_aliases(uintptr_t va, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		pte_t *pte = paging_kernel_pte(va + i * PAGE_SIZE);

		paging_direct_remove((phys_t)(*pte & PTE_ADDR));
	}
	tlb_shootdown(0, 0);
}

bool window_is_below(uintptr_t va, size_t size, phys_t bound)
{
	for (size_t at = 0; at < size; at += PAGE_SIZE)
		if ((*paging_kernel_pte(va + at) & PTE_ADDR) + PAGE_SIZE - 1 >
		    bound)
			return false;
	return true;
}

void *window_alloc(size_t size, module_id_t owner)
{
	return window_alloc_below(size, owner, PHYS_ANYWHERE);
}

void *window_alloc_below(size_t size, module_id_t owner, phys_t bound)
{
	uint32_t at, count, need;
	uintptr_t va;

	BUG_ON(owner == MODULE_NONE || owner >= MAX_MODULES);
	if (!size || size > WINDOW_SIZE || should_fail_alloc())
		return NULL;
	count = DIV_ROUND_UP(size, PAGE_SIZE);
	need = count + 2 * MARGIN_PAGES;

	mutex_lock(&window_lock);
	if (!find_range(need, &at))
		goto unlock;
	claim_range(at, need, owner);
	va = page_address(at + MARGIN_PAGES);
	/* The aliases go when nothing can fail any more. */
	if (map_pages(va, count, owner, bound))
		goto unmap;
	pages[at + MARGIN_PAGES].pages = (uint16_t)count;
	remove_aliases(va, count);
	mutex_unlock(&window_lock);
	return (void *)va;

unmap:
	unmap_pages(va, count, owner);
	unclaim_range(at, need);
unlock:
	mutex_unlock(&window_lock);
	return NULL;
}

/* The allocation that begins at @va; anything else is a bug of the caller's. */
static uint32_t allocation_at(uintptr_t va, module_id_t owner)
{
	uint32_t n = page_number(va);

	if (!IS_ALIGNED(va, PAGE_SIZE) || pages[n].owner != owner ||
	    !pages[n].pages)
		panic("window: %p is no allocation of module %u, but %u's",
		      (void *)va, owner, pages[n].owner);
	return n;
}

void window_free(void *p, module_id_t owner)
{
	uintptr_t va = (uintptr_t)p;
	uint32_t n, count;

	if (!p)
		return;
	mutex_lock(&window_lock);
	n = allocation_at(va, owner);
	count = pages[n].pages;
	unmap_pages(va, count, owner);
	bury_range(n - MARGIN_PAGES, count + 2 * MARGIN_PAGES, owner);
	mutex_unlock(&window_lock);
}

void window_trim(void *p, size_t size, module_id_t owner)
{
	uintptr_t va = (uintptr_t)p;

	BUG_ON(!IS_ALIGNED(va, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE));
	if (!size)
		return;
	mutex_lock(&window_lock);
	BUG_ON(window_owner(va) != owner ||
	       window_owner(va + size - 1) != owner);
	unmap_pages(va, size / PAGE_SIZE, owner);
	mutex_unlock(&window_lock);
}

void window_protect(void *p, size_t size, uint64_t prot)
{
	uintptr_t start = (uintptr_t)p, va;

	BUG_ON(!IS_ALIGNED(start, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE));
	BUG_ON((prot & PTE_W) && (prot & PTE_NX) != PTE_NX);
	if (!size)
		return;
	mutex_lock(&window_lock);
	for (va = start; va < start + size; va += PAGE_SIZE) {
		BUG_ON(!window_owner(va));
		paging_protect(va, prot);
	}
	mutex_unlock(&window_lock);
	/* The range is the caller's, so nobody else can unmap it meanwhile. */
	tlb_shootdown(start, size);
}

void window_set_unload_number(module_id_t owner, uint32_t number)
{
	BUG_ON(owner >= MAX_MODULES);
	mutex_lock(&window_lock);
	unload_number[owner] = number;
	mutex_unlock(&window_lock);
}

/*
 * Only under window_lock do pages leave the direct map or the window.  A page
 * of the heap that is freed meanwhile stays mapped: to lose its address it
 * would have to become a page of the window.
 */
void searched_pin(void) __no_lock_analysis
{
	mutex_lock(&window_lock);
}

bool searched_trypin(void) __no_lock_analysis
{
	return mutex_trylock(&window_lock);
}

void searched_unpin(void) __no_lock_analysis
{
	mutex_unlock(&window_lock);
}

/* ---- answers ---- */

module_id_t window_owner(uintptr_t addr)
{
	if (!in_window(addr))
		return MODULE_NONE;
	return READ_ONCE(pages[page_number(addr)].owner);
}

module_id_t window_tombstone(uintptr_t addr, uint32_t *number)
{
	const struct window_page *p;

	if (!in_window(addr))
		return MODULE_NONE;
	/*
	 * A range that is claimed between the two looks names its last owner
	 * once more: a report of a touch that came too late either way.
	 */
	p = &pages[page_number(addr)];
	if (READ_ONCE(p->owner))
		return MODULE_NONE;
	if (number)
		*number = p->tomb_number;
	return p->tomb_owner;
}

uint32_t window_pages(module_id_t owner)
{
	return owner < MAX_MODULES ? READ_ONCE(mapped[owner]) : 0;
}

/*
 * A page that becomes searched comes with its dirty bit, as dirty.h promises:
 * nobody clears the bits of pages that are not searched.
 */
void window_set_searched(uintptr_t p, size_t size, bool searched)
{
	uint32_t n = page_number(p);
	uint32_t end = n + size / PAGE_SIZE;

	for (; n < end; n++) {
		if (searched)
			set_bit_of(searched_map, n);
		else
			clear_bit_of(searched_map, n);
	}
}

void window_set_unsearched(void *p, size_t size)
{
	window_set_searched((uintptr_t)p, size, false);
}

static struct page_map map_of(const uint32_t *bits)
{
	return (struct page_map){ .base = WINDOW_BASE, .bits = bits,
				  .words = WINDOW_PAGES / 32 };
}

struct page_map window_searched(void)
{
	return map_of(searched_map);
}

bool window_for_each_mapped(bool (*fn)(uintptr_t page, void *arg), void *arg)
{
	const struct page_map m = map_of(mapped_map);

	return page_map_walk(&m, fn, arg);
}

void window_set_block(uintptr_t p, size_t size, enum window_block_kind kind)
{
	uint32_t first = page_number(p), count = size / PAGE_SIZE, i;

	for (i = 0; i < count; i++) {
		struct window_page *page = &pages[first + i];

		page->block_at = (uint16_t)i;
		page->block_kind = (uint8_t)kind;
	}
}

enum window_block_kind window_find_block(uintptr_t addr, uintptr_t *start)
{
	uint32_t n = page_number(addr);

	*start = page_address(n - pages[n].block_at);
	return pages[n].block_kind;
}
