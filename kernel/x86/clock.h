/*
 * Time: the TSC, calibrated once against the PIT, and each CPU's LAPIC timer
 * in one-shot mode.  No tick: a CPU is interrupted when something is due.
 */
#ifndef X86_CLOCK_H
#define X86_CLOCK_H

#include <kernel/types.h>

void clock_init(void);		/* boot CPU, after the LAPIC is mapped */
void clock_init_cpu(void);	/* each CPU */

/*
 * Nanoseconds since boot, 0 before clock_init(); never goes back on one CPU.
 * Any context.
 */
uint64_t clock_ns(void);

/*
 * The timer interrupt of this CPU comes at @ns (at once if that has passed,
 * at the latest about 2 s from now: the caller then asks again).
 * Interrupts off.
 */
void clock_arm(uint64_t ns);

/*
 * Exact preemption for experiments: a one-shot of @count timer ticks from
 * here, 1 tick being one instruction under -icount shift=0.  Interrupts off.
 */
void clock_arm_ticks(uint32_t count);

#ifdef CONFIG_LAB
/*
 * Whatever else is armed, an interrupt of the timer comes when the TSC has this
 * value; 0: as usual.  It stays until it is changed, and takes effect as the
 * timer is armed.  For experiments on one CPU.
 */
extern uint64_t clock_trap;

/*
 * Around the timer's interrupt: a trap that passes meanwhile is the caller's to
 * see behind it.  clock_entered is when the last one began, a low word of the
 * TSC.  Interrupts off.
 */
extern uint32_t clock_entered;
void clock_enter_interrupt(void);
void clock_leave_interrupt(void);
#else
#define clock_trap	0ull
static inline void clock_enter_interrupt(void) { }
static inline void clock_leave_interrupt(void) { }
#endif

#endif
