/*
 * Tasks: how they are born, found, and reaped.
 *
 * A task is on the list from before it can run until after its stack was
 * freed, so that a walk of the list sees every stack there is (H19, H20).  The
 * record lives on while somebody holds a reference.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/kthread.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <lock/preempt.h>
#include <mm/mm.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <sched/kthread.h>
#include <sched/wait.h>
#include <x86/switch.h>

DEFINE_SPINLOCK(tasklist_lock);
LIST_HEAD(tasklist);
static pid_t next_pid = 1;
static unsigned int nr_tasks;

/*
 * The pid is given under the lock, so that the list is in their order.  What is
 * inherited is, too: a walk that takes it from all who have it either comes by
 * our parent before this, or takes the lock after this to go on from there, and
 * finds the child behind him.
 */
static void tasklist_add(struct task *t)
{
	uint32_t flags = spin_lock_irqsave(&tasklist_lock);

	t->spared = READ_ONCE(current->spared) & (SPARE_CALLER | SPARE_CONSOLE);
	t->pid = next_pid++;
	nr_tasks++;
	list_add_tail(&t->tasks, &tasklist);
	spin_unlock_irqrestore(&tasklist_lock, flags);
}

static void tasklist_remove(struct task *t)
{
	uint32_t flags = spin_lock_irqsave(&tasklist_lock);

	if (!list_empty(&t->tasks))
		nr_tasks--;
	list_del_init(&t->tasks);
	spin_unlock_irqrestore(&tasklist_lock, flags);
}

/*
 * The record is complete before it is listed: from then on the freezer looks at
 * it, and the undertaker examines its stack.
 */
struct task *task_create(const char *comm, module_id_t owner)
{
	struct task *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->stack = (uintptr_t)stack_alloc(owner);
	if (!t->stack) {
		kfree(t);
		return NULL;
	}
	strscpy(t->comm, comm, sizeof(t->comm));
	t->owner = owner;
	t->state = TASK_SLEEPING;
	t->sleep_mode = WAIT_UNINTERRUPTIBLE;
	t->cpu = cpu_id();
	t->syscall = -1;
	atomic_set(&t->refs, 2);	/* the caller's, and its own life's */
	INIT_LIST_HEAD(&t->run_link);
	INIT_LIST_HEAD(&t->tasks);
	INIT_LIST_HEAD(&t->wait.link);
	init_waitqueue_head(&t->exit_wait);
	sleep_timer_init(t);
	t->esp = switch_prepare_stack(t->stack + KERNEL_STACK_SIZE);
	tasklist_add(t);
	return t;
}

void task_get(struct task *t)
{
	atomic_inc(&t->refs);
}

void task_put(struct task *t)
{
	if (!atomic_dec_and_test(&t->refs))
		return;
	assert(!t->stack);
	kfree(t->user);
	kfree(t->kthread);	/* a kernel thread's; a module's is gone */
	kfree(t);
}

struct task *task_find(pid_t pid)
{
	uint32_t flags = spin_lock_irqsave(&tasklist_lock);
	struct task *t, *found = NULL;

	list_for_each_entry(t, &tasklist, tasks) {
		if (t->pid != pid)
			continue;
		task_get(t);
		found = t;
		break;
	}
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return found;
}

/*
 * A walk pins the task that it stands at, which writes to its record; records
 * that are written are read again by the search for pointers.  So whoever has
 * nothing to do with most of them passes over those, under the lock, up to so
 * many at once.
 */
#define PASS_AT_ONCE	64u

struct walk {
	bool	(*pass)(const struct task *t, void *arg);	/* or NULL */
	void	*arg;
	bool	passed;		/* it stands at one to be passed over */
};

/* Where the walk stands next, at @pos or behind it, referenced; or NULL. */
static struct task *walk_to(struct walk *w, struct list_head *pos)
{
	struct task *t;

	assert_spin_held(&tasklist_lock);
	for (uint32_t n = 1; pos != &tasklist; n++, pos = pos->next) {
		t = list_entry(pos, struct task, tasks);
		w->passed = w->pass && w->pass(t, w->arg);
		if (w->passed && n < PASS_AT_ONCE)
			continue;
		task_get(t);
		return t;
	}
	return NULL;
}

/* The first listed task with a pid above @pid, or the end of the list. */
static struct list_head *place_after(pid_t pid)
{
	struct task *t;

	list_for_each_entry(t, &tasklist, tasks)
		if (t->pid > pid)
			return &t->tasks;
	return &tasklist;
}

/*
 * The step from one task to the next reads the links of a record that is
 * pinned, on the list or taken off it (then linked to itself, and the walk
 * takes up again by pid: pids only grow, the list is in their order).  NULL:
 * the first one.
 */
static struct task *walk_on(struct walk *w, const struct task *t)
{
	uint32_t flags = spin_lock_irqsave(&tasklist_lock);
	struct task *next;

	if (t && !list_empty(&t->tasks))
		next = walk_to(w, t->tasks.next);
	else
		next = walk_to(w, place_after(t ? t->pid : 0));
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return next;
}

void task_for_each_but(bool (*pass)(const struct task *t, void *arg),
		       bool (*fn)(struct task *t, void *arg), void *arg)
{
	struct walk w = { .pass = pass, .arg = arg };
	struct task *t = walk_on(&w, NULL);

	while (t) {
		bool more = w.passed || fn(t, arg);
		struct task *next = more ? walk_on(&w, t) : NULL;

		task_put(t);
		t = next;
	}
}

void task_for_each(bool (*fn)(struct task *t, void *arg), void *arg)
{
	task_for_each_but(NULL, fn, arg);
}

unsigned int task_count(void)
{
	return READ_ONCE(nr_tasks);
}

/*
 * A module's thread, and a process that was in one, may have been left with a
 * mutex by the module: its fault, which stops nobody but who wants it (G10).
 */
static void check_mutexes(const struct task *t)
{
	assert(t->mutexes_held == 0 || t->owner != MODULE_NONE || t->process);
	if (t->mutexes_held)
		pr_err("%s[%d] ends with %u mutexes locked", t->comm, t->pid,
		       t->mutexes_held);
}

/*
 * The dying task cannot free the stack it stands on.  Whoever runs after it
 * hands it to the reaper, when the switch is over (finish_switch).
 */
void task_exit(int code)
{
	struct task *t = current;

	assert(preempt_count() == 0);
	check_mutexes(t);
	ktimer_cancel_sync(&t->sleep_timer);
	t->exit_code = code;
	WRITE_ONCE(t->state, TASK_DEAD);
	schedule();
	BUG();
}

/* Who waits may put the record as soon as he sees @gone: ours is put last. */
static void task_set_gone(struct task *t)
{
	WRITE_ONCE(t->gone, true);
	wake_up(&t->exit_wait);
	task_put(t);
}

/*
 * Frees the stack of a dead task and takes it off the list: the reaper only.
 * Off the list it is out of the thaw's reach, and may have died spared.
 */
static noinline void task_bury(struct task *t)
{
	task_unspare(t, SPARE_FOR_A_FREEZE);
	tasklist_remove(t);
	stack_free((void *)t->stack, t->owner);
	t->stack = 0;
	t->esp = 0;
	task_set_gone(t);
}

/*
 * A wake-up may be under way on another CPU: under the queue's lock it finds a
 * task that is held, before, or one that is dead, after.
 */
void task_end_held(struct task *t)
{
	uint32_t flags;
	struct rq *rq;

	ktimer_cancel_sync(&t->sleep_timer);
	rq = task_rq_lock(t, &flags);
	assert(t->held && !t->on_rq && !t->stack);
	WRITE_ONCE(t->state, TASK_DEAD);
	task_rq_unlock(rq, flags);
	tasklist_remove(t);
	task_set_gone(t);
}

static struct task *reaper;

/* On a crowded CPU the reaper would come last, and we behind it. */
int task_reap(struct task *t)
{
	task_prefer(reaper);
	wait_event(t->exit_wait, READ_ONCE(t->gone));
	return t->exit_code;
}

/* ---- the reaper: a kernel thread that buries the dead ---- */

/* Lock key: (r) reaper_lock */
static DEFINE_SPINLOCK(reaper_lock);
static LIST_HEAD(reaper_list);			/* (r) */
static DECLARE_WAIT_QUEUE_HEAD(reaper_wait);

static struct task *reaper_take(void)
{
	uint32_t flags = spin_lock_irqsave(&reaper_lock);
	struct task *t = NULL;

	if (!list_empty(&reaper_list)) {
		t = list_first_entry(&reaper_list, struct task, dead_link);
		list_del_init(&t->dead_link);
	}
	spin_unlock_irqrestore(&reaper_lock, flags);
	return t;
}

void reaper_notify(struct task *t)
{
	uint32_t flags = spin_lock_irqsave(&reaper_lock);

	list_add_tail(&t->dead_link, &reaper_list);
	spin_unlock_irqrestore(&reaper_lock, flags);
	wake_up(&reaper_wait);
}

static int reaper_thread(void *arg)
{
	struct task *t;

	(void)arg;
	for (;;) {
		wait_event_idle(reaper_wait, (t = reaper_take()) != NULL);
		task_bury(t);
		stack_wipe_dead();	/* of the address of that stack */
	}
	return 0;
}

void reaper_init(void)
{
	reaper = kthread_run(reaper_thread, NULL, "reaper");
	assert(reaper);
}
