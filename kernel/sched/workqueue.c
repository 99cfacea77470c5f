/*
 * Work: a queue that kernel threads serve, as many as there are CPUs.
 *
 * A work function runs in process context on a worker's stack, where it is
 * evidence like any other.  Held, an item stays in (or enters) a list of its
 * own flag only: it is queued when it is let go.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/kthread.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/workqueue.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>
#include <sched/workqueue.h>

/*
 * Lock key: (s) slot_lock
 */
struct work {
	struct slot		slot;
	struct list_head	link;		/* (s) in work_list */
	bool			queued;		/* (s) */
	uint32_t		running;	/* (s) workers in it: 0 or 1 */
	pid_t			runner;		/* (s) its pid, while running */
	struct wait_queue_head	done;
};

static LIST_HEAD(work_list);			/* slot_lock */
static DECLARE_WAIT_QUEUE_HEAD(work_wait);

static struct work *work_of(struct slot *s)
{
	return container_of(s, struct work, slot);
}

/*
 * All workers are woken: the first on the queue may have taken another item
 * between its state and its test, and would use up the one wake-up.
 */
static void queue_locked(struct work *w)
{
	if (list_empty(&w->link))
		list_add_tail(&w->link, &work_list);
	wake_up(&work_wait);
}

/*
 * Off the list, @queued stays: it says what is owed.  A worker that has taken
 * the item said so in @running under the same lock, before it loads the
 * binding (H10).
 */
static int work_hold(struct slot *s, struct binding *b)
{
	struct work *w = work_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool running;

	(void)b;
	s->held = true;
	list_del_init(&w->link);
	running = w->running != 0;
	spin_unlock_irqrestore(&slot_lock, flags);
	return running ? -EAGAIN : 0;
}

static void work_let_go(struct slot *s, struct binding *b)
{
	struct work *w = work_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	(void)b;
	s->held = false;
	if (w->queued)
		queue_locked(w);
	spin_unlock_irqrestore(&slot_lock, flags);
}

static void work_bury(struct slot *s, struct binding *b)
{
	(void)b;
	work_of(s)->queued = false;
}

static void work_free(struct slot *s)
{
	kfree(work_of(s));
}

static void work_describe(struct slot *s, char *buf, size_t size)
{
	snprintf(buf, size, "%s", work_of(s)->running ?
		 "its function is running" : "idle");
}

static pid_t work_pid(struct slot *s)
{
	return READ_ONCE(work_of(s)->runner);
}

static const struct slot_ops work_ops = {
	.kind = "work",
	.engine = true,
	.hold = work_hold,
	.let_go = work_let_go,
	.bury = work_bury,
	.destroy = work_free,
	.describe = work_describe,
	.pid = work_pid,
};

struct work *work_create_owner(const char *name, work_fn fn, void *arg,
			       module_id_t owner)
{
	struct slot_registration reg = {
		.fn = (void (*)(void))fn,
		.arg = arg,
		.site = (uintptr_t)__builtin_return_address(0),
	};
	struct work *w = kmalloc_owner(sizeof(*w), __GFP_ZERO, MODULE_NONE);
	struct slot *existing;
	int err;

	if (!w)
		return NULL;
	slot_setup(&w->slot, &work_ops, name, owner);
	INIT_LIST_HEAD(&w->link);
	init_waitqueue_head(&w->done);
	err = slot_register(&w->slot, &reg, &existing);
	slot_put(&w->slot);		/* else the ledger keeps it */
	if (err)
		return NULL;
	if (!existing)
		return w;
	slot_put(existing);
	return work_of(existing);
}
EXPORT_SYMBOL(work_create_owner);

/*
 * @queued is the promise to run once more, the list is who keeps it: an item
 * that is held, or one that runs, may have the one without the other.
 */
bool queue_work(struct work *w)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool dead = owner_is_dead(w->slot.owner);
	bool fresh = !dead && !w->queued && w->slot.phase != SLOT_VOID;

	if (dead)
		owner_report_late(w->slot.owner, "queues work", w->slot.name);
	if (fresh) {
		w->queued = true;
		if (!w->slot.held)
			queue_locked(w);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return fresh;
}
EXPORT_SYMBOL(queue_work);

static bool work_idle(struct work *w, bool and_unqueued)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool idle = !w->running && !(and_unqueued && w->queued);

	spin_unlock_irqrestore(&slot_lock, flags);
	return idle;
}

/* What never runs has no worker that would wake who flushes it. */
static bool work_dequeue(struct work *w)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool queued = w->queued;

	list_del_init(&w->link);
	w->queued = false;
	if (queued)
		wake_up(&w->done);
	spin_unlock_irqrestore(&slot_lock, flags);
	return queued;
}

bool cancel_work_sync(struct work *w)
{
	bool queued = work_dequeue(w);

	/* Its function may queue it again until it is over. */
	do {
		wait_event(w->done, work_idle(w, false));
	} while (work_dequeue(w));
	return queued;
}
EXPORT_SYMBOL(cancel_work_sync);

void flush_work(struct work *w)
{
	wait_event(w->done, work_idle(w, true));
}
EXPORT_SYMBOL(flush_work);

void work_destroy(struct work *w)
{
	cancel_work_sync(w);
	slot_forget(&w->slot);
}
EXPORT_SYMBOL(work_destroy);

/* ---- the workers ---- */

/*
 * The first item that nobody runs, referenced and marked running.  The
 * reference outlives @running: who has waited for that may destroy the item
 * before its worker has looked away.
 */
static struct work *work_take(void)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct work *w, *found = NULL;

	list_for_each_entry(w, &work_list, link) {
		if (w->running)
			continue;
		list_del_init(&w->link);
		w->queued = false;
		w->running = 1;
		w->runner = current->pid;
		slot_get(&w->slot);
		found = w;
		break;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return found;
}

/*
 * Queued again while it ran: the workers that looked at the list meanwhile have
 * passed it over.
 */
static void work_done(struct work *w)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	w->running = 0;
	w->runner = 0;
	if (!list_empty(&w->link))
		wake_up(&work_wait);
	spin_unlock_irqrestore(&slot_lock, flags);
	wake_up(&w->done);
	slot_put(&w->slot);
}

/* Its registers and its frame die with it, before the worker sleeps. */
static noinline void work_run(struct work *w)
{
	struct binding *b = slot_binding(&w->slot);

	if (b)
		((work_fn)b->fn)(b->arg);
}

static int worker(void *arg)
{
	struct work *w;

	(void)arg;
	for (;;) {
		wait_event_idle(work_wait, (w = work_take()) != NULL);
		work_run(w);
		stack_wipe_dead();
		work_done(w);
	}
	return 0;
}

void workqueue_init(void)
{
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		struct task *t = kthread_run(worker, NULL, "kworker/%u", cpu);

		assert(t);
		task_put(t);
	}
}
