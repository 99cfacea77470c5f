/*
 * One attempt to unload: the request, its answer, and what has been done so far
 * and would have to be undone.  Shared by unload.c (the steps), routine.c (the
 * module's own routines) and undertaker.c (who asks, who serves).
 */
#ifndef MODULE_ATTEMPT_H
#define MODULE_ATTEMPT_H

#include <kernel/completion.h>
#include <module/internal.h>

struct bearer;

/*
 * How far an attempt has got, and thereby what it takes to undo it.
 *
 *	LOOKED -> CLOSED -> UNREGISTERED -> HELD -> DEAD -> SETTLED
 *	              '----------'-----------'       gone or entombed
 *		       give_up(): reactivate, defer, entomb
 *
 * It only ever goes up.  What a stage says holds of every module of the
 * territory; in CLOSED, unregister was called for the first
 * @nr_unregistered of them.
 */
enum attempt_stage {
	STAGE_LOOKED,		/* nothing was changed */
	STAGE_CLOSED,		/* to others it is CLOSED */
	STAGE_UNREGISTERED,	/* no door is open; users may be inside */
	STAGE_HELD,		/* some engines may stand still, or all */
	STAGE_DEAD,		/* past the verdict: there is no way back */
	STAGE_SETTLED,		/* and nothing is left to be done */
};

/*
 * Lock key: (c) constant once queued  (u) the undertaker  (x) one store
 *	(q) undertaker.c's queue_lock
 */
struct attempt {
	struct list_head	queue;		/* (q) */
	atomic_t		refs;
	struct unload_request	req;		/* (c) */
	struct unload_report	*report;	/* (u) until done; GFP_DATA */
	struct task		*caller;	/* (c) referenced, or NULL */
	struct completion	done;
	bool			cancelled;	/* (x) */
	bool			expel;		/* (c) a failed load */
	bool			retry;		/* (c) only while DEFERRED */
	struct territory	terr;		/* (u) */
	struct stamp		start, deadline;	/* (u) */
	enum attempt_stage	stage;		/* (u) */
	uint32_t		nr_unregistered; /* (u) */
	enum module_state	before[UNLOAD_MAX_NAMES]; /* (u) CLOSED */
	uint64_t		last_freeze_ns;	/* (u) small: a duration */
	struct list_head	kept;		/* (u) deferred.c */
	uint32_t		retries;	/* (u) of a verdict */
	struct stamp		retry_at;	/* (u) */
	struct bearer		*bearers[UNLOAD_MAX_NAMES]; /* (u) */
};

struct attempt *attempt_new(void);		/* NULL: no memory */
void attempt_put(struct attempt *a);
/* The names asked for, for a line on a screen: cut where @buf ends. */
void attempt_join_names(const struct unload_request *req, char *buf,
			size_t n);

/*
 * Somebody wants it to end: no step is begun any more.  Past the verdict nobody
 * can: who waits then waits, who rests rests.
 */
static inline bool attempt_cancelled(const struct attempt *a)
{
	return READ_ONCE(a->cancelled) && a->stage < STAGE_DEAD;
}

/* How often a thing that is about to happen is looked for. */
#define ATTEMPT_POLL_NS	(100 * NSEC_PER_USEC)

/* ---- unload.c: the undertaker's ---- */

/* Sleeps until @ns of ktime_get_ns(), or a cancellation. */
void attempt_pause_until(const struct attempt *a, uint64_t ns);
/* Puts the interruption into the report.  Returns -EINTR. */
int attempt_interrupted(struct attempt *a);
/* Open files and counts of all modules of the territory. */
int territory_count(const struct territory *terr);
/*
 * By when a step is over that cannot be left out, in ns of ktime_get_ns(): what
 * is left of the caller's time (G3), but enough even where the rounds have used
 * it all.
 */
uint64_t attempt_step_deadline(const struct attempt *a);
/*
 * Holds what was started since the engines were held.  0; -EAGAIN with the
 * engine that does not come to rest in the report.
 */
int attempt_hold_again(struct attempt *a);

/*
 * The whole of it: the answer is in the report, the error as well.  Where it
 * is UNLOAD_UNFINISHED a reference went to attempt_keep().
 */
void attempt_run(struct attempt *a);
/*
 * The verdict that was not passed once more, @a as attempt_run() has left it:
 * the second one, or that of an expulsion.
 */
void attempt_run_again(struct attempt *a);

/* ---- look.c: step 1 ---- */

/* Fills the territory.  0, or the refusal, which is in the report. */
int look(struct attempt *a);
/* States and dependents once more, as they are closed. */
int look_again_locked(struct attempt *a) __must_hold(&module_lock);
/*
 * Names who is counted, or says by the deadline that nobody was found, or names
 * nobody where the attempt is cancelled.  False: the last one left meanwhile.
 */
bool look_for_users(struct attempt *a);
/* The same as a refusal: -EBUSY, -EINTR or 0. */
int look_refuse_busy(struct attempt *a);

/* ---- predict.c: the dry run ---- */

/* Steps 4 and 5 without the commit.  0: it would go. */
int predict(struct attempt *a);
/*
 * The word at @at points into the territory, but closing the doors and holding
 * the engines would have taken it away.
 */
bool predict_expects(const struct territory *terr, uintptr_t at);
/* What both the dry run and the unload do then; the refusal as a text. */
int attempt_examine(struct attempt *a);

/* ---- deferred.c ---- */

/*
 * Takes over the caller's reference of an attempt whose verdict has to be tried
 * again.
 */
void attempt_keep(struct attempt *a);
/*
 * An attempt each for the DEFERRED modules whose count is 0 and time come, and
 * what is left of those that were kept.
 */
void attempt_deferred(void);
bool attempt_deferred_is_due(void);
/* When the next of them is due: ktime_get_ns() time, 0: only a count tells. */
uint64_t attempt_deferred_next(void);

/* ---- verdict.c: steps 4 and 5 ---- */

/*
 * Rounds of freezing and examining until the verdict is passed, and then, with
 * @commit, the modules are DEAD.  0; -EBUSY: a use that does not go away;
 * -ETIMEDOUT: not quiet before @deadline; -EINTR; -EPERM: frozen by hand.  The
 * blockers of the last round are in the report.
 */
int verdict_rounds(struct attempt *a, bool commit, uint64_t deadline);

/* ---- routine.c ---- */

enum routine_kind {
	ROUTINE_REGISTER,
	ROUTINE_UNREGISTER,
	ROUTINE_CLEANUP,
};

/*
 * A thread for each module of the territory, to call its routines: before
 * anything is changed, as nothing may fail for want of memory later.  0, or
 * -ENOMEM.  Dismissed in the end, whatever happened, hired or not.
 */
int routines_prepare(struct attempt *a);
void routines_dismiss(struct attempt *a);
/*
 * Calls a routine of the @i-th module and waits for it: unregister until the
 * attempt's deadline, the others, once begun, as long as a step may take.  0;
 * -ETIMEDOUT or -EINTR with the place where it hangs in the report: it is left
 * to itself then (owner.abandoned), and later calls for this module are none.
 */
int routine_run(struct attempt *a, uint32_t i, enum routine_kind kind);
/* It was called, and has not returned in time. */
bool routine_is_abandoned(const struct attempt *a, uint32_t i);

#endif
