/*
 * What a module includes: its entry points, parameters, exports, and counts.
 *
 * A module has up to four functions, the split of Keith Owens' mail at both
 * ends:
 *
 *	module_init(fn)		int fn(void): allocate; nothing visible yet, a
 *				registration here is refused.  May fail.
 *	module_register(fn)	int fn(void): make it visible, start engines.
 *				May fail the first time.  Called again when an
 *				unload is given up: each registration finds its
 *				own object again.
 *	module_unregister(fn)	void fn(void): take away what is visible.
 *				Destroy nothing, stop nothing: threads, timers,
 *				interrupts and work are the kernel's to hold.
 *	module_cleanup(fn)	void fn(void): destroy; runs once, with nobody
 *				left.
 *
 * All run in process context and may sleep.
 */
#ifndef KERNEL_MODULE_H
#define KERNEL_MODULE_H

#include <kernel/export.h>
#include <kernel/init.h>
#include <kernel/modinfo.h>
#include <kernel/module_id.h>
#include <kernel/moduleparam.h>

/*
 * A use of the module beyond what the kernel counts by itself: open files are.
 * Where it was taken, by whom and since when is noted.  False: the module is
 * past its verdict.  Any context.
 */
bool try_module_get_from(module_id_t id, uintptr_t site);
#define try_module_get(id) \
	try_module_get_from(id, (uintptr_t)module_here())
/*
 * Puts what try_module_get() took.  More puts than gets are reported with the
 * place, and change nothing (H35).  Any context.
 */
void module_put_from(module_id_t id, uintptr_t site);
#define module_put(id)	module_put_from(id, (uintptr_t)module_here())

/*
 * Unloads a module by name, as `unload NAME` does.  0 or -errno; -EDEADLK for
 * the caller's own module, and wherever one may not sleep.
 */
int unload_module(const char *name);

/* The address of this very place. */
#define module_here() ({ __label__ here; here: (void *)&&here; })

#endif
