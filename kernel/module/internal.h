/*
 * What the files of the module room share: the dossier, the registry, the
 * territory, and the pieces of the unload.
 *
 * struct module is the dossier: it lies in the window, in the territory of the
 * module that it describes, and with it all that points into the module.  The
 * kernel outside knows the module by its id (sched/owner.h).
 *
 * Locks: module_lock (a mutex) guards states and the registry.  It is held
 * across no wait and no module code.  Below it: slot_lock and leaves.
 */
#ifndef MODULE_INTERNAL_H
#define MODULE_INTERNAL_H

#include <kernel/mutex.h>
#include <kernel/slab.h>
#include <mm/mm.h>
#include <module/layout.h>
#include <module/module.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>

struct symbols;

#define MODULE_MAX_DEPS	16
#define MODULE_MAX_EXPORTS 128

struct module_export {
	const char	*name;		/* in the image */
	uintptr_t	value;
};

/*
 * Lock key: (m) module_lock  (c) constant once LIVE  (u) the undertaker
 */
struct module {
	struct ledger	ledger;			/* DOSSIER_LEDGER_OFFSET */
	module_id_t	id;			/* (c) */
	char		name[OWNER_NAME_LEN];	/* (c) */
	void		*memory;		/* (c) the image, text first */
	uint32_t	memory_size;		/* (c) */
	uint32_t	kept_size;		/* (c) without init regions */
	void		*extra;			/* (c) scratch of the dossier */
	struct region	region[REGION_COUNT];	/* (c) addr, size */
	struct symbols	*symbols;		/* (c) */
	int		(*init)(void);		/* (c) until it has run */
	int		(*register_fn)(void);	/* (c) or NULL */
	void		(*unregister_fn)(void);	/* (c) or NULL */
	void		(*cleanup_fn)(void);	/* (c) or NULL */
	uint32_t	nr_deps;		/* (c) */
	module_id_t	deps[MODULE_MAX_DEPS];	/* (c) whose symbols it uses */
	uint32_t	nr_exports;		/* (m), once */
	struct module_export exports[MODULE_MAX_EXPORTS];	/* (c) */
	bool		init_failed;		/* (u) no cleanup is due */
};

extern struct mutex module_lock;

/* ---- registry.c ---- */

/* The dossier of a module with that id, or NULL: computed, never stored. */
struct module *module_of(module_id_t id);
/* The id of a module by name in any state but FREE and GONE; 0: none. */
module_id_t module_id_locked(const char *name) __must_hold(&module_lock);
/* A fresh id for @name, in state LOADING; 0: all are in use. */
module_id_t module_new_id_locked(const char *name) __must_hold(&module_lock);
void module_set_state_locked(module_id_t id, enum module_state s)
	__must_hold(&module_lock);
void module_set_state(module_id_t id, enum module_state s);
/*
 * LIVE and its doors open, in one step for who has module_lock: doors that are
 * opened after it was given up could be those of a module that has gone.
 */
void module_go_live_locked(module_id_t id) __must_hold(&module_lock);
/* An exported symbol of the kernel (owner 0) or of a LIVE module. */
bool export_find_locked(const char *name, uintptr_t *value,
			module_id_t *owner) __must_hold(&module_lock);
/* Of the kernel, or of a module that is LIVE or may be so (again). */
bool export_is_taken_locked(const char *name, module_id_t *owner)
	__must_hold(&module_lock);
/* A module outside the set that is linked to @id; 0: none. */
module_id_t dependent_locked(module_id_t id, const bool *in_set,
			     module_id_t after)
	__must_hold(&module_lock);
bool module_uses(const struct module *m, module_id_t dep);
/* Gives everything back: ledger, heap, image, dossier.  Undertaker, loader. */
void module_destroy(module_id_t id, uint32_t unload_number,
		    void (*leak)(const struct heap_object *o, void *arg),
		    void *arg);
/* @addr, which lies in the window, is in the text of whose it is. */
bool module_text_has(uintptr_t addr);
/* "name+0x12 (file.c)" of a module's or kernel's address, as text. */
void describe_address(uintptr_t addr, char *buf, size_t size);

/* ---- territory and evidence.c ---- */

/* The modules that go together: ids, nothing that points. */
struct territory {
	uint32_t	n;
	module_id_t	ids[UNLOAD_MAX_NAMES];
	bool		member[MAX_MODULES];
};

static inline bool territory_has(const struct territory *t, uintptr_t word)
{
	return in_window(word) && t->member[window_owner(word)];
}

/* One hit on a stack. */
struct stack_hit {
	uintptr_t	word;		/* what was found; lives on the
					 * undertaker's stack only */
	uint32_t	above_esp;	/* in words */
	enum blocker_kind kind;
	const char	*reg;		/* BLOCK_REGISTER */
};

/* How a task stands towards a territory. */
enum verdict_on_task {
	TASK_CLEAN,
	TASK_HAS_EVIDENCE,
	TASK_IS_RUNNING,	/* on a CPU: nothing can be said */
};

/*
 * Examines @t's stack.  A task that has not run since an earlier examination
 * is judged by the words remembered.  Takes the lock of its run queue.
 */
enum verdict_on_task exam_task(struct task *t, const struct territory *terr,
			       struct unload_report *r,
			       struct stack_hit *hit);
/*
 * @t was found clean, has not run since, and is clean with regard to @terr,
 * too.  Without a lock: true is final only for who cannot run, being frozen and
 * not spared.  Any context.
 */
bool exam_still_clean(const struct task *t, const struct territory *terr);
/* exam_task() inside a rendezvous: no lock, running tasks by their frame. */
enum verdict_on_task exam_task_stopped(struct task *t,
				       const struct territory *terr,
				       struct unload_report *r,
				       struct stack_hit *hit);

#define MEMORY_HITS	8
/* Words of memory that point into the territory. */
struct memory_hits {
	uint32_t	n;		/* found; at most MEMORY_HITS kept */
	uintptr_t	at[MEMORY_HITS];
	uintptr_t	word[MEMORY_HITS];	/* found there */
	uint32_t	pages;		/* looked at */
	uint64_t	deadline;	/* ns, 0: none */
	bool		gave_up;	/* at the deadline */
	/* Hits for which it is true are left out; NULL: none. */
	bool		(*expects)(const struct territory *terr, uintptr_t at);
};
enum memory_pass {
	MEMORY_ALL,
	MEMORY_WRITTEN,		/* since the last pass; and forgets it */
	MEMORY_DIRTY,		/* the same, in a rendezvous; forgets nothing */
};
void memory_search(const struct territory *terr, enum memory_pass pass,
		   struct memory_hits *hits);
/* The pages of earlier hits once more: which still hold. */
void memory_recheck(const struct territory *terr, struct memory_hits *hits);

/* ---- report.c ---- */

struct blocker *report_add(struct unload_report *r, enum blocker_kind kind);
/* Task part: pid, name, CPU, state, backtrace; @place: topmost in @terr. */
void report_task(struct blocker *b, struct task *t,
		 const struct territory *terr);
void report_stack_hit(struct unload_report *r, struct task *t,
		      const struct territory *terr,
		      const struct stack_hit *hit);
/* Each that is not among @told (or NULL). */
void report_memory_hits(struct unload_report *r,
			const struct memory_hits *hits,
			const struct memory_hits *told);
/* Everybody who uses the module: open files, counts, tasks inside. */
void report_users(struct unload_report *r, const struct territory *terr,
		  const struct task *caller);
/* The files of @t that belong to the territory, as one blocker; false: none. */
bool report_files_of(struct unload_report *r, const struct territory *terr,
		     struct task *t, enum blocker_kind kind);
/* A file that @t has open without a descriptor: the shell's redirections. */
bool report_opened_by(struct unload_report *r, const struct territory *terr,
		      struct task *t);
/* For an attempt that nobody waits for: one line to the log. */
void report_log(const struct unload_report *r);
/* Why it is refused: one line, of which the last one stays.  Returns @error. */
int report_fail(struct unload_report *r, int error, const char *fmt, ...)
	__printf(3, 4);

/* ---- tombstone.c ---- */

/* Remembers the functions of @m, which is about to be freed; the undertaker. */
void tombstone_set(const struct module *m, uint32_t unload_number);
/* For debug_set_autopsy(): what is, or was, at @addr; false: not ours. */
bool tombstone_autopsy(uintptr_t addr, char *text, size_t size);

/* ---- unload.c ---- */

void undertaker_init(void);
/*
 * A load whose init or register fails: what it registered and started is
 * withdrawn like in an unload; what cannot be is entombed.  Where the machine
 * is only too busy to tell, the undertaker tries again later.
 *
 * expel_prepare() comes before any of the module's code runs: all that is
 * needed later is there then, so that nothing has to wait for memory.  NULL:
 * there is none.  One of the other two follows: expel_cancel() where the load
 * succeeded, or module_expel(), whose caller has no pointer of the module on
 * its stack.  That waits: 0 when it is over; -ETIMEDOUT or -EINTR: the
 * undertaker will do it when he comes to it.  While one is prepared nobody
 * freezes the world by hand, as the caller has seen to before.  Process
 * context.
 */
struct attempt;
struct attempt *expel_prepare(module_id_t id);
void expel_cancel(struct attempt *a);
int module_expel(struct attempt *a);
/*
 * DEFERRED: open again instead, as it is; so there is no use for parameters,
 * and with @params it stays as it is.  -ENOENT: it is not DEFERRED, or not any
 * more; or -EBUSY (parameters), -EAGAIN (an unload of it takes its time),
 * -EINTR, with the reason in @text.  Process context; waits, for as long as an
 * unload has by default.
 */
int module_revive(const char *name, bool params, char *text, size_t n);

/*
 * Where tools/gdb has its breakpoints.  Loaded: the sections have addresses,
 * none of the module's code has run; once more when the init regions are gone.
 * Unloaded: before the memory goes.
 */
void gdb_module_loaded(const struct module *mod);
void gdb_module_unloaded(const struct module *mod);

#endif
