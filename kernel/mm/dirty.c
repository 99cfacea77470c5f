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

static bool for_each_between(const uint8_t *start, const uint8_t *end,
			     bool (*fn)(uintptr_t page, void *arg), void *arg)
{
	for (uintptr_t page = (uintptr_t)start; page < (uintptr_t)end;
	     page += PAGE_SIZE)
		if (!fn(page, arg))
			return false;
	return true;
}

/* What lies between .data and .bss holds no pointers (__no_pointers). */
bool searched_for_each(bool (*fn)(uintptr_t page, void *arg), void *arg)
{
	return for_each_between(__data_start, __data_end, fn, arg) &&
	       for_each_between(__bss_start, __bss_end, fn, arg) &&
	       page_for_each_slab(fn, arg) &&
	       window_for_each_searched(fn, arg);
}

/*
 * The page may change hands between the look and the clearing.  What that
 * forgets was written before dirty_clear() returns, which promises nothing for
 * it.
 */
static bool clear_page(uintptr_t page, void *arg)
{
	pte_t *pte = paging_kernel_pte(page);

	(void)arg;
	if (pte && *pte & PTE_D)
		pte_clear_low(pte, (uint32_t)PTE_D);
	return true;
}

/*
 * A CPU whose TLB holds an entry with the dirty bit set writes without setting
 * it in memory (Intel SDM vol. 3, 4.10.2.3), so all entries go, global ones
 * too.
 */
void dirty_clear(void)
{
	searched_for_each(clear_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
}

/* One caller at a time: the undertaker. */
static uint32_t harvest[DIRTY_HARVEST] __no_pointers;	/* page numbers */
static uint32_t nr_harvested;

static bool harvest_page(uintptr_t page, void *arg)
{
	pte_t *pte = paging_kernel_pte(page);

	(void)arg;
	if (!pte || !(*pte & PTE_D))
		return true;
	if (nr_harvested == DIRTY_HARVEST)
		return false;
	harvest[nr_harvested++] = page / PAGE_SIZE;
	pte_clear_low(pte, (uint32_t)PTE_D);
	return true;
}

int dirty_harvest(bool (*fn)(uintptr_t page, void *arg), void *arg)
{
	bool all;

	nr_harvested = 0;
	all = searched_for_each(harvest_page, NULL);
	if (guard(DIRTY_FLUSH))
		tlb_shootdown(0, 0);
	for (uint32_t i = 0; i < nr_harvested; i++)
		if (!fn(harvest[i] * PAGE_SIZE, arg))
			break;
	return all ? 0 : -E2BIG;
}

struct dirty_filter {
	bool (*fn)(uintptr_t page, void *arg);
	void *arg;
};

static bool filter_page(uintptr_t page, void *arg)
{
	const struct dirty_filter *f = arg;
	const pte_t *pte = paging_kernel_pte(page);

	if (!pte || !(*pte & PTE_D))
		return true;
	return f->fn(page, f->arg);
}

bool dirty_for_each(bool (*fn)(uintptr_t page, void *arg), void *arg)
{
	struct dirty_filter f = { fn, arg };

	return searched_for_each(filter_page, &f);
}
