/*
 * Kernel threads: starting, stopping, parking; and holding those of modules.
 *
 * A module's thread is a slot.  Its binding has the function and its argument;
 * the record of the task has neither.  To hold it means: it sleeps directly
 * below module code, owns no mutex, and will not be put on a run queue.  Then
 * the addresses that its record has of the window (stack, stack pointer, the
 * wait queue it is on) are moved into the binding, so that the record is no
 * evidence; and after the verdict it simply never runs again.
 *
 * It is taken off its wait queue for good: when it is let go it wakes without
 * reason, which every sleeper must bear.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/kthread.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <sched/kthread.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>
#include <sched/wait.h>
#include <x86/trap.h>

/*
 * Lock key: (c) constant  (u) the undertaker  (x) one store by anybody
 */
struct kthread {
	struct slot	slot;		/* modules' only: else unregistered */
	struct task	*task;		/* (c) referenced, if a module's; else
					 * the record goes with the task */
	int		(*fn)(void *);	/* (c) kernel threads; else NULL */
	void		*arg;		/* (c) */
	bool		stop;		/* (x) */
	bool		park;		/* (x) */
	bool		hold;		/* (u) */
};

static struct kthread *kthread_of(struct slot *s)
{
	return container_of(s, struct kthread, slot);
}

/* Where held[] keeps what the task record has of the window. */
enum { HELD_STACK, HELD_ESP };

/*
 * Below module code directly, owning nothing.  Both are the task's own: they
 * are believed once it cannot run.
 */
static bool at_hold_point(const struct task *t)
{
	return t->sleep_site && t->mutexes_held == 0;
}

/*
 * The task is held: nobody else writes to its record, and a walk over the tasks
 * that finds no stack has nothing to examine.  Without a stack there is no esp
 * either, as it lies in the module's territory, too.
 */
static void move_out(struct task *t, struct binding *b)
{
	remove_wait_queue(&t->wait);
	b->held[HELD_STACK] = t->stack;
	b->held[HELD_ESP] = t->esp;
	t->stack = 0;
	t->esp = 0;
}

/*
 * @hold is stored before the look at the thread.  One that computes meets it at
 * its next kthread_should_stop() and sleeps there; one that sleeps is taken
 * where it is; so the next call, or one after that, finds it asleep.
 */
static int kthread_hold(struct slot *s, struct binding *b)
{
	struct kthread *k = kthread_of(s);
	struct task *t = k->task;

	WRITE_ONCE(k->hold, true);
	if (READ_ONCE(t->gone))
		return 0;
	if (READ_ONCE(t->state) == TASK_DEAD || !at_hold_point(t))
		return -EAGAIN;
	if (!task_hold(t))
		return -EAGAIN;
	/* It cannot run from here on: what is read now stays. */
	if (!at_hold_point(t)) {
		task_let_go(t);
		return -EAGAIN;
	}
	move_out(t, b);
	return 0;
}

static void kthread_let_go(struct slot *s, struct binding *b)
{
	struct kthread *k = kthread_of(s);
	struct task *t = k->task;

	WRITE_ONCE(k->hold, false);
	if (t->gone)
		return;
	if (t->held) {
		t->stack = b->held[HELD_STACK];
		t->esp = b->held[HELD_ESP];
		task_let_go(t);
	} else {
		wake_up_task(t);	/* it may sleep for @hold */
	}
}

static void kthread_bury(struct slot *s, struct binding *b)
{
	struct task *t = kthread_of(s)->task;
	void *stack = (void *)b->held[HELD_STACK];

	if (t->gone)
		return;
	task_end_held(t);
	stack_free(stack, s->owner);
}

/* Its task is gone: nobody asks task->kthread any more. */
static void kthread_destroy(struct slot *s)
{
	struct kthread *k = kthread_of(s);

	k->task->kthread = NULL;
	task_put(k->task);
	kfree(k);
}

static void kthread_describe(struct slot *s, char *buf, size_t size)
{
	const struct task *t = kthread_of(s)->task;

	if (t->state == TASK_SLEEPING && t->mutexes_held)
		snprintf(buf, size, "pid %d sleeps holding %u mutexes",
			 t->pid, t->mutexes_held);
	else if (t->state == TASK_SLEEPING)
		snprintf(buf, size, "pid %d sleeps inside a kernel call",
			 t->pid);
	else
		snprintf(buf, size, "pid %d does not come to rest", t->pid);
}

static pid_t kthread_pid(struct slot *s)
{
	const struct task *t = kthread_of(s)->task;

	return READ_ONCE(t->gone) ? 0 : t->pid;
}

static const struct slot_ops kthread_ops = {
	.kind = "thread",
	.engine = true,
	.hold = kthread_hold,
	.let_go = kthread_let_go,
	.bury = kthread_bury,
	.destroy = kthread_destroy,
	.describe = kthread_describe,
	.pid = kthread_pid,
};

/* ---- starting ---- */

static int run_module_thread(struct kthread *k)
{
	struct binding *b;

	/* Held before its first step: the binding comes back. */
	while (!(b = slot_binding(&k->slot))) {
		prepare_to_wait(NULL, WAIT_UNINTERRUPTIBLE);
		if (!slot_binding(&k->slot))
			sleep_from(WINDOW_BASE, NO_DEADLINE);
		finish_wait();
	}
	return ((int (*)(void *))b->fn)(b->arg);
}

static int kthread_main(void *arg)
{
	struct kthread *k = arg;

	return k->fn ? k->fn(k->arg) : run_module_thread(k);
}

static struct kthread *kthread_new(const char *name, module_id_t owner)
{
	struct kthread *k = kmalloc_owner(sizeof(*k), __GFP_ZERO, MODULE_NONE);

	if (!k)
		return NULL;
	slot_setup(&k->slot, &kthread_ops, name, owner);
	k->task = task_create(name, owner);
	if (!k->task) {
		kfree(k);
		return NULL;
	}
	k->task->kthread = k;
	k->task->thread_fn = kthread_main;
	k->task->thread_arg = k;
	return k;
}

/* The task of a thread that will not be started is made to end at once. */
static int refuse_to_run(void *arg)
{
	(void)arg;
	return -EPERM;
}

static struct task *register_thread(struct kthread *k,
				    const struct slot_registration *reg)
{
	struct slot *existing;
	int err = slot_register(&k->slot, reg, &existing);

	if (!err && !existing) {
		slot_put(&k->slot);	/* the ledger keeps it */
		return k->task;
	}
	k->fn = refuse_to_run;
	task_start(k->task);
	task_reap(k->task);
	slot_put(&k->slot);
	if (err)
		return NULL;
	slot_put(existing);
	return kthread_of(existing)->task;
}

/*
 * Born while its module is held: it will start when the module is let go.  Not
 * started yet, it counts as asleep.
 */
static void start_or_hold(struct kthread *k)
{
	bool asleep;

	if (!READ_ONCE(k->slot.held)) {
		task_start(k->task);
		return;
	}
	asleep = task_hold(k->task);
	assert(asleep);
	move_out(k->task, slot_entry(&k->slot));
}

struct task *kthread_run_owner(module_id_t owner, int (*fn)(void *), void *arg,
			       const char *fmt, ...)
{
	struct slot_registration reg = {
		.fn = (void (*)(void))fn,
		.arg = arg,
		.site = (uintptr_t)__builtin_return_address(0),
	};
	char name[SLOT_NAME_LEN];
	struct task *t, *fresh;
	struct kthread *k;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	k = kthread_new(name, owner);
	if (!k)
		return NULL;
	fresh = k->task;
	if (owner == MODULE_NONE) {
		k->fn = fn;
		k->arg = arg;
		task_start(fresh);
		return fresh;
	}
	mutex_lock(&ledger_mutex);
	t = register_thread(k, &reg);
	if (t == fresh)
		start_or_hold(k);
	mutex_unlock(&ledger_mutex);
	return t;
}
EXPORT_SYMBOL(kthread_run_owner);

/* ---- in the thread ---- */

bool kthread_should_stop(void)
{
	struct kthread *k = current->kthread;
	uintptr_t site = (uintptr_t)__builtin_return_address(0);

	/* Asked as the condition of a sleep: that sleep is the hold point. */
	if (current->state == TASK_SLEEPING || (!k->hold && !k->park))
		return READ_ONCE(k->stop);
	for (;;) {
		prepare_to_wait(NULL, WAIT_UNINTERRUPTIBLE);
		if (!READ_ONCE(k->hold) &&
		    (!READ_ONCE(k->park) || READ_ONCE(k->stop)))
			break;
		sleep_from(site, NO_DEADLINE);
	}
	finish_wait();
	return READ_ONCE(k->stop);
}
EXPORT_SYMBOL(kthread_should_stop);

/*
 * The store before the wake-up: the thread either is woken or has its test of
 * @stop still before it.  It may be parked, and ends all the same.
 */
int kthread_stop(struct task *t)
{
	struct kthread *k = t->kthread;
	int code;

	WRITE_ONCE(k->stop, true);
	smp_mb();
	wake_up_task(t);
	code = task_reap(t);
	if (t->owner == MODULE_NONE)
		task_put(t);
	else
		slot_forget(&k->slot);
	return code;
}
EXPORT_SYMBOL(kthread_stop);

void kthread_park(struct task *t)
{
	WRITE_ONCE(t->kthread->park, true);
}
EXPORT_SYMBOL(kthread_park);

void kthread_unpark(struct task *t)
{
	WRITE_ONCE(t->kthread->park, false);
	smp_mb();
	wake_up_task(t);
}
EXPORT_SYMBOL(kthread_unpark);
