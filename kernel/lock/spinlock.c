/*
 * Spinlocks: test-and-set with a pause, not ticket locks.  With more virtual
 * CPUs than real ones the next in line may not run at all, and fairness would
 * make everybody wait for him.
 */
#include <kernel/bug.h>
#include <kernel/export.h>
#include <kernel/spinlock.h>
#include <lock/lockdep.h>
#include <lock/preempt.h>
#include <x86/cpu.h>

void spin_lock_init(struct spinlock *lock, const char *name)
{
	*lock = (struct spinlock){ .name = name };
}
EXPORT_SYMBOL(spin_lock_init);

bool spin_is_held(const struct spinlock *lock)
{
	return READ_ONCE(lock->locked) &&
	       READ_ONCE(lock->owner_cpu) == cpu_id() + 1;
}
EXPORT_SYMBOL(spin_is_held);

/* Acquire on success: what the last holder wrote is seen. */
static bool spin_try_take(struct spinlock *lock)
{
	return !__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE);
}

static void spin_take(struct spinlock *lock)
{
	if (unlikely(spin_is_held(lock)))
		panic("spinlock %s taken twice by CPU %u", lock->name,
		      cpu_id());
	lockdep_acquire_spin(&lock->class, lock->name, LOCK_WAITING);
	while (!spin_try_take(lock))
		while (READ_ONCE(lock->locked))
			cpu_relax();
	lock->owner_cpu = cpu_id() + 1;
}

static void spin_release(struct spinlock *lock)
{
	assert(spin_is_held(lock));
	lockdep_release_spin(lock->class);
	lock->owner_cpu = 0;
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

void spin_lock(struct spinlock *lock) __no_lock_analysis
{
	preempt_disable();
	spin_take(lock);
}
EXPORT_SYMBOL(spin_lock);

bool spin_trylock(struct spinlock *lock) __no_lock_analysis
{
	preempt_disable();
	if (spin_try_take(lock)) {
		lock->owner_cpu = cpu_id() + 1;
		lockdep_acquire_spin(&lock->class, lock->name, LOCK_TRIED);
		return true;
	}
	preempt_enable();
	return false;
}
EXPORT_SYMBOL(spin_trylock);

void spin_unlock(struct spinlock *lock) __no_lock_analysis
{
	spin_release(lock);
	preempt_enable();
}
EXPORT_SYMBOL(spin_unlock);

/*
 * Interrupts go off first and stay off while spinning: an interrupt here
 * could hold no lock of this kind, but it could take long.
 */
uint32_t spin_lock_irqsave(struct spinlock *lock) __no_lock_analysis
{
	uint32_t flags = local_irq_save();

	preempt_disable();
	spin_take(lock);
	return flags;
}
EXPORT_SYMBOL(spin_lock_irqsave);

void spin_unlock_irqrestore(struct spinlock *lock,
			    uint32_t flags) __no_lock_analysis
{
	spin_release(lock);
	local_irq_restore(flags);
	preempt_enable();
}
EXPORT_SYMBOL(spin_unlock_irqrestore);
