/*
 * Wait queues.  The entry of a sleeper lies in its task record, one a task:
 * nobody writes to a sleeping task's stack (H42).
 *
 * A sleep loses no wake-up because the task is on the queue, in a sleeping
 * state, *before* it tests the condition; who changes the condition does so
 * before wake_up() looks at the queue.
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include <kernel/ktime.h>
#include <kernel/list.h>
#include <kernel/spinlock.h>

struct task;

struct wait_queue_head {
	struct spinlock		lock;
	struct list_head	entries;
};
typedef struct wait_queue_head wait_queue_head_t;

/* Who is to be woken.  In a task record or on the heap, never on a stack. */
struct wait_queue_entry {
	struct list_head	link;	/* lock of @wq */
	struct task		*task;
	struct wait_queue_head	*wq;	/* NULL: on none; written by @task */
};
typedef struct wait_queue_entry wait_queue_entry_t;

#define DECLARE_WAIT_QUEUE_HEAD(n) struct wait_queue_head n = { \
	SPINLOCK_INIT(#n), LIST_HEAD_INIT(n.entries) }

/* Before its first use.  Who frees a queue has nobody on it.  Any context. */
void init_waitqueue_head(struct wait_queue_head *wq);

/*
 * Wakes all sleepers, or the longest sleeping one; with the world frozen the
 * longest sleeping one that may run, and those before it.  Any context.
 */
void wake_up(struct wait_queue_head *wq);
void wake_up_one(struct wait_queue_head *wq);
#define wake_up_interruptible(wq)	wake_up(wq)

/*
 * For waits on several queues at once (poll): entries of the caller's, added
 * before prepare_to_wait(NULL, ..) and removed after finish_wait().  The entry
 * stays the caller's, the queue outlives it.  An entry on no queue is removed
 * without effect.  Process context.
 */
void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *e);
void remove_wait_queue(struct wait_queue_entry *e);

/* The state in which to sleep. */
enum wait_mode {
	WAIT_UNINTERRUPTIBLE,
	WAIT_INTERRUPTIBLE,	/* any signal ends it */
	WAIT_KILLABLE,		/* a deadly signal ends it */
	WAIT_IDLE,		/* nothing does, and nothing need: it rests */
};

/*
 * The halves of a sleep, for loops that wait_event() does not fit.  Between
 * the two the caller tests its condition and takes no sleeping lock: that would
 * use the same entry and leave the task awake.  @wq may be NULL: woken through
 * entries of its own, or by the deadline.  Process context, no spinlock held.
 */
void prepare_to_wait(struct wait_queue_head *wq, enum wait_mode mode);
void finish_wait(void);
/*
 * Sleeps until woken or until @deadline, a time of ktime_get_ns().  0,
 * -ETIMEDOUT, or -ERESTARTSYS where a signal of the mode is pending.  0 says
 * nothing about the condition: an engine that was held wakes without reason.
 * Between the two above; returns awake, so that a loop prepares again.
 *
 * Deadlines are stamps: an argument lies on the sleeper's stack for as long as
 * he sleeps, and may be no number that could be an address (H09).
 */
int wait_schedule(struct stamp deadline);
#define NO_DEADLINE	((struct stamp){ 0, 0 })

#define wait_event_mode(wq, cond, mode, deadline) ({		\
	int wait_ret = 0;					\
	for (;;) {						\
		prepare_to_wait(&(wq), (mode));			\
		if (cond) {					\
			wait_ret = 0;				\
			break;					\
		}						\
		if (wait_ret)					\
			break;					\
		wait_ret = wait_schedule(deadline);		\
	}							\
	finish_wait();						\
	wait_ret; })

/*
 * @cond is evaluated several times, in a state in which it may not sleep.
 * Process context, no spinlock held.
 */
#define wait_event(wq, cond) \
	((void)wait_event_mode(wq, cond, WAIT_UNINTERRUPTIBLE, \
			       NO_DEADLINE))
/* The same, of a thread that has no orders: it may take any time. */
#define wait_event_idle(wq, cond) \
	((void)wait_event_mode(wq, cond, WAIT_IDLE, NO_DEADLINE))
/* 0, or -ERESTARTSYS: hand that to the caller, the system call knows it. */
#define wait_event_interruptible(wq, cond) \
	wait_event_mode(wq, cond, WAIT_INTERRUPTIBLE, NO_DEADLINE)
#define wait_event_killable(wq, cond) \
	wait_event_mode(wq, cond, WAIT_KILLABLE, NO_DEADLINE)
/* 0, or -ETIMEDOUT at @deadline, a stamp. */
#define wait_event_deadline(wq, cond, deadline) \
	wait_event_mode(wq, cond, WAIT_UNINTERRUPTIBLE, deadline)

#endif
