/*
 * Loading and unloading, as the shell and the system calls see them.
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include <kernel/module_id.h>
#include <kernel/types.h>
#include <sched/owner.h>

/* Boot, once: the registry, the undertaker. */
void module_init_subsystem(void);

/*
 * Loads the module file at @path; a name without a slash means
 * /lib/modules/NAME.ko.  @args: "name=value .." or "".  A module of that name
 * which is DEFERRED is revived as it is: -EBUSY with @args.  0 or -errno with
 * one line in @err_text (no newline).  Process context; runs the module's init
 * and register.
 */
int module_load(const char *path, const char *args, char *err_text, size_t n);
/*
 * The name that a file gives its module: of "/tmp/foo.ko" foo.  -EINVAL:
 * nothing is left of it, or more than fits.  Any context.
 */
int module_name_from_path(const char *path, char *name, size_t size);

/* ---- unloading ---- */

#define UNLOAD_MAX_NAMES	8
#define UNLOAD_DEFAULT_MS	1000u

struct unload_request {
	uint32_t	nr_names;
	char		names[UNLOAD_MAX_NAMES][OWNER_NAME_LEN];
	bool		dry_run;	/* -n */
	bool		defer;		/* -d */
	bool		force;		/* -f */
	uint32_t	wait_ms;	/* -w: for users to leave; 0: refuse */
	uint32_t	budget_ms;	/* -t: for everything else */
};

enum unload_outcome {
	UNLOAD_GONE,
	UNLOAD_WOULD_GO,	/* dry run: a prediction */
	UNLOAD_REFUSED,		/* error says why; reactivated */
	UNLOAD_DEFERRED,
	UNLOAD_ENTOMBED,
	UNLOAD_UNFINISHED,	/* interfaces gone, memory to be examined */
};

enum blocker_kind {
	BLOCK_COUNT,		/* a count the module took itself */
	BLOCK_OPEN_FILE,
	BLOCK_EIP,		/* executes the module */
	BLOCK_REGISTER,		/* a saved register */
	BLOCK_STACK,		/* a word of the stack */
	BLOCK_MEMORY,		/* a word of memory outside the territory */
	BLOCK_DEPENDENT,	/* another module is linked to it */
	BLOCK_REGISTRATION,	/* unregister left a door open */
	BLOCK_ENGINE,		/* does not come to rest */
	BLOCK_ROUTINE,		/* the module's own routine does not return */
	BLOCK_CPU,		/* a CPU or task that could not be frozen */
	BLOCK_TIME,		/* a look that came to no end */
	BLOCK_SELF,		/* the caller is inside, or holds it */
	NR_BLOCK_KINDS
};

#define REPORT_BLOCKERS		24
#define REPORT_FRAMES		8
#define REPORT_SYMBOL		80

/* Who is in the way: text only, nothing of it points anywhere. */
struct blocker {
	enum blocker_kind kind;
	pid_t		pid;			/* 0: no task */
	char		comm[16];
	int		cpu;			/* -1 */
	char		state[16];		/* "asleep", "running", .. */
	uint32_t	for_ms;			/* in that state, or held */
	char		where[REPORT_SYMBOL];	/* symbol+offset (file) */
	bool		inside;			/* so says its backtrace */
	char		what[120];		/* the evidence, in words */
	char		path[64];		/* open file */
	int		fd;			/* -1 */
	int		more_fds;
	int		stack_offset;		/* words above ESP, -1 */
	uint32_t	nr_frames;
	char		frames[REPORT_FRAMES][REPORT_SYMBOL];
	char		help[80];		/* what would help, or empty */
};

struct unload_report {
	enum unload_outcome outcome;
	int		error;			/* 0 or -errno */
	bool		deferred;		/* one was, before it */
	char		names[160];		/* "a b" */
	uint32_t	number;			/* of this unload, from 1 */
	char		step[24];		/* where it ended */
	char		message[160];		/* one line, for people */
	uint64_t	total_ns;
	uint64_t	frozen_ns;		/* all rounds */
	uint64_t	frozen_max_ns;		/* the longest freeze */
	uint64_t	stopped_ns;		/* longest rendezvous */
	uint32_t	rounds;
	uint32_t	tasks;			/* there were */
	uint32_t	examined;		/* stacks, with verdicts */
	uint32_t	frozen_in_place;
	uint32_t	spared;
	uint32_t	words;			/* stack words read */
	uint32_t	memory_kib;		/* searched, all passes */
	uint32_t	verdict_pages;		/* looked at in rendezvous */
	uint32_t	threads_reaped;
	uint32_t	leaks, leaked_bytes;
	uint32_t	nr_blockers;		/* in all */
	struct blocker	blockers[REPORT_BLOCKERS];
	uint32_t	nr_leaks;
	struct {
		uint32_t bytes;
		char	 site[REPORT_SYMBOL];
	} leak[8];
};

/*
 * Unloads as @req says.  0 (GONE, WOULD_GO, DEFERRED) or -errno: EBUSY,
 * ETIMEDOUT, EDEADLK, ENOENT, EPERM, EAGAIN, EINTR, EINVAL, ENOMEM.  @report is
 * filled in every case; allocate it with GFP_DATA, it is large.  Process
 * context; a signal ends the attempt.
 */
int module_unload(const struct unload_request *req,
		  struct unload_report *report);

/*
 * @print is called with pieces of text.  @verbose: backtraces and figures.
 */
typedef void (*report_print)(void *arg, const char *text);
void report_text(const struct unload_report *r, bool verbose,
		 report_print print, void *arg);
/* One JSON line without newline to @buf; the length, or -E2BIG. */
int report_json(const struct unload_report *r, char *buf, size_t size);

/* ---- looking ---- */

struct module_info {
	module_id_t	id;
	char		name[OWNER_NAME_LEN];
	enum module_state state;
	uint32_t	size;			/* bytes in the window */
	int		users;
	uint32_t	opens;
	char		used_by[96];		/* names, space between */
	char		blocked_by[96];		/* DEFERRED: who, or empty */
	uintptr_t	text;			/* where its code lies */
};
/* The module with the next id above @after; false: none.  Process context. */
bool module_next(module_id_t after, struct module_info *info);
bool module_find(const char *name, struct module_info *info);

/* Symbols of a module (for bt, tests): 0 if there is none. */
uintptr_t module_symbol(const char *module, const char *symbol);

#endif
