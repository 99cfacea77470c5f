/*
 * A number that other modules add to.
 *
 * It shows exported symbols: a module that is linked to one of them depends on
 * this one from its load to its end, so this one cannot go before it (H27).
 * Neither counts anything for that.
 */
#include <kernel/atomic.h>
#include <kernel/module.h>
#include "counter.h"

static atomic_t sum;

int counter_add(int n)
{
	return atomic_add_return(n, &sum);
}
EXPORT_SYMBOL(counter_add);

int counter_read(void)
{
	return atomic_read(&sum);
}
EXPORT_SYMBOL(counter_read);

static int counter_init(void)
{
	return 0;
}

module_init(counter_init);
MODULE_DESCRIPTION("a number that other modules add to");
MODULE_LICENSE("MIT");
