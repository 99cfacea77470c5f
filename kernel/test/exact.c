/*
 * Stops a task after an exact number of instructions: see exact.h.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <sched/rq.h>
#include <test/exact.h>
#include <x86/clock.h>
#include <x86/smp.h>
#include <x86/trap.h>

#define MAX_TRIES	8u

/* Whose victim the timer is to stop; read in the interrupt. */
static struct exact *armed;

/*
 * In the timer interrupt, on the victim's stack; that of another task is let
 * pass.  Who waits is woken last, and still has to see the victim leave its CPU
 * (start_once).
 */
static void stop_victim(const struct trap_frame *f)
{
	struct exact *e = READ_ONCE(armed);

	if (!e || READ_ONCE(e->victim) != current || e->stopped || e->finished)
		return;
	e->stopped = true;
	e->late = preempt_count() != 0;
	if (e->look)
		e->look(e, f);
	task_stop_current();
	wake_up(&e->wait);
}

/* Without a lock: a hint, of which many in a row are asked for. */
static bool others_are_idle(void)
{
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu_current(cpu) != current &&
		    cpu_current(cpu) != rqs[cpu].idle)
			return false;
	return true;
}

/*
 * Under -icount all CPUs together make up one sequence of instructions: only
 * where the others are halted every tick is one of the victim's.  Bounded: on a
 * machine that is never silent the stop is less exact, and no test hangs.
 */
static void wait_for_silence(void)
{
	uint32_t idle_for = 0;

	for (uint32_t i = 0; i < 10000 && idle_for < 100; i++) {
		idle_for = others_are_idle() ? idle_for + 1 : 0;
		cpu_relax();
	}
}

/*
 * The timer is armed with interrupts off, so that the ticks begin with the way
 * and none of them is spent before.  If the victim loses its CPU otherwise,
 * whoever had it has set the timer anew, and no stop comes.  @e stays:
 * exact_finish() waits for the end of the thread, not for @finished alone.
 */
static int walk_the_way(void *arg)
{
	struct exact *e = arg;
	uint64_t switches;
	uint32_t flags;

	wait_for_silence();
	flags = local_irq_save();
	switches = current->switches;
	WRITE_ONCE(e->victim, current);
	clock_arm_ticks(e->ticks);
	local_irq_enable();
	e->result = e->way(e->arg);
	local_irq_disable();
	e->disturbed = !e->stopped && current->switches != switches;
	e->finished = true;
	wake_up(&e->wait);
	local_irq_restore(flags);
	return 0;
}

/* In interrupt context, for an unload that waits for the victim. */
static void rescue(struct ktimer *t)
{
	struct exact *e = container_of(t, struct exact, rescue);

	e->rescued = true;
	task_go_on(e->victim);
}

static int start_once(struct exact *e)
{
	struct task *t;

	e->stopped = e->late = e->finished = e->rescued = e->disturbed = false;
	e->victim = NULL;
	init_waitqueue_head(&e->wait);
	ktimer_init(&e->rescue, rescue);
	WRITE_ONCE(armed, e);
	WRITE_ONCE(sched_timer_hook, stop_victim);
	t = kthread_run(walk_the_way, e, "victim");
	if (!t)
		return -ENOMEM;
	wait_event(e->wait, READ_ONCE(e->stopped) || READ_ONCE(e->finished));
	if (e->finished)
		return 0;
	/*
	 * Told from its own interrupt: its stack is all there when it has left.
	 */
	while (task_is_running(t))
		cpu_relax();
	if (e->rescue_ns)
		ktimer_start(&e->rescue, ktime_get_ns() + e->rescue_ns);
	return 1;
}

/* Where something else took the CPU, the timer was set anew: once more. */
int exact_start(struct exact *e)
{
	for (uint32_t i = 1;; i++) {
		int ret = start_once(e);

		if (ret || !e->disturbed || i == MAX_TRIES)
			return ret;
		exact_finish(e);
	}
}

/* The rescue is cancelled first: it would let a task go on that is no more. */
int exact_finish(struct exact *e)
{
	struct task *t = e->victim;

	ktimer_cancel_sync(&e->rescue);
	task_go_on(t);
	wait_event(e->wait, READ_ONCE(e->finished));
	task_reap(t);
	task_put(t);
	WRITE_ONCE(sched_timer_hook, NULL);
	WRITE_ONCE(armed, NULL);
	return e->result;
}

/* ---- is it exact? ---- */

/*
 * Stores of one length in a row: where ticks are instructions, each tick more
 * brings the victim further by just that length.
 */
static volatile uint32_t sink;

#define STORE4	sink = x; sink = x; sink = x; sink = x
#define STORE16	STORE4; STORE4; STORE4; STORE4
#define STORES	64u

static noinline int straight_way(void *arg)
{
	uint32_t x = (uint32_t)arg;

	STORE16; STORE16; STORE16; STORE16;
	return 0;
}

static uintptr_t stopped_at;		/* kernel text */

static void note_place(struct exact *e, const struct trap_frame *f)
{
	(void)e;
	stopped_at = f->eip;
}

/*
 * Where the victim is after @ticks: bytes into its way, -1: elsewhere.  Static,
 * as others write to the timer and the queue in it (H42).
 */
static int place_after(uint32_t ticks)
{
	static struct exact e = { .way = straight_way, .look = note_place };
	struct symbol_info info;
	int ret;

	e.ticks = ticks;
	ret = exact_start(&e);

	if (ret < 0)
		return -1;
	exact_finish(&e);
	if (ret == 0 || !kallsyms_lookup(stopped_at, &info) ||
	    strcmp(info.name, "straight_way"))
		return -1;
	return (int)info.offset;
}

bool exact_is_possible(void)
{
	uint32_t first = 1;
	int step, at, last;

	/* Past the function's own first instructions. */
	while (first < 100 && place_after(first) < 16)
		first++;
	last = place_after(first);
	at = place_after(first + 1);
	step = at - last;
	for (uint32_t i = 2; i < STORES / 2; i++) {
		last = at;
		at = place_after(first + i);
		if (last < 0 || at < 0 || at - last != step)
			return false;
	}
	return step > 0;
}
