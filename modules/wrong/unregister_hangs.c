/*
 * Wrong: unregister does not return (H44).
 *
 * It is called in a thread of its own, so the unload gives up at its deadline,
 * says where the thread sleeps, and opens the doors again.  Should it return
 * one day after all, everything is registered again, and the next attempt
 * finds a module like any other.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(release_wait);
static bool released;

/* Lifts the fault. */
static int release_command(struct command_call *call)
{
	(void)call;
	WRITE_ONCE(released, true);
	wake_up(&release_wait);
	return 0;
}

static int unregister_hangs_init(void)
{
	return 0;
}

static int unregister_hangs_register(void)
{
	return register_command("unregister_release", release_command,
				"make unregister return");
}

static void unregister_hangs_unregister(void)
{
	unregister_command("unregister_release");
	wait_event(release_wait, READ_ONCE(released));
}

module_init(unregister_hangs_init);
module_register(unregister_hangs_register);
module_unregister(unregister_hangs_unregister);
MODULE_DESCRIPTION("unregister does not return");
MODULE_LICENSE("MIT");
