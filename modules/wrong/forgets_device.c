/*
 * Wrong: unregister forgets one of two devices (H36).
 *
 * The kernel's ledger has what the module registered, so the unload is refused
 * with the name of what was forgotten, before anything is frozen.  The other
 * device, withdrawn already, comes back as if nothing had been.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/fs.h>

static bool remember;

static const struct file_operations fops = { .read = NULL };
static const struct miscdevice kept = { .name = "kept0", .fops = &fops };
static const struct miscdevice lost = { .name = "lost0", .fops = &fops };

/* Lifts the fault. */
static int remember_command(struct command_call *call)
{
	(void)call;
	remember = true;
	return 0;
}

static int forgets_device_init(void)
{
	return 0;
}

static int forgets_device_register(void)
{
	int err = misc_register(&kept);

	if (!err)
		err = misc_register(&lost);
	if (!err)
		err = register_command("remember", remember_command,
				       "make unregister complete");
	return err;
}

static void forgets_device_unregister(void)
{
	unregister_command("remember");
	misc_deregister(&kept);
	if (remember)
		misc_deregister(&lost);
}

module_init(forgets_device_init);
module_register(forgets_device_register);
module_unregister(forgets_device_unregister);
MODULE_DESCRIPTION("forgets to unregister a device");
MODULE_LICENSE("MIT");
