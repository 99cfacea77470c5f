/*
 * Sleeping and waking: wait queues, completions, sleeps for a time.
 *
 * A sleep may end without anybody's having asked for it (an engine let go, a
 * signal of another mode): every loop here tests its condition again, and so
 * does every caller's.
 */
#include <kernel/completion.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/ktime.h>
#include <lock/lockdep.h>
#include <mm/mm.h>
#include <sched/rq.h>
#include <sched/wait.h>
#include <x86/clock.h>

uint64_t ktime_get_ns(void)
{
	return clock_ns();
}
EXPORT_SYMBOL(ktime_get_ns);

/*
 * What compares with the time of now leaves it where the caller's next frames
 * may have holes: so it is wiped, with what the clock has left.
 */
#define CLOCK_FRAMES	160

static noinline struct stamp in_ms(uint64_t ms)
{
	return stamp_of(clock_ns() + ms * NSEC_PER_MSEC);
}

static noinline bool has_passed(struct stamp s)
{
	return clock_ns() >= stamp_ns(s);
}

static noinline uint32_t age_ms(struct stamp s)
{
	uint64_t now = clock_ns(), then = stamp_ns(s);

	return now > then ? (uint32_t)((now - then) / NSEC_PER_MSEC) : 0;
}

struct stamp stamp_in_ms(uint64_t ms)
{
	struct stamp s = in_ms(ms);

	stack_wipe_near(CLOCK_FRAMES);
	return s;
}
EXPORT_SYMBOL(stamp_in_ms);

bool stamp_passed(struct stamp s)
{
	bool passed = has_passed(s);

	stack_wipe_near(CLOCK_FRAMES);
	return passed;
}
EXPORT_SYMBOL(stamp_passed);

uint32_t stamp_age_ms(struct stamp s)
{
	uint32_t ms = age_ms(s);

	stack_wipe_near(CLOCK_FRAMES);
	return ms;
}
EXPORT_SYMBOL(stamp_age_ms);

void init_waitqueue_head(struct wait_queue_head *wq)
{
	spin_lock_init(&wq->lock, "wait_queue");
	INIT_LIST_HEAD(&wq->entries);
}
EXPORT_SYMBOL(init_waitqueue_head);

/* At the end: wake_up_one() begins with who has slept longest. */
void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *e)
{
	uint32_t flags = spin_lock_irqsave(&wq->lock);

	e->task = current;
	e->wq = wq;
	list_add_tail(&e->link, &wq->entries);
	spin_unlock_irqrestore(&wq->lock, flags);
}
EXPORT_SYMBOL(add_wait_queue);

/*
 * @wq is written by the entry's task, or for it while it is held, so it needs
 * no lock to be read.
 */
void remove_wait_queue(struct wait_queue_entry *e)
{
	struct wait_queue_head *wq = e->wq;
	uint32_t flags;

	if (!wq)
		return;
	flags = spin_lock_irqsave(&wq->lock);
	list_del_init(&e->link);
	e->wq = NULL;
	spin_unlock_irqrestore(&wq->lock, flags);
}
EXPORT_SYMBOL(remove_wait_queue);

/*
 * Nobody is taken off the queue: each leaves it himself, when he has seen that
 * his condition holds, or has given up.
 */
void wake_up(struct wait_queue_head *wq)
{
	uint32_t flags = spin_lock_irqsave(&wq->lock);
	struct wait_queue_entry *e;

	list_for_each_entry(e, &wq->entries, link)
		wake_up_task(e->task);
	spin_unlock_irqrestore(&wq->lock, flags);
}
EXPORT_SYMBOL(wake_up);

/*
 * Entries of tasks that are awake already are passed over: they were woken.
 * One that the freezer's gate keeps is woken too, for the thaw, but somebody
 * who can run must have the turn as well (H22).
 */
void wake_up_one(struct wait_queue_head *wq)
{
	uint32_t flags = spin_lock_irqsave(&wq->lock);
	struct wait_queue_entry *e;

	list_for_each_entry(e, &wq->entries, link)
		if (wake_up_task(e->task) && sched_may_run(e->task))
			break;
	spin_unlock_irqrestore(&wq->lock, flags);
}
EXPORT_SYMBOL(wake_up_one);

/*
 * On the queue first, then the state, then the caller's test.  The barrier
 * keeps the load of that test behind the store of the state: who changes the
 * condition before is seen by the test, who does after finds us asleep and
 * makes us runnable, whether we have got as far as schedule() or not.  Called
 * again in a loop it keeps the place in the queue.
 */
void prepare_to_wait(struct wait_queue_head *wq, enum wait_mode mode)
{
	struct task *t = current;

	might_sleep();
	if (wq && !t->wait.wq)
		add_wait_queue(wq, &t->wait);
	t->sleep_mode = mode;
	WRITE_ONCE(t->state, TASK_SLEEPING);
	smp_mb();
}
EXPORT_SYMBOL(prepare_to_wait);

/*
 * The state first: from then on wake_up_one() passes over us, and gives its
 * turn to somebody who still waits.
 */
void finish_wait(void)
{
	WRITE_ONCE(current->state, TASK_RUNNABLE);
	remove_wait_queue(&current->wait);
}
EXPORT_SYMBOL(finish_wait);

/*
 * The state of a task that is not asleep any more stays RUNNABLE: a timer that
 * fires late finds nobody to wake.
 */
static void sleep_timer_fired(struct ktimer *timer)
{
	struct task *t = container_of(timer, struct task, sleep_timer);

	WRITE_ONCE(t->timed_out, true);
	wake_up_task(t);
}

void sleep_timer_init(struct task *t)
{
	ktimer_init(&t->sleep_timer, sleep_timer_fired);
}

/*
 * Everything with a time in it comes in functions of their own, and what they
 * leave on the stack is wiped: a time may be any number, that of an address of
 * a module, too, and it would lie there for as long as the task sleeps (H09).
 */
static noinline bool arm_sleep_timer(struct task *t)
{
	uint64_t deadline = stamp_ns(t->sleep_deadline);

	if (deadline)
		ktimer_start(&t->sleep_timer, deadline);
	return deadline != 0;
}

static noinline bool deadline_has_passed(const struct task *t)
{
	uint64_t deadline = stamp_ns(t->sleep_deadline);

	return deadline && clock_ns() >= deadline;
}

/*
 * As sleep_from(), until task->sleep_deadline.  A signal comes before the
 * deadline, where both are there; neither says that the condition does not
 * hold.  The site is kept as a number that is no address: the record is
 * searched.
 */
static int sleep_until_deadline(uintptr_t site)
{
	struct task *t = current;
	bool timed;

	t->sleep_site = in_window(site) ? site - WINDOW_BASE + 1 : 0;
	t->timed_out = false;
	timed = arm_sleep_timer(t);
	stack_wipe_dead();
	schedule();
	if (timed)
		/*
		 * Nor still running: it would set @timed_out of the next sleep.
		 */
		ktimer_cancel_sync(&t->sleep_timer);
	t->sleep_site = 0;
	if (signal_pending_mode(t, t->sleep_mode))
		return -ERESTARTSYS;
	return deadline_has_passed(t) ? -ETIMEDOUT : 0;
}

int sleep_from(uintptr_t site, struct stamp deadline)
{
	current->sleep_deadline = deadline;
	return sleep_until_deadline(site);
}

int wait_schedule(struct stamp deadline)
{
	return sleep_from((uintptr_t)__builtin_return_address(0), deadline);
}
EXPORT_SYMBOL(wait_schedule);

/* Woken without reason it sleeps on: the deadline is absolute. */
static int sleep_ms(uintptr_t site, unsigned int ms, enum wait_mode mode)
{
	int err = 0;

	current->sleep_deadline = stamp_in_ms(ms);
	while (!err) {
		prepare_to_wait(NULL, mode);
		err = sleep_until_deadline(site);
		finish_wait();
	}
	return err;
}

void msleep(unsigned int ms)
{
	sleep_ms((uintptr_t)__builtin_return_address(0), ms,
		 WAIT_UNINTERRUPTIBLE);
}
EXPORT_SYMBOL(msleep);

/* What is left, rounded up, so that 0 means that it was slept to the end. */
unsigned int msleep_interruptible(unsigned int ms)
{
	uint64_t now, end;

	sleep_ms((uintptr_t)__builtin_return_address(0), ms,
		 WAIT_INTERRUPTIBLE);
	now = clock_ns();
	end = stamp_ns(current->sleep_deadline);
	return now < end ? (unsigned int)((end - now) / NSEC_PER_MSEC + 1) : 0;
}
EXPORT_SYMBOL(msleep_interruptible);

/* ---- completions ---- */

void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->wait);
}
EXPORT_SYMBOL(init_completion);

/*
 * @done is counted and the waiters are woken under one lock, which a waiter
 * takes as well to see that he is by: he comes out after us, and may free @c.
 */
static void complete_n(struct completion *c, bool all)
{
	uint32_t flags = spin_lock_irqsave(&c->wait.lock);
	struct wait_queue_entry *e;

	if (all)
		c->done = UINT32_MAX;
	else if (c->done != UINT32_MAX)
		c->done++;
	list_for_each_entry(e, &c->wait.entries, link)
		wake_up_task(e->task);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

void complete(struct completion *c)
{
	complete_n(c, false);
}
EXPORT_SYMBOL(complete);

void complete_all(struct completion *c)
{
	complete_n(c, true);
}
EXPORT_SYMBOL(complete_all);

/* UINT32_MAX is for everybody, for ever: complete_all(). */
static bool completion_take(struct completion *c)
{
	uint32_t flags = spin_lock_irqsave(&c->wait.lock);
	bool done = c->done != 0;

	if (done && c->done != UINT32_MAX)
		c->done--;
	spin_unlock_irqrestore(&c->wait.lock, flags);
	return done;
}

/* Late, or signalled, but done by now: the last test says success. */
static int completion_wait(struct completion *c, enum wait_mode mode,
			   struct stamp deadline, uintptr_t site)
{
	int err = 0;

	current->sleep_deadline = deadline;
	for (;;) {
		prepare_to_wait(&c->wait, mode);
		if (completion_take(c)) {
			err = 0;
			break;
		}
		if (err)
			break;
		err = sleep_until_deadline(site);
	}
	finish_wait();
	return err;
}

void wait_for_completion(struct completion *c)
{
	completion_wait(c, WAIT_UNINTERRUPTIBLE, NO_DEADLINE,
			(uintptr_t)__builtin_return_address(0));
}
EXPORT_SYMBOL(wait_for_completion);

int wait_for_completion_killable(struct completion *c)
{
	return completion_wait(c, WAIT_KILLABLE, NO_DEADLINE,
			       (uintptr_t)__builtin_return_address(0));
}
EXPORT_SYMBOL(wait_for_completion_killable);

int wait_for_completion_deadline(struct completion *c, struct stamp deadline)
{
	return completion_wait(c, WAIT_UNINTERRUPTIBLE, deadline,
			       (uintptr_t)__builtin_return_address(0));
}
EXPORT_SYMBOL(wait_for_completion_deadline);
