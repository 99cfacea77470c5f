/*
 * The refrigerator: see freezer.h.  It guards freezer_gate_closed, which the
 * scheduler asks.  By hand (the shell's `freeze`): freezer_manual.c.
 *
 * Why nobody slips through.  The gate is read under the lock of a run queue,
 * where the next task is picked.  The freezer stores it, then takes each run
 * queue's lock in turn and looks at who runs there.  Whoever was picked before
 * that is seen; whoever is picked later is picked with the gate closed.  An
 * idle CPU need not even be interrupted: it looks at the gate when it has
 * somebody to run.
 *
 * Why it ends.  The freezer waits for CPUs, and spared tasks wait for others;
 * neither waits for what a frozen task has, or not for long.
 *
 *  - A CPU whose task is not spared is made to reschedule.  It does so at its
 *    next interrupt, or when it enables preemption.  It may spin until then,
 *    but for a spinlock only; and who has one is not preempted, so not frozen.
 *    Should it not come, the freeze is given up at its deadline, the task is
 *    named, and the gate opens.
 *
 *  - A spared task has its turns: nobody is picked before the spared ones, and
 *    those go by slices.
 *
 *  - A spared task may wait for a mutex (H22).  Of all that a task sleeps for
 *    only a mutex has an owner, and task->blocked_on leads to it, from there to
 *    what the owner is blocked on, and so on.  The chain ends, or those tasks
 *    would wait for each other with nobody frozen, too.  Each pass of
 *    freezer_thaw_lock_holders() spares the next owner in every chain; so the
 *    last one, which waits for no mutex, soon runs, unlocks, and is frozen.
 *    Whoever is next in the mutex's queue may stand behind the gate: the turn
 *    is given to the one after him as well (wake_up_one), and where that had
 *    happened before the gate was closed the next pass wakes the spared one.
 *
 *  - It may wait for an event: a completion, input, a flag (H23).  That has no
 *    owner, whoever will bring it about.  It is not followed: the undertaker
 *    opens the gate at his deadline, or at once where all that are spared for
 *    their evidence sleep, names them with the places where they wait, and lets
 *    the world run for as long before he tries again.  There the event comes.
 *
 *  - Nobody else waits while the gate is closed.  The module's routines are
 *    called with the gate open, its engines are held and own no mutex, the
 *    caller sleeps until the undertaker answers, and the undertaker himself
 *    asks for a mutex by trylock only.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/wait.h>
#include <lib/guard.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <x86/clock.h>
#include <x86/smp.h>

bool freezer_gate_closed;

bool freezer_frozen(void)
{
	return READ_ONCE(freezer_gate_closed);
}

/* ---- freeze ---- */

/*
 * Nobody runs on @cpu who may not.  If somebody does he is told to leave, and
 * @f says who he is.  Told once: where need_resched is set already, whoever set
 * it has sent the interrupt, or is that CPU itself, on its way to look.
 */
static bool cpu_is_quiet(uint32_t cpu,
			 struct freeze_failure *f) __no_lock_analysis
{
	struct rq *rq = &rqs[cpu];
	uint32_t flags = spin_lock_irqsave(&rq->lock);
	const struct task *t = rq->curr;
	bool quiet = sched_may_run(t);
	bool tell = !quiet && !percpus[cpu].need_resched;

	if (!quiet) {
		f->cpu = cpu;
		f->pid = t->pid;
		strscpy(f->comm, t->comm, sizeof(f->comm));
	}
	if (tell)
		percpus[cpu].need_resched = 1;
	spin_unlock_irqrestore(&rq->lock, flags);
	if (tell)
		smp_send_reschedule(cpu);
	return quiet;
}

static bool all_quiet(struct freeze_failure *f)
{
	bool quiet = true;

	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		quiet &= cpu_is_quiet(cpu, f);
	return quiet;
}

/*
 * A CPU that runs comes at once.  One that does not may be a virtual one that
 * has no core of its host at the moment; ours, asleep, gives up the core that
 * it has.
 */
#define SPIN_NS		(20 * NSEC_PER_USEC)
#define PAUSE_NS	(50 * NSEC_PER_USEC)

static DECLARE_WAIT_QUEUE_HEAD(never);

static noinline void pause_a_little(void)
{
	wait_event_deadline(never, false, stamp_of(clock_ns() + PAUSE_NS));
}

int freezer_freeze(uint64_t timeout_ns, struct freeze_failure *f)
{
	uint64_t start = clock_ns(), deadline = start + timeout_ns;

	assert(current->spared);
	if (__atomic_exchange_n(&freezer_gate_closed, true, __ATOMIC_SEQ_CST))
		return -EAGAIN;
	while (!all_quiet(f)) {
		if (clock_ns() > deadline) {
			freezer_thaw();
			return -ETIMEDOUT;
		}
		if (clock_ns() - start < SPIN_NS)
			cpu_relax();
		else
			pause_a_little();
	}
	return 0;
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

/*
 * The gate first: whoever is spared no more before it opens would be taken from
 * his CPU for nothing.
 */
void freezer_thaw(void)
{
	__atomic_store_n(&freezer_gate_closed, false, __ATOMIC_SEQ_CST);
	if (atomic_read(&freezer_nr_spared))
		task_for_each(forget_spared, NULL);
	kick_all();
}

/* ---- who holds what a spared task needs (H22) ---- */

/*
 * The mutex that @t waits for, NULL: none, and its owner, NULL: it is free.
 *
 * Only while @t stands still inside mutex_lock() is there a mutex where
 * blocked_on points: under its queue's lock, and not on a CPU, it does.  The
 * owner may unlock and be gone as soon as we look away; his address is for
 * comparing only.
 */
static struct mutex *blocked_on(struct task *t, const struct task **owner)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	struct mutex *m = rq->curr == t ? NULL : t->blocked_on;

	*owner = m ? READ_ONCE(m->owner) : NULL;
	task_rq_unlock(rq, flags);
	return m;
}

/* Of holders that are preferred; who waits behind more has waited long. */
#define CHAIN_MAX	8u

struct owner_search {
	const struct task *owner;
	struct task *found;		/* referenced */
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

/*
 * A task on the list is believed to be the owner.  Should the record be that of
 * another one by now, he is spared for nothing, until the next pass.
 */
static struct task *find_owner(const struct task *owner)
{
	struct owner_search s = { owner, NULL };

	task_for_each(match_owner, &s);
	return s.found;
}

static bool is_asleep(const struct task *t)
{
	return READ_ONCE(t->state) == TASK_SLEEPING && !READ_ONCE(t->on_rq);
}

/* *@arg: a holder that runs was met. */
static bool spare_holder(struct task *t, void *arg)
{
	bool *one_runs = arg;
	const struct task *owner;
	struct task *holder;

	if (!t->spared || !blocked_on(t, &owner))
		return true;
	if (!owner) {
		wake_up_task(t);	/* the turn may be a frozen one's */
		return true;
	}
	holder = find_owner(owner);
	if (!holder)
		return true;
	if (!holder->spared)
		task_spare(holder, SPARE_LOCK);
	*one_runs |= !is_asleep(holder);
	task_put(holder);
	return true;
}

/*
 * mutexes_held is the task's own and may change as we look.  Read too early or
 * too late it takes a turn from somebody, or gives one, until the next pass.
 */
static bool unspare_if_free(struct task *t, void *arg)
{
	(void)arg;
	if ((t->spared & SPARE_LOCK) && READ_ONCE(t->mutexes_held) == 0)
		task_unspare(t, SPARE_LOCK);
	return true;
}

bool freezer_thaw_lock_holders(void)
{
	bool one_runs = false;

	if (!atomic_read(&freezer_nr_spared) || !guard(THAW_LOCK_HOLDERS))
		return false;
	task_for_each(unspare_if_free, NULL);
	task_for_each(spare_holder, &one_runs);
	return one_runs;
}

/*
 * Who unlocks and is gone as we look has a turn for nothing, or another in his
 * record has it.  Whoever is last in the chain is preferred as well.
 */
void freezer_prefer_holder(const struct mutex *m)
{
	const struct task *owner = READ_ONCE(m->owner);
	struct task *holder;

	for (uint32_t i = 0; owner && i < CHAIN_MAX; i++) {
		holder = find_owner(owner);
		if (!holder)
			return;
		task_prefer(holder);
		blocked_on(holder, &owner);
		task_put(holder);
	}
}

/* ---- the gate on the way to user mode ---- */

void freezer_leave_kernel(void)
{
	if (likely(!READ_ONCE(freezer_gate_closed)))
		return;
	if (current->spared & SPARE_FOR_A_FREEZE)
		task_unspare(current, SPARE_FOR_A_FREEZE);
	if (!current->spared)
		this_cpu()->need_resched = 1;
}
