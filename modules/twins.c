/*
 * Two of a kind: timers, work and threads of one name, each with its twin.
 *
 * It shows that names of engines are for people.  Called again after a refused
 * unload, register finds the very same objects in the order in which it first
 * made them, and says so where it does not.
 */
#include <kernel/atomic.h>
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>

#define PERIOD_NS	(2 * NSEC_PER_MSEC)

static struct twin {
	void		*timer, *work, *thread;
	unsigned int	worked;			/* written by @work only */
	unsigned int	handled;		/* written by @thread only */
} twins[2];

static atomic_t callers;			/* of the command, under way */

static DECLARE_WAIT_QUEUE_HEAD(worked_wait);
static DECLARE_WAIT_QUEUE_HEAD(handled_wait);

static void tick(void *arg)
{
	struct twin *t = arg;

	queue_work(t->work);
	mod_timer(t->timer, ktime_get_ns() + PERIOD_NS);
}

static void work(void *arg)
{
	struct twin *t = arg;

	WRITE_ONCE(t->worked, t->worked + 1);
	wake_up(&worked_wait);
}

static int thread(void *arg)
{
	struct twin *t = arg;

	while (!kthread_should_stop()) {
		wait_event(worked_wait, t->handled != READ_ONCE(t->worked) ||
			   kthread_should_stop());
		WRITE_ONCE(t->handled, READ_ONCE(t->worked));
		wake_up(&handled_wait);
	}
	return 0;
}

static bool both_have(unsigned int n, unsigned int who_ask)
{
	return READ_ONCE(twins[0].handled) >= n &&
	       READ_ONCE(twins[1].handled) >= n &&
	       (unsigned int)atomic_read(&callers) >= who_ask;
}

static int twins_command(struct command_call *call)
{
	unsigned int n = 0, who_ask = 1;
	int err = 0;

	atomic_inc(&callers);
	if (call->argc > 1)
		err = kstrtouint(call->argv[1], 0, &n);
	if (!err && call->argc > 2)
		err = kstrtouint(call->argv[2], 0, &who_ask);
	if (!err)
		err = wait_event_interruptible(handled_wait,
					       both_have(n, who_ask));
	atomic_dec(&callers);
	if (!err)
		command_printf(call, "twins: both have %u\n", n);
	return err;
}

/* -EEXIST: there was one, and it is another. */
static int same_again(void **kept, void *got)
{
	if (!got)
		return -ENOMEM;
	if (*kept && *kept != got)
		return -EEXIST;
	*kept = got;
	return 0;
}

static int start(struct twin *t)
{
	int err = same_again(&t->work, work_create("twin", work, t));

	if (!err)
		err = same_again(&t->timer, timer_create("twin", tick, t));
	if (!err)
		err = same_again(&t->thread, kthread_run(thread, t, "twin"));
	if (!err)
		mod_timer(t->timer, ktime_get_ns() + PERIOD_NS);
	return err;
}

static int twins_register(void)
{
	int err = start(&twins[0]);

	if (!err)
		err = start(&twins[1]);
	if (!err)
		err = register_command("twins", twins_command,
				       "[N [CALLERS]]: wait until both have "
				       "counted N, and so many ask");
	return err;
}

static void twins_unregister(void)
{
	unregister_command("twins");
}

module_register(twins_register);
module_unregister(twins_unregister);
MODULE_DESCRIPTION("two engines of one name, of each kind");
MODULE_LICENSE("MIT");
