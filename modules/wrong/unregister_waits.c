/*
 * Slow: unregister waits until somebody else lets it go on, its device
 * withdrawn already.
 *
 * It sleeps in keeper for as long as `keeper hold` has said; `keeper release`
 * ends that.  So the doors can be looked at while they are closed: whoever
 * opens the device meanwhile waits for the outcome.
 */
#include <kernel/fs.h>
#include <kernel/module.h>
#include "keeper.h"

static const struct file_operations slow_fops = { .read = NULL };
static const struct miscdevice slow_misc = {
	.name = "slow0",
	.fops = &slow_fops,
};

static int unregister_waits_init(void)
{
	return 0;
}

static int unregister_waits_register(void)
{
	return misc_register(&slow_misc);
}

static void unregister_waits_unregister(void)
{
	misc_deregister(&slow_misc);
	keeper_wait();
}

module_init(unregister_waits_init);
module_register(unregister_waits_register);
module_unregister(unregister_waits_unregister);
MODULE_DESCRIPTION("unregister waits for somebody else");
MODULE_LICENSE("MIT");
