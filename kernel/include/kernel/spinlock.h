/*
 * Spinlocks.  Holding one keeps the task on its CPU: preemption is off, and
 * off too are interrupts with the _irqsave forms, which are due wherever an
 * interrupt handler may take the same lock.  Never sleep and never call into a
 * module under one.
 */
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include <kernel/types.h>

struct __capability("spinlock") spinlock {
	uint32_t	locked;
	uint32_t	owner_cpu;	/* id + 1 while locked, to assert on */
	const char	*name;
	uint32_t	class;	/* the order checker's */
};
typedef struct spinlock spinlock_t;

#define SPINLOCK_INIT(n)	{ .name = n }
#define DEFINE_SPINLOCK(n)	struct spinlock n = SPINLOCK_INIT(#n)

/* @name is kept: a constant string of the kernel, or of the lock's owner. */
void spin_lock_init(struct spinlock *lock, const char *name);

/* Any context in which nobody's interrupt handler takes @lock. */
void spin_lock(struct spinlock *lock) __acquires(lock);
void spin_unlock(struct spinlock *lock) __releases(lock);
bool spin_trylock(struct spinlock *lock) __try_acquires(true, lock);

/* Any context.  The result is for spin_unlock_irqrestore(). */
uint32_t spin_lock_irqsave(struct spinlock *lock) __acquires(lock);
void spin_unlock_irqrestore(struct spinlock *lock, uint32_t flags)
	__releases(lock);

/* This CPU holds @lock. */
bool spin_is_held(const struct spinlock *lock);
#define assert_spin_held(lock)	assert(spin_is_held(lock))

#endif
