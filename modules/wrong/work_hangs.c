/*
 * Wrong: a work function that does not return.
 *
 * Work runs on a thread of the kernel's, which the module can keep for itself.
 * What is in flight cannot be held, only waited for; the unload is given up at
 * its deadline and names the work.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/workqueue.h>
#include <kernel/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(release_wait);
static DECLARE_WAIT_QUEUE_HEAD(ready_wait);
static bool released, running;
static struct work *work;

static void hang_about(void *arg)
{
	(void)arg;
	WRITE_ONCE(running, true);
	wake_up(&ready_wait);
	wait_event(release_wait, READ_ONCE(released));
}

/* Lifts the fault. */
static int release_command(struct command_call *call)
{
	(void)call;
	WRITE_ONCE(released, true);
	wake_up(&release_wait);
	flush_work(work);
	return 0;
}

/* Returns when the function runs. */
static int work_hangs_init(void)
{
	return 0;
}

static int work_hangs_register(void)
{
	work = work_create("hangs", hang_about, NULL);
	if (!work)
		return -ENOMEM;
	if (!READ_ONCE(running))
		queue_work(work);
	wait_event(ready_wait, READ_ONCE(running));
	return register_command("work_release", release_command,
				"make the work function return");
}

static void work_hangs_unregister(void)
{
	unregister_command("work_release");
}

module_init(work_hangs_init);
module_register(work_hangs_register);
module_unregister(work_hangs_unregister);
MODULE_DESCRIPTION("a work function that does not return");
MODULE_LICENSE("MIT");
