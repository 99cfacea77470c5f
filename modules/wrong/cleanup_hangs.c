/*
 * Wrong: cleanup does not return (H44).
 *
 * The verdict has passed: there is no way back to a live module.  The unload
 * gives up at its deadline and entombs it: no interfaces, and the memory, in
 * which a thread sleeps, is kept for ever.
 */
#include <kernel/module.h>
#include <kernel/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(forever);
static bool released;

static void cleanup_hangs_cleanup(void)
{
	wait_event(forever, READ_ONCE(released));
}

static int cleanup_hangs_init(void)
{
	return 0;
}

module_init(cleanup_hangs_init);
module_cleanup(cleanup_hangs_cleanup);
MODULE_DESCRIPTION("cleanup does not return");
MODULE_LICENSE("MIT");
