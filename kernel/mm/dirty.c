/*
 * The searched memory and its dirty bits: which of the pages that may hold a
 * pointer into a module were written since a moment.  It protects the verdict
 * against the missed write (H47, H51): every searched page has one name only,
 * a 4 KiB page of its own in the page tables, whose dirty bit the CPU sets.
 */
#include <kernel/errno.h>
#include <lib/guard.h>
#include <mm/internal.h>
#include <x86/smp.h>

extern uint8_t __data_start[], __data_end[], __bss_start[], __bss_end[];

/* ---- walks ---- */

typedef bool (*page_fn)(uintptr_t page, void *arg);

/* Bits of this word; *@i steps over whole groups without any. */
static uint32_t next_bits(const struct page_map *m, uint32_t *i)
{
	const uint32_t *b = m->bits;
	uint32_t n = *i, bits;

	while (n % PAGE_MAP_GROUP == 0 && n < m->words &&
	       !(b[n] | b[n + 1] | b[n + 2] | b[n + 3]))
		n += PAGE_MAP_GROUP;
	*i = n;
	if (n >= m->words)
		return 0;
	bits = READ_ONCE(b[n]);
	return m->but ? bits & ~READ_ONCE(m->but[n]) : bits;
}

/*
 * Of the map's pages all, or those that are dirty.  The 32 pages of a word are
 * in one page table.  Inline, for the verdict's sake: at each call one of the
 * two is left.
 */
static __always_inline bool walk_map(const struct page_map *m, bool dirty_only,
				     page_fn fn, void *arg)
{
	for (uint32_t i = 0; i < m->words; i++) {
		uint32_t bits = next_bits(m, &i);
		uintptr_t first = m->base + i * 32 * PAGE_SIZE;
		const pte_t *pte = bits ? paging_kernel_pte(first) : NULL;

		for (; pte && bits; bits &= bits - 1) {
			uint32_t n = (uint32_t)__builtin_ctz(bits);

			if (dirty_only && !((uint32_t)pte[n] & PTE_D))
				continue;
			if (!fn(first + n * PAGE_SIZE, arg))
				return false;
		}
	}
	return true;
}

bool page_map_walk(const struct page_map *m, page_fn fn, void *arg)
{
	return walk_map(m, false, fn, arg);
}

static bool walk_between(const uint8_t *start, const uint8_t *end,
			 bool dirty_only, page_fn fn, void *arg)
{
	for (uintptr_t page = (uintptr_t)start; page < (uintptr_t)end;
	     page += PAGE_SIZE)
		if ((!dirty_only || *paging_kernel_pte(page) & PTE_D) &&
		    !fn(page, arg))
			return false;
	return true;
}

/*
 * What lies between .data and .bss holds no pointers (__no_pointers).  In a
 * plain table there is nothing to be found; it may be written.
 */
static __always_inline bool walk(bool dirty_only, page_fn fn, void *arg)
{
	const struct page_map slabs = page_slabs();
	const struct page_map tables = page_tables(!dirty_only);
	const struct page_map window = window_searched();

	return walk_between(__data_start, __data_end, dirty_only, fn, arg) &&
	       walk_between(__bss_start, __bss_end, dirty_only, fn, arg) &&
	       walk_map(&slabs, dirty_only, fn, arg) &&
	       walk_map(&tables, dirty_only, fn, arg) &&
	       walk_map(&window, dirty_only, fn, arg);
}

bool searched_for_each(page_fn fn, void *arg)
{
	return walk(false, fn, arg);
}

bool dirty_for_each(page_fn fn, void *arg)
{
	return walk(true, fn, arg);
}

/* ---- dirty bits ---- */

/*
 * The page may change hands between the look and the clearing.  What that
 * forgets was written before dirty_clear() returns, which promises nothing for
 * it.
 */
static bool clear_page(uintptr_t page, void *arg)
{
	(void)arg;
	page_table_set_plain(page, false);
	pte_clear_low(paging_kernel_pte(page), (uint32_t)PTE_D);
	return true;
}

/*
 * A CPU whose TLB holds an entry with the dirty bit set writes without setting
 * it in memory (Intel SDM vol. 3, 4.10.2.3), so all entries go, global ones
 * too.
 */
void dirty_clear(void)
{
	walk(true, clear_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
}

/* One caller at a time: the undertaker. */
static uint32_t harvest[DIRTY_HARVEST] __no_pointers;	/* page numbers */
static uint32_t nr_harvested;

static bool harvest_page(uintptr_t page, void *arg)
{
	if (nr_harvested == DIRTY_HARVEST)
		return false;
	harvest[nr_harvested++] = page / PAGE_SIZE;
	return clear_page(page, arg);
}

int dirty_harvest(page_fn fn, void *arg)
{
	bool all;

	nr_harvested = 0;
	all = walk(true, harvest_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
	for (uint32_t i = 0; i < nr_harvested; i++)
		if (!fn(harvest[i] * PAGE_SIZE, arg))
			break;
	return all ? 0 : -E2BIG;
}
