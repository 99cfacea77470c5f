/*
 * Completions: an event that happens once, or @done times.  Never on a stack
 * that another task writes to: on the heap, in a task record, or static (H42).
 */
#ifndef KERNEL_COMPLETION_H
#define KERNEL_COMPLETION_H

#include <kernel/wait.h>

struct completion {
	uint32_t		done;		/* under wait.lock */
	struct wait_queue_head	wait;
};

/* Before its first use; nobody waits for it.  Any context. */
void init_completion(struct completion *c);
/*
 * Lets one waiter by, or all and for ever.  The waiter may free @c as soon as
 * it is by; these do not touch it after that.  Any context.
 */
void complete(struct completion *c);
void complete_all(struct completion *c);
/*
 * Sleep until they are let by.  0; -ERESTARTSYS: a deadly signal; -ETIMEDOUT:
 * @deadline, a time of ktime_get_ns() as a stamp, has passed, and nothing was
 * taken.  Process context, no spinlock held.
 */
void wait_for_completion(struct completion *c);
int wait_for_completion_killable(struct completion *c);
int wait_for_completion_deadline(struct completion *c, struct stamp deadline);

#endif
