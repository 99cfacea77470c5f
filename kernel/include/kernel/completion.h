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

void init_completion(struct completion *c);
void complete(struct completion *c);		/* any context; lets one by */
void complete_all(struct completion *c);	/* any context; lets all by */
/* Process context. */
void wait_for_completion(struct completion *c);
int wait_for_completion_killable(struct completion *c);
/* 0, or -ETIMEDOUT at @deadline. */
int wait_for_completion_deadline(struct completion *c, struct stamp deadline);

#endif
