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
 * Starts @fn(@arg) in a thread with that name, of which 15 characters are kept
 * for lists.  The handle is the caller's until kthread_stop(); in a module the
 * kernel takes it back with the module.  NULL: no memory, or a module that may
 * not start engines: in module_init(), and after its verdict.  Several may have
 * one name.  Where register is called again, the n-th of a name is the n-th
 * that there is already (a reactivation).  Process context; may sleep.
 */
struct task *kthread_run_owner(module_id_t owner, int (*fn)(void *arg),
			       void *arg, const char *fmt, ...)
	__printf(4, 5);
#define kthread_run(fn, arg, ...) \
	kthread_run_owner(THIS_MODULE, fn, arg, __VA_ARGS__)

/*
 * Asked by the thread itself, in its loop.  While an unload of its module is
 * tried, or it is parked, it may sleep here, and after the verdict it does not
 * come back; so it is asked with no lock held.  As the condition of a sleep it
 * does not sleep, and the sleep itself is where the thread may be held.
 */
bool kthread_should_stop(void);

/*
 * Asks the thread to stop, wakes it, waits until it has ended, and gives the
 * handle back.  Returns what its function returned; 0 where it ended held.
 * Once a thread, not by the thread itself.  Process context; sleeps for as long
 * as the thread takes to ask kthread_should_stop() and return.
 */
int kthread_stop(struct task *t);

/*
 * The thread sleeps at its next kthread_should_stop(), until it is let go on or
 * stopped.  kthread_park() does not wait for that, nor wake it.  Any context,
 * with the handle.
 */
void kthread_park(struct task *t);
void kthread_unpark(struct task *t);

#endif
