/*
 * The refrigerator and what it rests on: who stands, who is spared, and what a
 * sleeper has on its stack.
 *
 * These tests close the gate themselves, as the undertaker does, and are
 * therefore not to run beside an unload.
 */
#include <kernel/completion.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/mutex.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/workqueue.h>
#include <lock/preempt.h>
#include <proc/process.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <sched/signal.h>
#include <sched/trace.h>
#include <test/ktest.h>
#include <x86/machine.h>
#include <x86/smp.h>

#define FREEZE_NS	(500 * NSEC_PER_MSEC)	/* a test may be patient */
#define PATIENCE_NS	(5 * NSEC_PER_SEC)

/* A hang detector: nothing here is to take so long. */
static bool wait_true(const bool *flag)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (!READ_ONCE(*flag) && ktime_get_ns() < end)
		yield();
	return READ_ONCE(*flag);
}

/* ---- sleepers ---- */

struct time_search {
	unsigned int	sleepers, found;
};

/*
 * Low words of times of this boot.  While the clock is young no address of the
 * kernel is one; addresses of programs are below.
 */
#define FIRST_TIME	0x0a000000u		/* 0.17 s */
#define LAST_NS		(3 * NSEC_PER_SEC)

static bool looks_like_time(uint32_t word)
{
	return word >= FIRST_TIME && word <= (uint32_t)ktime_get_ns();
}

/* The undertaker is examined by nobody. */
static bool keeps_no_time(const struct task *t)
{
	return t->state == TASK_SLEEPING && !t->on_rq && t->stack && !t->held &&
	       !(t->spared & SPARE_UNDERTAKER);
}

/*
 * Under the lock of its queue it does not wake, and its stack stays as it is.
 */
static bool search_sleeper(struct task *t, void *arg)
{
	struct time_search *s = arg;
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	const uint32_t *p = (const uint32_t *)t->esp;
	const uint32_t *top = (const uint32_t *)task_stack_top(t);

	if (keeps_no_time(t)) {
		s->sleepers++;
		for (; p < top; p++) {
			if (!looks_like_time(*p) ||
			    *p == t->sleep_deadline.lo)
				continue;
			s->found++;
			pr_info("%s[%d]: word %u of %u of its stack is %08x",
				t->comm, t->pid,
				(uint32_t)(p - (const uint32_t *)t->esp),
				(uint32_t)(top - (const uint32_t *)t->esp), *p);
		}
	}
	task_rq_unlock(rq, flags);
	return true;
}

static void end_thread(struct task *t)
{
	task_reap(t);
	task_put(t);
}

#define LIKE_AN_ADDRESS	0xedc92292u
#define LOOKS		8
#define LOOKING_NS	(500u * 1000 * 1000)	/* more than they take */

static struct {
	uint64_t	ns;		/* so late that it does not come */
	uint64_t	began;
} resting __no_pointers;

static noinline struct stamp begin_to_rest(void)
{
	resting.began = ktime_get_ns();
	return stamp_of(resting.ns);
}

static int rest(void *arg)
{
	struct stamp end = begin_to_rest();

	(void)arg;
	stack_wipe_dead();
	while (!kthread_should_stop() && !stamp_passed(end))
		msleep(1);
	return 0;
}

struct stack_look {
	uint32_t	end;		/* it lies there so often */
	uint32_t	times;		/* since the thread began */
};

/* False: it does not sleep. */
static bool look_at_stack(struct task *t, struct stack_look *look)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	const uint32_t *top = (const uint32_t *)task_stack_top(t);
	bool asleep = t->state == TASK_SLEEPING && !t->on_rq;
	uint32_t first = (uint32_t)resting.began;

	*look = (struct stack_look){ 0, 0 };
	for (const uint32_t *p = (const uint32_t *)t->esp; asleep && p < top;
	     p++) {
		look->end += *p == LIKE_AN_ADDRESS;
		look->times += *p < KERNEL_BASE &&
			       *p != stamp_of(resting.ns).lo &&
			       *p != t->sleep_deadline.lo &&
			       *p - first < (uint32_t)ktime_get_ns() - first;
	}
	task_rq_unlock(rq, flags);
	return asleep;
}

/* What is on a stack for other reasons is an address, or small. */
static void await_telling_times(void)
{
	uint32_t now;

	while ((now = (uint32_t)ktime_get_ns()) < FIRST_TIME ||
	       now > KERNEL_BASE - LOOKING_NS)
		msleep(10);
}

/*
 * Who sleeps with a stamp has no time on his stack: neither one that the
 * compiler has made of it, once for all turns of his loop, nor that of his last
 * look at the clock.
 */
KTEST(sched, a_time_at_rest_stays_a_stamp)
{
	struct stack_look look;
	struct task *t;
	uint32_t ends = 0, times = 0;

	await_telling_times();
	resting.ns = 1ull << 40 | LIKE_AN_ADDRESS;
	resting.began = 0;
	t = kthread_run(rest, NULL, "rests");
	KTEST_EXPECT(t);
	for (uint32_t looks = 0; looks < LOOKS; msleep(1)) {
		if (!READ_ONCE(resting.began) || !look_at_stack(t, &look))
			continue;
		ends += look.end;
		times += look.times;
		looks++;
	}
	kthread_stop(t);
	KTEST_EXPECT(ends == 0);
	KTEST_EXPECT(times == 0);
	return NULL;
}

/* ---- what an earlier call has left ---- */

/* clang, and gcc with UBSan, keep some room of which nothing is written. */
#if defined(CONFIG_DEBUG) || defined(__clang__)
#define FRAMES_ARE_TIGHT	false
#else
#define FRAMES_ARE_TIGHT	true
#endif

#define LITTER		0xeeee7777u
#define LITTER_WORDS	400u

static struct {
	struct mutex		mutex;		/* held while they come */
	struct completion	done;
	struct wait_queue_head	wait;
	bool			stop;
} litter;

static noinline void leave_litter(void)
{
	uint32_t words[LITTER_WORDS];

	for (uint32_t i = 0; i < LITTER_WORDS; i++)
		WRITE_ONCE(words[i], LITTER);
}

static int sleep_for_a_mutex(void *arg)
{
	(void)arg;
	leave_litter();
	mutex_lock(&litter.mutex);
	mutex_unlock(&litter.mutex);
	return 0;
}

static int sleep_for_completion(void *arg)
{
	(void)arg;
	leave_litter();
	wait_for_completion(&litter.done);
	return 0;
}

static int sleep_for_event(void *arg)
{
	(void)arg;
	leave_litter();
	wait_event(litter.wait, READ_ONCE(litter.stop));
	return 0;
}

/* -1: it does not sleep yet. */
static int count_litter(struct task *t)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	const uint32_t *p = (const uint32_t *)t->esp;
	const uint32_t *top = (const uint32_t *)task_stack_top(t);
	int n = -1;

	if (t->state == TASK_SLEEPING && !t->on_rq && rq->curr != t)
		for (n = 0; p < top; p++)
			n += *p == LITTER;
	task_rq_unlock(rq, flags);
	return n;
}

static uint32_t litter_of_sleeper(struct task *t)
{
	int n;

	while ((n = count_litter(t)) < 0)
		yield();
	return (uint32_t)n;
}

/*
 * Room in a frame that nobody has written would show what was there before, an
 * address of a module that was called, or a number that looks like one (H09).
 */
KTEST(sched, frames_show_nothing_of_earlier_calls) __no_lock_analysis
{
	int (*const ways[])(void *) = { sleep_for_a_mutex,
					sleep_for_completion, sleep_for_event };
	struct task *t[ARRAY_SIZE(ways)];
	uint32_t started = 0, found = 0;

	if (!FRAMES_ARE_TIGHT)
		return KTEST_SKIP "takes gcc, and no UBSan";
	memset(&litter, 0, sizeof(litter));
	mutex_init(&litter.mutex, "litter");
	init_completion(&litter.done);
	init_waitqueue_head(&litter.wait);
	mutex_lock(&litter.mutex);
	while (started < ARRAY_SIZE(ways)) {
		t[started] = kthread_run(ways[started], NULL, "litter");
		if (!t[started])
			break;
		found += litter_of_sleeper(t[started++]);
	}
	mutex_unlock(&litter.mutex);
	complete_all(&litter.done);
	WRITE_ONCE(litter.stop, true);
	wake_up(&litter.wait);
	for (uint32_t i = 0; i < started; i++)
		end_thread(t[i]);
	KTEST_EXPECT(started == ARRAY_SIZE(ways) && found == 0);
	return NULL;
}

/* ---- the gate ---- */

/* The gate is for the undertaker to close: for a moment we are it. */
static int freeze(void)
{
	struct freeze_failure f;

	task_spare(current, SPARE_UNDERTAKER);
	return freezer_freeze(FREEZE_NS, &f);
}

static void thaw(void)
{
	freezer_thaw();
	task_unspare(current, SPARE_UNDERTAKER);
}

static void busy_ns(uint64_t ns)
{
	uint64_t end = ktime_get_ns() + ns;

	while (ktime_get_ns() < end)
		cpu_relax();
}

/* Threads that count, and tell when they run. */
static struct {
	bool		stop, running;
	uint32_t	count;
} counter;

static int count_up(void *arg)
{
	(void)arg;
	while (!READ_ONCE(counter.stop)) {
		WRITE_ONCE(counter.count, counter.count + 1);
		WRITE_ONCE(counter.running, true);
	}
	return 0;
}

/*
 * Behind the gate nobody runs; in front of it everybody goes on.  What is seen
 * is judged after the thaw, here and below: a KTEST_EXPECT() that returned
 * before it would leave the world frozen.
 */
KTEST(sched, frozen_tasks_stand_still)
{
	struct task *t;
	uint32_t first, second;
	bool ran;
	int err;

	memset(&counter, 0, sizeof(counter));
	t = kthread_run(count_up, NULL, "count_up");
	KTEST_EXPECT(t);
	ran = wait_true(&counter.running);
	err = freeze();
	first = READ_ONCE(counter.count);
	busy_ns(2 * NSEC_PER_MSEC);
	second = READ_ONCE(counter.count);
	if (!err)
		thaw();
	WRITE_ONCE(counter.running, false);
	ran = ran && wait_true(&counter.running);
	WRITE_ONCE(counter.stop, true);
	end_thread(t);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(first == second);
	KTEST_EXPECT(ran);
	return NULL;
}

static DECLARE_WAIT_QUEUE_HEAD(doorbell);
static bool rung, answered;

static int answer_door(void *arg)
{
	(void)arg;
	wait_event(doorbell, READ_ONCE(rung));
	WRITE_ONCE(answered, true);
	return 0;
}

/* Both: who is about to sleep has the state already, and still his CPU. */
static bool is_asleep(const struct task *t)
{
	return READ_ONCE(t->state) == TASK_SLEEPING && !READ_ONCE(t->on_rq);
}

/* Nobody is woken by a freeze; who is woken meanwhile is so after the thaw. */
KTEST(sched, wakeups_are_kept_for_the_thaw)
{
	struct task *t;
	bool early, came;
	int err;

	rung = answered = false;
	t = kthread_run(answer_door, NULL, "answer_door");
	KTEST_EXPECT(t);
	while (!is_asleep(t))
		yield();
	err = freeze();
	WRITE_ONCE(rung, true);
	wake_up(&doorbell);
	busy_ns(2 * NSEC_PER_MSEC);
	early = READ_ONCE(answered);
	if (!err)
		thaw();
	came = wait_true(&answered);
	end_thread(t);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(!early);
	KTEST_EXPECT(came);
	return NULL;
}

static struct {
	bool there, leave;
} stubborn;

#define KEEP_NS		(500 * NSEC_PER_MSEC)

/*
 * With preemption off the gate finds him running, and cannot have the CPU.  Not
 * for good: whom he keeps from it may have a mutex that we need.
 */
static int keep_cpu(void *arg)
{
	uint64_t end = ktime_get_ns() + KEEP_NS;

	(void)arg;
	preempt_disable();
	WRITE_ONCE(stubborn.there, true);
	while (!READ_ONCE(stubborn.leave) && ktime_get_ns() < end)
		cpu_relax();
	preempt_enable();
	return 0;
}

/* Time for the other CPUs to come: a host may run one after another. */
#define OTHERS_NS	(200 * NSEC_PER_MSEC)

/* Who does not leave his CPU is named, and the gate is open again (G9). */
KTEST(sched, freeze_gives_up_at_its_deadline)
{
	struct freeze_failure f = { .pid = 0 };
	struct task *t;
	bool open;
	int err;

	if (nr_cpus == 1)
		return NULL;
	memset(&stubborn, 0, sizeof(stubborn));
	t = kthread_run(keep_cpu, NULL, "keep_cpu");
	KTEST_EXPECT(t);
	err = wait_true(&stubborn.there) ? 0 : -EIO;
	if (!err) {
		task_spare(current, SPARE_UNDERTAKER);
		err = freezer_freeze(OTHERS_NS, &f);
		if (!err)
			freezer_thaw();
		task_unspare(current, SPARE_UNDERTAKER);
	}
	open = !freezer_frozen();
	WRITE_ONCE(stubborn.leave, true);
	end_thread(t);
	KTEST_EXPECT(err == -ETIMEDOUT);
	KTEST_EXPECT(f.pid && !strcmp(f.comm, "keep_cpu"));
	KTEST_EXPECT(open);
	return NULL;
}

/* ---- locks (H22) ---- */

static DEFINE_MUTEX(outer);
static DEFINE_MUTEX(inner);
static struct {
	bool	outer_held, inner_held, release, waiting, done;
} locks;

/*
 * Holds @inner, computing, until told to let go: a freeze takes its CPU away
 * with the mutex locked.
 */
static int hold_inner(void *arg)
{
	(void)arg;
	mutex_lock(&inner);
	WRITE_ONCE(locks.inner_held, true);
	while (!READ_ONCE(locks.release))
		cpu_relax();
	mutex_unlock(&inner);
	return 0;
}

/* Holds @outer and waits for @inner. */
static int hold_outer(void *arg)
{
	(void)arg;
	mutex_lock(&outer);
	WRITE_ONCE(locks.outer_held, true);
	mutex_lock(&inner);
	mutex_unlock(&inner);
	mutex_unlock(&outer);
	return 0;
}

/* Stands for a task that is spared for its evidence. */
static int want_outer(void *arg)
{
	(void)arg;
	WRITE_ONCE(locks.waiting, true);
	mutex_lock(&outer);
	mutex_unlock(&outer);
	WRITE_ONCE(locks.done, true);
	return 0;
}

/* The place in the chain is taken once it sleeps for the lock. */
static void wait_blocked(const struct task *t)
{
	while (!READ_ONCE(t->blocked_on) || !is_asleep(t))
		yield();
}

/* Along the chain, as the undertaker does it: over and over. */
static bool thaw_holders_until_done(void)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (!READ_ONCE(locks.done) && ktime_get_ns() < end) {
		freezer_thaw_lock_holders();
		msleep(1);
	}
	return READ_ONCE(locks.done);
}

/* The holder of what a spared task waits for is thawed, also of what that one
 * waits for, until the spared task has it. */
KTEST(sched, lock_holders_are_thawed)
{
	struct task *holder, *middle, *spared;
	bool done = false, none_left = false;
	int err;

	memset(&locks, 0, sizeof(locks));
	holder = kthread_run(hold_inner, NULL, "hold_inner");
	KTEST_EXPECT(holder && wait_true(&locks.inner_held));
	middle = kthread_run(hold_outer, NULL, "hold_outer");
	KTEST_EXPECT(middle && wait_true(&locks.outer_held));
	wait_blocked(middle);
	spared = kthread_run(want_outer, NULL, "want_outer");
	KTEST_EXPECT(spared && wait_true(&locks.waiting));
	wait_blocked(spared);
	err = freeze();
	if (!err) {
		task_spare(spared, SPARE_EVIDENCE);
		WRITE_ONCE(locks.release, true);
		done = thaw_holders_until_done();
		none_left = !freezer_thaw_lock_holders();
		thaw();
	}
	WRITE_ONCE(locks.release, true);
	end_thread(holder);
	end_thread(middle);
	end_thread(spared);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(done);
	KTEST_EXPECT(none_left);
	return NULL;
}

static bool taken_in_time(struct mutex *m)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;
	bool taken;

	while (!(taken = mutex_trylock(m)) && ktime_get_ns() < end)
		yield();
	if (taken)
		mutex_unlock(m);
	return taken;
}

/* By hand, too: no console waits for a lock behind the gate. */
KTEST(sched, frozen_by_hand_nobody_keeps_a_lock)
{
	struct task *holder;
	bool taken = false, ended = false;
	int err;

	memset(&locks, 0, sizeof(locks));
	holder = kthread_run(hold_inner, NULL, "hold_inner");
	KTEST_EXPECT(holder && wait_true(&locks.inner_held));
	task_spare(current, SPARE_CONSOLE);
	err = freezer_manual_freeze();
	WRITE_ONCE(locks.release, true);
	if (!err) {
		taken = taken_in_time(&inner);
		ended = READ_ONCE(holder->gone);
		err = freezer_manual_thaw();
	}
	task_unspare(current, SPARE_CONSOLE);
	end_thread(holder);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(taken);
	KTEST_EXPECT(!ended);
	return NULL;
}

/* ---- births, deaths, signals behind the gate (H19 to H21) ---- */

/* No files at all: they are not what is asked here. */
static struct task *start(const char *path, int *err)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	struct file *stdio[3] = { NULL, NULL, NULL };

	return process_spawn(path, argv, stdio, err);
}

/* A kill takes effect after the thaw, and is not lost. */
KTEST(sched, frozen_tasks_die_after_the_thaw)
{
	struct task *t;
	bool alive;
	int status, err;

	t = start("/bin/spinner", &err);
	KTEST_EXPECT(t);
	while (!READ_ONCE(t->announce))
		yield();
	err = freeze();
	process_kill(t->pid, SIGKILL);
	busy_ns(2 * NSEC_PER_MSEC);
	alive = READ_ONCE(t->state) != TASK_DEAD;
	if (!err)
		thaw();
	KTEST_EXPECT(process_wait(t, &status) == 0);
	task_put(t);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(alive);
	KTEST_EXPECT(status == SIGKILL);
	return NULL;
}

/* Who is born behind the gate waits there like all others, and is listed. */
KTEST(sched, births_wait_behind_the_gate)
{
	struct task *t;
	unsigned int before;
	bool listed;
	int err;

	memset(&counter, 0, sizeof(counter));
	err = freeze();
	before = task_count();
	t = kthread_run(count_up, NULL, "count_up");
	listed = task_count() == before + 1;
	busy_ns(2 * NSEC_PER_MSEC);
	if (!err)
		thaw();
	KTEST_EXPECT(t);
	listed = listed && wait_true(&counter.running);
	WRITE_ONCE(counter.stop, true);
	end_thread(t);
	KTEST_EXPECT(err == 0);
	KTEST_EXPECT(listed);
	return NULL;
}

/* ---- timers ---- */

/* A function that stays until it is told to go, and tells where it is. */
static struct {
	struct ktimer	timer;
	atomic_t	inside, runs, overlaps;
	uint32_t	cpu;
	bool		leave;
} slow;

/* In interrupt context, so never for longer than PATIENCE_NS. */
static void slow_function(struct ktimer *t)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	(void)t;
	if (atomic_add_return(1, &slow.inside) > 1)
		atomic_inc(&slow.overlaps);
	WRITE_ONCE(slow.cpu, cpu_id());
	atomic_inc(&slow.runs);
	while (!READ_ONCE(slow.leave) && ktime_get_ns() < end)
		cpu_relax();
	atomic_dec(&slow.inside);
}

static void arm_slow(void *arg)
{
	(void)arg;
	ktimer_start(&slow.timer, ktime_get_ns());
}

/* Exactly so often: once too many is no less wrong. */
static bool slow_has_run(int times)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (atomic_read(&slow.runs) < times && ktime_get_ns() < end)
		cpu_relax();
	return atomic_read(&slow.runs) == times;
}

/* Armed on one CPU while it runs on another, a timer waits for itself. */
KTEST(sched, timer_never_runs_beside_itself)
{
	bool elsewhere, first, again;

	if (nr_cpus == 1)
		return NULL;
	memset(&slow, 0, sizeof(slow));
	ktimer_init(&slow.timer, slow_function);
	smp_call_others(arm_slow, NULL);
	first = slow_has_run(1);
	preempt_disable();
	elsewhere = READ_ONCE(slow.cpu) != cpu_id();
	arm_slow(NULL);
	busy_ns(2 * NSEC_PER_MSEC);	/* else it would be run here */
	WRITE_ONCE(slow.leave, true);
	preempt_enable();
	again = slow_has_run(2);
	ktimer_cancel_sync(&slow.timer);
	KTEST_EXPECT(first);
	KTEST_EXPECT(again);
	KTEST_EXPECT(!elsewhere || atomic_read(&slow.overlaps) == 0);
	return NULL;
}

/*
 * One that arms itself once more as its last act: when it is being cancelled
 * already, and so near to the look at who runs as the delay makes it.
 */
static struct {
	struct ktimer	timer;
	bool		cancelling;
	uint32_t	delay;
} last_act;

#define LAST_ACT_ROUNDS	300u
#define LAST_ACT_DELAYS	300u

static void arm_at_the_end(struct ktimer *t)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (!READ_ONCE(last_act.cancelling) && ktime_get_ns() < end)
		cpu_relax();
	for (uint32_t i = 0; i < READ_ONCE(last_act.delay); i++)
		barrier();
	ktimer_start(t, ktime_get_ns() + PATIENCE_NS);
}

static void arm_last_act(void *arg)
{
	(void)arg;
	ktimer_start(&last_act.timer, ktime_get_ns());
}

static bool armed_after_cancel(uint32_t delay)
{
	bool armed;

	last_act.delay = delay;
	last_act.cancelling = false;
	ktimer_init(&last_act.timer, arm_at_the_end);
	smp_call_others(arm_last_act, NULL);
	while (!ktimer_running(&last_act.timer))
		cpu_relax();
	WRITE_ONCE(last_act.cancelling, true);
	ktimer_cancel_sync(&last_act.timer);
	armed = READ_ONCE(last_act.timer.queued);
	ktimer_cancel_sync(&last_act.timer);
	return armed;
}

/* A timer whose function arms it is off the heap all the same. */
KTEST(sched, a_cancelled_timer_is_not_armed)
{
	uint32_t armed = 0;

	if (nr_cpus == 1)
		return NULL;
	for (uint32_t n = 0; n < LAST_ACT_ROUNDS; n++)
		armed += armed_after_cancel(n % LAST_ACT_DELAYS);
	KTEST_EXPECT(armed == 0);
	return NULL;
}

/* ---- work ---- */

static struct {
	struct work		*work[NR_CPUS];
	struct completion	go;
	atomic_t		there;
} blockers;

static struct {
	struct work	*work;
	bool		ran;
} flushed;

static void block_worker(void *arg)
{
	(void)arg;
	atomic_inc(&blockers.there);
	wait_for_completion(&blockers.go);
}

static void note_run(void *arg)
{
	(void)arg;
	WRITE_ONCE(flushed.ran, true);
}

static int flush(void *arg)
{
	(void)arg;
	flush_work(flushed.work);
	return 0;
}

/* As many as there are workers: what is queued behind them stays so. */
static bool block_workers(void)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	init_completion(&blockers.go);
	atomic_set(&blockers.there, 0);
	for (uint32_t i = 0; i < nr_cpus; i++) {
		blockers.work[i] = work_create("blocker", block_worker, NULL);
		if (!blockers.work[i])
			return false;
		queue_work(blockers.work[i]);
	}
	while (atomic_read(&blockers.there) < (int)nr_cpus &&
	       ktime_get_ns() < end)
		yield();
	return atomic_read(&blockers.there) == (int)nr_cpus;
}

static void free_workers(void)
{
	complete_all(&blockers.go);
	for (uint32_t i = 0; i < nr_cpus; i++) {
		if (blockers.work[i])
			work_destroy(blockers.work[i]);
		blockers.work[i] = NULL;
	}
}

static bool gone_in_time(const struct task *t)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (!READ_ONCE(t->gone) && ktime_get_ns() < end)
		yield();
	return READ_ONCE(t->gone);
}

/* Who waits for an item that another cancels waits no longer. */
KTEST(sched, a_flush_ends_with_a_cancellation)
{
	bool blocked, cancelled = false, ended = false;
	struct task *t = NULL;

	flushed.ran = false;
	flushed.work = work_create("flushed", note_run, NULL);
	KTEST_EXPECT(flushed.work);
	blocked = block_workers();
	queue_work(flushed.work);
	if (blocked)
		t = kthread_run(flush, NULL, "flush");
	if (t) {
		while (!is_asleep(t))
			yield();
		cancelled = cancel_work_sync(flushed.work);
		ended = gone_in_time(t);
		queue_work(flushed.work);	/* wakes it in any case */
	}
	free_workers();
	if (t)
		end_thread(t);
	work_destroy(flushed.work);
	KTEST_EXPECT(blocked && t);
	KTEST_EXPECT(cancelled);
	KTEST_EXPECT(ended);
	return NULL;
}

/* ---- records of threads that are held ---- */

static DECLARE_WAIT_QUEUE_HEAD(holding_bell);
static bool holding_over;

static int wait_to_be_held(void *arg)
{
	(void)arg;
	wait_event(holding_bell, READ_ONCE(holding_over));
	return 0;
}

/*
 * The stack leaves the record of a module's thread that is held, and is back
 * before it is let go: word by word, so that nobody walks it meanwhile.
 */
KTEST(sched, a_held_stack_is_not_walked)
{
	static struct backtrace bt;
	enum trace_result held = TRACE_SAVED, asleep;
	struct task *t;
	bool is_held;

	holding_over = false;
	t = kthread_run(wait_to_be_held, NULL, "is_held");
	KTEST_EXPECT(t);
	while (!is_asleep(t))
		yield();
	asleep = trace_task(t, &bt);
	is_held = task_hold(t);
	if (is_held) {
		held = trace_task(t, &bt);
		task_let_go(t);
	}
	WRITE_ONCE(holding_over, true);
	wake_up(&holding_bell);
	end_thread(t);
	KTEST_EXPECT(asleep == TRACE_SAVED);
	KTEST_EXPECT(is_held);
	KTEST_EXPECT(held == TRACE_DEAD);
	return NULL;
}

/* ---- born spared ---- */

static struct {
	struct completion	go, born, end;
	struct task		*child;
	bool			started, stop;
} birth;

#define BIRTH_ROUNDS	200u
#define BIRTH_STEP	16u		/* turns of a loop between two looks */

static int wait_for_the_end(void *arg)
{
	(void)arg;
	wait_for_completion(&birth.end);
	return 0;
}

static int give_birth(void *arg)
{
	(void)arg;
	for (;;) {
		wait_for_completion(&birth.go);
		if (READ_ONCE(birth.stop))
			return 0;
		WRITE_ONCE(birth.started, true);
		birth.child = kthread_run(wait_for_the_end, NULL, "child");
		complete(&birth.born);
	}
}

/* As the shell does it for a thaw. */
static bool unspare_child_too(struct task *t, void *arg)
{
	(void)arg;
	if (t->spared & SPARE_CONSOLE)
		task_unspare(t, SPARE_CONSOLE);
	return true;
}

/* The walk begins so much later than the birth. */
static bool child_stays_spared(struct task *parent, uint32_t delay)
{
	bool spared;

	WRITE_ONCE(birth.started, false);
	task_spare(parent, SPARE_CONSOLE);
	complete(&birth.go);
	wait_true(&birth.started);
	for (uint32_t i = 0; i < delay; i++)
		barrier();
	task_for_each(unspare_child_too, NULL);
	wait_for_completion(&birth.born);
	if (!birth.child)
		return false;
	spared = READ_ONCE(birth.child->spared) & SPARE_CONSOLE;
	complete(&birth.end);
	end_thread(birth.child);
	return spared;
}

/* What a spared task starts is spared, and loses that together with it. */
KTEST(sched, who_is_born_spared_is_unspared)
{
	struct task *parent;
	uint32_t spared = 0;

	memset(&birth, 0, sizeof(birth));
	init_completion(&birth.go);
	init_completion(&birth.born);
	init_completion(&birth.end);
	parent = kthread_run(give_birth, NULL, "parent");
	KTEST_EXPECT(parent);
	for (uint32_t n = 0; n < BIRTH_ROUNDS; n++)
		spared += child_stays_spared(parent, n * BIRTH_STEP);
	WRITE_ONCE(birth.stop, true);
	complete(&birth.go);
	end_thread(parent);
	KTEST_EXPECT(spared == 0);
	return NULL;
}

/*
 * ---- preferred turns ----
 *
 * The suite turns counts whose turn comes before whose.  That has a meaning
 * where no CPU of the machine goes on while the host lets another wait: under
 * -icount.
 */

#define CROWD	(3 * NR_CPUS)

static int run_along(void *arg)
{
	(void)arg;
	while (!READ_ONCE(counter.stop))
		cpu_relax();
	return 0;
}

static struct {
	struct wait_queue_head	bell;
	bool			rung, stop, here;
	uint64_t		switches;	/* of its CPU, when it came */
	uint32_t		cpu;
} guest;

/*
 * Once rung for it stays, and would own its CPU were it preferred for ever.
 * The CPU and its count are read in one moment.
 */
static int come_and_stay(void *arg)
{
	uint32_t flags;

	(void)arg;
	wait_event(guest.bell, READ_ONCE(guest.rung));
	flags = local_irq_save();
	guest.cpu = cpu_id();
	guest.switches = rqs[cpu_id()].switches;
	local_irq_restore(flags);
	WRITE_ONCE(guest.here, true);
	while (!READ_ONCE(guest.stop))
		cpu_relax();
	return 0;
}

/* It was switched to @times more: so often another had its CPU. */
static bool wait_switches(const struct task *t, uint64_t times)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;
	uint64_t enough = READ_ONCE(t->switches) + times;

	while (READ_ONCE(t->switches) < enough && ktime_get_ns() < end)
		yield();
	return READ_ONCE(t->switches) >= enough;
}

static void note_switches(uint64_t counts[NR_CPUS])
{
	for (uint32_t c = 0; c < nr_cpus; c++)
		counts[c] = READ_ONCE(rqs[c].switches);
}

/*
 * How many tasks had the CPU before the guest had it.  Preemption is off from
 * the first count to the last wake-up: no turn of ours comes between them.
 */
static uint64_t ring_and_count(struct task *t)
{
	uint64_t before[NR_CPUS];

	preempt_disable();
	note_switches(before);
	WRITE_ONCE(guest.rung, true);
	wake_up(&guest.bell);
	task_prefer(t);
	preempt_enable();
	if (!wait_true(&guest.here))
		return UINT64_MAX;
	return guest.switches - before[guest.cpu];
}

/*
 * Three for each CPU, so that whoever waits for a turn waits behind somebody.
 */
static unsigned int start_crowd(struct task **crowd)
{
	unsigned int n = 0;

	memset(&counter, 0, sizeof(counter));
	while (n < 3 * nr_cpus) {
		crowd[n] = kthread_run(run_along, NULL, "crowd/%u", n);
		if (!crowd[n])
			break;
		n++;
	}
	return n;
}

/* No queue is longer than another by two. */
static bool queues_are_even(void)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t c = 0; c < nr_cpus; c++) {
		least = min(least, READ_ONCE(rqs[c].nr_queued));
		most = max(most, READ_ONCE(rqs[c].nr_queued));
	}
	return most - least < 2;
}

/*
 * While one CPU cannot be had all the others' tasks wait elsewhere.  Then it
 * takes one as it is idle; that is no reason to take no more.
 */
KTEST(sched, queues_even_out)
{
	static struct task *crowd[CROWD];
	uint64_t end;
	unsigned int n;
	struct task *t;
	bool even;

	if (nr_cpus == 1)
		return KTEST_SKIP "one CPU";
	memset(&stubborn, 0, sizeof(stubborn));
	t = kthread_run(keep_cpu, NULL, "keep_cpu");
	KTEST_EXPECT(t && wait_true(&stubborn.there));
	n = start_crowd(crowd);
	WRITE_ONCE(stubborn.leave, true);
	end_thread(t);
	end = ktime_get_ns() + PATIENCE_NS;
	while (!(even = queues_are_even()) && ktime_get_ns() < end)
		yield();
	WRITE_ONCE(counter.stop, true);
	while (n--)
		end_thread(crowd[n]);
	KTEST_EXPECT(even);
	return NULL;
}

/* ---- who has used up his slice ---- */

#define NAPPERS		10u		/* a CPU: twice as much as it can do */
#define NAP_MS		4
#define NAP_WORK_NS	(1 * NSEC_PER_MSEC)
#define TURNS		5u

static int work_and_nap(void *arg)
{
	(void)arg;
	while (!READ_ONCE(counter.stop)) {
		busy_ns(NAP_WORK_NS);
		msleep(NAP_MS);
	}
	return 0;
}

/* Asleep in between: who yields has used up his slice, too. */
static bool has_turns(const struct task *t, uint64_t times)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;
	uint64_t enough = READ_ONCE(t->switches) + times;

	while (READ_ONCE(t->switches) < enough && ktime_get_ns() < end)
		msleep(10);
	return READ_ONCE(t->switches) >= enough;
}

/*
 * Who naps comes back with a slice; who computes waits until nobody has one.
 * More nappers than a CPU has time for have always one among them.
 */
KTEST(sched, who_computes_has_turns_among_nappers)
{
	static struct task *nappers[NAPPERS * NR_CPUS], *spinners[NR_CPUS];
	uint32_t n = 0, spinning = 0, served = 0;

	memset(&counter, 0, sizeof(counter));
	while (n < NAPPERS * nr_cpus &&
	       (nappers[n] = kthread_run(work_and_nap, NULL, "naps/%u", n)))
		n++;
	while (spinning < nr_cpus &&
	       (spinners[spinning] = kthread_run(run_along, NULL, "spins")))
		spinning++;
	msleep(100);			/* their first slices are over */
	for (uint32_t i = 0; i < spinning; i++)
		served += has_turns(spinners[i], TURNS);
	WRITE_ONCE(counter.stop, true);
	while (n--)
		end_thread(nappers[n]);
	for (uint32_t i = 0; i < spinning; i++)
		end_thread(spinners[i]);
	KTEST_EXPECT(served == nr_cpus);
	return NULL;
}

static struct {
	struct mutex	mutex;
	bool		held, release;
	uint64_t	switches;	/* of its CPU, when it was to let go */
	uint32_t	cpu;
} wanted;

/* It computes with the mutex until it may let go. */
static int hold_wanted(void *arg)
{
	uint32_t flags;

	(void)arg;
	mutex_lock(&wanted.mutex);
	WRITE_ONCE(wanted.held, true);
	while (!READ_ONCE(wanted.release))
		cpu_relax();
	flags = local_irq_save();
	wanted.cpu = cpu_id();
	wanted.switches = rqs[cpu_id()].switches;
	local_irq_restore(flags);
	mutex_unlock(&wanted.mutex);
	return 0;
}

/* How many had the holder's CPU before it, while we waited for its mutex. */
static uint64_t want_and_count(void)
{
	uint64_t before[NR_CPUS];

	preempt_disable();
	note_switches(before);
	WRITE_ONCE(wanted.release, true);
	preempt_enable();
	mutex_lock(&wanted.mutex);
	mutex_unlock(&wanted.mutex);
	return wanted.switches - before[wanted.cpu];
}

/* Its turn is over: the whole crowd of its CPU comes before it. */
static bool wait_its_end(const struct task *t)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (READ_ONCE(rqs[READ_ONCE(t->cpu)].curr) == t &&
	       ktime_get_ns() < end)
		yield();
	return READ_ONCE(rqs[READ_ONCE(t->cpu)].curr) != t;
}

static uint64_t turns_before_holder(void)
{
	uint64_t turns = UINT64_MAX;
	struct task *holder;

	memset(&wanted, 0, sizeof(wanted));
	mutex_init(&wanted.mutex, "wanted");
	holder = kthread_run(hold_wanted, NULL, "hold_wanted");
	if (holder && wait_true(&wanted.held) && wait_its_end(holder)) {
		task_spare(current, SPARE_UNDERTAKER);
		turns = want_and_count();
		task_unspare(current, SPARE_UNDERTAKER);
	}
	WRITE_ONCE(wanted.release, true);
	if (holder)
		end_thread(holder);
	return turns;
}

/*
 * The undertaker waits for a mutex, its holder for a turn in a crowd (G3).
 */
KTEST(turns, holder_of_what_the_undertaker_wants_is_next)
{
	static struct task *crowd[CROWD];
	unsigned int n = start_crowd(crowd);
	uint64_t turns = turns_before_holder();

	WRITE_ONCE(counter.stop, true);
	while (n--)
		end_thread(crowd[n]);
	KTEST_EXPECT(turns <= 2);
	return NULL;
}

/* ---- a timer that is always due ---- */

static struct {
	struct ktimer	timer;
	uint32_t	turns;		/* of the thread beside it */
	uint32_t	seen, in_vain;	/* turns; functions run since */
	bool		stop;
} eager;

#define EAGER_RUNS	1000u
#define EAGER_LIMIT	100000u		/* in a row, and the thread had none */

static void run_again(struct ktimer *t)
{
	eager.in_vain = eager.seen == READ_ONCE(eager.turns) ?
			eager.in_vain + 1 : 0;
	eager.seen = READ_ONCE(eager.turns);
	if (!READ_ONCE(eager.stop) && eager.in_vain < EAGER_LIMIT)
		ktimer_start(t, ktime_get_ns());
}

/*
 * H11: one that arms itself for at once does not keep its CPU in the handler:
 * who was interrupted goes on between two of its runs.
 */
KTEST(sched, a_timer_that_is_always_due_lets_others_run)
{
	memset(&eager, 0, sizeof(eager));
	ktimer_init(&eager.timer, run_again);
	preempt_disable();
	ktimer_start(&eager.timer, ktime_get_ns());
	while (READ_ONCE(eager.turns) < EAGER_RUNS &&
	       READ_ONCE(eager.in_vain) < EAGER_LIMIT)
		WRITE_ONCE(eager.turns, eager.turns + 1);
	WRITE_ONCE(eager.stop, true);
	preempt_enable();
	ktimer_cancel_sync(&eager.timer);
	KTEST_EXPECT(eager.in_vain < EAGER_LIMIT);
	return NULL;
}

/*
 * On a crowded machine who is preferred has the next turn; and then the others
 * have theirs, though he would stay.
 */
KTEST(turns, preferred_once_and_then_as_others)
{
	static struct task *crowd[CROWD];
	unsigned int n = start_crowd(crowd);
	uint64_t turns = UINT64_MAX;
	struct task *t;
	bool others;

	memset(&guest, 0, sizeof(guest));
	init_waitqueue_head(&guest.bell);
	t = kthread_run(come_and_stay, NULL, "guest");
	while (t && !is_asleep(t))
		yield();
	if (t)
		turns = ring_and_count(t);
	others = t && wait_switches(t, 3);
	WRITE_ONCE(counter.stop, true);
	WRITE_ONCE(guest.stop, true);
	while (n--)
		end_thread(crowd[n]);
	KTEST_EXPECT(t);
	end_thread(t);
	KTEST_EXPECT(turns <= 2);
	KTEST_EXPECT(others);
	return NULL;
}

/*
 * A time is any number, an address of a module's too: who sleeps has none on
 * his stack but the stamp of his deadline, neither his own nor one that
 * interrupts and switches have left there (H09).  The last of the file has the
 * first turn, while the clock is young.
 */
KTEST(sched, sleepers_keep_no_time)
{
	struct time_search s = { 0, 0 };

	if (ktime_get_ns() > LAST_NS)
		return KTEST_SKIP "the clock is too old";
	msleep(30);
	task_for_each(search_sleeper, &s);
	KTEST_EXPECT(s.sleepers >= 3);
	KTEST_EXPECT(s.found == 0);
	return NULL;
}
