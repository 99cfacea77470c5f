/*
 * The lock-order checker of the debug build (lockdep.c).  In the ordinary
 * kernel everything here is empty.
 *
 * A lock's class is its kind and its name: all run queues are one class.  What
 * is learned is learned of classes, so that one run through each path suffices,
 * and no deadlock has to happen for it to be seen.
 */
#ifndef LOCK_LOCKDEP_H
#define LOCK_LOCKDEP_H

#include <kernel/types.h>

enum lock_kind {
	LOCK_SPIN,
	LOCK_MUTEX,
};

/* Not that it may be taken, only that it was: trylocks wait for nobody. */
enum lock_how {
	LOCK_WAITING,
	LOCK_TRIED,
};

#define LOCKDEP_DEPTH	14

/* What is held: spinlocks by a CPU, mutexes by a task. */
struct lock_stack {
	uint32_t	n;
	uint32_t	class[LOCKDEP_DEPTH];
};

#ifdef CONFIG_DEBUG

/*
 * Before a lock is waited for, or when trying has succeeded.  @class is the
 * lock's own cache of its class, 0 at first; @name is copied.  Any context.
 */
void lockdep_acquire_spin(uint32_t *class, const char *name,
			  enum lock_how how);
void lockdep_release_spin(uint32_t class);

/* The same for the current task's mutexes.  Process context. */
void lockdep_acquire_mutex(uint32_t *class, const char *name,
			   enum lock_how how);
void lockdep_release_mutex(uint32_t class);

/* The scheduler's: from now on this CPU's task holds @mutexes. */
void lockdep_switch(struct lock_stack *mutexes);

/*
 * Panics where the caller could not sleep: with preemption off, interrupts off,
 * or in a handler.  For functions that sleep sometimes, to fail always.
 */
void might_sleep(void);

/*
 * For the checker's own test: while @on a wrong order is counted, not a panic.
 * Returns how many there were since the last call.
 */
uint32_t lockdep_tolerate(bool on);

#else

static inline void lockdep_acquire_spin(uint32_t *class, const char *name,
					enum lock_how how)
{
	(void)class, (void)name, (void)how;
}

static inline void lockdep_release_spin(uint32_t class)
{
	(void)class;
}

static inline void lockdep_acquire_mutex(uint32_t *class, const char *name,
					 enum lock_how how)
{
	(void)class, (void)name, (void)how;
}

static inline void lockdep_release_mutex(uint32_t class)
{
	(void)class;
}

#define lockdep_switch(mutexes)	((void)0)

static inline void might_sleep(void)
{
}

#endif
#endif
