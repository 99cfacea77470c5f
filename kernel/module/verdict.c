/*
 * Steps 4 and 5 of an unload: freeze, examine, and the verdict.
 *
 * A freeze is short.  What can be done with the world running is done before
 * it (memory is searched, sleepers are examined ahead); who was preempted on
 * his way through the module is let through, alone; and if that takes too long
 * the world is thawed, runs for at least as long as it stood, and it is tried
 * again.  All of this only prepares.
 *
 * The verdict is one instant: every CPU stands in a rendezvous, interrupts off,
 * and whatever changed since the preparation is looked at again.  Nothing can
 * come into being between that look and the store which commits, as nobody
 * else runs.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/attempt.h>
#include <module/certificate.h>
#include <module/internal.h>
#include <module/strategy.h>
#include <sched/freezer.h>
#include <x86/smp.h>

/* A freeze is given up after this, and the world runs as long in between. */
#define FREEZE_BUDGET_NS	(debug_slowness * 10 * NSEC_PER_MSEC)
#define FREEZE_WORK_NS		(debug_slowness * 8 * NSEC_PER_MSEC)
#define VERDICT_BUDGET_NS	(debug_slowness * 5 * NSEC_PER_MSEC)
#define REST_MIN_NS		NSEC_PER_MSEC
/* What sleeps with evidence, or a pointer left: so long it may yet go away. */
#define PATIENCE_NS		(50 * NSEC_PER_MSEC)
#define PATIENCE_ROUNDS		3

/* ---- examining tasks ---- */

/* What one walk over the tasks found. */
struct census {
	struct attempt	*a;
	uint32_t	tasks, clean, preempted, asleep, running;
};

/* In a dry run the module's own threads, not held, are as good as held. */
static bool not_examined(const struct attempt *a, const struct task *t)
{
	return t == current ||
	       (a->req.dry_run && a->terr.member[t->owner]);
}

/*
 * Who sleeps for a mutex is on his way, as soon as its holder is: spared, he
 * has him let through (H22).  Where that has not helped, he sleeps on.
 */
static bool sleeps_on(const struct task *t)
{
	return READ_ONCE(t->state) == TASK_SLEEPING && !t->on_rq &&
	       (!READ_ONCE(t->blocked_on) || (t->spared & SPARE_EVIDENCE));
}

static bool examine_one(struct task *t, void *arg)
{
	struct census *c = arg;
	struct stack_hit hit;

	if (not_examined(c->a, t))
		return true;
	c->tasks++;
	switch (exam_task(t, &c->a->terr, c->a->report, &hit)) {
	case TASK_CLEAN:
		c->clean++;
		if (t->spared & SPARE_EVIDENCE)
			task_unspare(t, SPARE_EVIDENCE);
		return true;
	case TASK_IS_RUNNING:
		c->running++;
		return true;
	default:
		break;
	}
	if (sleeps_on(t)) {
		c->asleep++;
		return true;
	}
	c->preempted++;
	if (!(t->spared & SPARE_EVIDENCE) && guard(SPARE_EVIDENCE)) {
		c->a->report->spared++;
		task_spare(t, SPARE_EVIDENCE);
		task_prefer(t);		/* should this round be too short */
	}
	return true;
}

/* Most tasks sleep on, and there may be thousands of them. */
static bool pass_clean(const struct task *t, void *arg)
{
	struct census *c = arg;

	if (not_examined(c->a, t) || !exam_still_clean(t, &c->a->terr))
		return false;
	c->tasks++;
	c->clean++;
	return true;
}

/*
 * With the world running: what is remembered of those who sleep on makes the
 * freeze short.
 */
static bool examine_ahead(struct task *t, void *arg)
{
	struct attempt *a = arg;
	struct stack_hit hit;

	if (!not_examined(a, t))
		exam_task(t, &a->terr, a->report, &hit);
	return true;
}

static bool pass_known(const struct task *t, void *arg)
{
	const struct attempt *a = arg;

	return exam_still_clean(t, &a->terr);
}

/* Nobody was found, and not everybody was looked at: another round (G7). */
static int not_finished(struct attempt *a, const char *why)
{
	struct blocker *b = report_add(a->report, BLOCK_TIME);

	strscpy(b->what, why, sizeof(b->what));
	return -EAGAIN;
}

/* He was let through, with evidence or a lock, and computes. */
static void report_running(struct unload_report *r, const struct task *t)
{
	struct blocker *b = report_add(r, BLOCK_CPU);

	b->pid = t->pid;
	b->cpu = (int)t->cpu;
	strscpy(b->comm, t->comm, sizeof(b->comm));
	snprintf(b->what, sizeof(b->what), "pid %d (%s) runs on CPU %u and "
		 "comes to no end: `bt %d` says where", t->pid, t->comm,
		 t->cpu, t->pid);
}

static bool report_one(struct task *t, void *arg)
{
	struct attempt *a = arg;
	struct stack_hit hit;

	if (not_examined(a, t))
		return true;
	switch (exam_task(t, &a->terr, a->report, &hit)) {
	case TASK_HAS_EVIDENCE:
		report_stack_hit(a->report, t, &a->terr, &hit);
		break;
	case TASK_IS_RUNNING:
		report_running(a->report, t);
		break;
	default:
		break;
	}
	return true;
}

static int out_of_time(struct attempt *a)
{
	task_for_each(report_one, a);
	return a->report->nr_blockers ? -EAGAIN :
	       not_finished(a, "who had been let through came to rest too "
			    "late to be looked at");
}

/*
 * Until nobody has evidence.  Who was preempted with some runs on, alone, as
 * long as this freeze may last.  -EBUSY: sleepers have it.  -EAGAIN: time.
 */
static int examine_until_clean(struct attempt *a, uint64_t give_up)
{
	for (;;) {
		struct census c = { .a = a };
		bool locked = freezer_thaw_lock_holders();

		task_for_each_but(pass_clean, examine_one, &c);
		a->report->tasks = c.tasks;
		a->report->frozen_in_place = c.clean;
		if (!c.preempted && !c.asleep && !c.running)
			return 0;
		if (!c.preempted && !c.running && !locked) {
			task_for_each(report_one, a);
			return -EBUSY;
		}
		if (ktime_get_ns() > give_up || attempt_cancelled(a))
			return out_of_time(a);
		attempt_pause_until(a, ktime_get_ns() + ATTEMPT_POLL_NS / 2);
	}
}

/* ---- the verdict ---- */

enum verdict_on_world {
	VERDICT_CLEAN,
	VERDICT_COUNT,
	VERDICT_ENGINE,
	VERDICT_TASK,
	VERDICT_MEMORY,
	VERDICT_TOO_MUCH,
};

/* On the undertaker's stack: the one that nobody reads. */
struct verdict {
	struct attempt		*a;
	bool			commit;
	struct memory_hits	*prepared, late;
	struct task		*task;
	struct stack_hit	hit;
};

static bool engines_held(const struct territory *terr)
{
	for (uint32_t i = 0; i < terr->n; i++)
		if (!ledger_is_held(terr->ids[i]))
			return false;
	return true;
}

static bool tasks_clean(struct verdict *v)
{
	struct task *t;

	list_for_each_entry(t, &tasklist, tasks) {
		if (not_examined(v->a, t))
			continue;
		if (exam_task_stopped(t, &v->a->terr, v->a->report,
				      &v->hit) == TASK_CLEAN)
			continue;
		v->task = t;
		return false;
	}
	return true;
}

static bool memory_clean(struct verdict *v)
{
	memory_recheck(&v->a->terr, v->prepared);
	v->late.deadline = ktime_get_ns() + VERDICT_BUDGET_NS;
	memory_search(&v->a->terr, MEMORY_DIRTY, &v->late);
	v->a->report->verdict_pages = v->late.pages;
	return !v->prepared->n && !v->late.n;
}

/*
 * In rendezvous: interrupts off on all CPUs, every one of them caught at a
 * place where it had them on, so no list is half changed.  Takes no lock,
 * allocates nothing.
 */
static int judge(struct verdict *v)
{
	const struct territory *terr = &v->a->terr;

	if (guard(SECOND_COUNT) && territory_count(terr))
		return VERDICT_COUNT;
	if (guard(HOLD_ENGINES) && !v->a->req.dry_run && !engines_held(terr))
		return VERDICT_ENGINE;
	if (guard(VERDICT_TASKS) && !tasks_clean(v))
		return VERDICT_TASK;
	if (v->a->req.dry_run)
		return v->prepared->n ? VERDICT_MEMORY : VERDICT_CLEAN;
	if (guard(VERDICT_MEMORY) && !memory_clean(v))
		return VERDICT_MEMORY;
	return v->late.gave_up ? VERDICT_TOO_MUCH : VERDICT_CLEAN;
}

/* One word each, for the certificate. */
static const char *const verdict_names[] = {
	[VERDICT_CLEAN] = "clean",
	[VERDICT_COUNT] = "count",
	[VERDICT_ENGINE] = "engine",
	[VERDICT_TASK] = "task",
	[VERDICT_MEMORY] = "memory",
	[VERDICT_TOO_MUCH] = "too much",
};

static int verdict(void *arg)
{
	struct verdict *v = arg;
	const struct territory *terr = &v->a->terr;
	int w = judge(v);

	if (!v->a->req.dry_run)
		certify(terr, v->a->report->number, v->commit ?
			CERTIFICATE_COMMIT : CERTIFICATE_SECOND,
			verdict_names[w]);
	if (w == VERDICT_CLEAN && v->commit)
		for (uint32_t i = 0; i < terr->n; i++)
			WRITE_ONCE(owners[terr->ids[i]].state, MODULE_DEAD);
	return w;
}

static void report_verdict(struct verdict *v, enum verdict_on_world w)
{
	struct unload_report *r = v->a->report;

	switch (w) {
	case VERDICT_COUNT:
		report_users(r, &v->a->terr, v->a->caller);
		if (!r->nr_blockers)
			not_finished(v->a, "its users come and go");
		break;
	case VERDICT_TASK:
		report_stack_hit(r, v->task, &v->a->terr, &v->hit);
		break;
	case VERDICT_MEMORY:
		report_memory_hits(r, v->prepared, NULL);
		report_memory_hits(r, &v->late, v->prepared);
		break;
	case VERDICT_ENGINE:
		not_finished(v->a, "an engine of it was started meanwhile");
		break;
	case VERDICT_TOO_MUCH:
		not_finished(v->a, "more memory was written than a verdict "
			     "has time to read");
		break;
	default:
		break;
	}
}

/* 0, -EBUSY (count, pointer), -EAGAIN (may be otherwise next time). */
static int pass_verdict(struct attempt *a, struct memory_hits *prepared,
			bool commit, uint64_t timeout_ns)
{
	struct verdict v = { .a = a, .commit = commit, .prepared = prepared };
	uint64_t stopped = 0;
	uint32_t late = 0;
	int w = smp_rendezvous(verdict, &v, timeout_ns, &late, &stopped);

	a->report->stopped_ns = max(a->report->stopped_ns, stopped);
	a->report->memory_kib += v.late.pages * (PAGE_SIZE / 1024);
	if (w == VERDICT_CLEAN)
		return 0;
	if (w < 0) {
		struct blocker *b = report_add(a->report, BLOCK_CPU);

		b->cpu = (int)late;
		snprintf(b->what, sizeof(b->what),
			 "CPU %u did not come to the rendezvous", late);
		return -EAGAIN;
	}
	report_verdict(&v, (enum verdict_on_world)w);
	return w == VERDICT_MEMORY || w == VERDICT_COUNT ? -EBUSY : -EAGAIN;
}

/* ---- rounds ---- */

/*
 * With the world running: what is found may go away, what is not is noted by
 * the dirty bits if it comes.
 */
static void prepare_memory(struct attempt *a, struct memory_hits *hits)
{
	if (!guard(MEMORY_SEARCH))
		return;
	searched_pin();
	dirty_clear();
	memory_search(&a->terr, MEMORY_ALL, hits);
	a->report->memory_kib += hits->pages * (PAGE_SIZE / 1024);
	hits->pages = 0;
	searched_unpin();
}

/*
 * First the tasks, as that writes to their records, and then memory: what was
 * written since is read again with the world frozen.  Those who ran meanwhile
 * are few.
 */
static void prepare_round(struct attempt *a, struct memory_hits *hits)
{
	task_for_each_but(pass_known, examine_ahead, a);
	prepare_memory(a, hits);
	task_for_each_but(pass_known, examine_ahead, a);
}

/*
 * What was written since the preparation, with everybody frozen: it leaves
 * little for the verdict to read.  -EBUSY: a pointer is there.  A page of an
 * earlier hit may be given back at any moment, so the pin.
 *
 * No deadline: a page that is harvested is not dirty any more, so it has to be
 * read.  What was too much to harvest (gave_up) is dirty still, and the
 * verdict's.
 */
static int search_written(struct attempt *a, struct memory_hits *prepared)
{
	struct memory_hits late = { .n = 0 };
	int err = 0;

	if (!searched_trypin())
		return not_finished(a, "a frozen task is about to change the "
				    "map of searched memory");
	memory_search(&a->terr, MEMORY_WRITTEN, &late);
	a->report->memory_kib += late.pages * (PAGE_SIZE / 1024);
	memory_recheck(&a->terr, prepared);
	if (prepared->n || late.n) {
		report_memory_hits(a->report, prepared, NULL);
		report_memory_hits(a->report, &late, prepared);
		err = -EBUSY;
	}
	searched_unpin();
	return err;
}

static void account_freeze(struct attempt *a, uint64_t since)
{
	uint64_t ns = ktime_get_ns() - since;

	a->report->frozen_ns += ns;
	a->report->frozen_max_ns = max(a->report->frozen_max_ns, ns);
	a->last_freeze_ns = ns;
}

static void report_late_cpu(struct attempt *a, const struct freeze_failure *f)
{
	struct blocker *b = report_add(a->report, BLOCK_CPU);

	b->cpu = (int)f->cpu;
	b->pid = f->pid;
	strscpy(b->comm, f->comm, sizeof(b->comm));
	snprintf(b->what, sizeof(b->what),
		 "CPU %u would not leave pid %d (%s) within 10 ms", f->cpu,
		 f->pid, f->comm);
}

/* Evidence before the verdict: the coroner hears of it, too. */
static void refused(const struct attempt *a, int err, const char *what)
{
	if (err == -EBUSY && !a->req.dry_run)
		certify_alone(&a->terr, a->report->number, CERTIFICATE_REFUSAL,
			      what);
}

static int one_round(struct attempt *a, bool commit)
{
	struct memory_hits prepared = {
		.expects = a->req.dry_run ? predict_expects : NULL,
	};
	struct freeze_failure failure;
	uint64_t since, spent;
	int err;

	a->report->rounds++;
	a->report->nr_blockers = 0;
	if (guard(SECOND_COUNT) && look_for_users(a))
		return -EBUSY;
	err = attempt_hold_again(a);
	if (err)
		return err;
	prepare_round(a, &prepared);
	since = ktime_get_ns();
	err = guard(FREEZE) ? freezer_freeze(FREEZE_BUDGET_NS, &failure) : 0;
	if (err == -ETIMEDOUT) {
		account_freeze(a, since);
		report_late_cpu(a, &failure);
		return -EAGAIN;
	}
	if (err)
		return err == -EAGAIN ? -EPERM : err;
	err = examine_until_clean(a, since + FREEZE_WORK_NS);
	refused(a, err, "task");
	if (!err && !a->req.dry_run && guard(VERDICT_MEMORY)) {
		err = search_written(a, &prepared);
		refused(a, err, "memory");
	}
	if (!err && attempt_cancelled(a))
		err = -EAGAIN;
	spent = ktime_get_ns() - since;
	if (!err && spent < FREEZE_BUDGET_NS)
		err = pass_verdict(a, &prepared, commit,
				   FREEZE_BUDGET_NS - spent);
	else if (!err)
		err = not_finished(a, "to look at all tasks and memory took "
				   "longer than a freeze may last");
	freezer_thaw();
	account_freeze(a, since);
	return err;
}

/* What sleeps on the module, or points to it, is given a little time only. */
static bool patience_is_over(const struct attempt *a, uint32_t stuck,
			     uint64_t since)
{
	if (a->req.wait_ms)
		return false;
	return stuck >= PATIENCE_ROUNDS &&
	       ktime_get_ns() - since > PATIENCE_NS;
}

/*
 * It refuses, which harms nobody; or entombs, for which it has to have been
 * there as often as patience asks for.
 */
static bool counts_as_use(const struct attempt *a, uint32_t stuck)
{
	bool refuses = a->stage < STAGE_DEAD && !a->expel;

	return stuck >= (refuses ? 1 : PATIENCE_ROUNDS);
}

int verdict_rounds(struct attempt *a, bool commit, uint64_t deadline)
{
	uint64_t since = ktime_get_ns();
	uint32_t stuck = 0;

	if (strategy_is_chosen())
		return strategy_rounds(a, commit, deadline);
	for (;;) {
		int err = one_round(a, commit);

		if (!err || err == -EPERM)
			return err;
		if (attempt_cancelled(a))
			return attempt_interrupted(a);
		stuck = err == -EBUSY ? stuck + 1 : 0;
		if (patience_is_over(a, stuck, since))
			return -EBUSY;
		if (guard(DEADLINE) && ktime_get_ns() > deadline)
			return counts_as_use(a, stuck) ? -EBUSY : -ETIMEDOUT;
		attempt_pause_until(a, ktime_get_ns() +
			    max(a->last_freeze_ns, (uint64_t)REST_MIN_NS));
	}
}
