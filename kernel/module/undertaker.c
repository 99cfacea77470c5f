/*
 * The undertaker's counter: requests come in, wait their turn, get an answer.
 *
 * The caller sleeps until he has one; it is never frozen while he waits for it
 * (SPARE_CALLER), and a signal makes the undertaker give up at its next step.
 * The answer is written to the heap, never to his stack (H42).
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/attempt.h>
#include <sched/freezer.h>

static DEFINE_SPINLOCK(queue_lock);
static LIST_HEAD(queue);			/* queue_lock */

struct attempt *attempt_new(void)
{
	struct attempt *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	a->report = kzalloc(sizeof(*a->report), GFP_KERNEL | GFP_DATA);
	if (!a->report) {
		kfree(a);
		return NULL;
	}
	atomic_set(&a->refs, 1);
	INIT_LIST_HEAD(&a->queue);
	INIT_LIST_HEAD(&a->kept);
	init_completion(&a->done);
	a->req.budget_ms = UNLOAD_DEFAULT_MS;
	return a;
}

void attempt_put(struct attempt *a)
{
	if (!atomic_dec_and_test(&a->refs))
		return;
	if (a->caller)
		task_put(a->caller);
	kfree(a->report);
	kfree(a);
}

static void queue_attempt(struct attempt *a)
{
	uint32_t flags = spin_lock_irqsave(&queue_lock);

	atomic_inc(&a->refs);
	list_add_tail(&a->queue, &queue);
	spin_unlock_irqrestore(&queue_lock, flags);
	wake_up(&undertaker_wait);
}

static struct attempt *take_attempt(void)
{
	uint32_t flags = spin_lock_irqsave(&queue_lock);
	struct attempt *a = list_first_entry_or_null(&queue, struct attempt,
						     queue);

	if (a)
		list_del_init(&a->queue);
	spin_unlock_irqrestore(&queue_lock, flags);
	return a;
}

/* It has not been begun: true, and it never will be. */
static bool unqueue_attempt(struct attempt *a)
{
	uint32_t flags = spin_lock_irqsave(&queue_lock);
	bool queued = !list_empty(&a->queue);

	list_del_init(&a->queue);
	spin_unlock_irqrestore(&queue_lock, flags);
	if (queued)
		attempt_put(a);
	return queued;
}

/* ---- the undertaker ---- */

/* A failed load's attempt has been run, or will never be. */
static void expel_finish(struct attempt *a)
{
	routines_dismiss(a);
	freezer_keep_no_longer();
}

/*
 * Who asked for an expulsion may have given up waiting: the log has it.  One
 * that is to be gone on with keeps the bearer for the cleanup to come.
 */
static void serve(struct attempt *a)
{
	attempt_run(a);
	if (!a->expel)
		return;
	if (a->stage >= STAGE_DEAD)
		expel_finish(a);
	else
		freezer_keep_no_longer();
	if (a->report->outcome != UNLOAD_GONE)
		report_log(a->report);
}

static int undertaker(void *arg)
{
	(void)arg;
	task_spare(current, SPARE_UNDERTAKER);
	for (;;) {
		struct attempt *a = NULL;

		wait_event_mode(undertaker_wait, (a = take_attempt()) ||
				attempt_deferred_is_due(), WAIT_IDLE,
				stamp_of(attempt_deferred_next()));
		if (a) {
			serve(a);
			complete(&a->done);
			attempt_put(a);
		} else {
			attempt_deferred();
		}
	}
	return 0;
}

void undertaker_init(void)
{
	struct task *t = kthread_run(undertaker, NULL, "undertaker");

	assert(t);
	task_put(t);
}

/* ---- who asks ---- */

/* Its turn did not come, or not in time: nothing was begun. */
static int report_no_turn(struct attempt *a, int err)
{
	if (err == -ETIMEDOUT)
		return report_fail(a->report, -EAGAIN,
				   "another unload is under way");
	return report_fail(a->report, -EINTR, "interrupted");
}

static struct stamp last_moment(const struct unload_request *req)
{
	return stamp_in_ms((uint64_t)req->budget_ms + req->wait_ms);
}

/*
 * Until its turn has come it may have had enough, by the clock or by a signal;
 * from then on the undertaker looks at the clock, and a signal is told to him.
 */
static int wait_for_answer(struct attempt *a)
{
	struct stamp turn = last_moment(&a->req);
	int err;

	for (;;) {
		err = wait_event_mode(a->done.wait, a->done.done,
				      WAIT_INTERRUPTIBLE, turn);
		if (!err)
			return a->report->error;
		if (unqueue_attempt(a))
			return report_no_turn(a, err);
		if (err == -ERESTARTSYS)
			break;
		turn = NO_DEADLINE;
	}
	WRITE_ONCE(a->cancelled, true);
	wake_up(&undertaker_wait);
	wait_for_completion(&a->done);
	return a->report->error;
}

static int ask(struct attempt *a)
{
	int err;

	task_spare(current, SPARE_CALLER);
	queue_attempt(a);
	err = wait_for_answer(a);
	task_unspare(current, SPARE_CALLER);
	return err;
}

/* The attempt that @req asks for, with the answer in *@report. */
static int try_unload(const struct unload_request *req,
		      struct unload_report *report)
{
	struct attempt *a = attempt_new();
	int err;

	if (!a)
		return report_fail(report, -ENOMEM, "no memory");
	a->req = *req;
	if (!a->req.budget_ms)
		a->req.budget_ms = UNLOAD_DEFAULT_MS;
	a->caller = current;
	task_get(current);
	*a->report = *report;
	err = ask(a);
	*report = *a->report;
	attempt_put(a);
	return err;
}

void attempt_join_names(const struct unload_request *req, char *buf,
			size_t n)
{
	size_t len = 0;

	for (uint32_t i = 0; i < req->nr_names; i++)
		len += (size_t)scnprintf(buf + len, n - len, "%s%s",
					 i ? " " : "", req->names[i]);
}

int module_unload(const struct unload_request *req,
		  struct unload_report *report)
{
	memset(report, 0, sizeof(*report));
	report->outcome = UNLOAD_REFUSED;
	attempt_join_names(req, report->names, sizeof(report->names));
	if (!req->nr_names || req->nr_names > UNLOAD_MAX_NAMES)
		report->error = report_fail(report, -EINVAL,
					    "one to %u names are needed",
					    UNLOAD_MAX_NAMES);
	else
		report->error = try_unload(req, report);
	return report->error;
}

/*
 * The code at @site belongs to the module @name.  Asked before the undertaker
 * is: a module's own routine may be what he waits for.
 */
static bool is_own_name(uintptr_t site, const char *name)
{
	bool own;

	mutex_lock(&module_lock);
	own = in_window(site) && window_owner(site) == module_id_locked(name);
	mutex_unlock(&module_lock);
	return own;
}

/*
 * For modules: the same without a choice and without a report.  From the
 * module itself it is EDEADLK, whatever the context (G11).
 */
int unload_module(const char *name)
{
	struct unload_report *report;
	struct unload_request *req;
	int err = -ENOMEM;

	if (in_interrupt() || preempt_count() ||
	    is_own_name((uintptr_t)__builtin_return_address(0), name))
		return -EDEADLK;
	req = kzalloc(sizeof(*req), GFP_KERNEL | GFP_DATA);
	report = kzalloc(sizeof(*report), GFP_KERNEL | GFP_DATA);
	if (req && report) {
		req->nr_names = 1;
		strscpy(req->names[0], name, OWNER_NAME_LEN);
		err = module_unload(req, report);
	}
	kfree(report);
	kfree(req);
	return err;
}
EXPORT_SYMBOL(unload_module);

/* ---- the loader's requests ---- */

struct attempt *expel_prepare(module_id_t id)
{
	struct attempt *a = attempt_new();
	bool keeps;

	if (!a)
		return NULL;
	a->expel = true;
	a->terr.n = 1;
	a->terr.ids[0] = id;
	a->terr.member[id] = true;
	strscpy(a->report->names, owners[id].name, sizeof(a->report->names));
	a->caller = current;
	task_get(current);
	if (routines_prepare(a)) {
		attempt_put(a);
		return NULL;
	}
	keeps = freezer_keep_running();
	assert(keeps);
	return a;
}

void expel_cancel(struct attempt *a)
{
	expel_finish(a);
	attempt_put(a);
}

/*
 * The queue before it may be long, and end with an unload -w: the caller has
 * his answer in the time of one that is not.
 */
int module_expel(struct attempt *a)
{
	struct stamp end = last_moment(&a->req);
	int err;

	queue_attempt(a);
	err = wait_event_mode(a->done.wait, a->done.done, WAIT_INTERRUPTIBLE,
			      end);
	attempt_put(a);
	return err == -ERESTARTSYS ? -EINTR : err;
}

/* -EAGAIN: the undertaker is at it. */
static int try_revive(const char *name, bool params)
{
	enum module_state s = MODULE_FREE;
	module_id_t id;

	mutex_lock(&module_lock);
	id = module_id_locked(name);
	if (id)
		s = owner_state(id);
	if (s == MODULE_DEFERRED && !params)
		module_go_live_locked(id);
	mutex_unlock(&module_lock);
	if (s == MODULE_CLOSED || s == MODULE_HELD || s == MODULE_DEAD)
		return -EAGAIN;
	if (s != MODULE_DEFERRED)
		return -ENOENT;
	return params ? -EBUSY : 0;
}

/*
 * The undertaker tries a DEFERRED module now and then, and any other when he is
 * asked.  What comes of it is waited for: mostly it is soon over.  Not with
 * unload -w, whose end is not ours to wait for.
 */
int module_revive(const char *name, bool params, char *text, size_t n)
{
	struct stamp end = stamp_in_ms(UNLOAD_DEFAULT_MS);
	int err;

	while ((err = try_revive(name, params)) == -EAGAIN &&
	       !stamp_passed(end)) {
		if (!msleep_interruptible(1))
			continue;
		strscpy(text, "interrupted", n);
		return -EINTR;
	}
	if (err == -EAGAIN)
		strscpy(text, "an unload of it is under way", n);
	else if (err == -EBUSY)
		snprintf(text, n, "is deferred: `load %s` revives it, with "
			 "the parameters that it has", name);
	return err;
}
