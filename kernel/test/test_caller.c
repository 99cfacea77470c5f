/*
 * The caller of an unload is interrupted (^C) at each moment of the attempt;
 * and who comes to a door that is closed meanwhile.
 *
 * A timer sends him SIGINT so many nanoseconds after he has asked.  What must
 * come out of it depends on where the attempt was by then, which the interrupt
 * itself sees: up to the verdict the module is given back, unless the attempt
 * got past the verdict before it noticed; from the verdict on nothing is
 * undone.  Whatever it is, the caller is told that very thing (G3), and who
 * uses the device meanwhile sees no error of it (G2).
 *
 * Under -icount every moment is an instruction, and each place must have been
 * met; elsewhere it is a matter of luck which are.
 */
#include <kernel/completion.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/module.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <module/internal.h>
#include <module/module.h>
#include <sched/freezer.h>
#include <sched/ktimer.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include <test/exact.h>
#include <test/ktest.h>

#define NAME		"probe"
#define DEVICE		"/dev/probe"
#define PROBE_VISIT	1u		/* modules/probe.c */
/* All of an unload takes milliseconds, some of its steps microseconds. */
#define STEPS		50u
#define NEAR_NS		200u
#define SEEK_NS		10000ull	/* before and behind, see seek() */
#define MAX_ATTEMPTS	250u		/* where time is exact */
#define FEW_ATTEMPTS	100u		/* .. and where it is not */
/* Between two visits. */
#define REST_NS		(20 * NSEC_PER_USEC)

/* Where the attempt was when the signal came. */
enum place {
	AT_LOOK,		/* live: nothing has been touched */
	AT_DOORS,		/* closed: unregister, users */
	AT_HOLD,		/* engines held, the world runs */
	AT_FREEZE,		/* .. and stands */
	AT_CLEANUP,		/* past the verdict, the world runs */
	AT_SECOND,		/* .. and stands: the second verdict */
	AT_END,			/* gone */
	NR_PLACES
};

static const char *const place_names[NR_PLACES] = {
	[AT_LOOK] = "look", [AT_DOORS] = "doors closed",
	[AT_HOLD] = "engines held", [AT_FREEZE] = "freeze and verdict",
	[AT_CLEANUP] = "cleanup", [AT_SECOND] = "second verdict",
	[AT_END] = "after the end",
};

/*
 * Lock key: (c) constant while threads run  (t) the timer's  (r) the caller
 * until @answered  (v) the visitor until it is reaped
 */
struct scene {
	module_id_t		id;		/* (c) */
	bool			visited;	/* (c) there is a visitor */
	uint64_t		after_ns;	/* (c) */
	struct ktimer		timer;
	struct task		*caller;	/* (r) itself */
	enum place		place;		/* (t) */
	bool			sent;		/* (t) */
	int			err;		/* (r) */
	uint64_t		took_ns;	/* (r) */
	struct completion	answered;
	bool			leave;		/* the visitor is to end */
	struct wait_queue_head	door;		/* .. and is told here */
	unsigned int		visits, turned_away, errors;	/* (v) */
	unsigned int		attempts, max_attempts;
	unsigned int		met[NR_PLACES], undone[NR_PLACES];
	uint64_t		first_ns[NR_PLACES], last_ns[NR_PLACES];
	struct unload_request	req;		/* (c) */
	struct unload_report	report;		/* (r) */
	struct unload_report	scratch;	/* of the test itself */
	char			err_text[128];
};

/* ---- who interrupts ---- */

static enum place place_of(module_id_t id)
{
	switch (owner_state(id)) {
	case MODULE_LIVE:
		return AT_LOOK;
	case MODULE_CLOSED:
		return AT_DOORS;
	case MODULE_HELD:
		return freezer_frozen() ? AT_FREEZE : AT_HOLD;
	case MODULE_DEAD:
		return freezer_frozen() ? AT_SECOND : AT_CLEANUP;
	default:
		return AT_END;
	}
}

/*
 * In the timer interrupt.  State and gate are read one after the other, so that
 * a place may be told as its neighbour; judge() rests on DEAD alone, from which
 * no attempt comes back.
 */
static void interrupt_caller(struct ktimer *t)
{
	struct scene *s = container_of(t, struct scene, timer);

	s->place = place_of(s->id);
	s->sent = true;
	send_signal(s->caller, SIGINT);
}

/*
 * The caller is set before the timer, which sends to it, is started; and it is
 * cancelled before the thread ends.
 */
static int call_for_unload(void *arg)
{
	struct scene *s = arg;
	uint64_t now = ktime_get_ns();

	s->caller = current;
	if (s->after_ns)
		ktimer_start(&s->timer, now + s->after_ns);
	s->err = module_unload(&s->req, &s->report);
	s->took_ns = ktime_get_ns() - now;
	ktimer_cancel_sync(&s->timer);
	complete(&s->answered);
	return 0;
}

/* ---- who uses the device ---- */

/* Open, call, close, as a program does it, each by the door. */
static int visit(void)
{
	struct file *file;
	int err = file_open_kernel(DEVICE, O_RDWR, 0, &file);

	if (err)
		return err;
	err = (int)file_ioctl(file, PROBE_VISIT, 0);
	file_put(file);
	return err;
}

/* A CPU that never rests would hide how short the steps are. */
static noinline void rest(struct scene *s)
{
	wait_event_deadline(s->door, READ_ONCE(s->leave),
			    stamp_of(ktime_get_ns() + REST_NS));
}

/*
 * -ENODEV and -ENOENT are the truth once the module has gone; all else is an
 * error.
 */
static int visitor(void *arg)
{
	struct scene *s = arg;

	while (!READ_ONCE(s->leave)) {
		int err = visit();

		s->visits++;
		if (err == -ENODEV || err == -ENOENT)
			s->turned_away++;
		else if (err)
			s->errors++;
		rest(s);
	}
	return 0;
}

static struct task *start_visitor(struct scene *s)
{
	s->leave = false;
	init_waitqueue_head(&s->door);
	s->visits = s->turned_away = s->errors = 0;
	return s->visited ? kthread_run(visitor, s, "visitor") : NULL;
}

static void end_visitor(struct scene *s, struct task *t)
{
	WRITE_ONCE(s->leave, true);
	wake_up(&s->door);
	if (!t)
		return;
	task_reap(t);
	task_put(t);
}

/* ---- one attempt ---- */

/* The id may be another each time. */
static const char *bring_in(struct scene *s)
{
	struct module_info *info;
	const char *reason = NULL;

	if (module_load(NAME, "", s->err_text, sizeof(s->err_text)))
		return "the module cannot be loaded";
	info = kzalloc(sizeof(*info), GFP_KERNEL | GFP_DATA);
	if (info && module_find(NAME, info))
		s->id = info->id;
	else
		reason = "the module is not listed";
	kfree(info);
	return reason;
}

/* The answer fits what has become of the module and of its user. */
static const char *judge(struct scene *s)
{
	bool gone = s->report.outcome == UNLOAD_GONE;

	if (s->err != s->report.error)
		return "the caller is told another thing than the report";
	if (s->errors)
		return "a user saw an error (G2)";
	if (gone)
		return s->err ? "gone, and an error" :
		       visit() != -ENOENT ? "gone, and it has a device" : NULL;
	if (s->report.outcome != UNLOAD_REFUSED || s->err != -EINTR)
		return "neither gone nor interrupted";
	if (!s->sent)
		return "interrupted by nobody";
	if (s->place >= AT_CLEANUP)
		return "interrupted past the verdict";
	if (owner_state(s->id) != MODULE_LIVE || visit())
		return "interrupted, and not given back";
	return s->turned_away ? "refused, and a user was turned away" : NULL;
}

static void tell(const struct scene *s)
{
	pr_info("caller: ^C after %llu ns, at %s: %s, step %s (%s); %u visits, "
		"%u turned away, %u errors", s->after_ns,
		s->sent ? place_names[s->place] : "no place",
		errno_name(-s->err), s->report.step, s->report.message,
		s->visits, s->turned_away, s->errors);
}

static const char *attempt_once(struct scene *s, uint64_t after_ns)
{
	struct task *user = start_visitor(s), *caller;
	const char *reason;

	s->after_ns = after_ns;
	s->sent = false;
	s->place = AT_END;
	s->attempts++;
	init_completion(&s->answered);
	ktimer_init(&s->timer, interrupt_caller);
	caller = kthread_run(call_for_unload, s, "caller");
	if (caller) {
		wait_for_completion(&s->answered);
		task_reap(caller);
		task_put(caller);
	}
	end_visitor(s, user);
	if (!caller || (s->visited && !user))
		return "no memory";
	reason = judge(s);
	if (reason)
		tell(s);
	if (s->sent) {
		if (!s->met[s->place]++)
			s->first_ns[s->place] = after_ns;
		s->first_ns[s->place] = min(s->first_ns[s->place], after_ns);
		s->last_ns[s->place] = max(s->last_ns[s->place], after_ns);
		s->undone[s->place] += s->err == -EINTR;
	}
	return reason;
}

/* ---- many ---- */

/* After it the module is there once more, whatever came of the attempt. */
static const char *one(struct scene *s, uint64_t after_ns)
{
	const char *reason = attempt_once(s, after_ns);

	if (reason || s->report.outcome != UNLOAD_GONE)
		return reason;
	return bring_in(s);
}

/*
 * The places between two moments: halved until they are the same, or near.
 * @from, *@at: where the earlier and the later were.  Between two moments at
 * one place there is no other: an attempt goes through them in one order.
 */
static const char *search_between(struct scene *s, enum place from,
				  uint64_t lo, uint64_t hi, enum place *at)
{
	const char *reason;
	enum place middle;

	if (hi - lo > NEAR_NS * 2 && from != *at &&
	    s->attempts < s->max_attempts) {
		uint64_t ns = lo + (hi - lo) / 2;

		reason = one(s, ns);
		middle = s->place;
		if (!reason)
			reason = search_between(s, from, lo, ns, &middle);
		if (!reason)
			reason = search_between(s, middle, ns, hi, at);
		return reason;
	}
	return NULL;
}

/*
 * How long an attempt takes says the one that nobody interrupts; somewhat more
 * than that, so that the end is met as well.
 */
static const char *sweep(struct scene *s)
{
	const char *reason = one(s, 0);
	uint64_t step = s->took_ns / STEPS + 1, ns;
	enum place last = AT_LOOK, at;

	for (ns = step; !reason && ns < step * (STEPS + STEPS / 8);
	     ns += step) {
		reason = one(s, ns);
		at = s->place;
		if (!reason)
			reason = search_between(s, last, ns - step, ns, &at);
		last = at;
	}
	return reason;
}

/*
 * With a second CPU the same moment is not the same place each time: an attempt
 * goes one way or the other by who is awake, and halving may step over a place
 * of a microsecond.  It is sought where it must lie: between the last moment of
 * what comes before it and the first of what comes after it, in small steps.
 */
static const char *seek(struct scene *s, enum place place)
{
	uint64_t lo = 0, hi = 0, ns;
	const char *reason = NULL;

	for (uint32_t i = 0; i < NR_PLACES; i++) {
		if (!s->met[i])
			continue;
		if (i < place)
			lo = s->last_ns[i];
		else if (!hi)
			hi = s->first_ns[i];
	}
	if (lo > hi) {
		ns = lo;
		lo = hi;
		hi = ns;
	}
	/* 0 would be: no signal */
	for (ns = max(lo, SEEK_NS + 1) - SEEK_NS;
	     !reason && ns < hi + SEEK_NS && !s->met[place]; ns += NEAR_NS)
		reason = one(s, ns);
	return reason;
}

static const char *seek_the_missing(struct scene *s)
{
	const char *reason = NULL;

	for (uint32_t i = 0; i < AT_END && !reason; i++)
		if (!s->met[i])
			reason = seek(s, i);
	return reason;
}

/* Not even under -icount is each place undone: past the verdict none may be. */
static const char *check_places(const struct scene *s)
{
	for (uint32_t i = 0; i < NR_PLACES; i++)
		pr_info("caller: %-20s %4u times, undone %4u\n",
			place_names[i], s->met[i], s->undone[i]);
	if (!s->undone[AT_LOOK])
		return "the signal was never heeded";
	if (!exact_is_possible())
		return NULL;
	for (uint32_t i = 0; i < AT_END; i++)
		if (!s->met[i])
			return "no signal came at one of the places";
	if (!s->undone[AT_DOORS])
		return "closed doors were never opened again";
	return NULL;
}

static const char *take_out(struct scene *s)
{
	s->visited = false;
	return attempt_once(s, 0);
}

/* NULL: no memory. */
static struct scene *scene_new(bool visited)
{
	struct scene *s = kzalloc(sizeof(*s), GFP_KERNEL | GFP_DATA);

	if (!s)
		return NULL;
	s->visited = visited;
	s->req.nr_names = 1;
	s->req.wait_ms = 10000;
	s->req.budget_ms = 10000;
	strscpy(s->req.names[0], NAME, OWNER_NAME_LEN);
	return s;
}

/*
 * A sweep that failed may have left the module in any state: it is asked to go
 * in any case, and the first reason is the one that is told.
 */
static const char *interrupted_everywhere(bool visited)
{
	struct scene *s = scene_new(visited);
	const char *reason, *end;

	if (!s)
		return "no memory";
	if (!visited)
		s->req.wait_ms = 0;	/* for nobody, and no hanging routine */
	s->max_attempts = exact_is_possible() ? MAX_ATTEMPTS : FEW_ATTEMPTS;
	reason = bring_in(s);
	if (!reason)
		reason = sweep(s);
	if (!reason && exact_is_possible())
		reason = seek_the_missing(s);
	if (!reason)
		reason = check_places(s);
	end = take_out(s);
	kfree(s);
	return reason ? reason : end;
}

/* Nobody else has to do with the module. */
KTEST(caller, an_interruption_at_any_moment_is_answered)
{
	return interrupted_everywhere(false);
}

/* .. and somebody opens, calls and closes its device all the time. */
KTEST(caller, an_interruption_is_not_seen_by_users)
{
	return interrupted_everywhere(true);
}

/* ---- who comes to a closed door ---- */

#define PATIENCE_NS	(10 * NSEC_PER_SEC)

/* Lock key: (n) the newcomer until @back */
struct newcomer {
	int			result;		/* (n) */
	struct completion	back;
	struct territory	terr;
	struct stack_hit	hit;
};

static int come_to_the_door(void *arg)
{
	struct newcomer *n = arg;

	/* The state says closed a little before the doors are. */
	do
		n->result = visit();
	while (!n->result);
	complete(&n->back);
	return 0;
}

static bool wait_for_state(module_id_t id, enum module_state state)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (owner_state(id) != state && ktime_get_ns() < end)
		yield();
	return owner_state(id) == state;
}

static bool wait_asleep_at_slot(struct task *t)
{
	uint64_t end = ktime_get_ns() + PATIENCE_NS;

	while (ktime_get_ns() < end) {
		if (READ_ONCE(t->restart_slot) && !task_is_running(t) &&
		    READ_ONCE(t->state) == TASK_SLEEPING)
			return true;
		yield();
	}
	return false;
}

/* Killed in the end, so that he comes back whatever becomes of the door. */
static const char *judge_newcomer(struct scene *s, struct newcomer *n,
				  struct task *t)
{
	const char *reason = NULL;

	if (!wait_asleep_at_slot(t))
		reason = "who comes to a closed door does not sleep there";
	else if (t->mutexes_held)
		reason = "who waits at a closed door holds a mutex";
	else if (exam_task(t, &n->terr, &s->scratch, &n->hit) != TASK_CLEAN)
		reason = "who waits at a closed door is evidence";
	send_signal(t, SIGKILL);
	wait_for_completion(&n->back);
	if (!reason && n->result != -EINTR)
		reason = "who waits at a closed door cannot be killed";
	return reason;
}

/* The territory is the module alone, set up by hand as an attempt would. */
static const char *come_and_judge(struct scene *s)
{
	struct newcomer *n = kzalloc(sizeof(*n), GFP_KERNEL | GFP_DATA);
	const char *reason = "no memory";
	struct task *t = NULL;

	if (!n)
		return reason;
	init_completion(&n->back);
	n->terr.n = 1;
	n->terr.ids[0] = s->id;
	n->terr.member[s->id] = true;
	if (!wait_for_state(s->id, MODULE_CLOSED))
		reason = "the doors are not closed";
	else
		t = kthread_run(come_to_the_door, n, "newcomer");
	if (t) {
		reason = judge_newcomer(s, n, t);
		task_reap(t);
		task_put(t);
	}
	kfree(n);
	return reason;
}

/* Asleep at the boundary, with no lock and no evidence, and killable (G2). */
KTEST(caller, who_comes_to_a_closed_door_holds_nothing)
{
	struct scene *s = scene_new(false);
	const char *reason = s ? bring_in(s) : "no memory";
	struct task *caller = NULL;

	if (!reason && !try_module_get_from(s->id, 0))
		reason = "no count to be had";
	if (reason)
		goto free_scene;
	init_completion(&s->answered);
	ktimer_init(&s->timer, interrupt_caller);
	caller = kthread_run(call_for_unload, s, "caller");
	if (caller)
		reason = come_and_judge(s);
	module_put_from(s->id, 0);
	if (caller) {
		wait_for_completion(&s->answered);
		task_reap(caller);
		task_put(caller);
	}
	if (!reason && s->err)
		reason = "not unloaded when the count was given back";
free_scene:
	kfree(s);
	return reason;
}
