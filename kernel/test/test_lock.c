/*
 * The lock-order checker.  Each wrong order is taken by one task, one lock
 * after the other: nobody waits, and yet it has to be seen.  It is learned by
 * name and said once: the second run of a test sees nothing any more.
 *
 * What the ordinary kernel does not contain is skipped there.
 */
#include <kernel/mutex.h>
#include <kernel/spinlock.h>
#include <lock/lockdep.h>
#include <sched/ktimer.h>
#include <sched/sched.h>
#include <test/ktest.h>

#ifdef CONFIG_DEBUG

static DEFINE_SPINLOCK(lt_a);
static DEFINE_SPINLOCK(lt_b);
static DEFINE_SPINLOCK(lt_c);
static DEFINE_MUTEX(lt_m);
static DEFINE_MUTEX(lt_n);
static DEFINE_SPINLOCK(lt_handler);

static void take_both(struct spinlock *first,
		      struct spinlock *second) __no_lock_analysis
{
	spin_lock(first);
	spin_lock(second);
	spin_unlock(second);
	spin_unlock(first);
}

/* A before B and B before C are an order; C before A is none of theirs. */
KTEST(lock, circle_of_spinlocks_is_seen)
{
	static bool seen;
	uint32_t wrong;

	take_both(&lt_a, &lt_b);
	take_both(&lt_b, &lt_c);
	take_both(&lt_a, &lt_c);
	lockdep_tolerate(true);
	take_both(&lt_c, &lt_a);
	wrong = lockdep_tolerate(false);
	KTEST_EXPECT(wrong == (seen ? 0 : 1));
	seen = true;
	return NULL;
}

/*
 * The same of mutexes.  Nobody else takes them, so nobody would wait: the order
 * alone is wrong.
 */
KTEST(lock, circle_of_mutexes_is_seen)
{
	static bool seen;
	uint32_t wrong;

	mutex_lock(&lt_m);
	mutex_lock(&lt_n);
	mutex_unlock(&lt_n);
	mutex_unlock(&lt_m);
	lockdep_tolerate(true);
	mutex_lock(&lt_n);
	mutex_lock(&lt_m);
	wrong = lockdep_tolerate(false);
	mutex_unlock(&lt_m);
	mutex_unlock(&lt_n);
	KTEST_EXPECT(wrong == (seen ? 0 : 1));
	seen = true;
	return NULL;
}

static void handler(struct ktimer *t)
{
	(void)t;
	spin_lock(&lt_handler);
	spin_unlock(&lt_handler);
}

/* Taken by a handler, and with interrupts on: deadlock on one CPU. */
KTEST(lock, handler_lock_with_interrupts_on_is_seen)
{
	static bool seen;
	struct ktimer timer;
	uint32_t wrong;

	ktimer_init(&timer, handler);
	ktimer_start(&timer, ktime_get_ns());
	/*
	 * The handler comes first: it is what makes the lock one of handlers.
	 */
	while (ktimer_running(&timer) || timer.queued)
		cpu_relax();
	lockdep_tolerate(true);
	spin_lock(&lt_handler);
	wrong = lockdep_tolerate(false);
	spin_unlock(&lt_handler);
	KTEST_EXPECT(wrong == (seen ? 0 : 1));
	seen = true;
	return NULL;
}

#else

KTEST(lock, order_is_checked)
{
	return KTEST_SKIP "not a debug build (make DEBUG=1)";
}

#endif
