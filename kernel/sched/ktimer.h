/*
 * Timers of the kernel's own: a pairing heap for each CPU.  Modules have
 * <kernel/timer.h>, built on this with a slot each.
 */
#ifndef SCHED_KTIMER_H
#define SCHED_KTIMER_H

#include <kernel/ktime.h>

/*
 * Lock key: (b) lock of the base of @cpu
 */
struct ktimer {
	struct ktimer	*child, *sibling, *prev;	/* (b) heap */
	struct stamp	expires;			/* (b) */
	uint32_t	cpu;				/* (b) base it is in */
	bool		queued;				/* (b) */
	void		(*fn)(struct ktimer *t);	/* constant */
};

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t));
/*
 * @fn runs at @expires (ktime_get_ns() time) in interrupt context, on the CPU
 * that armed it; armed while @fn runs on another, it stays there, so that @fn
 * never runs twice at a time.  Armed again: moved.  Any context.
 */
void ktimer_start(struct ktimer *t, uint64_t expires);
/*
 * True: it was queued and will not run.  False: it was not queued; it may be
 * running at this moment on another CPU.  Any context.
 */
bool ktimer_cancel(struct ktimer *t);
/* As above, and it is not running on return.  Not from @fn. */
bool ktimer_cancel_sync(struct ktimer *t);
/* @t's function is being executed somewhere. */
bool ktimer_running(const struct ktimer *t);

/* The scheduler's: what is due on this CPU; interrupts off.  Returns the next
 * expiry, UINT64_MAX: none. */
uint64_t ktimer_run_due(void);
uint64_t ktimer_next(void);
/* The scheduler's: this CPU's interrupt comes at @expires, or before that at
 * the end of the slice that is running; interrupts off. */
void sched_arm_timer(uint64_t expires);

#endif
