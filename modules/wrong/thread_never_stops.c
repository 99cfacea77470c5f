/*
 * Wrong: a thread that neither sleeps nor asks kthread_should_stop() (G10).
 *
 * A thread can be held where it asks, or where it sleeps.  This one computes;
 * it is preempted now and then, always inside the module.  The unload is given
 * up at its deadline, and names it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/kthread.h>

static bool relent;
static unsigned int rounds;

static int never_stops(void *arg)
{
	(void)arg;
	while (!READ_ONCE(relent) || !kthread_should_stop())
		WRITE_ONCE(rounds, rounds + 1);
	return 0;
}

/* Lifts the fault. */
static int relent_command(struct command_call *call)
{
	(void)call;
	WRITE_ONCE(relent, true);
	return 0;
}

static int thread_never_stops_init(void)
{
	return 0;
}

static int thread_never_stops_register(void)
{
	if (!kthread_run(never_stops, NULL, "never_stops"))
		return -ENOMEM;
	return register_command("relent", relent_command,
				"make the thread ask whether it should stop");
}

static void thread_never_stops_unregister(void)
{
	unregister_command("relent");
}

module_init(thread_never_stops_init);
module_register(thread_never_stops_register);
module_unregister(thread_never_stops_unregister);
MODULE_DESCRIPTION("a thread that does not stop");
MODULE_LICENSE("MIT");
