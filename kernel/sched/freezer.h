/*
 * The refrigerator.
 *
 * Freezing is a gate where the scheduler picks the next task, not a message to
 * each: closing it costs one interrupt for each CPU that runs somebody who is
 * not spared, however many tasks there are.  Nobody is woken; a wake-up of a
 * frozen task is kept, as it waits in its run queue like any other.
 */
#ifndef SCHED_FREEZER_H
#define SCHED_FREEZER_H

#include <kernel/types.h>

struct task;

/* What stood in the way of a freeze. */
struct freeze_failure {
	uint32_t	cpu;
	pid_t		pid;
	char		comm[16];
};

/*
 * Closes the gate and waits until no CPU runs a task that is not spared.
 * 0; -ETIMEDOUT if that takes longer than @timeout_ns: then the gate is open
 * again and @f says who would not leave his CPU; -EAGAIN: frozen by hand.
 * The undertaker only; process context.
 */
int freezer_freeze(uint64_t timeout_ns, struct freeze_failure *f);
/* Opens the gate; who was spared for the time of the freeze is no more. */
void freezer_thaw(void);
bool freezer_frozen(void);

/*
 * Spares who holds a mutex that a spared task waits for, and so on along the
 * chain, until it is released (H22).  Called over and over while frozen.
 * Returns how many were spared anew.
 */
unsigned int freezer_thaw_lock_holders(void);

/*
 * The last thing on the way to user mode.  A task that was spared because of
 * evidence has none any more; the gate is for it as for all.  Interrupts off.
 */
void freezer_leave_kernel(void);

/*
 * The shell's freeze and thaw: everybody stands but the consoles and what is
 * started there.  -EBUSY: it is so already, or is not; -EINTR: a signal, while
 * it waited for those below.  Process context.
 */
int freezer_manual_freeze(void);
int freezer_manual_thaw(void);
/*
 * Between the two nobody freezes by hand.  For who waits for kernel threads,
 * where he cannot give up, and would wait for the thaw: to load and to unload.
 * False: it is frozen by hand, nothing was begun.  Process context.
 */
bool freezer_keep_running(void);
void freezer_keep_no_longer(void);

#endif
