/*
 * The undertaker: how a module goes.
 *
 *            unregister       count 0, engines held      verdict: one store
 *  LIVE ----------> CLOSED ------------------> HELD ---------------------> DEAD
 *   ^                 | |                       |                           |
 *   '--- reactivate --'-+-----------------------'      cleanup, second verdict
 *                       |                                                   v
 *                       '--> DEFERRED --count 0--> HELD ..     GONE or ENTOMBED
 *
 * It is a kernel thread, never frozen, that serves one request at a time.  The
 * module's own routines are not called from here but by a bearer (routine.c),
 * so that one which does not return stops nobody else (H44).
 *
 * Until the verdict everything can be undone without allocation: bindings lie
 * in the ledger, engines stand still with what they know.  After the verdict
 * nothing fails any more: what cannot be finished is entombed.
 *
 * Why the verdict is right is argued in docs/protocol.md; what it looks at is
 * in evidence.c, who is frozen in sched/freezer.c.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/attempt.h>
#include <module/certificate.h>
#include <module/internal.h>
#include <sched/freezer.h>

/* A routine, and the second verdict, have at least this. */
#define STEP_MIN_NS		(250 * NSEC_PER_MSEC)

static uint32_t unload_number;		/* the undertaker only */

/* ---- small things ---- */

void attempt_pause_until(const struct attempt *a, uint64_t ns)
{
	wait_event_deadline(undertaker_wait, attempt_cancelled(a),
			    stamp_of(ns));
}

int territory_count(const struct territory *terr)
{
	int n = 0;

	for (uint32_t i = 0; i < terr->n && guard(USE_COUNT); i++)
		n += owner_count(terr->ids[i]);
	return n;
}

/*
 * For every state but DEAD, which the verdict stores, without the lock: nobody
 * else runs then, and nobody but the undertaker leaves CLOSED, HELD or DEAD.
 */
static void set_states(const struct territory *terr, enum module_state s)
{
	mutex_lock(&module_lock);
	for (uint32_t i = 0; i < terr->n; i++)
		module_set_state_locked(terr->ids[i], s);
	mutex_unlock(&module_lock);
}

/*
 * The flag first, then the count; who drops a count does so before he looks at
 * the flag.  Not both can miss the other.
 */
static void set_wake(const struct territory *terr, bool wake)
{
	for (uint32_t i = 0; i < terr->n; i++)
		WRITE_ONCE(owners[terr->ids[i]].wake_undertaker, wake);
	smp_mb();
}

int attempt_interrupted(struct attempt *a)
{
	return report_fail(a->report, -EINTR, "interrupted");
}

/* ---- step 2: close the doors ---- */

/* All of them LIVE (or DEFERRED) still: CLOSED in one critical section. */
static int close_states(struct attempt *a)
{
	int err;

	mutex_lock(&module_lock);
	err = look_again_locked(a);
	for (uint32_t i = 0; i < a->terr.n && !err; i++) {
		a->before[i] = owner_state(a->terr.ids[i]);
		module_set_state_locked(a->terr.ids[i], MODULE_CLOSED);
	}
	mutex_unlock(&module_lock);
	if (!err)
		a->stage = STAGE_CLOSED;
	return err;
}

/* Its unregister was called by the attempt that deferred it. */
static bool was_deferred(const struct attempt *a, uint32_t i)
{
	return a->before[i] == MODULE_DEFERRED;
}

/* H36: what is open still would lead into the module after it has gone. */
static int check_ledger(struct attempt *a)
{
	int err = 0;

	for (uint32_t i = 0; i < a->terr.n; i++) {
		char name[SLOT_NAME_LEN];
		struct blocker *b;
		const char *kind;

		if (was_deferred(a, i))
			continue;
		if (!guard(LEDGER_CLOSED) ||
		    !ledger_find_open(a->terr.ids[i], &kind, name,
				      sizeof(name)))
			continue;
		b = report_add(a->report, BLOCK_REGISTRATION);
		snprintf(b->what, sizeof(b->what),
			 "%s %s is registered still: the unregister routine "
			 "of %s forgot it", kind, name,
			 owners[a->terr.ids[i]].name);
		err = -EBUSY;
	}
	if (err)
		report_fail(a->report, err,
			    "not everything was unregistered");
	return err;
}

static int close_doors(struct attempt *a)
{
	int err = 0;

	for (uint32_t i = 0; i < a->terr.n; i++) {
		if (!was_deferred(a, i))
			err = routine_run(a, i, ROUTINE_UNREGISTER);
		if (!err || routine_is_abandoned(a, i))
			a->nr_unregistered = i + 1;
		if (err)
			return err;
	}
	err = check_ledger(a);
	if (!err)
		a->stage = STAGE_UNREGISTERED;
	return err;
}

/* G6: count not 0 here is one of three outcomes. */
static int wait_for_users(struct attempt *a)
{
	int err = 0;

	if (territory_count(&a->terr) && a->req.wait_ms) {
		uint64_t end = stamp_ns(a->start) +
			       a->req.wait_ms * NSEC_PER_MSEC;

		set_wake(&a->terr, true);
		wait_event_deadline(undertaker_wait,
				    !territory_count(&a->terr) ||
				    attempt_cancelled(a), stamp_of(end));
		set_wake(&a->terr, false);
	}
	if (attempt_cancelled(a))
		return attempt_interrupted(a);
	if (territory_count(&a->terr))
		err = look_refuse_busy(a);
	if (err == -EBUSY && a->req.wait_ms)
		err = report_fail(a->report, -ETIMEDOUT,
				  "still busy after %u ms", a->req.wait_ms);
	return err;
}

/* ---- step 3: hold the engines ---- */

static int hold_all(const struct territory *terr, struct ledger_blocker *b)
{
	int result = 0;

	for (uint32_t i = 0; i < terr->n; i++)
		if (ledger_hold(terr->ids[i], b))
			result = -EAGAIN;
	return result;
}

static int report_engine(struct attempt *a, const struct ledger_blocker *lb)
{
	struct blocker *b = report_add(a->report, BLOCK_ENGINE);
	struct task *t = lb->pid ? task_find(lb->pid) : NULL;

	if (t) {
		report_task(b, t, &a->terr);
		task_put(t);
	}
	snprintf(b->what, sizeof(b->what), "%s %s: %s", lb->kind, lb->name,
		 lb->what);
	return report_fail(a->report, -ETIMEDOUT,
			   "its %s %s does not come to rest", lb->kind,
			   lb->name);
}

int attempt_hold_again(struct attempt *a)
{
	struct ledger_blocker b = { .kind = NULL };

	if (!guard(HOLD_ENGINES) || a->stage < STAGE_HELD ||
	    !hold_all(&a->terr, &b))
		return 0;
	report_engine(a, &b);
	return -EAGAIN;
}

/* Of whom a turn is all that is wanted; each has it once, as others wait. */
static void prefer_engine(const struct ledger_blocker *b, pid_t *preferred)
{
	struct task *t = b->pid ? task_find(b->pid) : NULL;

	if (!t)
		return;
	if (b->pid != *preferred)
		task_prefer(t);
	*preferred = b->pid;
	task_put(t);
}

/*
 * The stage comes before the first engine, as some that are held are to be let
 * go, too.  Ends at the deadline, whatever the engines do.
 */
static int hold_engines(struct attempt *a)
{
	struct ledger_blocker b = { .kind = NULL };
	pid_t preferred = 0;

	set_states(&a->terr, MODULE_HELD);
	a->stage = STAGE_HELD;
	while (guard(HOLD_ENGINES) && hold_all(&a->terr, &b)) {
		if (attempt_cancelled(a))
			return attempt_interrupted(a);
		if (stamp_passed(a->deadline))
			return report_engine(a, &b);
		prefer_engine(&b, &preferred);
		attempt_pause_until(a, ktime_get_ns() + ATTEMPT_POLL_NS);
	}
	return 0;
}

/* ---- steps 4 and 5 (verdict.c) ---- */

int attempt_examine(struct attempt *a)
{
	int err = verdict_rounds(a, !a->req.dry_run, stamp_ns(a->deadline));

	if (err == -EPERM)
		report_fail(a->report, err,
			    "the world is frozen by hand: `thaw` first");
	else if (err == -EBUSY)
		report_fail(a->report, err, territory_count(&a->terr) ? "busy" :
			    "in use, though nobody is counted");
	else if (err == -ETIMEDOUT)
		report_fail(a->report, err, "not quiet within %u ms",
			    a->req.budget_ms);
	return err;
}

/* ---- the way back ---- */

uint64_t attempt_step_deadline(const struct attempt *a)
{
	return max(stamp_ns(a->deadline), ktime_get_ns() + STEP_MIN_NS);
}

/* Also where only some are held: those that are not do not mind. */
static void let_go(const struct attempt *a)
{
	if (a->stage < STAGE_HELD)
		return;
	for (uint32_t i = 0; i < a->terr.n; i++)
		ledger_let_go(a->terr.ids[i]);
}

/* DEFERRED, and its count is watched: it may be 0 already. */
static void defer_one_locked(module_id_t id) __must_hold(&module_lock);
static void defer_one_locked(module_id_t id)
{
	module_set_state_locked(id, MODULE_DEFERRED);
	ledger_void_doors(id);
	WRITE_ONCE(owners[id].wake_undertaker, true);
}

/*
 * Each as it was: whoever was DEFERRED is so again.  0, or the error of a
 * register routine that does not return; the doors are open all the same.
 */
static int reactivate(struct attempt *a)
{
	int err = 0;

	set_states(&a->terr, MODULE_CLOSED);
	for (uint32_t i = a->nr_unregistered; i-- > 0;) {
		int hangs = was_deferred(a, i) ? 0 :
			    routine_run(a, i, ROUTINE_REGISTER);

		if (hangs)
			err = hangs;
	}
	let_go(a);
	mutex_lock(&module_lock);
	for (uint32_t i = 0; i < a->terr.n; i++) {
		if (was_deferred(a, i))
			defer_one_locked(a->terr.ids[i]);
		else
			module_go_live_locked(a->terr.ids[i]);
	}
	mutex_unlock(&module_lock);
	return err;
}

static void defer(struct attempt *a)
{
	set_states(&a->terr, MODULE_CLOSED);
	let_go(a);
	mutex_lock(&module_lock);
	for (uint32_t i = 0; i < a->terr.n; i++) {
		owners[a->terr.ids[i]].deferred_by = a->report->number;
		defer_one_locked(a->terr.ids[i]);
	}
	mutex_unlock(&module_lock);
	a->report->outcome = UNLOAD_DEFERRED;
}

/*
 * The memory stays, so an engine that does not come to rest does no harm: it is
 * asked once and not waited for.  Any stage; cannot fail.
 */
static void entomb(struct attempt *a)
{
	for (uint32_t i = 0; i < a->terr.n; i++) {
		module_id_t id = a->terr.ids[i];

		ledger_void_doors(id);
		ledger_hold(id, NULL);
		module_set_state(id, MODULE_ENTOMBED);
	}
	a->report->outcome = UNLOAD_ENTOMBED;
	a->stage = STAGE_SETTLED;
}

/* ---- steps 6 to 9 ---- */

static void note_leak(const struct heap_object *o, void *arg)
{
	struct unload_report *r = arg;

	r->leaks++;
	r->leaked_bytes += (uint32_t)o->size;
	if (r->nr_leaks == ARRAY_SIZE(r->leak))
		return;
	r->leak[r->nr_leaks].bytes = (uint32_t)o->size;
	describe_address(o->site, r->leak[r->nr_leaks].site, REPORT_SYMBOL);
	r->nr_leaks++;
}

/*
 * In the order of unregister, users before what they use.  A routine that does
 * not return ends it, as what it uses must not be destroyed under it.
 */
static int clean_up(struct attempt *a)
{
	for (uint32_t i = 0; i < a->terr.n; i++) {
		module_id_t id = a->terr.ids[i];
		int err;

		if (module_of(id)->init_failed)
			continue;
		err = routine_run(a, i, ROUTINE_CLEANUP);
		if (err)
			return err;
	}
	return 0;
}

/*
 * 0; -EBUSY: a use that does not go away, so cleanup has left it behind;
 * -ETIMEDOUT: none was seen to stay, but no round was both whole and clean.  A
 * use is a reason to entomb, slowness is none, nor is who was preempted.
 */
static int second_verdict(struct attempt *a)
{
	int err = 0;

	strscpy(a->report->step, "second verdict", sizeof(a->report->step));
	a->report->nr_blockers = 0;
	if (guard(SECOND_VERDICT))
		err = verdict_rounds(a, false, attempt_step_deadline(a));
	else
		certify_alone(&a->terr, a->report->number, CERTIFICATE_SECOND,
			      "clean");
	if (!err)
		return 0;
	if (err == -ETIMEDOUT)
		return report_fail(a->report, err,
				   "the machine is too busy to see whether its "
				   "cleanup left a use behind");
	return report_fail(a->report, -EBUSY, "its cleanup left a use behind");
}

/*
 * The memory goes, or is kept for ever, or until there is time for a verdict:
 * then the stage stays DEAD.
 */
static int settle(struct attempt *a)
{
	struct unload_report *r = a->report;
	int err = second_verdict(a);

	if (err == -ETIMEDOUT) {
		r->outcome = UNLOAD_UNFINISHED;
		return err;
	}
	if (err) {
		entomb(a);
		return err;
	}
	r->nr_blockers = 0;
	for (uint32_t i = 0; i < a->terr.n; i++)
		module_destroy(a->terr.ids[i], r->number, note_leak, r);
	r->outcome = UNLOAD_GONE;
	a->stage = STAGE_SETTLED;
	return 0;
}

/* DEAD: from here on there is no way back, and no failure but the tomb. */
static int bury(struct attempt *a)
{
	struct unload_report *r = a->report;
	int err;

	a->stage = STAGE_DEAD;
	for (uint32_t i = 0; i < a->terr.n; i++) {
		ledger_void_doors(a->terr.ids[i]);
		r->threads_reaped += ledger_bury(a->terr.ids[i]);
	}
	strscpy(r->step, "cleanup", sizeof(r->step));
	err = clean_up(a);
	if (!err)
		return settle(a);
	entomb(a);
	return err;
}

/* ---- all of it ---- */

/* An interruption is seen between two steps; a long one looks, too. */
static int step(struct attempt *a, const char *name,
		int (*fn)(struct attempt *a))
{
	if (attempt_cancelled(a))
		return attempt_interrupted(a);
	strscpy(a->report->step, name, sizeof(a->report->step));
	return fn(a);
}

/* H36: it would be so after the last user has left, too. */
static bool forgot_a_door(const struct attempt *a, int err)
{
	return a->stage == STAGE_CLOSED && err == -EBUSY;
}

/*
 * The error that remains.  Users who were in the way may have left by now: -d
 * is granted all the same, and the undertaker finds a DEFERRED module with
 * count 0.
 */
static int give_up(struct attempt *a, int err)
{
	bool busy = a->stage == STAGE_UNREGISTERED ||
		    territory_count(&a->terr);

	/* A DEFERRED module's unregister is not called any more. */
	if (a->req.defer && busy && err != -EINTR && !forgot_a_door(a, err) &&
	    a->nr_unregistered == a->terr.n) {
		a->report->nr_blockers = 0;
		report_users(a->report, &a->terr, a->caller);
		defer(a);
		return 0;
	}
	if (a->req.force && err != -EINTR) {
		if (!guard(FORCE_KEEPS))
			return bury(a);
		entomb(a);
		return 0;		/* as it was asked for */
	}
	return reactivate(a) ?: err;
}

static bool waits_for_routine(const struct attempt *a)
{
	bool waits = false;

	mutex_lock(&module_lock);
	for (uint32_t i = 0; i < a->req.nr_names; i++) {
		module_id_t id = module_id_locked(a->req.names[i]);

		waits |= id && owners[id].abandoned;
	}
	mutex_unlock(&module_lock);
	return waits;
}

/* With -w, a routine that an earlier attempt gave up on may yet return. */
static int await_routines(struct attempt *a)
{
	while (a->req.wait_ms && waits_for_routine(a) &&
	       !attempt_cancelled(a) &&
	       !stamp_passed(a->deadline))
		attempt_pause_until(a, ktime_get_ns() + NSEC_PER_MSEC);
	return 0;
}

/* Up to the close nothing is to be undone; from there on give_up() does it. */
static int attempt(struct attempt *a)
{
	int err = step(a, "wait", await_routines);

	if (!err)
		err = step(a, "look", look);
	if (err)
		return err;
	a->report->number = ++unload_number;
	if (a->req.dry_run)
		return step(a, "examine", predict);
	err = step(a, "prepare", routines_prepare);
	if (!err)
		err = step(a, "close", close_states);
	if (err)
		return err;
	err = step(a, "unregister", close_doors);
	if (!err)
		err = step(a, "users", wait_for_users);
	if (!err)
		err = step(a, "hold engines", hold_engines);
	if (!err)
		err = step(a, "examine", attempt_examine);
	return err ? give_up(a, err) : bury(a);
}

/*
 * Its engines are held.  Slowness entombs nobody: what is not quiet in time is
 * to be examined again.
 */
static int expel_examined(struct attempt *a)
{
	int err = guard(EXPEL) ? step(a, "examine", attempt_examine) : 0;

	if (!err)
		return bury(a);
	if (err == -ETIMEDOUT)
		a->report->outcome = UNLOAD_UNFINISHED;
	else
		entomb(a);
	return err;
}

/* A load that failed after the module's code had run; see expel_prepare(). */
static int expel(struct attempt *a)
{
	int err;

	a->report->number = ++unload_number;
	set_states(&a->terr, MODULE_CLOSED);
	for (uint32_t i = 0; i < a->terr.n; i++)
		ledger_void_doors(a->terr.ids[i]);
	a->stage = STAGE_UNREGISTERED;
	err = guard(EXPEL) ? step(a, "hold engines", hold_engines) : 0;
	if (!err)
		return expel_examined(a);
	entomb(a);
	return err;
}

static int conduct(struct attempt *a)
{
	int err;

	if (!freezer_keep_running())
		return report_fail(a->report, -EPERM,
				   "the world is frozen by hand: `thaw` first");
	err = attempt(a);
	routines_dismiss(a);
	freezer_keep_no_longer();
	return err;
}

static void start_clock(struct attempt *a)
{
	uint64_t now = ktime_get_ns();

	a->start = stamp_of(now);
	a->deadline = stamp_of(now + ((uint64_t)a->req.budget_ms +
				      a->req.wait_ms) * NSEC_PER_MSEC);
}

void attempt_run(struct attempt *a)
{
	start_clock(a);
	a->report->outcome = UNLOAD_REFUSED;
	a->report->error = a->expel ? expel(a) : conduct(a);
	a->report->total_ns = ktime_get_ns() - stamp_ns(a->start);
	if (a->report->outcome == UNLOAD_UNFINISHED) {
		atomic_inc(&a->refs);
		attempt_keep(a);
	}
}

/*
 * Nobody waits for this: the time of one step is enough, as others may wait
 * for their turn.  Past the verdict no routine is called any more.
 */
void attempt_run_again(struct attempt *a)
{
	if (!freezer_keep_running())
		return;
	a->req.budget_ms = STEP_MIN_NS / NSEC_PER_MSEC;
	a->req.wait_ms = 0;
	start_clock(a);
	a->report->error = a->stage == STAGE_DEAD ? settle(a) :
						    expel_examined(a);
	if (a->stage >= STAGE_DEAD)
		routines_dismiss(a);
	freezer_keep_no_longer();
}
