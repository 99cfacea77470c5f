/*
 * Mutexes.  Free or owned is one word, changed by cmpxchg; the queue is for
 * sleeping only.  Nothing is handed over: a waiter owns the mutex when its own
 * cmpxchg says so, not before.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/mutex.h>
#include <lock/lockdep.h>
#include <lock/preempt.h>
#include <sched/freezer.h>
#include <sched/sched.h>

void mutex_init(struct mutex *m, const char *name)
{
	*m = (struct mutex){ .name = name };
	init_waitqueue_head(&m->waiters);
}
EXPORT_SYMBOL(mutex_init);

bool mutex_is_held(const struct mutex *m)
{
	return READ_ONCE(m->owner) == current;
}
EXPORT_SYMBOL(mutex_is_held);

/*
 * mutexes_held goes up before the word changes and down after it was changed
 * back: who reads a task's count while the task stands still never sees less
 * than it holds.
 */
static bool mutex_try_take(struct mutex *m)
{
	struct task *nobody = NULL;

	current->mutexes_held++;
	barrier();
	if (__atomic_compare_exchange_n(&m->owner, &nobody, current, false,
					__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return true;
	barrier();
	current->mutexes_held--;
	return false;
}

bool mutex_trylock(struct mutex *m) __no_lock_analysis
{
	if (!mutex_try_take(m))
		return false;
	lockdep_acquire_mutex(&m->class, m->name, LOCK_TRIED);
	return true;
}
EXPORT_SYMBOL(mutex_trylock);

/*
 * Who comes by with the CPU at hand would always be faster than a waiter who
 * has to be woken: many wait for ever on one that is preempted inside each
 * time.  So a waiter who was woken in vain makes himself the starving one, if
 * there is none, and until he has had it, or given up, nobody else waits less
 * for it; but while the world is frozen he may be, and spared tasks take it.
 * The pointer is set and taken back by its own task only, and compared only.
 */
static bool may_take(const struct mutex *m)
{
	const struct task *first = READ_ONCE(m->starving);

	return !first || first == current || freezer_frozen();
}

static void starve(struct mutex *m)
{
	struct task *nobody = NULL;

	__atomic_compare_exchange_n(&m->starving, &nobody, current, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Found on the queue he is there; the pointer alone says nothing. */
static void wake_starving(struct mutex *m, const struct task *first)
{
	uint32_t flags = spin_lock_irqsave(&m->waiters.lock);
	struct wait_queue_entry *e;

	list_for_each_entry(e, &m->waiters.entries, link)
		if (e->task == first)
			wake_up_task(e->task);
	spin_unlock_irqrestore(&m->waiters.lock, flags);
}

/*
 * He is starving before he looks at the owner for the last time, the owner is
 * gone before we look for him: one of us sees the other.
 */
static void wake_next(struct mutex *m)
{
	const struct task *first = READ_ONCE(m->starving);

	if (first)
		wake_starving(m, first);
	if (!first || freezer_frozen())
		wake_up_one(&m->waiters);
}

static bool starve_no_more(struct mutex *m)
{
	if (READ_ONCE(m->starving) != current)
		return false;
	__atomic_store_n(&m->starving, NULL, __ATOMIC_SEQ_CST);
	return true;
}

static int mutex_lock_mode(struct mutex *m,
			   enum wait_mode mode) __no_lock_analysis
{
	unsigned int woken = 0;
	int err = 0;

	assert(preempt_count() == 0 && !in_interrupt());
	if (mutex_is_held(m))
		panic("mutex %s taken twice by pid %d", m->name, current->pid);
	lockdep_acquire_mutex(&m->class, m->name, LOCK_WAITING);
	if (may_take(m) && mutex_try_take(m))
		return 0;
	current->blocked_on = m;
	for (;;) {
		prepare_to_wait(&m->waiters, mode);
		if (woken > 1)
			starve(m);
		if (may_take(m) && mutex_try_take(m)) {
			err = 0;
			break;
		}
		if (err)
			break;
		/* His turn in the crowd would take longer than an unload. */
		if (current->spared & SPARE_UNDERTAKER)
			freezer_prefer_holder(m);
		err = wait_schedule(NO_DEADLINE);
		woken++;
	}
	finish_wait();
	/* Others may wait for nothing but that we give up. */
	if (starve_no_more(m) && err)
		wake_next(m);
	current->blocked_on = NULL;
	if (err)
		lockdep_release_mutex(m->class);
	return err;
}

void mutex_lock(struct mutex *m) __no_lock_analysis
{
	mutex_lock_mode(m, WAIT_UNINTERRUPTIBLE);
}
EXPORT_SYMBOL(mutex_lock);

int mutex_lock_interruptible(struct mutex *m) __no_lock_analysis
{
	return mutex_lock_mode(m, WAIT_INTERRUPTIBLE);
}
EXPORT_SYMBOL(mutex_lock_interruptible);

int mutex_lock_killable(struct mutex *m) __no_lock_analysis
{
	return mutex_lock_mode(m, WAIT_KILLABLE);
}
EXPORT_SYMBOL(mutex_lock_killable);

/*
 * The store of NULL is ordered before the look at the queue: either the waiter
 * sees the mutex free or we see the waiter.
 */
void mutex_unlock(struct mutex *m) __no_lock_analysis
{
	assert_mutex_held(m);
	lockdep_release_mutex(m->class);
	__atomic_store_n(&m->owner, NULL, __ATOMIC_SEQ_CST);
	barrier();
	current->mutexes_held--;
	wake_next(m);
	/* Let through the freezer's gate for this only (H22). */
	if (unlikely(current->spared & SPARE_LOCK) && !current->mutexes_held)
		task_unspare(current, SPARE_LOCK);
}
EXPORT_SYMBOL(mutex_unlock);
