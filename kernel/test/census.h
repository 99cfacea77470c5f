/*
 * What there is in the machine, counted, so that two moments can be compared:
 * whatever came and went in between has left nothing behind.
 */
#ifndef TEST_CENSUS_H
#define TEST_CENSUS_H

#include <kernel/types.h>

struct census {
	uint32_t	pages_free, heap_objects, window_pages;
	unsigned int	tasks, modules;
};

/* Process context, interrupts on. */
void census_take(struct census *c);
/*
 * Takes @after until it has no more than @before, 5 seconds at most: the
 * reaper, the workers and the undertaker finish what they have begun.  False:
 * something was left behind.  Process context.
 */
bool census_settle(const struct census *before, struct census *after);
/* "left behind: 3 pages, .." */
void census_describe(const struct census *a, const struct census *b, char *buf,
		     size_t size);

#endif
