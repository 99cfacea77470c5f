/*
 * Step 1 of an unload: look, before anything is touched.
 *
 * Do the modules exist, may they go, is another linked to them, is the caller
 * himself inside, are there users: most refusals are given here, cheaply, and
 * they change nothing because nothing was begun.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <module/attempt.h>

/*
 * Under module_lock: the state stays what it is until that is given up, and is
 * looked at again when the module is closed.  @retry: the undertaker's own
 * attempt at a DEFERRED module, which somebody may have revived meanwhile.
 */
static int check_state(struct attempt *a, module_id_t id, const char *name)
{
	enum module_state s = owner_state(id);

	if (owners[id].abandoned) {
		struct blocker *b = report_add(a->report, BLOCK_ROUTINE);

		snprintf(b->what, sizeof(b->what), "bearer/%s is in a routine "
			 "of it still; `ps` has its pid", name);
		return report_fail(a->report, -EBUSY,
				   "a routine of it that an earlier unload "
				   "called has not returned yet");
	}
	switch (s) {
	case MODULE_LIVE:
		if (a->retry)
			return report_fail(a->report, -EAGAIN,
					   "%s was revived", name);
		return 0;
	case MODULE_DEFERRED:
		a->report->deferred = true;
		return 0;
	case MODULE_LOADING:
		return report_fail(a->report, -EAGAIN, "%s is being loaded",
				   name);
	case MODULE_DEAD:
		return report_fail(a->report, -EAGAIN,
				   "%s is all but gone: its memory has still "
				   "to be examined", name);
	default:
		return report_fail(a->report, -EPERM, "%s is %s", name,
				   owner_state_name(s));
	}
}

/*
 * A name that was given twice counts once.  On failure the territory is half
 * filled, which nobody looks at any more.
 */
static int find_members_locked(struct attempt *a) __must_hold(&module_lock);
static int find_members_locked(struct attempt *a)
{
	for (uint32_t i = 0; i < a->req.nr_names; i++) {
		const char *name = a->req.names[i];
		module_id_t id = module_id_locked(name);
		int err;

		if (!id)
			return report_fail(a->report, -ENOENT,
					   "%s is not loaded (`lsmod` tells "
					   "what is)", name);
		err = check_state(a, id, name);
		if (err)
			return err;
		if (!a->terr.member[id])
			a->terr.ids[a->terr.n++] = id;
		a->terr.member[id] = true;
	}
	return 0;
}

/*
 * Users before what they use: the order of unregister and cleanup.  It ends, as
 * nobody is linked to a module that was loaded after him: there are no cycles.
 */
static void sort_members_locked(struct territory *terr)
{
	for (uint32_t i = 0; i < terr->n; i++) {
		for (uint32_t j = i + 1; j < terr->n; j++) {
			module_id_t id = terr->ids[i];

			if (!module_uses(module_of(terr->ids[j]), id))
				continue;
			terr->ids[i] = terr->ids[j];
			terr->ids[j] = id;
			j = i;
		}
	}
}

/* The help of the last names all: less would be refused for the others. */
static bool report_dependents_locked(struct attempt *a, module_id_t id)
	__must_hold(&module_lock);
static bool report_dependents_locked(struct attempt *a, module_id_t id)
{
	struct blocker *b = NULL;
	char names[sizeof(b->help)];
	size_t len = 0;
	module_id_t user = MODULE_NONE;

	while ((user = dependent_locked(id, a->terr.member, user))) {
		b = report_add(a->report, BLOCK_DEPENDENT);
		snprintf(b->what, sizeof(b->what),
			 "module %s is linked to symbols of %s",
			 owners[user].name, owners[id].name);
		len += (size_t)scnprintf(names + len, sizeof(names) - len,
					 "%s ", owners[user].name);
	}
	if (!b)
		return false;
	if (snprintf(b->help, sizeof(b->help), "`unload %s%s`", names,
		     owners[id].name) >= (int)sizeof(b->help))
		b->help[0] = '\0';
	return true;
}

/* Names all that stand in the way, not the first only. */
static int check_dependents_locked(struct attempt *a)
	__must_hold(&module_lock);
static int check_dependents_locked(struct attempt *a)
{
	int err = 0;

	for (uint32_t i = 0; i < a->terr.n && guard(DEPENDENTS); i++)
		if (report_dependents_locked(a, a->terr.ids[i]))
			err = -EBUSY;
	if (err)
		report_fail(a->report, err, "other modules depend on it");
	return err;
}

/* What look() saw was true under a lock that has been given up since. */
int look_again_locked(struct attempt *a)
{
	for (uint32_t i = 0; i < a->terr.n; i++) {
		module_id_t id = a->terr.ids[i];
		int err = check_state(a, id, owners[id].name);

		if (err)
			return err;
	}
	return check_dependents_locked(a);
}

/* A hint, read without the lock; exam_task() takes it and decides. */
static bool is_asleep(const struct task *t)
{
	return READ_ONCE(t->state) == TASK_SLEEPING && !READ_ONCE(t->on_rq);
}

/*
 * He has queued his request and is about to sleep, if he does not yet.  On his
 * CPU nothing can be said of him; preempted on the way he may have words on his
 * stack that are none of his (the time of day looks like an address of the
 * module once in a while, H09), and before a sleep they are wiped.  A signal
 * that keeps him awake cancels the attempt.
 */
static bool has_evidence(const struct attempt *a, struct task *t,
			 struct stack_hit *hit)
{
	for (;;) {
		bool asleep = is_asleep(t);
		enum verdict_on_task v = exam_task(t, &a->terr, a->report, hit);

		if (v == TASK_CLEAN || asleep || attempt_cancelled(a) ||
		    stamp_passed(a->deadline))
			return v == TASK_HAS_EVIDENCE;
		attempt_pause_until(a, ktime_get_ns() + ATTEMPT_POLL_NS / 2);
	}
}

/* The caller inside the module, or with one of its files open (G11, H18). */
static int check_caller(struct attempt *a)
{
	struct stack_hit hit;
	struct task *t = a->caller;
	struct blocker *b;

	if (!t || !guard(CALLER_OUTSIDE))
		return 0;
	if (a->terr.member[t->owner]) {
		b = report_add(a->report, BLOCK_SELF);
		report_task(b, t, &a->terr);
		snprintf(b->what, sizeof(b->what),
			 "asks for the unload from inside the module");
		return report_fail(a->report, -EDEADLK,
				   "a module cannot unload itself");
	}
	if (has_evidence(a, t, &hit)) {
		report_stack_hit(a->report, t, &a->terr, &hit);
		/*
		 * The only one so far: whatever else is named refuses before
		 * this.
		 */
		a->report->blockers[0].kind = BLOCK_SELF;
		return report_fail(a->report, -EDEADLK,
				   "the caller himself is on his way through "
				   "it");
	}
	if (report_files_of(a->report, &a->terr, t, BLOCK_SELF) ||
	    report_opened_by(a->report, &a->terr, t)) {
		return report_fail(a->report, -EDEADLK,
				   "the caller itself has a file of it open");
	}
	return 0;
}

/*
 * Who was counted may have left while he was being looked for, and another have
 * come, where the doors are open: no refusal without a reason (G14), and none
 * that names nobody (G7).
 */
bool look_for_users(struct attempt *a)
{
	struct blocker *b;

	while (territory_count(&a->terr)) {
		report_users(a->report, &a->terr, a->caller);
		if (a->report->nr_blockers || attempt_cancelled(a))
			return true;
		if (stamp_passed(a->deadline)) {
			b = report_add(a->report, BLOCK_TIME);
			strscpy(b->what, "it is counted, and whoever that is "
				"was gone when he was looked for",
				sizeof(b->what));
			return true;
		}
		attempt_pause_until(a, ktime_get_ns() + ATTEMPT_POLL_NS);
	}
	return false;
}

int look_refuse_busy(struct attempt *a)
{
	if (!look_for_users(a))
		return 0;
	if (!a->report->nr_blockers)
		return attempt_interrupted(a);
	return report_fail(a->report, -EBUSY, "busy");
}

int look(struct attempt *a)
{
	int err;

	mutex_lock(&module_lock);
	err = find_members_locked(a);
	if (!err) {
		sort_members_locked(&a->terr);
		err = check_dependents_locked(a);
	}
	mutex_unlock(&module_lock);
	if (!err)
		err = check_caller(a);
	if (err)
		return err;
	/*
	 * What a count means for -d, -w and -f is decided with the doors
	 * closed.
	 */
	if (territory_count(&a->terr) &&
	    !a->req.defer && !a->req.wait_ms && !a->req.force)
		return look_refuse_busy(a);
	return 0;
}
