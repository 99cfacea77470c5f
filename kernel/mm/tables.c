/*
 * What the machine room asks of memory (x86/upcalls.h): pages for the tables of
 * user address spaces, and the stacks on which CPUs come up.
 */
#include <mm/internal.h>
#include <mm/vmalloc.h>
#include <x86/upcalls.h>

phys_t mm_alloc_table(phys_t root)
{
	phys_t pa = page_alloc_zeroed(PAGE_TABLE);

	if (pa)
		page_set_note(pa, root ? root : pa, 0);
	return pa;
}

void mm_free_table(phys_t pa)
{
	page_free(pa, 0);
}

void *mm_alloc_cpu_stack(void)
{
	return stack_alloc(MODULE_NONE);
}
