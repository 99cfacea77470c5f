/*
 * Allocations that fail on purpose, so that each path which unwinds can be
 * walked in the laboratory build.
 */
#include <kernel/atomic.h>
#include <mm/inject.h>

static atomic_t countdown;	/* calls up to the one that fails; 0: no */

void inject_alloc_failure(unsigned int nth)
{
	atomic_set(&countdown, (int)nth);
}

/*
 * Several CPUs may count at once: one of them sees 1, and only that one fails.
 */
bool inject_alloc_failure_due(void)
{
	int left = atomic_read(&countdown);

	do {
		if (!left)
			return false;
	} while (!atomic_try_cmpxchg(&countdown, &left, left - 1));
	return left == 1;
}
