/*
 * Work: functions run later by a kernel thread, in process context.
 *
 * An item runs on one worker at a time.  Work functions may sleep, but all
 * items share as many workers as there are CPUs: one that sleeps for long keeps
 * others waiting.
 */
#ifndef KERNEL_WORKQUEUE_H
#define KERNEL_WORKQUEUE_H

#include <kernel/module_id.h>
#include <kernel/types.h>

struct work;
typedef void (*work_fn)(void *arg);

/*
 * An item, not queued, that calls @fn(@arg).  @name is copied and tells it
 * apart in reports.  NULL without memory, in module_init(), or after the
 * verdict.  Several may have one name.  Where register is called again, the
 * n-th of a name is the n-th that there is already (a reactivation).  The
 * module's until work_destroy(); the kernel takes it back with the module.
 * Process context; may sleep.
 */
struct work *work_create_owner(const char *name, work_fn fn, void *arg,
			       module_id_t owner);
#define work_create(name, fn, arg) \
	work_create_owner(name, fn, arg, THIS_MODULE)

/*
 * Queues it unless it is queued already, or its module's verdict has passed:
 * then false.  Queued while it runs it runs once more.  While the module is
 * held that is noted: it runs after a reactivation and vanishes at the commit
 * (H11).  Any context, @fn itself included.
 */
bool queue_work(struct work *w);

/*
 * Takes it off the queue and waits until it does not run, even if @fn queues it
 * again.  True: it was queued.  Process context; not from @fn, and with no lock
 * held that @fn takes.
 */
bool cancel_work_sync(struct work *w);
/*
 * Waits until it is neither queued nor running.  As above; one that queues
 * itself for ever is waited for as long.
 */
void flush_work(struct work *w);

/* Cancels it as above and gives it back.  Process context; may sleep. */
void work_destroy(struct work *w);

#endif
