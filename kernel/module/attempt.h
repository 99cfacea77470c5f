/*
 * One attempt to unload: the request, its answer, and what has been done so far
 * and would have to be undone.  Shared by unload.c (the steps), routine.c (the
 * module's own routines) and undertaker.c (who asks, who serves).
 */
#ifndef MODULE_ATTEMPT_H
#define MODULE_ATTEMPT_H

#include <kernel/completion.h>
#include <module/internal.h>

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
 * Calls a routine of module @id in a thread of its own and waits until
 * @deadline for it.  0; -ETIMEDOUT or -EINTR with the place where it hangs in
 * the report: it is left to itself then (owner.abandoned).
 */
int routine_run(struct attempt *a, module_id_t id, enum routine_kind kind,
		uint64_t deadline);

#endif
