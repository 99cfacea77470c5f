/*
 * Preemption of the kernel.  It is off while preempt_count is not 0; whoever
 * brings it back to 0 looks whether a reschedule was asked for meanwhile.
 */
#ifndef LOCK_PREEMPT_H
#define LOCK_PREEMPT_H

#include <x86/cpu.h>

/* sched: gives the CPU away at once.  Interrupts on, preempt_count 0. */
void preempt_schedule(void);

/* Any context; with interrupts off the reschedule waits for their return. */
static inline void preempt_enable(void)
{
	preempt_enable_no_resched();
	if (unlikely(need_resched()) && preempt_count() == 0 &&
	    !irqs_disabled() && !in_interrupt())
		preempt_schedule();
}

#endif
