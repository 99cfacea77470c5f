/*
 * The lock of the log and of the consoles.  It is not a spinlock of the kernel
 * (lock/) because it has to work where those do not: before a CPU has its
 * private record, inside the lock room's own complaints, and in a panic, where
 * it opens for good: who dies may have died inside, and must be heard.
 *
 * Held for microseconds with interrupts off; nothing is called under it but
 * ports, screen memory and string functions.
 */
#ifndef DEBUG_RAWLOCK_H
#define DEBUG_RAWLOCK_H

#include <kernel/types.h>
#include "x86/cpu.h"

struct raw_lock {
	uint32_t held;
};

/* Set once, in a panic, when the other CPUs stand. */
extern bool raw_locks_open;

/* Any context.  Not recursive.  The result is for raw_unlock(). */
static inline uint32_t raw_lock(struct raw_lock *l)
{
	uint32_t flags = local_irq_save();

	while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE)) {
		if (READ_ONCE(raw_locks_open))
			break;
		cpu_relax();
	}
	return flags;
}

static inline void raw_unlock(struct raw_lock *l, uint32_t flags)
{
	smp_store_release(&l->held, 0u);
	local_irq_restore(flags);
}

/* The CPU's number, 0 as long as it has no private record. */
static inline uint32_t raw_cpu_id(void)
{
	return percpus[0].self ? cpu_id() & (NR_CPUS - 1) : 0;
}

#endif
