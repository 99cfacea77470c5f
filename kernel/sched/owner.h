/*
 * Modules as the lower rooms see them: an id, a name, a use count, a state,
 * and the page where the dossier begins.  The record is kernel memory, never
 * freed, and holds no pointer into the window.
 *
 * The use count is a hint that makes the common refusal cheap (what is safe to
 * free is decided by evidence).  What the kernel counts (open files) and what
 * the module takes are apart, so that a module that puts what it never got
 * does not falsify the former (H35).
 */
#ifndef SCHED_OWNER_H
#define SCHED_OWNER_H

#include <kernel/atomic.h>
#include <kernel/ktime.h>
#include <kernel/module_id.h>
#include <kernel/wait.h>

enum module_state {
	MODULE_FREE,		/* the id is unused */
	MODULE_LOADING,
	MODULE_LIVE,
	MODULE_CLOSED,		/* unregistered, outcome open */
	MODULE_HELD,		/* and its engines held */
	MODULE_DEFERRED,	/* goes when the last user has left */
	MODULE_DEAD,		/* verdict passed; cleanup under way */
	MODULE_ENTOMBED,	/* interfaces gone, memory kept for ever */
	MODULE_GONE,		/* tombstone: named until the id is reused */
};

#define OWNER_NAME_LEN	32
#define OWNER_SITES	8

/* Where the module took counts that it has not put. */
struct owner_site {
	uint32_t	window_offset;	/* of the caller, + 1; 0: free */
	pid_t		pid;
	int		count;
	struct stamp	since;
};

/*
 * Lock key: (m) module_lock of the module room  (a) atomic  (s) sites_lock
 *	(u) the undertaker only
 */
struct owner {
	char			name[OWNER_NAME_LEN];	/* (m) */
	uint32_t		state;		/* (m), read freely */
	uint32_t		dossier_page;	/* (m) page of the window + 1 */
	atomic_t		opens;		/* (a) files, kernel-held */
	atomic_t		refs;		/* (a) try_module_get() */
	atomic_t		underflows;	/* (a) */
	bool			may_register;	/* once, past init */
	bool			wake_undertaker; /* (m) at count 0 */
	bool			abandoned;	/* a routine of it, called by an
						 * earlier attempt, has not
						 * returned */
	uint32_t		deferred_by;	/* (u) the unload's number */
	uint32_t		retries;	/* (u) DEFERRED, count 0, and
						 * could not go: so often */
	struct stamp		retry_at;	/* (u) */
	struct spinlock		sites_lock;
	struct owner_site	sites[OWNER_SITES];	/* (s) */
	int			elsewhere;	/* (s) counts that had no room
						 * there */
};

extern struct owner owners[MAX_MODULES];
extern struct wait_queue_head undertaker_wait;

static inline struct owner *owner_of(module_id_t id)
{
	return &owners[id];
}

enum module_state owner_state(module_id_t id);
const char *owner_state_name(enum module_state s);

/* Past its verdict: what it starts from here on is refused (H48). */
static inline bool owner_is_dead(module_id_t id)
{
	return id != MODULE_NONE && owner_state(id) >= MODULE_DEAD;
}
/* Says so in the log: "foo: arms timer x after its verdict; refused". */
void owner_report_late(module_id_t id, const char *does, const char *name);

/* opens + refs.  Any context. */
int owner_count(module_id_t id);

/* A copy of the @i-th entry of the places that hold counts.  Any context. */
struct owner_site owner_site(module_id_t id, size_t i);
/* So many counts are of no site, as all were in use.  Any context. */
int owner_counts_elsewhere(module_id_t id);

/* The kernel's own count for an open file.  Any context. */
void owner_open_get(module_id_t id);
void owner_open_put(module_id_t id);

#endif
