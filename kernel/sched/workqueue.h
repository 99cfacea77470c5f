/* The workers start.  Boot, after the scheduler and all CPUs are there. */
#ifndef SCHED_WORKQUEUE_H
#define SCHED_WORKQUEUE_H

void workqueue_init(void);

#endif
