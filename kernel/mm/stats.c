/*
 * Memory in numbers, for `mem` and for tests that compare before and after.
 */
#include <mm/internal.h>

void mm_get_stats(struct mm_stats *s)
{
	page_get_stats(s);
	slab_get_stats(s);
}

void mm_drain_caches(void)
{
	vmalloc_drain();
	slab_drain();
}
