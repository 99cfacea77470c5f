/*
 * Wrong: register fails half-way (H29).
 *
 * By then a device was visible and a thread ran.  Neither is taken back here:
 * the kernel withdraws them as in an unload, and the load fails with nothing
 * of the module left.  That is right in this kernel, and in no other.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kthread.h>
#include <kernel/module.h>
#include <kernel/slab.h>
#include <kernel/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(wait);
static bool started;
static void *memory;

static const struct file_operations fops = { .read = NULL };
static const struct miscdevice misc = { .name = "half0", .fops = &fops };

static int run(void *arg)
{
	(void)arg;
	WRITE_ONCE(started, true);
	wake_up(&wait);
	while (!kthread_should_stop())
		wait_event(wait, kthread_should_stop());
	return 0;
}

static int register_fails_init(void)
{
	memory = kmalloc(100, GFP_KERNEL);
	return memory ? 0 : -ENOMEM;
}

static int register_fails_register(void)
{
	int err = misc_register(&misc);

	if (err)
		return err;
	if (!kthread_run(run, NULL, "half"))
		return -ENOMEM;
	wait_event(wait, READ_ONCE(started));
	return -EIO;
}

static void register_fails_cleanup(void)
{
	kfree(memory);
}

module_init(register_fails_init);
module_register(register_fails_register);
module_cleanup(register_fails_cleanup);
MODULE_DESCRIPTION("register fails when half is done");
MODULE_LICENSE("MIT");
