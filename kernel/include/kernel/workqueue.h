/*
 * Work: functions run later by a kernel thread, in process context.
 */
#ifndef KERNEL_WORKQUEUE_H
#define KERNEL_WORKQUEUE_H

#include <kernel/module_id.h>
#include <kernel/types.h>

struct work;
typedef void (*work_fn)(void *arg);

/* As timer_create(); @fn may sleep. */
struct work *work_create_owner(const char *name, work_fn fn, void *arg,
			       module_id_t owner);
#define work_create(name, fn, arg) \
	work_create_owner(name, fn, arg, THIS_MODULE)

/* Queues it unless it is queued already: then false.  Any context. */
bool queue_work(struct work *w);

/* Takes it off the queue and waits where it runs; not from @fn.  Process
 * context.  True: it was queued. */
bool cancel_work_sync(struct work *w);
/* Waits until it is neither queued nor running.  Process context. */
void flush_work(struct work *w);

/* Cancels it and gives it back.  Process context. */
void work_destroy(struct work *w);

#endif
