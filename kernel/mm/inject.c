/*
 * Allocations that fail on purpose, so that each path which unwinds can be
 * walked in the laboratory build.
 */
#include <kernel/atomic.h>
#include <kernel/compiler.h>
#include <mm/inject.h>

static atomic_t countdown;	/* calls up to the last that fails; 0: none */
static unsigned int in_a_row;	/* constant while @countdown is not 0 */

void inject_alloc_failures(unsigned int nth, unsigned int count)
{
	atomic_set(&countdown, 0);
	WRITE_ONCE(in_a_row, count);	/* seen by whoever counts: stores keep
					 * their order (SDM vol. 3, 9.2.2) */
	atomic_set(&countdown, (int)(nth + count - 1));
}

unsigned int inject_alloc_stop(void)
{
	unsigned int left = (unsigned int)atomic_xchg(&countdown, 0);

	return left < in_a_row ? in_a_row - left : 0;
}

/*
 * Several CPUs may count at once: each number is seen by one of them, and
 * those who see the last ones fail.
 */
bool inject_alloc_failure_due(void)
{
	int left = atomic_read(&countdown);

	do {
		if (!left)
			return false;
	} while (!atomic_try_cmpxchg(&countdown, &left, left - 1));
	return (unsigned int)left <= READ_ONCE(in_a_row);
}
