/*
 * Sleeping locks with an owner.  Process context, no spinlock held.  A mutex
 * is not handed over: the woken waiter competes again, so that a waiter that
 * is frozen or held never owns what it does not know of.  But who has competed
 * in vain once is let go first.
 */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include <kernel/wait.h>

struct __capability("mutex") mutex {
	struct task		*owner;		/* NULL: free; one cmpxchg */
	struct task		*starving;	/* whose turn it is */
	struct wait_queue_head	waiters;
	const char		*name;
	uint32_t		class;	/* the order checker's */
};

#define MUTEX_INIT(n)	{ .name = #n, \
	.waiters = { SPINLOCK_INIT(#n), LIST_HEAD_INIT(n.waiters.entries) } }
#define DEFINE_MUTEX(n)	struct mutex n = MUTEX_INIT(n)

void mutex_init(struct mutex *m, const char *name);
void mutex_lock(struct mutex *m) __acquires(m);
/* 0, or -ERESTARTSYS with @m not taken. */
int __must_check mutex_lock_interruptible(struct mutex *m)
	__try_acquires(0, m);
int __must_check mutex_lock_killable(struct mutex *m) __try_acquires(0, m);
bool mutex_trylock(struct mutex *m) __try_acquires(true, m);
void mutex_unlock(struct mutex *m) __releases(m);

bool mutex_is_held(const struct mutex *m);	/* by the caller */
#define assert_mutex_held(m)	assert(mutex_is_held(m))

#endif
