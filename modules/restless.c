/*
 * Engines that never rest by themselves: a timer that arms itself for at once,
 * work that queues itself, a thread that computes and never sleeps.
 *
 * It shows that none of them is in the way (H11, H12): what arms or queues
 * itself while the module is closed is kept from running, and the thread is
 * held where it asks whether it should stop.  That question is all that is
 * asked of a thread.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/processor.h>
#include <kernel/timer.h>
#include <kernel/workqueue.h>

static struct timer *timer;
static struct work *work;
static struct task *thread;
static unsigned int fired, worked, rounds, briefs;

/* Not for now itself: an interrupt that never ends is no timer. */
#define AT_ONCE		(50 * NSEC_PER_USEC)

static void fire(void *arg)
{
	(void)arg;
	WRITE_ONCE(fired, fired + 1);
	mod_timer(timer, ktime_get_ns() + AT_ONCE);
}

static void do_work(void *arg)
{
	(void)arg;
	WRITE_ONCE(worked, worked + 1);
	queue_work(work);
}

static int compute(void *arg)
{
	(void)arg;
	while (!kthread_should_stop()) {
		WRITE_ONCE(rounds, rounds + 1);
		cpu_relax();
	}
	return 0;
}

/* Ends by itself, in the module's last instruction (H13). */
static int brief(void *arg)
{
	(void)arg;
	WRITE_ONCE(briefs, briefs + 1);
	return 0;
}

static int restless_command(struct command_call *call)
{
	command_printf(call, "restless: timer %u, work %u, thread %u, %u\n",
		       READ_ONCE(fired), READ_ONCE(worked), READ_ONCE(rounds),
		       READ_ONCE(briefs));
	return 0;
}

static int restless_init(void)
{
	return 0;
}

static int restless_register(void)
{
	timer = timer_create("restless", fire, NULL);
	work = work_create("restless", do_work, NULL);
	thread = kthread_run(compute, NULL, "restless");
	if (!timer || !work || !thread || !kthread_run(brief, NULL, "brief"))
		return -ENOMEM;
	mod_timer(timer, ktime_get_ns());
	queue_work(work);
	return register_command("restless", restless_command,
				"print how often its engines ran");
}

static void restless_unregister(void)
{
	unregister_command("restless");
}

module_init(restless_init);
module_register(restless_register);
module_unregister(restless_unregister);
MODULE_DESCRIPTION("engines that never rest by themselves");
MODULE_LICENSE("MIT");
