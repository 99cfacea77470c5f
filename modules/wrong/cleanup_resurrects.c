/*
 * Wrong: cleanup brings the module back to life (H48).
 *
 * After the verdict it registers a device, a timer, work and a thread, arms
 * and queues what it has.  All of that is refused, the creations with a
 * message; the unload succeeds.  With leave=1 it also leaves its address with
 * keeper: the second verdict finds it, and the module is entombed.
 */
#include <kernel/fs.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/printk.h>
#include <kernel/timer.h>
#include <kernel/workqueue.h>
#include "keeper.h"

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "leave a pointer with keeper");

static struct timer *timer;
static struct work *work;

static const struct file_operations fops = { .read = NULL };
static const struct miscdevice misc = { .name = "undead0", .fops = &fops };

static void rise(void *arg)
{
	(void)arg;
	pr_err("cleanup_resurrects: it runs\n");
}

static int rise_again(void *arg)
{
	rise(arg);
	return 0;
}

static int cleanup_resurrects_init(void)
{
	return 0;
}

static int cleanup_resurrects_register(void)
{
	timer = timer_create("old", rise, NULL);
	work = work_create("old", rise, NULL);
	return 0;
}

static void cleanup_resurrects_cleanup(void)
{
	mod_timer(timer, ktime_get_ns());
	queue_work(work);
	if (!misc_register(&misc) || timer_create("undead", rise, NULL) ||
	    work_create("undead", rise, NULL) ||
	    kthread_run(rise_again, NULL, "undead"))
		pr_err("cleanup_resurrects: it lives\n");
	if (leave)
		keeper_keep((void *)rise);
}

module_init(cleanup_resurrects_init);
module_register(cleanup_resurrects_register);
module_cleanup(cleanup_resurrects_cleanup);
MODULE_DESCRIPTION("cleanup brings it back to life");
MODULE_LICENSE("MIT");
