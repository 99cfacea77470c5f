/*
 * The watchdog: names what does not go on, so that a machine that hangs says
 * where.  Built with DEBUG=1 only.
 *
 * A CPU is stuck that runs a task and has come neither to the scheduler nor to
 * a tick at which it could be preempted: it spins, with interrupts off or with
 * preemption off.  Every CPU looks at all the others by a timer, as the one
 * that is stuck may have its own timer's interrupt off; an NMI asks it where it
 * is.
 *
 * A task is stuck that sleeps where no signal and no deadline ends it, or that
 * waits for a turn on a CPU.  A thread looks at all of them; one that was not
 * switched to since it was first seen waiting has waited for so long.  Threads
 * that rest between two orders say so (wait_event_idle()), and a module's own
 * may rest as they like.  Frozen by hand, or held, nobody can go on: their time
 * begins anew, with the thaw, as who looks may have been frozen himself.
 *
 * Whoever is found is told of once, until he has gone on.  What is kept here of
 * places in modules is not searched, and is wiped from the stack.
 */
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <debug/backtrace.h>
#include <lib/cmdline.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <sched/watchdog.h>
#include <x86/clock.h>
#include <x86/machine.h>
#include <x86/smp.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

#ifdef CONFIG_DEBUG

#define DEFAULT_S	20u
#define ANSWER_NS	(500 * NSEC_PER_MSEC)
#define NOBODY		NR_CPUS

static uint64_t limit_ns;		/* constant after watchdog_init() */
static bool fatal;			/* likewise */

/* Written by the CPU itself, but for @told: watch_lock. */
static struct {
	struct stamp	passed;
	bool		told;
	struct ktimer	timer;
} watched_cpus[NR_CPUS];

static DEFINE_SPINLOCK(watch_lock);	/* one report at a time */

/* Whom an NMI asks, NOBODY: nobody; and what he answers. */
static uint32_t asked = NOBODY;
static struct backtrace answer __no_pointers;
static bool answered;

/* ---- CPUs ---- */

void watchdog_pass(uint64_t now)
{
	watched_cpus[cpu_id()].passed = stamp_of(now);
}

/*
 * Anything may be interrupted, a holder of any lock: it takes none.  In user
 * mode nobody is stuck; then there is no answer.
 */
bool sched_watchdog_nmi(const struct trap_frame *frame)
{
	if (READ_ONCE(asked) != cpu_id())
		return false;
	answer.n = 0;
	if (!trap_from_user(frame))
		backtrace_from(&answer, frame->eip, frame->ebp,
			       trap_frame_sp(frame), task_stack_top(current));
	smp_store_release(&answered, true);
	return true;
}

/*
 * Emulators lose no NMI, but may take their time to deliver one: a virtual CPU
 * that has no turn on a busy host answers when it has.
 */
static void ask_where_it_is(uint32_t cpu)
{
	uint64_t end = clock_ns() + ANSWER_NS;

	answered = false;
	answer.n = 0;
	__atomic_store_n(&asked, cpu, __ATOMIC_SEQ_CST);
	smp_send_nmi(cpu);
	while (!smp_load_acquire(&answered) && clock_ns() < end)
		cpu_relax();
	__atomic_store_n(&asked, NOBODY, __ATOMIC_SEQ_CST);
}

static void bite(const char *what, const struct task *t, unsigned int s)
{
	if (fatal)
		panic("watchdog: pid %d (%s) %s for %u s", t->pid, t->comm,
		      what, s);
}

/* Under watch_lock. */
static void tell_of_cpu(uint32_t cpu, const struct task *t, uint64_t age)
{
	unsigned int s = (unsigned int)(age / NSEC_PER_SEC);

	ask_where_it_is(cpu);
	pr_err("watchdog: CPU %u has not come to the scheduler for %u s; it "
	       "runs pid %d (%s)", cpu, s, t->pid, t->comm);
	backtrace_print(&answer);
	bite("keeps its CPU", t, s);
}

/*
 * First who runs there, then when it came to the scheduler: an idle CPU that
 * takes a task notes the time before.  A record that is freed meanwhile is that
 * of a task that went on; the text may be another's then.
 */
static void look_at_cpu(uint32_t cpu)
{
	const struct task *t = cpu_current(cpu);
	uint64_t passed, now = clock_ns();

	smp_mb();
	passed = stamp_ns(watched_cpus[cpu].passed);
	if (task_is_idle(t) || now < passed || now - passed < limit_ns) {
		watched_cpus[cpu].told = false;
		return;
	}
	if (watched_cpus[cpu].told)
		return;
	watched_cpus[cpu].told = true;
	tell_of_cpu(cpu, t, now - passed);
}

static void look_at_cpus(struct ktimer *timer)
{
	if (spin_trylock(&watch_lock)) {
		for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
			look_at_cpu(cpu);
		spin_unlock(&watch_lock);
	}
	ktimer_start(timer, clock_ns() + limit_ns / 4);
}

static void watch_from_here(void *arg)
{
	struct ktimer *timer = &watched_cpus[cpu_id()].timer;

	(void)arg;
	ktimer_init(timer, look_at_cpus);
	ktimer_start(timer, clock_ns() + limit_ns / 4);
}

/* ---- tasks ---- */

static bool is_stuck_asleep(const struct task *t)
{
	if (t->state != TASK_SLEEPING || t->on_rq)
		return false;
	if (t->blocked_on)
		return true;
	return t->sleep_mode == WAIT_UNINTERRUPTIBLE && !t->owner &&
	       !stamp_ns(t->sleep_deadline);
}

/* Under the lock of its queue. */
static const char *what_it_waits_for(const struct task *t)
{
	if (t->held || t->stopped || task_is_running(t) || !t->stack)
		return NULL;
	if (is_stuck_asleep(t))
		return "sleeps";
	return t->state == TASK_RUNNABLE && t->on_rq ? "has had no turn" : NULL;
}

static noinline const char *look_at_task(struct task *t)
{
	uint64_t now = clock_ns();
	const char *what;
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	what = freezer_frozen() ? NULL : what_it_waits_for(t);
	if (!what || !stamp_ns(t->watched.since) ||
	    t->watched.switches != t->switches ||
	    t->watched.thaws != freezer_manual_thaws()) {
		t->watched.switches = t->switches;
		t->watched.thaws = freezer_manual_thaws();
		t->watched.since = stamp_of(now);
		t->watched.told = false;
		what = NULL;
	} else if (t->watched.told ||
		   now - stamp_ns(t->watched.since) < limit_ns) {
		what = NULL;
	} else {
		t->watched.told = true;
		backtrace_from(&answer, switch_saved_pc(t->esp),
			       switch_saved_ebp(t->esp), t->esp,
			       task_stack_top(t));
	}
	task_rq_unlock(rq, flags);
	return what;
}

static bool watch_task(struct task *t, void *arg)
{
	uint32_t flags = spin_lock_irqsave(&watch_lock);
	const char *what = look_at_task(t);
	unsigned int s;

	(void)arg;
	if (what) {
		s = stamp_age_ms(t->watched.since) / 1000;
		pr_err("watchdog: pid %d (%s) %s for %u s", t->pid, t->comm,
		       what, s);
		backtrace_print(&answer);
		bite(what, t, s);
	}
	spin_unlock_irqrestore(&watch_lock, flags);
	return true;
}

static int watch_tasks(void *arg)
{
	(void)arg;
	for (;;) {
		msleep((unsigned int)(limit_ns / 4 / NSEC_PER_MSEC));
		task_for_each(watch_task, NULL);
		stack_wipe_dead();
	}
	return 0;
}

void watchdog_init(const char *cmdline)
{
	unsigned int s = DEFAULT_S;
	struct task *t;
	char text[16];

	if (cmdline_get(cmdline, "watchdog", text, sizeof(text)))
		kstrtouint(text, 0, &s);
	fatal = cmdline_get(cmdline, "watchdog_panic", text, sizeof(text)) &&
		strcmp(text, "1") == 0;
	if (!s)
		return;
	limit_ns = s * NSEC_PER_SEC;
	t = kthread_run(watch_tasks, NULL, "watchdog");
	if (t)
		task_put(t);
	smp_call_others(watch_from_here, NULL);
	watch_from_here(NULL);
}

#endif
