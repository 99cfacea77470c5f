/*
 * The vmalloc area, a bitmap of pages.  It protects that a guard page is never
 * mapped, and that neither an address nor a frame serves again while a TLB may
 * still know the two as a pair (H32).
 *
 * Freed ranges wait, frames and all, until enough of them have come together
 * to be worth a TLB shootdown.  Free kernel stacks stay mapped in a cache.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/mutex.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <mm/internal.h>
#include <x86/smp.h>

#define AREA_PAGES	((VMALLOC_END - VMALLOC_BASE) / PAGE_SIZE)
#define MAP_WORDS	(AREA_PAGES / 32)
#define MAPS_ORDER	3u
#define PENDING_MAX	256u	/* pages: 1 MiB waits at the most */
#define STACKS_MAX	64u	/* cached */
_Static_assert(AREA_PAGES % 32 == 0, "a word of the map for each 32 pages");

/*
 * Lock key: (v) vmalloc_lock  (u) purge_lock, taken first
 * A range in use has bits for its pages and one guard behind them; the guard
 * below is its neighbour's, or page 0 of the area.  The maps are no searched
 * memory: a word of them may look like anything.
 */
static DEFINE_SPINLOCK(vmalloc_lock);
static DEFINE_MUTEX(purge_lock);
static uint32_t *used;			/* (v) a bit a page */
static uint32_t *pending;		/* (v) freed, TLBs not told */
static uint32_t *purging;		/* (u) being told to the TLBs */
static uint32_t nr_pending;		/* (v) */
static struct page_list pending_frames;	/* (v) */
static uint32_t next_fit;		/* (v) where the search begins */

/* A free stack's lowest word links it. */
struct free_stack {
	struct free_stack *next;
};
static struct free_stack *free_stacks;	/* (v) */
static uint32_t nr_free_stacks;		/* (v) */

static bool test_bit(const uint32_t *map, uint32_t n)
{
	return map[n / 32] & 1u << n % 32;
}

static void set_bits(uint32_t *map, uint32_t n, uint32_t count)
{
	for (; count; count--, n++)
		map[n / 32] |= 1u << n % 32;
}

static uint32_t page_number(uintptr_t va)
{
	BUG_ON(va - VMALLOC_BASE >= VMALLOC_END - VMALLOC_BASE);
	return (va - VMALLOC_BASE) / PAGE_SIZE;
}

static bool is_mapped(uintptr_t va)
{
	const pte_t *pte = paging_kernel_pte(va);

	return pte && *pte & PTE_P;
}

void vmalloc_init(void)
{
	phys_t pa = page_alloc(MAPS_ORDER, PAGE_KERNEL);

	if (!pa)
		panic("no memory for the map of the vmalloc area");
	used = phys_to_virt(pa);
	pending = used + MAP_WORDS;
	purging = pending + MAP_WORDS;
	_Static_assert(3 * MAP_WORDS * 4 <= PAGE_SIZE << MAPS_ORDER, "maps");
	memset(used, 0, PAGE_SIZE << MAPS_ORDER);
	set_bits(used, 0, 1);
	next_fit = 1;
}

/* ---- ranges ---- */

/* A run of @need free pages inside [@from, @to); @to: none. */
static uint32_t find_run_locked(uint32_t from, uint32_t to, uint32_t need)
{
	uint32_t n, run = 0;

	for (n = from; n < to; n++) {
		if (n % 32 == 0 && used[n / 32] == ~0u) {
			run = 0;
			n += 31;
			continue;
		}
		run = test_bit(used, n) ? 0 : run + 1;
		if (run == need)
			return n + 1 - need;
	}
	return to;
}

/* @count pages and the guard behind them; 0: no room. */
static uintptr_t take_range(uint32_t count)
{
	uint32_t flags, n = AREA_PAGES, need = count + 1;

	flags = spin_lock_irqsave(&vmalloc_lock);
	if (need < AREA_PAGES)
		n = find_run_locked(next_fit, AREA_PAGES, need);
	if (n == AREA_PAGES && need < AREA_PAGES)
		n = find_run_locked(1, AREA_PAGES, need);
	if (n != AREA_PAGES) {
		set_bits(used, n, need);
		next_fit = n + need;
	}
	spin_unlock_irqrestore(&vmalloc_lock, flags);
	return n == AREA_PAGES ? 0 : VMALLOC_BASE + n * PAGE_SIZE;
}

/*
 * Tells all CPUs and lets what was freed serve again.  What is freed while the
 * CPUs are told waits for the next time.
 */
static void purge(void)
{
	struct page_list frames;
	uint32_t flags, i;
	phys_t pa;

	mutex_lock(&purge_lock);
	flags = spin_lock_irqsave(&vmalloc_lock);
	frames = pending_frames;
	pending_frames.first = 0;
	nr_pending = 0;
	memcpy(purging, pending, MAP_WORDS * 4);
	memset(pending, 0, MAP_WORDS * 4);
	spin_unlock_irqrestore(&vmalloc_lock, flags);

	/*
	 * All of each TLB: the ranges are scattered, and one interrupt is
	 * cheaper than many.  Only then are addresses free, and frames.
	 */
	tlb_shootdown(0, 0);

	flags = spin_lock_irqsave(&vmalloc_lock);
	for (i = 0; i < MAP_WORDS; i++)
		used[i] &= ~purging[i];
	spin_unlock_irqrestore(&vmalloc_lock, flags);
	while ((pa = page_list_pop(&frames)) != 0)
		page_free(pa, 0);
	mutex_unlock(&purge_lock);
}

/*
 * As take_range(), but what waits for a purge counts too; where another task's
 * purge is under way with it, ours waits for that one.
 */
static uintptr_t find_range(uint32_t count)
{
	uintptr_t va = take_range(count);

	if (va)
		return va;
	purge();
	return take_range(count);
}

/*
 * Empties @count entries from @va on, whose range waits for the purge from
 * here on.  @free: the frames are RAM and wait with it.  A range that was
 * mapped in part only, by an allocation that failed, is fine.  Process context,
 * interrupts on: it may purge.
 *
 * The frames are chained while nobody else knows them; under the lock they only
 * change chains, a frame at a time.
 */
static void release_range(uintptr_t va, uint32_t count, bool free)
{
	struct page_list frames = { 0 };
	uint32_t flags, i;
	phys_t pa;

	for (i = 0; i < count; i++) {
		if (!is_mapped(va + i * PAGE_SIZE))
			continue;
		pa = (phys_t)(paging_unmap(va + i * PAGE_SIZE) & PTE_ADDR);
		if (free)
			page_list_add(&frames, pa);
	}
	flags = spin_lock_irqsave(&vmalloc_lock);
	set_bits(pending, page_number(va), count + 1);
	nr_pending += count;
	while ((pa = page_list_pop(&frames)) != 0)
		page_list_add(&pending_frames, pa);
	spin_unlock_irqrestore(&vmalloc_lock, flags);
	if (READ_ONCE(nr_pending) > PENDING_MAX)
		purge();
}

/*
 * The length of the allocation at @va: up to its guard, in pages.  The guards
 * are never mapped, so the page tables know it and no record is kept.
 */
static uint32_t range_pages(uintptr_t va)
{
	uint32_t n = 0;

	if (!IS_ALIGNED(va, PAGE_SIZE) || is_mapped(va - PAGE_SIZE))
		panic("vmalloc: %p is no start of an allocation", (void *)va);
	while (is_mapped(va + n * PAGE_SIZE))
		n++;
	if (!n)
		panic("vmalloc: %p is not allocated", (void *)va);
	return n;
}

/* ---- memory ---- */

static int map_frames(uintptr_t va, uint32_t count)
{
	uint32_t i;
	phys_t pa;

	for (i = 0; i < count; i++) {
		pa = page_alloc_zeroed(PAGE_KERNEL);
		if (!pa)
			return -ENOMEM;
		paging_map(va + i * PAGE_SIZE, pa, PROT_KERNEL_RW);
	}
	return 0;
}

void *vmalloc(size_t size)
{
	uint32_t count = DIV_ROUND_UP(size, PAGE_SIZE);
	uintptr_t va;

	if (!size || size >= VMALLOC_END - VMALLOC_BASE || should_fail_alloc())
		return NULL;
	va = find_range(count);
	if (!va)
		return NULL;
	if (paging_prepare(va, count * PAGE_SIZE) || map_frames(va, count)) {
		release_range(va, count, true);
		return NULL;
	}
	return (void *)va;
}

void vfree(void *p)
{
	if (p)
		release_range((uintptr_t)p, range_pages((uintptr_t)p), true);
}

static bool has_allocatable(phys_t pa, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (page_is_allocatable((uint64_t)pa + i * PAGE_SIZE))
			return true;
	return false;
}

void *ioremap(phys_t pa, size_t size)
{
	uint32_t offset = pa % PAGE_SIZE, count, i;
	uintptr_t va;

	if (!size || size > VMALLOC_END - VMALLOC_BASE - PAGE_SIZE)
		return NULL;
	count = DIV_ROUND_UP(offset + size, PAGE_SIZE);
	if (has_allocatable(pa, count))
		return NULL;
	va = find_range(count);
	if (!va)
		return NULL;
	if (paging_prepare(va, count * PAGE_SIZE)) {
		release_range(va, count, false);
		return NULL;
	}
	for (i = 0; i < count; i++)
		paging_map(va + i * PAGE_SIZE, pa - offset + i * PAGE_SIZE,
			   PROT_DEVICE);
	return (void *)(va + offset);
}

void iounmap(void *p)
{
	uintptr_t va = ALIGN_DOWN((uintptr_t)p, PAGE_SIZE);

	if (p)
		release_range(va, range_pages(va), false);
}

/* ---- stacks ---- */

/*
 * A cached stack keeps its frames and its place in every TLB: it goes from one
 * task to the next without a shootdown.
 */
static void *pop_free_stack(void)
{
	struct free_stack *stack;
	uint32_t flags;

	flags = spin_lock_irqsave(&vmalloc_lock);
	stack = free_stacks;
	if (stack) {
		free_stacks = stack->next;
		nr_free_stacks--;
	}
	spin_unlock_irqrestore(&vmalloc_lock, flags);
	return stack;
}

static bool push_free_stack(void *p)
{
	struct free_stack *stack = p;
	bool kept = false;
	uint32_t flags;

	flags = spin_lock_irqsave(&vmalloc_lock);
	if (nr_free_stacks < STACKS_MAX) {
		stack->next = free_stacks;
		free_stacks = stack;
		nr_free_stacks++;
		kept = true;
	}
	spin_unlock_irqrestore(&vmalloc_lock, flags);
	return kept;
}

void *stack_alloc(module_id_t owner)
{
	void *stack;

	if (owner != MODULE_NONE) {
		/*
		 * Searched as a stack, from its ESP up; as memory its dead
		 * words would be evidence.
		 */
		stack = window_alloc(KERNEL_STACK_SIZE, owner);
		if (stack)
			window_set_unsearched(stack, KERNEL_STACK_SIZE);
		return stack;
	}
	stack = should_fail_alloc() ? NULL : pop_free_stack();
	if (stack)
		/* The last owner's words would be found by a search (H09). */
		return memset(stack, 0, KERNEL_STACK_SIZE);
	return vmalloc(KERNEL_STACK_SIZE);
}

void stack_free(void *stack, module_id_t owner)
{
	if (owner != MODULE_NONE)
		window_free(stack, owner);
	else if (stack && !push_free_stack(stack))
		vfree(stack);
}

void vmalloc_drain(void)
{
	void *stack;

	while ((stack = pop_free_stack()) != NULL)
		vfree(stack);
	purge();
}
