/*
 * Kernel threads.  A module's threads are engines: they are never frozen; while
 * an unload is tried they are held wherever they sleep directly below module
 * code or ask kthread_should_stop(), and after the verdict they end there, in
 * the kernel, without coming back to the module (H13).
 */
#ifndef KERNEL_KTHREAD_H
#define KERNEL_KTHREAD_H

#include <kernel/module_id.h>
#include <kernel/types.h>

struct task;

/*
 * Starts @fn(@arg).  NULL without memory, or where the caller may not start
 * engines.  In a module: from module_register() on; with the name of a thread
 * that the module has already it is that same thread (a reactivation).
 * Process context.
 */
struct task *kthread_run_owner(module_id_t owner, int (*fn)(void *arg),
			       void *arg, const char *fmt, ...)
	__printf(4, 5);
#define kthread_run(fn, arg, ...) \
	kthread_run_owner(THIS_MODULE, fn, arg, __VA_ARGS__)

/* Asked by the thread itself, in its loop.  Process context; may be held. */
bool kthread_should_stop(void);

/*
 * Asks the thread to stop, wakes it, waits until it has ended, and gives the
 * handle back.  Returns what its function returned; 0 where it ended held.
 * Once a thread.  Process context.
 */
int kthread_stop(struct task *t);

/* Parks the thread at its next kthread_should_stop(), and lets it go on. */
void kthread_park(struct task *t);
void kthread_unpark(struct task *t);

/* The pid of the caller's task; for messages. */
int current_pid(void);

#endif
