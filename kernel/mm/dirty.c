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
/* @pte: of the page, with its dirty bit set. */
typedef bool (*dirty_fn)(uintptr_t page, pte_t *pte, void *arg);

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

bool page_map_walk(const struct page_map *m, page_fn fn, void *arg)
{
	for (uint32_t i = 0; i < m->words; i++) {
		uint32_t bits = next_bits(m, &i);

		for (; bits; bits &= bits - 1) {
			uint32_t n = i * 32 + (uint32_t)__builtin_ctz(bits);

			if (!fn(m->base + n * PAGE_SIZE, arg))
				return false;
		}
	}
	return true;
}

/* The 32 pages of a word are in one page table. */
static bool walk_dirty_map(const struct page_map *m, dirty_fn fn, void *arg)
{
	for (uint32_t i = 0; i < m->words; i++) {
		uint32_t bits = next_bits(m, &i);
		uintptr_t first = m->base + i * 32 * PAGE_SIZE;
		pte_t *pte = bits ? paging_kernel_pte(first) : NULL;

		for (; pte && bits; bits &= bits - 1) {
			uint32_t n = (uint32_t)__builtin_ctz(bits);

			if ((uint32_t)pte[n] & PTE_D &&
			    !fn(first + n * PAGE_SIZE, &pte[n], arg))
				return false;
		}
	}
	return true;
}

static bool walk_between(const uint8_t *start, const uint8_t *end, page_fn fn,
			 void *arg)
{
	for (uintptr_t page = (uintptr_t)start; page < (uintptr_t)end;
	     page += PAGE_SIZE)
		if (!fn(page, arg))
			return false;
	return true;
}

static bool walk_dirty_between(const uint8_t *start, const uint8_t *end,
			       dirty_fn fn, void *arg)
{
	for (uintptr_t page = (uintptr_t)start; page < (uintptr_t)end;
	     page += PAGE_SIZE) {
		pte_t *pte = paging_kernel_pte(page);

		if ((uint32_t)*pte & PTE_D && !fn(page, pte, arg))
			return false;
	}
	return true;
}

/*
 * What lies between .data and .bss holds no pointers (__no_pointers).  In a
 * plain table there is nothing to be found.
 */
bool searched_for_each(page_fn fn, void *arg)
{
	const struct page_map slabs = page_slabs(), tables = page_tables(true);
	const struct page_map window = window_searched();

	return walk_between(__data_start, __data_end, fn, arg) &&
	       walk_between(__bss_start, __bss_end, fn, arg) &&
	       page_map_walk(&slabs, fn, arg) &&
	       page_map_walk(&tables, fn, arg) &&
	       page_map_walk(&window, fn, arg);
}

static bool walk_dirty(dirty_fn fn, void *arg)
{
	const struct page_map slabs = page_slabs(), tables = page_tables(false);
	const struct page_map window = window_searched();

	return walk_dirty_between(__data_start, __data_end, fn, arg) &&
	       walk_dirty_between(__bss_start, __bss_end, fn, arg) &&
	       walk_dirty_map(&slabs, fn, arg) &&
	       walk_dirty_map(&tables, fn, arg) &&
	       walk_dirty_map(&window, fn, arg);
}

/* ---- dirty bits ---- */

/*
 * The page may change hands between the look and the clearing.  What that
 * forgets was written before dirty_clear() returns, which promises nothing for
 * it.
 */
static void clear_dirty(uintptr_t page, pte_t *pte)
{
	page_table_set_plain(page, false);
	pte_clear_low(pte, (uint32_t)PTE_D);
}

static bool clear_page(uintptr_t page, pte_t *pte, void *arg)
{
	(void)arg;
	clear_dirty(page, pte);
	return true;
}

/*
 * A CPU whose TLB holds an entry with the dirty bit set writes without setting
 * it in memory (Intel SDM vol. 3, 4.10.2.3), so all entries go, global ones
 * too.
 */
void dirty_clear(void)
{
	walk_dirty(clear_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
}

/* One caller at a time: the undertaker. */
static uint32_t harvest[DIRTY_HARVEST] __no_pointers;	/* page numbers */
static uint32_t nr_harvested;

static bool harvest_page(uintptr_t page, pte_t *pte, void *arg)
{
	(void)arg;
	if (nr_harvested == DIRTY_HARVEST)
		return false;
	harvest[nr_harvested++] = page / PAGE_SIZE;
	clear_dirty(page, pte);
	return true;
}

int dirty_harvest(page_fn fn, void *arg)
{
	bool all;

	nr_harvested = 0;
	all = walk_dirty(harvest_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
	for (uint32_t i = 0; i < nr_harvested; i++)
		if (!fn(harvest[i] * PAGE_SIZE, arg))
			break;
	return all ? 0 : -E2BIG;
}

struct dirty_call {
	page_fn fn;
	void *arg;
};

static bool call_page(uintptr_t page, pte_t *pte, void *arg)
{
	const struct dirty_call *c = arg;

	(void)pte;
	return c->fn(page, c->arg);
}

bool dirty_for_each(page_fn fn, void *arg)
{
	struct dirty_call c = { fn, arg };

	return walk_dirty(call_page, &c);
}
