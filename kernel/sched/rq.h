/*
 * Run queues, private to the scheduler and the freezer.
 *
 * A queue has three lists.  Spared tasks come first, and alone while the
 * freezer's gate is closed.  Of the others, those that have slice left are in
 * the active list and run in turn; who has used his up gets another in the
 * expired list; when the active one is empty the two change places.  Sleep
 * earns slice, and who wakes joins the active list; but once somebody has
 * waited in the expired one for as long as a slice of everybody else takes,
 * whoever wakes goes there, too, and the active one runs dry.  So nobody waits
 * for much more than that, and for whoever is preferred (task_prefer): such a
 * task is at the head of the active list until its slice is over.
 */
#ifndef SCHED_RQ_H
#define SCHED_RQ_H

#include <sched/sched.h>

#define SCHED_SLICE_NS	(4u * 1000 * 1000)

/* Lock key: (q) lock, taken with interrupts off */
struct rq {
	struct spinlock		lock;
	struct task		*curr;		/* (q) */
	struct task		*idle;		/* constant */
	struct task		*dead;		/* (q) during its last switch */
	struct list_head	spared;		/* (q) */
	struct list_head	lists[2];	/* (q) */
	uint32_t		active;		/* (q) which of the two */
	uint32_t		nr_queued;	/* (q) in the three lists */
	uint64_t		switches;	/* (q) */
	struct stamp		expired_since;	/* (q) who is there longest */
	struct stamp		idle_time;	/* (q) */
} __aligned(64);

extern struct rq rqs[NR_CPUS];

#define SPARE_FOR_A_FREEZE	(SPARE_EVIDENCE | SPARE_LOCK)
extern atomic_t freezer_nr_spared;

/* The gate (freezer.c); changed by the undertaker, read under rq->lock. */
extern bool freezer_gate_closed;

static inline bool task_is_idle(const struct task *t)
{
	return rqs[t->cpu].idle == t;
}

/* May @t run as things are?  Under rq->lock. */
static inline bool sched_may_run(const struct task *t)
{
	return !READ_ONCE(freezer_gate_closed) || t->spared || task_is_idle(t);
}

#endif
