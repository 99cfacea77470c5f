/*
 * What the machine room asks of memory (x86/upcalls.h): pages for the tables of
 * user address spaces, and the stacks on which CPUs come up.
 */
#include <mm/page.h>
#include <mm/vmalloc.h>
#include <x86/upcalls.h>

/* PAGE_KERNEL: entries are physical addresses, so tables are not searched. */
phys_t mm_alloc_table(void)
{
	return page_alloc_zeroed(PAGE_KERNEL);
}

void mm_free_table(phys_t pa)
{
	page_free(pa, 0);
}

void *mm_alloc_cpu_stack(void)
{
	return stack_alloc(MODULE_NONE);
}
