/*
 * What the scheduler's own files share about sleeping.
 */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H

#include <kernel/ktime.h>

struct task;

/* Part of task_create(). */
void sleep_timer_init(struct task *t);

/*
 * wait_schedule() on behalf of the caller at @site.  Where that lies in a
 * module the task sleeps directly below module code, holding nothing of the
 * kernel's: a thread may be held, and end, there.
 */
int sleep_from(uintptr_t site, struct stamp deadline);

#endif
