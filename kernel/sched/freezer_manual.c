/*
 * Frozen by hand: the shell's `freeze` and `thaw`.
 *
 * Everybody stands but the consoles and what is started there, for as long as a
 * person likes.  There is no deadline here that helps, as there is in an unload
 * (freezer.c), so a console must not wait for what a frozen task has locked.
 * It does not: once every CPU is quiet, whoever holds a mutex is spared until
 * he holds none, and from then on only those run, and lock, who are spared.
 * What a console waits for otherwise may come with the thaw only; the other
 * console, or Ctrl-C, helps.
 *
 * Some wait for kernel threads where they cannot give up: to load, to unload.
 * They keep everybody running, and `freeze` waits for them.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/mutex.h>
#include <sched/freezer.h>
#include <sched/sched.h>

/* A person is patient; the machine may be emulated, and crowded. */
#define FREEZE_BUDGET_NS	NSEC_PER_SEC

static DEFINE_MUTEX(freezer_mutex);
static bool frozen_by_hand;		/* freezer_mutex; read freely */
static uint32_t nr_thaws;		/* freezer_mutex; read freely */
static unsigned int nr_keepers;		/* freezer_mutex; read freely */
static DECLARE_WAIT_QUEUE_HEAD(keepers_gone);

uint32_t freezer_manual_thaws(void)
{
	return READ_ONCE(nr_thaws);
}

bool freezer_frozen_by_hand(void)
{
	return READ_ONCE(frozen_by_hand);
}

bool freezer_keep_running(void)
{
	bool running;

	mutex_lock(&freezer_mutex);
	running = !frozen_by_hand;
	if (running)
		WRITE_ONCE(nr_keepers, nr_keepers + 1);
	mutex_unlock(&freezer_mutex);
	return running;
}

void freezer_keep_no_longer(void)
{
	mutex_lock(&freezer_mutex);
	WRITE_ONCE(nr_keepers, nr_keepers - 1);
	mutex_unlock(&freezer_mutex);
	wake_up(&keepers_gone);
}

/*
 * A frozen task's count says no less than it holds (mutex.c).  Who sleeps for a
 * mutex may find it free: the turn was given to somebody who stands now.
 */
static bool spare_if_locking(struct task *t, void *arg)
{
	(void)arg;
	if (!t->spared && READ_ONCE(t->mutexes_held))
		task_spare(t, SPARE_LOCK);
	if (t->spared && READ_ONCE(t->blocked_on))
		wake_up_task(t);
	return true;
}

/* -EAGAIN: somebody keeps them running. */
static int try_freeze_locked(void) __must_hold(&freezer_mutex);
static int try_freeze_locked(void)
{
	struct freeze_failure failure;
	int err;

	assert_mutex_held(&freezer_mutex);
	if (frozen_by_hand)
		return -EBUSY;
	if (nr_keepers)
		return -EAGAIN;
	err = freezer_freeze(FREEZE_BUDGET_NS, &failure);
	if (err)
		return err == -EAGAIN ? -EBUSY : err;
	WRITE_ONCE(frozen_by_hand, true);
	task_for_each(spare_if_locking, NULL);
	return 0;
}

int freezer_manual_freeze(void)
{
	for (;;) {
		int err;

		mutex_lock(&freezer_mutex);
		err = try_freeze_locked();
		mutex_unlock(&freezer_mutex);
		if (err != -EAGAIN)
			return err;
		if (wait_event_interruptible(keepers_gone,
					     !READ_ONCE(nr_keepers)))
			return -EINTR;
	}
}

int freezer_manual_thaw(void)
{
	int err = -EBUSY;

	mutex_lock(&freezer_mutex);
	if (frozen_by_hand) {
		WRITE_ONCE(frozen_by_hand, false);
		WRITE_ONCE(nr_thaws, nr_thaws + 1);
		freezer_thaw();
		err = 0;
	}
	mutex_unlock(&freezer_mutex);
	return err;
}
