/*
 * Slots and bindings: how a module's interfaces go away and come back without
 * anybody noticing.
 *
 * A slot is kernel memory that outlives whoever can name it: it has the name,
 * a generation and a wait queue.  Its binding is the only pointer from there
 * into the module; it lies in the module's own memory and has the module's
 * function pointers.  Closing an interface takes the binding out of the slot
 * with one store, opening it again puts it back: no allocation, no failure.
 *
 * Whoever uses a slot loads the binding ONCE and tests the value it loaded
 * (H43).  From then on the value, in a register or on the stack, is evidence
 * by itself.  It is never kept in kernel memory past the call, except by what
 * the kernel counts as a use (struct file).
 *
 * The ledger of a module is the list of its bindings: all that the kernel
 * knows it registered.
 *
 * Lock order: slot_lock is a leaf but for wait queue locks and PCI's ports.
 */
#ifndef SCHED_SLOT_H
#define SCHED_SLOT_H

#include <kernel/atomic.h>
#include <kernel/ktime.h>
#include <kernel/list.h>
#include <kernel/module_id.h>
#include <kernel/mutex.h>
#include <kernel/spinlock.h>
#include <kernel/wait.h>

struct slot;
struct binding;

/* What distinguishes the kinds: constant tables, one in the room of each. */
struct slot_ops {
	const char *kind;	/* "device", "timer", "thread" .. for reports */
	bool engine;		/* runs module code by itself; no door */

	/*
	 * Engines only; the undertaker calls them, process context, slot_lock
	 * not held.  @hold: keep it from entering the module again; 0 once that
	 * holds and nothing is in flight, -EAGAIN to be called again a little
	 * later; what is armed meanwhile is noted (H11).  @let_go undoes it;
	 * cannot fail and loses nothing.  @bury: after the verdict, it is over;
	 * the slot still exists, its binding does not.
	 */
	int (*hold)(struct slot *s, struct binding *b);
	void (*let_go)(struct slot *s, struct binding *b);
	void (*bury)(struct slot *s, struct binding *b);
	/*
	 * For an engine that others serve, a device with its interrupt and its
	 * driver's timer: it has something in flight.  Until it has not, none
	 * of the module's engines is held.  Or NULL.  Any context.
	 */
	bool (*busy)(struct slot *s);
	/* The last reference is gone: free the object around the slot. */
	void (*destroy)(struct slot *s);
	/* One line for a report: "every 10 ms", "irq 8, 4711 so far". */
	void (*describe)(struct slot *s, char *buf, size_t size);
	/* Threads that live, and work while it runs: the pid; else 0. */
	pid_t (*pid)(struct slot *s);
};

enum slot_phase {
	SLOT_OPEN,		/* binding in place */
	SLOT_CLOSED,		/* binding in the ledger; await the outcome */
	SLOT_VOID,		/* for good: ENODEV */
};

#define SLOT_NAME_LEN	32

/*
 * Lock key: (s) slot_lock  (c) constant
 */
struct slot {
	const struct slot_ops	*ops;		/* (c) kernel rodata */
	char			name[SLOT_NAME_LEN];	/* (c) */
	module_id_t		owner;		/* (c) */
	struct list_head	names;		/* (s) in slot_names */
	atomic_t		refs;
	enum slot_phase		phase;		/* (s), told by the binding */
	bool			held;		/* (s) engine */
	uint32_t		generation;	/* (s) changes with the phase */
	struct binding		*binding;	/* (s) to write; one load */
	struct wait_queue_head	waiters;	/* for the generation */
};

/*
 * In the module's memory.  What fn, ops and arg mean the kind says.
 *
 * Lock key: (s) slot_lock  (c) constant
 */
struct binding {
	struct list_head	ledger;		/* (s) */
	struct slot		*slot;		/* (c) */
	const void		*ops;		/* (c) table of functions */
	void			(*fn)(void);	/* (c) cast back by the kind */
	void			*arg;		/* (c) */
	bool			withdrawn;	/* (s) by the module */
	bool			awaited;	/* (s) an engine that register,
						 * called again, is to find */
	uintptr_t		held[3];	/* (s) the kind's: what would
						 * point into the module */
	uintptr_t		site;		/* (c) who registered it */
	struct stamp		since;		/* (c) */
};

extern struct spinlock slot_lock;	/* taken with interrupts off */

/*
 * Registers @slot (allocated by its kind, name and ops set, not yet linked)
 * for @owner with a new binding.  Where the ledger of @owner has an entry of
 * the same kind and name for it (a door that was withdrawn; in a reactivation
 * an engine, see ledger_register_again()), that object is the one: *@existing
 * is set to it (referenced), and the caller frees its own.
 *
 * 0; -EEXIST: an open or closed door of this kind has the name; -EPERM: the
 * owner is still in init, or its verdict has passed (H48); -ENOMEM.
 * Process context.  @owner 0 is the kernel: never closed.
 */
struct slot_registration {
	const void	*ops;
	void		(*fn)(void);
	void		*arg;
	uintptr_t	site;
};
int slot_register(struct slot *slot, const struct slot_registration *reg,
		  struct slot **existing);
/*
 * Tells in the log that @owner is refused a name of this kind; of the kernel
 * itself nothing.  Any context.
 */
void slot_name_taken(const char *kind, const char *name, module_id_t owner);

void slot_setup(struct slot *slot, const struct slot_ops *ops,
		const char *name, module_id_t owner);

/*
 * The module takes an interface back.  While the module lives on, closed, the
 * object stays for a reactivation; where it is LIVE (a device unplugged) the
 * slot is void at once.  Process context.
 */
void slot_withdraw(struct slot *slot);

/*
 * An engine that its module has destroyed: it does not run, nothing may find it
 * in the ledger again.  The ledger's reference goes.  Process context.
 */
void slot_forget(struct slot *slot);

/*
 * An engine that its module sets going while it is held: it is held no more,
 * which the verdict sees.  slot_lock is held.
 */
void slot_unhold_locked(struct slot *slot);

/* The slot of that kind and name with a reference, or NULL.  Any context. */
struct slot *slot_find(const struct slot_ops *ops, const char *name);
void slot_get(struct slot *slot);
void slot_put(struct slot *slot);

/* The binding, in place or in the ledger; under ledger_mutex. */
struct binding *slot_entry(struct slot *slot);

/* The one load.  Any context. */
static inline struct binding *slot_binding(struct slot *slot)
{
	return smp_load_acquire(&slot->binding);
}

/*
 * The binding was NULL: -ENODEV where that is for good.  Otherwise notes the
 * slot in the task and returns -ERESTARTSYS; the caller lets go of all that it
 * holds and returns that to the system-call boundary, which calls
 * slot_wait_outcome() and executes the call again.  Process context.
 */
int slot_closed(struct slot *slot);
/*
 * At the boundary, holding nothing.  True: the call is to be executed again;
 * false: there is no slot to wait for, or a deadly signal came (-EINTR then).
 */
bool slot_wait_outcome(void);

/* ---- for the module room ---- */

/*
 * Excludes walks over the engines of a ledger from changes of the list.  Above
 * slot_lock; process context.
 */
extern struct mutex ledger_mutex;

/* A head of the ledger, in the dossier. */
struct ledger {
	struct list_head	bindings;	/* (s) */
	pid_t			registrar;	/* (s) 0: nobody */
};
/* The ledger of a module, or NULL; computed from owner->dossier_page. */
struct ledger *ledger_of(module_id_t owner);
/* The dossier's first bytes. */
#define DOSSIER_LEDGER_OFFSET	0

/*
 * Unregister is over: the first door that the module has not withdrawn (H36).
 * Copied; false: none.
 */
bool ledger_find_open(module_id_t owner, const char **kind, char *name,
		      size_t size);
/*
 * Between the two the calling task runs the module's register again: there the
 * n-th engine of a kind and name finds the n-th entry of them, or rather the
 * first not yet found that has the same function and argument, should the
 * module start them in another order.  What others of the module start
 * meanwhile is new, whatever its name.  Process context.
 */
void ledger_register_again(module_id_t owner);
void ledger_register_done(module_id_t owner);
/* All doors open in one step; who waits is woken. */
void ledger_open_doors(module_id_t owner);
/* Newcomers get ENODEV, and so does who waits (DEFERRED, DEAD). */
void ledger_void_doors(module_id_t owner);

/*
 * Engines.  Each call goes through all of them.
 * ledger_hold(): 0 when every engine is held; else -EAGAIN, with the kind, name
 * and description of the first that is not, copied to @b.  Where @b is NULL it
 * is for the last time, and who is busy is not waited for.
 * ledger_let_go(): all run again.
 * ledger_bury(): after the verdict: all end; they stay held.  How many threads
 * that were.
 * Process context.
 */
struct ledger_blocker {
	const char	*kind;			/* kernel rodata */
	char		name[SLOT_NAME_LEN];
	char		what[64];
	pid_t		pid;			/* a thread's, or 0 */
};
int ledger_hold(module_id_t owner, struct ledger_blocker *b);
void ledger_let_go(module_id_t owner);
/* Every engine is held.  In a rendezvous: takes no lock. */
bool ledger_is_held(module_id_t owner);
uint32_t ledger_bury(module_id_t owner);
/* The last references to the slots go; the ledger's memory is the module's. */
void ledger_release(module_id_t owner);

#endif
