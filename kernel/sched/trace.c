/*
 * Where a task is: a look at the stack of another, while that cannot change.
 * Reports only; what an unload believes is evidence.c's.
 */
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <mm/mm.h>
#include <sched/sched.h>
#include <sched/trace.h>
#include <x86/smp.h>
#include <x86/switch.h>
#include <x86/trap.h>

/*
 * Under the lock of its queue, so that it neither begins to run nor is buried
 * under the walk: the stack of the dead is the reaper's.  The record of a
 * module's thread that is held has none, or half of one: kthread.c moves stack
 * and esp without the lock, but only between task_hold() and task_let_go(),
 * which set and clear @held under it.
 */
enum trace_result trace_task(struct task *t, struct backtrace *bt)
{
	enum trace_result result = TRACE_SAVED;
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	bt->n = 0;
	if (t->state == TASK_DEAD || t->held || !t->stack) {
		result = TRACE_DEAD;
	} else if (task_is_running(t)) {
		result = TRACE_RUNNING;
	} else {
		backtrace_from(bt, switch_saved_pc(t->esp),
			       switch_saved_ebp(t->esp), t->esp,
			       task_stack_top(t));
	}
	task_rq_unlock(rq, flags);
	return result;
}

struct running {
	struct task		*t;
	struct backtrace	*bt;
	uintptr_t		eip;
	bool			found, user;
};

/*
 * All CPUs stand, interrupts off: no lock, no allocation.  The task may have
 * moved on before they were caught; what was not found is not told.
 */
static int look_at_running(void *arg)
{
	struct running *r = arg;
	const struct trap_frame *f = smp_caught_frame(r->t->cpu);

	if (!f || cpu_current(r->t->cpu) != r->t)
		return 0;
	r->found = true;
	r->eip = f->eip;
	r->user = trap_from_user(f);
	if (!r->user)
		backtrace_from(r->bt, f->eip, f->ebp, (uintptr_t)f,
			       task_stack_top(r->t));
	return 0;
}

enum trace_result trace_running(struct task *t, struct backtrace *bt,
				uintptr_t *eip)
{
	struct running r = { .t = t, .bt = bt };
	uint64_t stopped_ns;
	uint32_t late;

	bt->n = 0;
	/* We are in no frame that was caught: our CPU asks. */
	if (t != current)
		smp_rendezvous(look_at_running, &r, 10 * NSEC_PER_MSEC, &late,
			       &stopped_ns);
	*eip = r.eip;
	if (!r.found)
		return trace_task(t, bt);
	return r.user ? TRACE_USER : TRACE_RUNNING;
}

/*
 * A task in one of these sleeps, or was switched out, for whoever called it.
 * By name, as there is no other mark; a function that was inlined is missing
 * from the backtrace, and need not be known here.
 */
static bool is_sleeping_machinery(const char *name)
{
	static const char *const names[] = {
		"schedule", "__schedule", "sleep_from", "wait_schedule",
		"sleep_until_deadline", "sleep_ms", "msleep",
		"msleep_interruptible", "completion_wait",
		"wait_for_completion", "wait_for_completion_killable",
		"wait_for_completion_deadline", "mutex_lock_mode",
		"mutex_lock", "mutex_lock_interruptible",
		"mutex_lock_killable", "sched_preempt_irq",
		"sched_exit_to_user", "trap_dispatch", "cond_resched", "yield",
		"switch_context", "switch_to", "preempt_schedule",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* The compiler's clones ("x.part.0", "x.constprop.0") are their originals. */
static void cut_suffix(char *name)
{
	char *dot = strchr(name, '.');

	if (dot && dot != name)
		*dot = '\0';
}

/* A module's function is a place whatever it is called. */
uint32_t trace_place(const struct backtrace *bt)
{
	struct symbol_info info;
	uint32_t i;

	for (i = 0; i < bt->n; i++) {
		if (!kallsyms_lookup(bt->pc[i], &info))
			break;
		cut_suffix(info.name);
		if (info.module[0] || !is_sleeping_machinery(info.name))
			break;
	}
	return i;
}
