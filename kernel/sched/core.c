/*
 * The scheduler: who runs next, how a task is woken, how it gives its CPU
 * away.
 *
 * The lock of a run queue is taken by the task that leaves and released by the
 * one that arrives (finish_switch).  Between the two no CPU can see a task
 * half saved; for the freezer a task is either on a CPU or all of it lies in
 * memory.
 *
 * No wake-up is lost: a sleeper sets its state, then tests its condition, then
 * comes to schedule(), which looks at the state under the queue's lock; who
 * wakes it changes the condition, then the state under the same lock.
 */
#include <kernel/export.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <lock/lockdep.h>
#include <lock/preempt.h>
#include <mm/mm.h>
#include <sched/freezer.h>
#include <sched/kthread.h>
#include <sched/rq.h>
#include <sched/signal.h>
#include <sched/upcalls.h>
#include <x86/clock.h>
#include <x86/smp.h>
#include <x86/switch.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

struct rq rqs[NR_CPUS];
static struct task idle_tasks[NR_CPUS];

#define SIG_BIT(sig)	(1u << ((sig) - 1))
/* Signals whose default is to be ignored: SIGCHLD, SIGCONT, SIGURG, SIGWINCH */
#define SIG_HARMLESS	(SIG_BIT(17) | SIG_BIT(18) | SIG_BIT(23) | SIG_BIT(28))

static struct rq *this_rq(void)
{
	return &rqs[cpu_id()];
}

/*
 * Whoever moves a task to another queue changes its cpu under the lock of the
 * one that it leaves.  So the look at the cpu under the lock is the one that
 * counts, and while the lock is held the task stays.
 */
struct rq *task_rq_lock(struct task *t, uint32_t *flags) __no_lock_analysis
{
	for (;;) {
		struct rq *rq = &rqs[READ_ONCE(t->cpu)];

		*flags = spin_lock_irqsave(&rq->lock);
		if (likely(rq == &rqs[t->cpu]))
			return rq;
		spin_unlock_irqrestore(&rq->lock, *flags);
	}
}

void task_rq_unlock(struct rq *rq, uint32_t flags) __no_lock_analysis
{
	spin_unlock_irqrestore(&rq->lock, flags);
}

/* curr changes before the stacks do, with interrupts off all the while. */
bool task_is_running(const struct task *t)
{
	return READ_ONCE(rqs[t->cpu].curr) == t;
}

struct task *cpu_current(uint32_t cpu)
{
	return READ_ONCE(rqs[cpu].curr);
}

struct mm *current_mm(void)
{
	return current->mm;
}

uintptr_t task_stack_top(const struct task *t)
{
	uintptr_t top = t->stack + KERNEL_STACK_SIZE;

	return t->process ? top - sizeof(struct trap_frame) : top;
}

/* ---- queues ---- */

/* In 1024 ns: enough for waits of an hour, and one register (H09). */
static uint32_t rough_time(struct stamp s)
{
	return s.hi << 21 | s.lo >> 10;
}

/*
 * Somebody has waited in the expired list for as long as a slice of everybody
 * else takes: those who sleep and come back keep the active list from becoming
 * empty.  Now is when this CPU last looked at the clock for a slice.
 */
static bool rq_starves(const struct rq *rq)
{
	uint32_t waited;

	if (list_empty(&rq->lists[!rq->active]))
		return false;
	waited = rough_time(rq->curr->switched_in) -
		 rough_time(rq->expired_since);
	return waited > rq->nr_queued * (SCHED_SLICE_NS >> 10);
}

static struct list_head *rq_expired_list(struct rq *rq)
{
	struct list_head *list = &rq->lists[!rq->active];

	if (list_empty(list))
		rq->expired_since = rq->curr->switched_in;
	return list;
}

/* While somebody starves all wait behind him, but who is preferred. */
static struct list_head *rq_list_of(struct rq *rq, const struct task *t)
{
	if (t->spared)
		return &rq->spared;
	if (t->slice_left == 0 || (!t->preferred && rq_starves(rq)))
		return rq_expired_list(rq);
	return &rq->lists[rq->active];
}

/* With its slice a task's preference is over. */
static void next_slice(struct task *t)
{
	t->slice_left = SCHED_SLICE_NS;
	t->preferred = false;
}

static void rq_enqueue(struct rq *rq, struct task *t, bool at_head)
{
	struct list_head *list = rq_list_of(rq, t);

	assert_spin_held(&rq->lock);
	if (t->slice_left == 0)
		next_slice(t);
	if (at_head || t->preferred)
		list_add(&t->run_link, list);
	else
		list_add_tail(&t->run_link, list);
	t->on_rq = true;
	rq->nr_queued++;
}

static void rq_dequeue(struct rq *rq, struct task *t)
{
	assert_spin_held(&rq->lock);
	list_del_init(&t->run_link);
	t->on_rq = false;
	rq->nr_queued--;
}

/*
 * The gate is read here, under the queue's lock, and nowhere else on the way to
 * a CPU: that the freezer sees whoever slipped through rests on it (freezer.c).
 */
static struct task *rq_pick(struct rq *rq)
{
	if (!list_empty(&rq->spared))
		return list_first_entry(&rq->spared, struct task, run_link);
	if (READ_ONCE(freezer_gate_closed))
		return rq->idle;
	if (list_empty(&rq->lists[rq->active]))
		rq->active = !rq->active;
	if (list_empty(&rq->lists[rq->active]))
		return rq->idle;
	return list_first_entry(&rq->lists[rq->active], struct task, run_link);
}

/* The CPU of @rq is to look again who runs. */
static void rq_kick(struct rq *rq)
{
	uint32_t cpu = (uint32_t)(rq - rqs);

	percpus[cpu].need_resched = 1;
	if (cpu != cpu_id())
		smp_send_reschedule(cpu);
}

/*
 * The APIC is never written to under the lock of a queue.  It is slow; and
 * where CPUs take turns (-icount) that is where one's turn ends: a loop that
 * wrote to it under the lock would end each turn with the lock held, and who
 * waits for the lock would never find it free.
 */
static void rq_unlock_and_kick(struct rq *rq, uint32_t flags,
			       bool kick) __no_lock_analysis
{
	preempt_disable();
	spin_unlock(&rq->lock);
	if (kick)
		rq_kick(rq);
	local_irq_restore(flags);
	preempt_enable();
}

/* Who comes before whom, whatever is left of their slices. */
static int rank(const struct task *t)
{
	if (t->spared)
		return t->spared & SPARE_UNDERTAKER ? 3 : 2;
	return t->preferred ? 1 : 0;
}

static bool rq_should_preempt(const struct rq *rq, const struct task *t)
{
	const struct task *curr = rq->curr;

	if (curr == rq->idle)
		return true;
	if (!sched_may_run(t))
		return false;
	if (rank(t) != rank(curr))
		return rank(t) > rank(curr);
	return t->slice_left > curr->slice_left && !rq_starves(rq);
}

/* ---- the switch ---- */

static void account(struct rq *rq, struct task *t, uint64_t now)
{
	uint64_t ran = now - stamp_ns(t->switched_in);

	t->switched_in = stamp_of(now);
	t->runtime = stamp_of(stamp_ns(t->runtime) + ran);
	if (t == rq->idle)
		rq->idle_time = t->runtime;
	t->slice_left -= min((uint64_t)t->slice_left, ran);
}

/*
 * Between two of its interrupts a CPU has some time for what it was doing: a
 * timer that is due again as soon as it has run would leave it none.
 */
#define TIMER_REST_NS	(20 * NSEC_PER_USEC)

/* The next interrupt: the end of a slice, or a timer.  After account(). */
static noinline void arm_timer(const struct rq *rq, uint64_t not_before)
{
	uint64_t now = stamp_ns(rq->curr->switched_in);
	uint64_t next = max(ktimer_next(), not_before);

	if (rq->curr != rq->idle && rq->curr->slice_left)
		next = min(next, now + rq->curr->slice_left);
	if (next != UINT64_MAX)
		clock_arm(next);
}

/* The slice is this CPU's own business: with interrupts off it stands still. */
void sched_arm_timer(uint64_t expires)
{
	const struct rq *rq = this_rq();
	const struct task *t = rq->curr;

	if (t != rq->idle && t->slice_left)
		expires = min(expires,
			      stamp_ns(t->switched_in) + t->slice_left);
	clock_arm(expires);
}

/*
 * First thing a task does after it was switched to, with the lock of the queue
 * that the one before it took.  If that one is dead, it is off its stack now.
 */
static void finish_switch(void) __no_lock_analysis
{
	struct rq *rq = this_rq();
	struct task *dead = rq->dead;

	rq->dead = NULL;
	spin_unlock(&rq->lock);
	arm_timer(rq, 0);
	if (unlikely(dead))
		reaper_notify(dead);
}

static void switch_to(struct rq *rq, struct task *next)
{
	struct task *prev = rq->curr;

	rq->curr = next;
	rq->switches++;
	next->switches++;
	next->switched_in = prev->switched_in;
	this_cpu()->current_task = next;
	lockdep_switch(&next->mutexes);
	mm_switch(next->mm);
	if (next->process) {
		cpu_set_kernel_stack(next->stack + KERNEL_STACK_SIZE);
		for (uint32_t i = 0; i < USER_TLS_ENTRIES; i++)
			gdt_set_tls(i, &next->user->tls[i]);
	}
	if (prev->user)
		fpu_save(&prev->user->fpu);
	if (next->user)
		fpu_restore(&next->user->fpu);
	switch_context(&prev->esp, &next->esp);
}

/*
 * A sleeper leaves the queue, unless what would wake it is there already: who
 * sends a signal, and the timer, store first and look at the state under this
 * lock afterwards.
 */
static bool prev_goes_to_sleep(struct rq *rq, struct task *prev)
{
	if (prev->state == TASK_DEAD) {
		rq->dead = prev;
		return true;
	}
	if (prev->state != TASK_SLEEPING)
		return false;
	if (signal_pending_mode(prev, prev->sleep_mode) || prev->timed_out) {
		prev->state = TASK_RUNNABLE;
		return false;
	}
	return true;
}

/*
 * @preempted: somebody else's wish; a task that is on its way to sleep stays
 * runnable, it has not tested its condition yet.
 *
 * Not part of __schedule(): a time may be any number, and its low word in the
 * frame of a sleeper looks like an address of a module once in a while (H09).
 */
static noinline struct task *choose_next(struct rq *rq, bool preempted)
{
	struct task *prev = rq->curr, *next;
	uint64_t now = clock_ns();

	account(rq, prev, now);
	watchdog_pass(now);
	if (!preempted && prev_goes_to_sleep(rq, prev)) {
		prev->sleep_since = stamp_of(now);
		prev->on_rq = false;
		prev->preferred = false;
	} else if (prev != rq->idle && !prev->stopped) {
		rq_enqueue(rq, prev, false);
	}

	next = rq_pick(rq);
	if (next != rq->idle) {
		rq_dequeue(rq, next);
		next->on_rq = true;
	}
	return next;
}

static void __schedule(bool preempted) __no_lock_analysis
{
	uint32_t flags = local_irq_save();
	struct rq *rq = this_rq();
	struct task *next;

	spin_lock(&rq->lock);
	clear_need_resched();
	next = choose_next(rq, preempted);
	if (next != rq->curr)
		switch_to(rq, next);
	finish_switch();
	stack_wipe_near(256);		/* of times (H09) */
	local_irq_restore(flags);
}

void schedule(void)
{
	assert(preempt_count() == 0);
	assert(!in_interrupt());
	__schedule(false);
	while (need_resched() && !irqs_disabled())
		__schedule(true);
}
EXPORT_SYMBOL(schedule);

void preempt_schedule(void)
{
	do {
		__schedule(true);
	} while (need_resched());
}

void yield(void)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(current, &flags);

	current->slice_left = 0;
	task_rq_unlock(rq, flags);
	schedule();
}
EXPORT_SYMBOL(yield);

void cond_resched(void)
{
	if (need_resched())
		schedule();
}
EXPORT_SYMBOL(cond_resched);

/* ---- wake-up ---- */

/*
 * Nobody there who may run.  Behind the gate a queue is full of those who may
 * not.  A guess, as the queue is not locked.
 */
static bool rq_looks_idle(const struct rq *rq)
{
	if (READ_ONCE(rq->curr) != rq->idle)
		return false;
	if (READ_ONCE(freezer_gate_closed))
		return list_empty(&rq->spared);
	return !READ_ONCE(rq->nr_queued);
}

/* An idle CPU for @t, the one where it was if that will do. */
static uint32_t pick_cpu(const struct task *t)
{
	if (rq_looks_idle(&rqs[t->cpu]))
		return t->cpu;
	for (uint32_t c = 0; c < nr_cpus; c++)
		if (rq_looks_idle(&rqs[c]))
			return c;
	return t->cpu;
}

/* Queues @t.  True: @rq is to be kicked, once its lock is released. */
static bool activate(struct rq *rq, struct task *t)
{
	bool preempt = rq_should_preempt(rq, t);

	rq_enqueue(rq, t, preempt);
	return preempt;
}

/*
 * @t is runnable and on no queue.  Called with the lock of its queue, which is
 * released: on the way to another CPU the task is on no queue for a moment,
 * with its cpu changed already; others see a task that does not run.
 */
static void place_and_unlock(struct rq *rq, struct task *t,
			     uint32_t flags) __no_lock_analysis
{
	uint32_t cpu = pick_cpu(t);

	if (&rqs[cpu] != rq) {
		WRITE_ONCE(t->cpu, cpu);
		spin_unlock(&rq->lock);
		rq = &rqs[cpu];
		spin_lock(&rq->lock);
	}
	rq_unlock_and_kick(rq, flags, activate(rq, t));
}

/* Time asleep earns slice, so that who sleeps much is served at once. */
static noinline void reward_sleep(struct task *t)
{
	uint64_t slept = clock_ns() - stamp_ns(t->sleep_since);

	t->slice_left = (uint32_t)min((uint64_t)SCHED_SLICE_NS,
				      t->slice_left + slept);
}

/*
 * A task in a sleeping state may be on its CPU yet, or preempted and queued: it
 * has not tested its condition, or not gone.  Then the state is all that is to
 * change; it finds itself awake in choose_next().
 */
bool wake_up_task(struct task *t) __no_lock_analysis
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	if (t->state != TASK_SLEEPING) {
		task_rq_unlock(rq, flags);
		return false;
	}
	t->state = TASK_RUNNABLE;
	if (rq->curr == t || t->on_rq || t->held) {
		/* Or it is held, and runs when it is let go. */
		task_rq_unlock(rq, flags);
		return true;
	}
	reward_sleep(t);
	place_and_unlock(rq, t, flags);
	stack_wipe_near(256);		/* of times (H09) */
	return true;
}

void task_start(struct task *t) __no_lock_analysis
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	t->slice_left = SCHED_SLICE_NS;
	t->state = TASK_RUNNABLE;
	if (t->held)
		task_rq_unlock(rq, flags);
	else
		place_and_unlock(rq, t, flags);
}

/* ---- engines held (kthread.c) ---- */

/*
 * On no CPU and in no queue: its stack is complete, and nobody but
 * task_let_go() puts it where it could run.
 */
bool task_hold(struct task *t)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	bool quiet = t->state == TASK_SLEEPING && rq->curr != t && !t->on_rq;

	if (quiet)
		t->held = true;
	task_rq_unlock(rq, flags);
	return quiet;
}

/* The wake-ups that it has missed are made up for by this one. */
void task_let_go(struct task *t) __no_lock_analysis
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	t->held = false;
	t->state = TASK_RUNNABLE;
	place_and_unlock(rq, t, flags);
}

/* ---- a preferred turn ---- */

void task_prefer(struct task *t)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	bool queued = !list_empty(&t->run_link), kick = false;

	if (queued)
		rq_dequeue(rq, t);
	t->slice_left = SCHED_SLICE_NS;
	t->preferred = true;
	if (queued)
		kick = activate(rq, t);
	rq_unlock_and_kick(rq, flags, kick);
}

/* ---- spared tasks ---- */

/* How many are spared for the time of a freeze: 0 saves the walks. */
atomic_t freezer_nr_spared;

static void count_spared(uint8_t before, uint8_t after)
{
	int was = (before & SPARE_FOR_A_FREEZE) != 0;
	int is = (after & SPARE_FOR_A_FREEZE) != 0;

	if (is != was)
		atomic_add_return(is - was, &freezer_nr_spared);
}

/*
 * In one step under the queue's lock: a queued task is in the list that its
 * bits ask for, always, and a running one that may not any more is told to
 * leave its CPU.  The count goes with the bits, so that it is 0 only where no
 * task has any.
 */
static void respare(struct task *t, uint8_t set, uint8_t clear)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	bool queued = !list_empty(&t->run_link), kick;
	uint8_t spared = (uint8_t)((t->spared | set) & ~clear);

	if (queued)
		rq_dequeue(rq, t);
	count_spared(t->spared, spared);
	t->spared = spared;
	if (t->stopped && t->spared) {
		t->stopped = false;
		queued = rq->curr != t;
	}
	kick = queued ? activate(rq, t) : rq->curr == t && !sched_may_run(t);
	rq_unlock_and_kick(rq, flags, kick);
}

void task_spare(struct task *t, uint8_t reason)
{
	respare(t, reason, 0);
}

void task_unspare(struct task *t, uint8_t reason)
{
	respare(t, 0, reason);
}

/* ---- tasks that a test stops ---- */

void (*sched_timer_hook)(const struct trap_frame *frame);
#ifdef CONFIG_LAB
void (*sched_idle_hook)(void);
#endif

void task_stop_current(void)
{
	struct rq *rq = this_rq();

	spin_lock(&rq->lock);
	assert(current != rq->idle);
	current->stopped = true;
	this_cpu()->need_resched = 1;
	spin_unlock(&rq->lock);
}

void task_go_on(struct task *t)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	bool kick = t->stopped && rq->curr != t && activate(rq, t);

	t->stopped = false;
	rq_unlock_and_kick(rq, flags, kick);
}

/* ---- signals, as far as the scheduler is concerned ---- */

bool signal_pending(const struct task *t)
{
	return READ_ONCE(t->signals) != 0;
}
EXPORT_SYMBOL(signal_pending);

bool fatal_signal_pending(const struct task *t)
{
	return (READ_ONCE(t->signals) & ~SIG_HARMLESS) != 0;
}

bool signal_pending_mode(const struct task *t, enum wait_mode mode)
{
	switch (mode) {
	case WAIT_INTERRUPTIBLE:
		return signal_pending(t);
	case WAIT_KILLABLE:
		return fatal_signal_pending(t);
	default:
		return false;
	}
}

/*
 * Between the unlock and the wake-up the task may have woken, and slept again:
 * then it is woken once too often, which every sleeper bears.
 */
void send_signal(struct task *t, int sig)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	bool wake;

	t->signals |= SIG_BIT(sig);
	wake = t->state == TASK_SLEEPING &&
	       signal_pending_mode(t, t->sleep_mode);
	/* In user mode it notices on the way through an interrupt. */
	rq_unlock_and_kick(rq, flags, rq->curr == t && t->process);
	if (wake)
		wake_up_task(t);
}

void clear_signals(struct task *t)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	t->signals = 0;
	task_rq_unlock(rq, flags);
}

/* ---- balance ---- */

/*
 * The victim's lock is tried only, and dropped before ours is taken: two queues
 * are never locked together, so they need no order.
 */
static struct task *steal_from(struct rq *victim) __no_lock_analysis
{
	struct task *t = NULL;

	if (!READ_ONCE(victim->nr_queued) || !spin_trylock(&victim->lock))
		return NULL;
	t = rq_pick(victim);
	if (t == victim->idle)
		t = NULL;
	if (t) {
		rq_dequeue(victim, t);
		/* On its way between two queues it is neither asleep nor
		 * gone, whatever its state: preempted tasks have any. */
		t->on_rq = true;
		WRITE_ONCE(t->cpu, cpu_id());
	}
	spin_unlock(&victim->lock);
	return t;
}

static void take_in(struct rq *rq, struct task *t) __no_lock_analysis
{
	spin_lock(&rq->lock);
	rq_enqueue(rq, t, false);
	spin_unlock(&rq->lock);
}

/*
 * At the end of a slice: one task of the longest queue, where two more wait
 * than here; so nothing goes to and fro.  Lengths are read without a lock: a
 * guess.  True: somebody waits here who did not.  Interrupts off.
 */
static bool pull(struct rq *rq)
{
	uint32_t longest = READ_ONCE(rq->nr_queued) + 1;
	struct rq *busiest = NULL;
	struct task *t;

	for (uint32_t c = 0; c < nr_cpus; c++) {
		if (READ_ONCE(rqs[c].nr_queued) <= longest)
			continue;
		busiest = &rqs[c];
		longest = READ_ONCE(busiest->nr_queued);
	}
	t = busiest ? steal_from(busiest) : NULL;
	if (t)
		take_in(rq, t);
	return t != NULL;
}

/* ---- what the machine calls ---- */

/* @may_preempt: were there somebody else, he could have the CPU. */
static noinline void timer_interrupt(bool may_preempt)
{
	struct rq *rq = this_rq();
	bool over;
	uint64_t now;

	ktimer_run_due();
	spin_lock(&rq->lock);
	now = clock_ns();
	account(rq, rq->curr, now);
	if (may_preempt)
		watchdog_pass(now);
	over = rq->curr != rq->idle && rq->curr->slice_left == 0;
	if (over) {
		if (rq->nr_queued)
			this_cpu()->need_resched = 1;
		else
			next_slice(rq->curr);
	}
	spin_unlock(&rq->lock);
	if (over && pull(rq))
		this_cpu()->need_resched = 1;
	arm_timer(rq, clock_ns() + TIMER_REST_NS);
}

void sched_timer_interrupt(struct trap_frame *frame)
{
	clock_enter_interrupt();
	timer_interrupt(trap_from_user(frame) || !preempt_count());
	clock_leave_interrupt();
	stack_wipe_near(1024);		/* of times (H09) */
	if (unlikely(sched_timer_hook))
		sched_timer_hook(frame);
}

void sched_preempt_irq(void)
{
	do {
		__schedule(true);
	} while (need_resched());
}

/*
 * The loop ends with interrupts off and nothing left to do; what comes after
 * that comes as an interrupt, and out of user mode.
 */
void sched_exit_to_user(struct trap_frame *frame)
{
	for (;;) {
		freezer_leave_kernel();
		if (need_resched()) {
			__schedule(true);
		} else if (signal_pending(current)) {
			local_irq_enable();
			process_deliver_signals(frame);
			local_irq_disable();
		} else {
			return;
		}
	}
}

void sched_user_fault(struct trap_frame *frame, uintptr_t addr)
{
	pr_info("%s[%d]: trap %u at eip %08x, address %08lx: killed",
		current->comm, current->pid, frame->vector, frame->eip,
		(unsigned long)addr);
	current->faulted = true;
	send_signal(current, SIGSEGV);
}

void sched_task_entry(void)
{
	finish_switch();
	stack_wipe_dead();	/* of times: the first frames stay (H09) */
	local_irq_enable();
	cond_resched();
	task_exit(current->thread_fn(current->thread_arg));
}

/* ---- idle ---- */

/* Takes a task that waits for a busy CPU.  Interrupts off. */
static bool steal(void)
{
	struct rq *rq = this_rq();

	for (uint32_t i = 1; i < nr_cpus; i++) {
		struct task *t = steal_from(&rqs[(cpu_id() + i) % nr_cpus]);

		if (!t)
			continue;
		take_in(rq, t);
		return true;
	}
	return false;
}

static void idle_loop(void) __noreturn;
static void idle_loop(void)
{
	for (;;) {
		local_irq_disable();
		if (!need_resched() && !steal() && !need_resched())
			cpu_wait_for_interrupt();
		else
			local_irq_enable();
		if (unlikely(sched_idle_hook))
			sched_idle_hook();
		__schedule(true);
	}
}

static void idle_init(uint32_t cpu)
{
	struct rq *rq = &rqs[cpu];
	struct task *t = &idle_tasks[cpu];

	t->cpu = cpu;
	t->state = TASK_RUNNABLE;
	t->on_rq = true;
	INIT_LIST_HEAD(&t->run_link);
	INIT_LIST_HEAD(&t->tasks);
	snprintf(t->comm, sizeof(t->comm), "idle/%u", cpu);
	atomic_set(&t->refs, 1);
	rq->idle = t;
	rq->curr = t;
}

void sched_init(void)
{
	for (uint32_t cpu = 0; cpu < NR_CPUS; cpu++) {
		struct rq *rq = &rqs[cpu];

		spin_lock_init(&rq->lock, "rq");
		INIT_LIST_HEAD(&rq->spared);
		INIT_LIST_HEAD(&rq->lists[0]);
		INIT_LIST_HEAD(&rq->lists[1]);
		idle_init(cpu);
	}
	percpus[0].current_task = &idle_tasks[0];
}

void sched_start(void)
{
	idle_loop();
}

void sched_cpu_main(void)
{
	this_cpu()->current_task = &idle_tasks[cpu_id()];
	idle_loop();
}
