/*
 * Wrong: init fails, leaks, and registers a device before its time (H29).
 *
 * The registration is refused with a message, because nothing may be visible
 * before register; cleanup is not called after a failed init; what init had
 * allocated goes with the module all the same.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/module.h>
#include <kernel/slab.h>

static const struct file_operations fops = { .read = NULL };
static const struct miscdevice misc = { .name = "early0", .fops = &fops };

static int init_fails_init(void)
{
	void *forgotten = kmalloc(300, GFP_KERNEL);

	if (!forgotten)
		return -ENOMEM;
	return misc_register(&misc) == -EPERM ? -ENXIO : 0;
}

module_init(init_fails_init);
MODULE_DESCRIPTION("init fails");
MODULE_LICENSE("MIT");
