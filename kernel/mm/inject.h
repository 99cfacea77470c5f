/*
 * Fault injection: allocations that fail as if memory were out.
 */
#ifndef MM_INJECT_H
#define MM_INJECT_H

#include <kernel/types.h>

/*
 * The @nth allocation from here on, by whomever, fails, and so do those that
 * follow it, @count in all.  Both from 1 up.  Of effect in the laboratory build
 * only; one user at a time.
 */
void inject_alloc_failures(unsigned int nth, unsigned int count);
/* No more of them; how many there have been. */
unsigned int inject_alloc_stop(void);
/* Counts one allocation; true: it is to fail.  Any context. */
bool inject_alloc_failure_due(void);

#ifdef CONFIG_LAB
#define ALLOC_FAILURES_POSSIBLE	true
static inline bool should_fail_alloc(void)
{
	return inject_alloc_failure_due();
}
#else
#define ALLOC_FAILURES_POSSIBLE	false
static inline bool should_fail_alloc(void)
{
	return false;
}
#endif

#endif
