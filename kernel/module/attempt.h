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
	struct territory	terr;		/* (u) */
	struct stamp		start, deadline;	/* (u) */
	uint32_t		closed;		/* (u) unregister was called */
	bool			held;		/* (u) engines are being held */
	bool			was_deferred;	/* (u) */
	uint64_t		last_freeze_ns;	/* (u) small: a duration */
	struct bearer		*bearers[UNLOAD_MAX_NAMES]; /* (u) */
};

struct attempt *attempt_new(void);		/* NULL: no memory */
void attempt_put(struct attempt *a);

/* ---- unload.c: the undertaker's ---- */

void attempt_run(struct attempt *a);
bool attempt_deferred(void);

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
 * Calls a routine of the @i-th module and waits until @deadline for it.  0;
 * -ETIMEDOUT or -EINTR with the place where it hangs in the report: it is left
 * to itself then (owner.abandoned), and later calls for this module are none.
 */
int routine_run(struct attempt *a, uint32_t i, enum routine_kind kind,
		uint64_t deadline);

#endif
