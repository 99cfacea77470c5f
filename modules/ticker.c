/*
 * A thread that a timer wakes every period_ms milliseconds.
 *
 * It shows engines, and that they are the kernel's to hold: unregister takes
 * away the command only, while timer and thread run on.  For the verdict both
 * are held; should the unload be refused they go on where they were, the
 * thread with the same pid and the timer with the time it had left; otherwise
 * they end in the kernel.  So nothing of them is in unregister or cleanup.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kernel/wait.h>

static unsigned int period_ms = 10;
module_param(period_ms, uint, 0444);
MODULE_PARM_DESC(period_ms, "milliseconds from tick to tick");

static DEFINE_SPINLOCK(tick_lock);
static struct stamp next_tick;		/* tick_lock */
static unsigned int ticks;		/* tick_lock */

static DECLARE_WAIT_QUEUE_HEAD(tick_wait);
static unsigned int handled;		/* written by the thread only */
static DECLARE_WAIT_QUEUE_HEAD(handled_wait);
static struct timer *timer;
static struct task *thread;

/*
 * Times are reckoned from the beginning, not from the last tick, so that
 * neither a late interrupt nor a time in which we are held makes us slow.
 */
static void tick(void *arg)
{
	uint32_t flags = spin_lock_irqsave(&tick_lock);
	uint64_t next;

	(void)arg;
	ticks++;
	next = stamp_ns(next_tick) + period_ms * NSEC_PER_MSEC;
	next_tick = stamp_of(next);
	mod_timer(timer, next);
	spin_unlock_irqrestore(&tick_lock, flags);
	wake_up(&tick_wait);
}

static bool due(void)
{
	return handled != READ_ONCE(ticks);
}

static int ticker_thread(void *arg)
{
	(void)arg;
	while (!kthread_should_stop()) {
		wait_event(tick_wait, due() || kthread_should_stop());
		while (due())
			WRITE_ONCE(handled, handled + 1);
		wake_up(&handled_wait);
	}
	return 0;
}

static int ticker_command(struct command_call *call)
{
	unsigned int n = 0;
	int err = 0;

	if (call->argc > 1)
		err = kstrtouint(call->argv[1], 0, &n);
	if (!err)
		err = wait_event_interruptible(handled_wait,
					       READ_ONCE(handled) >= n);
	if (!err)
		command_printf(call, "ticker: %u ticks, %u handled, every "
			       "%u ms\n", READ_ONCE(ticks),
			       READ_ONCE(handled), period_ms);
	return err;
}

static int ticker_init(void)
{
	if (!period_ms)
		return -EINVAL;
	next_tick = stamp_in_ms(period_ms);
	return 0;
}

/* When it is called again the timer is armed already, for this very time. */
static void arm(void)
{
	uint32_t flags = spin_lock_irqsave(&tick_lock);

	mod_timer(timer, stamp_ns(next_tick));
	spin_unlock_irqrestore(&tick_lock, flags);
}

static int ticker_register(void)
{
	timer = timer_create("tick", tick, NULL);
	if (!timer)
		return -ENOMEM;
	thread = kthread_run(ticker_thread, NULL, "ticker");
	if (!thread)
		return -ENOMEM;
	arm();
	return register_command("ticker", ticker_command,
				"[N]: print the ticks, when there were N");
}

static void ticker_unregister(void)
{
	unregister_command("ticker");
}

module_init(ticker_init);
module_register(ticker_register);
module_unregister(ticker_unregister);
MODULE_DESCRIPTION("a thread woken by a timer");
MODULE_LICENSE("MIT");
