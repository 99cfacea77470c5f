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

struct mutex;
struct task;

/* What stood in the way of a freeze. */
struct freeze_failure {
	uint32_t	cpu;
	pid_t		pid;
	char		comm[16];
};

/*
 * Closes the gate and waits until no CPU runs a task that is not spared; it
 * sleeps where that is not soon.  0; -ETIMEDOUT if that takes longer than
 * @timeout_ns: then the gate is open again and @f says who would not leave his
 * CPU; -EAGAIN: somebody has closed it already.  Process context; the caller is
 * spared, and until the thaw waits for nobody who is not.
 */
int freezer_freeze(uint64_t timeout_ns, struct freeze_failure *f);
/*
 * Opens the gate that the caller has closed; who was spared for the time of
 * the freeze is no more.  Process context.
 */
void freezer_thaw(void);
/* The gate is closed.  Any context; it may change at once. */
bool freezer_frozen(void);

/*
 * Spares who holds a mutex that a spared task waits for, until he has unlocked
 * it (H22): one link further along each chain.  To be called over and over,
 * between freeze and thaw, by who has frozen.  True: such a holder is not
 * asleep, so that it is worth waiting for him.  Process context.
 */
bool freezer_thaw_lock_holders(void);

/*
 * The owner of @m, and of what he waits for, and so on, come before all that
 * are not spared, as by task_prefer(); for who has just found it owned (G3).
 * Process context.
 */
void freezer_prefer_holder(const struct mutex *m);

/*
 * The last thing on the way to user mode.  A task that was spared because of
 * evidence has none any more, nor a lock; the gate is for it as for all: it
 * reschedules.  Interrupts off.
 */
void freezer_leave_kernel(void);

/* ---- freezer_manual.c ---- */

/*
 * The shell's freeze and thaw: everybody stands but the consoles (the caller
 * has SPARE_CONSOLE) and what is started there.  0; -EBUSY: it is so already,
 * or is not; -ETIMEDOUT: a CPU was not left, nobody is frozen; -EINTR: a
 * signal, while it waited for those below.  Process context, no mutex held.
 */
int freezer_manual_freeze(void);
int freezer_manual_thaw(void);
/* Any context; it may change at once. */
bool freezer_frozen_by_hand(void);
/* How many thaws by hand there have been; wraps.  Any context. */
uint32_t freezer_manual_thaws(void);
/*
 * Between the two nobody freezes by hand.  For who waits for kernel threads,
 * where he cannot give up, and would wait for the thaw: to load and to unload.
 * False: it is frozen by hand, nothing was begun.  Process context.
 */
bool freezer_keep_running(void);
void freezer_keep_no_longer(void);

#endif
