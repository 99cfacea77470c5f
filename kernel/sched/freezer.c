/*
 * The refrigerator: see freezer.h.
 *
 * Why nobody slips through.  freezer_gate_closed is read under the lock of a
 * run queue, where the next task is picked.  The freezer stores it, then takes
 * each run queue's lock in turn and looks at who runs there.  Whoever was
 * picked before that is seen; whoever is picked later is picked with the gate
 * closed.  An idle CPU need not even be interrupted: it looks at the gate when
 * it has somebody to run.
 *
 * Why it ends.  A CPU whose task is not spared is made to reschedule.  It does
 * so at its next interrupt, or when it enables preemption; the kernel disables
 * neither for long.  Should it, the freeze is given up at its deadline, the
 * task is named, and the gate opens.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <x86/clock.h>
#include <x86/smp.h>

bool freezer_gate_closed;
static bool frozen_by_hand;		/* changed under freezer_mutex */
static DEFINE_MUTEX(freezer_mutex);
static unsigned int nr_keepers;		/* under freezer_mutex */
static DECLARE_WAIT_QUEUE_HEAD(keepers_gone);

bool freezer_frozen(void)
{
	return READ_ONCE(freezer_gate_closed);
}

/* Nobody runs on @cpu who may not; if somebody does he is told to leave. */
static bool cpu_is_quiet(uint32_t cpu) __no_lock_analysis
{
	struct rq *rq = &rqs[cpu];
	uint32_t flags = spin_lock_irqsave(&rq->lock);
	bool quiet = sched_may_run(rq->curr);
	bool tell = !quiet && !percpus[cpu].need_resched;

	if (tell)
		percpus[cpu].need_resched = 1;
	spin_unlock_irqrestore(&rq->lock, flags);
	if (tell)
		smp_send_reschedule(cpu);
	return quiet;
}

static bool all_quiet(uint32_t *noisy)
{
	bool quiet = true;

	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		if (!cpu_is_quiet(cpu)) {
			*noisy = cpu;
			quiet = false;
		}
	}
	return quiet;
}

static void note_failure(uint32_t cpu, struct freeze_failure *f)
{
	uint32_t flags = spin_lock_irqsave(&rqs[cpu].lock);
	const struct task *t = rqs[cpu].curr;

	f->cpu = cpu;
	f->pid = t->pid;
	strscpy(f->comm, t->comm, sizeof(f->comm));
	spin_unlock_irqrestore(&rqs[cpu].lock, flags);
}

static int close_gate(uint64_t timeout_ns, struct freeze_failure *f)
{
	uint64_t deadline = clock_ns() + timeout_ns;
	uint32_t noisy = 0;

	__atomic_store_n(&freezer_gate_closed, true, __ATOMIC_SEQ_CST);
	while (!all_quiet(&noisy)) {
		if (clock_ns() > deadline) {
			note_failure(noisy, f);
			freezer_thaw();
			return -ETIMEDOUT;
		}
		cpu_relax();
	}
	return 0;
}

int freezer_freeze(uint64_t timeout_ns, struct freeze_failure *f)
{
	if (READ_ONCE(frozen_by_hand))
		return -EAGAIN;
	assert(current->spared & SPARE_UNDERTAKER);
	return close_gate(timeout_ns, f);
}

/* ---- thaw ---- */

static void kick_all(void)
{
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		percpus[cpu].need_resched = 1;
		if (cpu != cpu_id())
			smp_send_reschedule(cpu);
	}
}

static bool forget_spared(struct task *t, void *arg)
{
	(void)arg;
	if (t->spared & SPARE_FOR_A_FREEZE)
		task_unspare(t, SPARE_FOR_A_FREEZE);
	return true;
}

void freezer_thaw(void)
{
	if (!READ_ONCE(frozen_by_hand))
		__atomic_store_n(&freezer_gate_closed, false,
				 __ATOMIC_SEQ_CST);
	if (atomic_read(&freezer_nr_spared))
		task_for_each(forget_spared, NULL);
	kick_all();
}

/* ---- who holds what a spared task needs (H22) ---- */

/*
 * The holder of @t's mutex, referenced.  A mutex names its owner, but the
 * owner may have let go and be gone by the time we follow the pointer: only a
 * task that is on the list is believed.
 */
struct owner_search {
	const struct task *owner;
	struct task *found;
};

static bool match_owner(struct task *t, void *arg)
{
	struct owner_search *s = arg;

	if (t != s->owner)
		return true;
	task_get(t);
	s->found = t;
	return false;
}

static struct task *blocking_owner(const struct task *t)
{
	struct mutex *m = READ_ONCE(t->blocked_on);
	struct owner_search s = { m ? READ_ONCE(m->owner) : NULL, NULL };

	if (s.owner)
		task_for_each(match_owner, &s);
	return s.found;
}

static bool spare_holder(struct task *t, void *arg)
{
	unsigned int *spared = arg;
	struct task *owner;

	if (!t->spared)
		return true;
	owner = blocking_owner(t);
	if (!owner) {
		/* Free, but the turn may have been given to a frozen one. */
		if (READ_ONCE(t->blocked_on))
			wake_up_task(t);
		return true;
	}
	if (!owner->spared) {
		task_spare(owner, SPARE_LOCK);
		(*spared)++;
	}
	task_put(owner);
	return true;
}

static bool unspare_if_free(struct task *t, void *arg)
{
	(void)arg;
	if ((t->spared & SPARE_LOCK) && t->mutexes_held == 0)
		task_unspare(t, SPARE_LOCK);
	return true;
}

unsigned int freezer_thaw_lock_holders(void)
{
	unsigned int spared = 0;

	/* The undertaker waits for no mutex while the gate is closed. */
	if (!atomic_read(&freezer_nr_spared) || !guard(THAW_LOCK_HOLDERS))
		return 0;
	task_for_each(unspare_if_free, NULL);
	task_for_each(spare_holder, &spared);
	return spared;
}

void freezer_leave_kernel(void)
{
	if (likely(!READ_ONCE(freezer_gate_closed)))
		return;
	if (current->spared & SPARE_FOR_A_FREEZE)
		task_unspare(current, SPARE_FOR_A_FREEZE);
	if (!current->spared)
		this_cpu()->need_resched = 1;
}

/* ---- by hand ---- */

bool freezer_keep_running(void)
{
	bool running;

	mutex_lock(&freezer_mutex);
	running = !frozen_by_hand;
	if (running)
		nr_keepers++;
	mutex_unlock(&freezer_mutex);
	return running;
}

void freezer_keep_no_longer(void)
{
	mutex_lock(&freezer_mutex);
	nr_keepers--;
	mutex_unlock(&freezer_mutex);
	wake_up(&keepers_gone);
}

static bool spare_if_locking(struct task *t, void *arg)
{
	(void)arg;
	if (READ_ONCE(t->mutexes_held))
		task_spare(t, SPARE_LOCK);
	else if (t->spared && READ_ONCE(t->blocked_on))
		wake_up_task(t);
	return true;
}

static int try_manual_freeze(void)
{
	int err = frozen_by_hand ? -EBUSY : nr_keepers ? -EAGAIN : 0;

	assert_mutex_held(&freezer_mutex);
	if (err)
		return err;
	frozen_by_hand = true;
	__atomic_store_n(&freezer_gate_closed, true, __ATOMIC_SEQ_CST);
	kick_all();
	/* What the consoles need must not be locked by somebody frozen. */
	task_for_each(spare_if_locking, NULL);
	return 0;
}

int freezer_manual_freeze(void)
{
	for (;;) {
		int err;

		mutex_lock(&freezer_mutex);
		err = try_manual_freeze();
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
		frozen_by_hand = false;
		freezer_thaw();
		err = 0;
	}
	mutex_unlock(&freezer_mutex);
	return err;
}
