/*
 * Engines that rest until a user stirs them, and then never again: a timer that
 * arms itself, a work item that queues itself.
 *
 * It shows what a user can set going while the module is on its way out (H11):
 * whoever is inside when the doors close can still arm and queue.  The explorer
 * lets one do so at every moment of an unload.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/timer.h>
#include <kernel/workqueue.h>

#define STIRRED_TIMER	1u
#define STIRRED_WORK	2u
#define PERIOD_NS	(20 * NSEC_PER_USEC)

static struct timer *timer;
static struct work *work;
static unsigned int fired, worked;

static void fire(void *arg)
{
	(void)arg;
	WRITE_ONCE(fired, fired + 1);
	mod_timer(timer, ktime_get_ns() + PERIOD_NS);
}

static void do_work(void *arg)
{
	(void)arg;
	WRITE_ONCE(worked, worked + 1);
	queue_work(work);
}

static long stirred_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	(void)file;
	(void)arg;
	switch (cmd) {
	case STIRRED_TIMER:
		mod_timer(timer, ktime_get_ns());
		return 0;
	case STIRRED_WORK:
		queue_work(work);
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations stirred_fops = {
	.unlocked_ioctl = stirred_ioctl,
};

static const struct miscdevice stirred_misc = {
	.name = "stirred",
	.fops = &stirred_fops,
};

static int stirred_init(void)
{
	return 0;
}

static int stirred_register(void)
{
	timer = timer_create("stirred", fire, NULL);
	work = work_create("stirred", do_work, NULL);
	if (!timer || !work)
		return -ENOMEM;
	return misc_register(&stirred_misc);
}

static void stirred_unregister(void)
{
	misc_deregister(&stirred_misc);
}

module_init(stirred_init);
module_register(stirred_register);
module_unregister(stirred_unregister);
MODULE_DESCRIPTION("engines that a user sets going");
MODULE_LICENSE("MIT");
