/*
 * Who has taken each count of a module (refs.c): kept in the debug build only.
 * In the ordinary kernel everything here is empty.
 */
#ifndef SCHED_REFS_H
#define SCHED_REFS_H

#include <kernel/ktime.h>
#include <kernel/module_id.h>

struct file;

enum ref_kind {
	REF_TAKEN,		/* try_module_get() */
	REF_OPEN,		/* an open file, of the kernel's counting */
};

#define REF_COMM_LEN	16

struct ref {
	module_id_t	id;		/* MODULE_NONE: free */
	enum ref_kind	kind;
	uint32_t	site;		/* see ref_pc() */
	uint32_t	file;		/* of REF_OPEN: which; never followed */
	pid_t		pid;
	char		comm[REF_COMM_LEN];	/* as it was called then */
	struct stamp	since;
};

#ifdef CONFIG_DEBUG

/*
 * A count of @id was taken at @site by the current task, or put there: then its
 * own last one of that place goes, else its own last one, else the oldest, as
 * counts may be handed on.  With @file it is that file's.  Any context.
 */
void ref_note(module_id_t id, uintptr_t site, const struct file *file);
void ref_forget(module_id_t id, uintptr_t site, const struct file *file);
/* The @n-th of @id's, copied; false: it has no more.  Any context. */
bool ref_nth(module_id_t id, uint32_t n, struct ref *out);
/* The place, which may lie in the window: on no stack that sleeps. */
uintptr_t ref_pc(const struct ref *r);
/* How many counts there was no room for since boot. */
uint32_t refs_lost(void);

#else

static inline void ref_note(module_id_t id, uintptr_t site,
			    const struct file *file)
{
	(void)id, (void)site, (void)file;
}

static inline void ref_forget(module_id_t id, uintptr_t site,
			      const struct file *file)
{
	(void)id, (void)site, (void)file;
}

static inline bool ref_nth(module_id_t id, uint32_t n, struct ref *out)
{
	(void)id, (void)n, (void)out;
	return false;
}

static inline uintptr_t ref_pc(const struct ref *r)
{
	(void)r;
	return 0;
}

#endif
#endif
