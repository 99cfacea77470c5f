/*
 * Wrong: a thread that sleeps holding a mutex (H22).
 *
 * If it were held where it sleeps, whoever needs the mutex would wait for as
 * long as the attempt lasts, and the attempt perhaps for him.  So a thread is
 * held only where it owns none; the unload is given up and names it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/kthread.h>
#include <kernel/mutex.h>
#include <kernel/wait.h>

static DEFINE_MUTEX(precious);
static DECLARE_WAIT_QUEUE_HEAD(let_go_wait);
static DECLARE_WAIT_QUEUE_HEAD(ready_wait);
static bool owned, let_go;

static int own(void *arg)
{
	(void)arg;
	mutex_lock(&precious);
	WRITE_ONCE(owned, true);
	wake_up(&ready_wait);
	wait_event(let_go_wait, READ_ONCE(let_go));
	mutex_unlock(&precious);
	while (!kthread_should_stop())
		wait_event(let_go_wait, kthread_should_stop());
	return 0;
}

/* Lifts the fault. */
static int let_go_command(struct command_call *call)
{
	(void)call;
	WRITE_ONCE(let_go, true);
	wake_up(&let_go_wait);
	return 0;
}

/* Returns when the thread owns the mutex. */
static int mutex_thread_init(void)
{
	return 0;
}

static int mutex_thread_register(void)
{
	if (!kthread_run(own, NULL, "mutex_thread"))
		return -ENOMEM;
	wait_event(ready_wait, READ_ONCE(owned));
	return register_command("let_go", let_go_command,
				"make the thread unlock its mutex");
}

static void mutex_thread_unregister(void)
{
	unregister_command("let_go");
}

module_init(mutex_thread_init);
module_register(mutex_thread_register);
module_unregister(mutex_thread_unregister);
MODULE_DESCRIPTION("a thread that sleeps holding a mutex");
MODULE_LICENSE("MIT");
