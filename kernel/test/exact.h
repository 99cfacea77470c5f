/*
 * A task stopped after an exact number of instructions, for tests of what may
 * happen there.
 *
 * Under -icount shift=0 one tick of the LAPIC timer is one instruction: a
 * one-shot of n ticks interrupts the victim behind instruction n of its way.
 * The interrupt preempts it as any other does, only that it gets no turn again
 * until the refrigerator spares it or the test lets it go on.  So what is
 * tested is the kernel as it is, in the worst of all schedules.
 *
 * One victim at a time.  Process context.
 */
#ifndef TEST_EXACT_H
#define TEST_EXACT_H

#include <kernel/wait.h>
#include <sched/ktimer.h>

struct task;
struct trap_frame;

/*
 * Lock key: (c) the caller's, set before exact_start()  (v) the victim, until
 * the caller is told  (r) read when exact_start() has returned
 */
struct exact {
	int		(*way)(void *arg);	/* (c) what the victim does */
	void		*arg;			/* (c) no address of a module */
	uint32_t	ticks;			/* (c) where to stop it */
	uint64_t	rescue_ns;		/* (c) it goes on after this for
						 * who waits; 0: never */
	/* (c) or NULL: at the stop, in the interrupt, on the victim's stack */
	void		(*look)(struct exact *e, const struct trap_frame *f);

	bool		stopped;		/* (v) (r) */
	bool		late;			/* (v) (r) preemption was off
						 * there: stopped where it was
						 * on again */
	bool		finished;		/* (v) it came to its end */
	bool		rescued;		/* after @rescue_ns */
	int		result;			/* (v) of @way */
	bool		disturbed;		/* (v) lost its CPU otherwise */
	struct task	*victim;		/* (v) (r) */
	struct wait_queue_head	wait;
	struct ktimer	rescue;
};

/*
 * Starts a victim on its way.  1: it stands at the chosen place, on no CPU;
 * 0: its way is shorter than that, it has finished; -ENOMEM.  Where 0 or 1 is
 * returned exact_finish() is due.
 */
int exact_start(struct exact *e);
/* Lets the victim go on, waits for its end, and returns its result. */
int exact_finish(struct exact *e);

/* Ticks are instructions on this machine.  Tried, not believed. */
bool exact_is_possible(void);

#endif
