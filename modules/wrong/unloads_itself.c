/*
 * Wrong: asks for its own unload, from wherever it can (H17).
 *
 * Whoever asks would wait for himself to leave.  In each place the answer is
 * -EDEADLK at once, and nothing has happened: from a command, a file operation,
 * a thread, work, a timer (where one could not even wait), and from its own
 * four routines.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/fs.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>

static char routine[16] = "";
module_param_string(routine, routine, sizeof(routine), 0444);
MODULE_PARM_DESC(routine, "init, register, unregister or cleanup: there too");

static struct timer *timer;
static struct work *work;
static DECLARE_WAIT_QUEUE_HEAD(wait);
static bool thread_due, answered;
static int answer;

static int ask(void)
{
	return unload_module("unloads_itself");
}

static void give_answer(int err)
{
	answer = err;
	smp_store_release(&answered, true);
	wake_up(&wait);
}

static void ask_for(void *arg)
{
	(void)arg;
	give_answer(ask());
}

static int ask_in_thread(void *arg)
{
	while (!kthread_should_stop()) {
		wait_event(wait, READ_ONCE(thread_due) ||
			   kthread_should_stop());
		if (!READ_ONCE(thread_due))
			continue;
		WRITE_ONCE(thread_due, false);
		ask_for(arg);
	}
	return 0;
}

static int wait_for_answer(void)
{
	wait_event(wait, smp_load_acquire(&answered));
	answered = false;
	return answer;
}

static int ask_from(const char *where)
{
	if (strcmp(where, "command") == 0)
		return ask();
	if (strcmp(where, "timer") == 0) {
		mod_timer(timer, ktime_get_ns());
	} else if (strcmp(where, "work") == 0) {
		queue_work(work);
	} else if (strcmp(where, "thread") == 0) {
		WRITE_ONCE(thread_due, true);
		wake_up(&wait);
	} else {
		return -EINVAL;
	}
	return wait_for_answer();
}

static int itself_command(struct command_call *call)
{
	int err;

	if (call->argc != 2)
		return -EINVAL;
	err = ask_from(call->argv[1]);
	command_printf(call, "itself: from its %s: %s\n", call->argv[1],
		       err ? errno_name(err) : "0");
	return err;
}

static long itself_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	(void)file;
	(void)cmd;
	(void)arg;
	return ask();
}

static const struct file_operations fops = { .unlocked_ioctl = itself_ioctl };
static const struct miscdevice misc = { .name = "itself0", .fops = &fops };

static void ask_in_routine(const char *name)
{
	if (strcmp(routine, name) == 0)
		pr_notice("unloads_itself: from its %s: %s\n", name,
			  errno_name(ask()));
}

static int unloads_itself_init(void)
{
	ask_in_routine("init");
	return 0;
}

static int unloads_itself_register(void)
{
	int err;

	ask_in_routine("register");
	timer = timer_create("itself", ask_for, NULL);
	work = work_create("itself", ask_for, NULL);
	if (!timer || !work || !kthread_run(ask_in_thread, NULL, "itself"))
		return -ENOMEM;
	err = misc_register(&misc);
	if (err)
		return err;
	return register_command("itself", itself_command,
				"WHERE: unload itself from WHERE");
}

static void unloads_itself_unregister(void)
{
	ask_in_routine("unregister");
	unregister_command("itself");
	misc_deregister(&misc);
}

static void unloads_itself_cleanup(void)
{
	ask_in_routine("cleanup");
}

module_init(unloads_itself_init);
module_register(unloads_itself_register);
module_unregister(unloads_itself_unregister);
module_cleanup(unloads_itself_cleanup);
MODULE_DESCRIPTION("asks for its own unload");
MODULE_LICENSE("MIT");
