/*
 * Slow: cleanup waits until somebody else lets it go on.
 *
 * It sleeps in keeper, with nothing of its own that could wake it, for as long
 * as `keeper hold` has said; `keeper release` ends that.  The verdict has
 * passed by then: whoever interrupts the caller meanwhile changes nothing.
 * With leave=1 it has left its address with keeper before: the second verdict
 * is not passed until `keeper drop`, and entombs it if that does not come.
 * With turns=N it computes before that: who has much to do needs its share of a
 * CPU, however many want it.
 */
#include <kernel/module.h>
#include <kernel/processor.h>
#include "keeper.h"

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "leave a pointer with keeper");
static unsigned int turns;
module_param(turns, uint, 0444);
MODULE_PARM_DESC(turns, "of a loop, before all else");

static int cleanup_waits_init(void)
{
	return 0;
}

static void cleanup_waits_cleanup(void)
{
	for (unsigned int i = 0; i < turns; i++)
		cpu_relax();
	if (leave)
		keeper_keep(&leave);
	keeper_wait();
}

module_init(cleanup_waits_init);
module_cleanup(cleanup_waits_cleanup);
MODULE_DESCRIPTION("cleanup waits for somebody else");
MODULE_LICENSE("MIT");
