/*
 * Time.  Nanoseconds since boot, from one clock for all CPUs.
 */
#ifndef KERNEL_KTIME_H
#define KERNEL_KTIME_H

#include <kernel/types.h>

#define NSEC_PER_USEC	1000ull
#define NSEC_PER_MSEC	1000000ull
#define NSEC_PER_SEC	1000000000ull

/* Any context. */
uint64_t ktime_get_ns(void);

/*
 * A time at rest.  Memory that is searched for pointers into modules, and the
 * stacks of sleepers, keep times like this: two words of 31 bits, of which
 * neither can be taken for an address in the kernel's half (H09).
 */
struct stamp {
	uint32_t lo, hi;
};

static inline struct stamp stamp_of(uint64_t ns)
{
	return (struct stamp){ (uint32_t)ns & 0x7fffffff,
			       (uint32_t)(ns >> 31) & 0x7fffffff };
}

/*
 * For use at once.  Volatile, so that the compiler reckons it where it stands:
 * out of a loop that sleeps it would keep the time itself on the stack.
 */
static inline uint64_t stamp_ns(struct stamp s)
{
	__asm__ volatile("" : "+r"(s.lo), "+r"(s.hi));
	return (uint64_t)s.hi << 31 | s.lo;
}

/*
 * For who sleeps in a loop until a moment, or tells what came of it: functions,
 * so that the time of now never is in his frame (H09).  Any context.
 */

/* @ms milliseconds from now. */
struct stamp stamp_in_ms(uint64_t ms);
/* True from that moment on. */
bool stamp_passed(struct stamp s);
/* From @s until now; 0 where it was stamped after our look at the clock. */
uint32_t stamp_age_ms(struct stamp s);

/* Sleeps at least @ms milliseconds.  Process context. */
void msleep(unsigned int ms);
/* The same, ended early by a signal: returns the milliseconds left. */
unsigned int msleep_interruptible(unsigned int ms);

#endif
