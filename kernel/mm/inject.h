/*
 * Fault injection: allocations that fail as if memory were out.
 */
#ifndef MM_INJECT_H
#define MM_INJECT_H

#include <kernel/types.h>

/* The @nth allocation from here on fails, once; 0: none.  Any context.  Of
 * effect in the laboratory build only. */
void inject_alloc_failure(unsigned int nth);
/* Counts one allocation; true: that is the one.  Any context. */
bool inject_alloc_failure_due(void);

static inline bool should_fail_alloc(void)
{
#ifdef CONFIG_LAB
	return inject_alloc_failure_due();
#else
	return false;
#endif
}

#endif
