/*
 * The module's own routines, called by a thread that each module of an attempt
 * is given: its bearer.
 *
 * The bearer is hired before anything is changed, so that neither the way back
 * (register) nor the way on (cleanup) can fail for want of memory.  A routine
 * that blocks for ever takes nobody with it but the bearer (H44): the
 * undertaker waits until its deadline, reports where the bearer is, and goes
 * on.  Should an abandoned unregister return one day, its bearer registers
 * everything again, and the module is as it was.
 *
 * The bearer knows the module by its id; no pointer to a routine is stored, and
 * what a routine leaves on the dead part of its stack is wiped.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <lib/guard.h>
#include <module/attempt.h>

enum bearer_phase {
	BEARER_IDLE,		/* the undertaker's to ask */
	BEARER_ASKED,		/* nobody's: to be taken, or taken back */
	BEARER_RUNNING,		/* the bearer's */
	BEARER_DONE,		/* the undertaker's: it has returned */
	BEARER_ABANDONED,	/* the bearer's, for ever */
	BEARER_DISMISSED,	/* it ends */
};

/*
 * Lock key: (c) constant  (p) whose @phase says
 */
struct bearer {
	atomic_t		refs;
	module_id_t		id;		/* (c) */
	uint32_t		phase;		/* exchanged */
	enum routine_kind	kind;		/* (p) */
	struct task		*task;		/* (c) the undertaker's */
	struct wait_queue_head	wait;		/* the bearer's */
};

static const char *const routine_names[] = {
	[ROUTINE_REGISTER] = "register",
	[ROUTINE_UNREGISTER] = "unregister",
	[ROUTINE_CLEANUP] = "cleanup",
};

static void bearer_put(struct bearer *b)
{
	if (atomic_dec_and_test(&b->refs))
		kfree(b);
}

static uint32_t phase_of(struct bearer *b)
{
	return __atomic_load_n(&b->phase, __ATOMIC_ACQUIRE);
}

static bool phase_change(struct bearer *b, enum bearer_phase from,
			 enum bearer_phase to)
{
	uint32_t old = from;

	return __atomic_compare_exchange_n(&b->phase, &old, (uint32_t)to,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* ---- in the bearer ---- */

static void call_register(module_id_t id)
{
	const struct module *m = module_of(id);
	int err = 0;

	ledger_register_again(id);
	if (m->register_fn)
		err = m->register_fn();
	ledger_register_done(id);
	if (err)
		pr_err("%s: register failed with %s when it was reactivated; "
		       "its interfaces are open all the same",
		       owners[id].name, errno_name(err));
}

static noinline void call(module_id_t id, enum routine_kind kind)
{
	const struct module *m = module_of(id);

	switch (kind) {
	case ROUTINE_REGISTER:
		call_register(id);
		break;
	case ROUTINE_UNREGISTER:
		if (m->unregister_fn)
			m->unregister_fn();
		break;
	default:
		if (m->cleanup_fn)
			m->cleanup_fn();
	}
}

/*
 * True: the module lives, closed to other unloads by owner.abandoned.  False:
 * it was deferred or entombed meanwhile, and its doors stay as they are.  The
 * attempt that has abandoned us may be on its way to either.
 */
static bool came_back_to_life(module_id_t id)
{
	bool live;

	while (owner_state(id) == MODULE_CLOSED)
		msleep(1);
	mutex_lock(&module_lock);
	live = owner_state(id) == MODULE_LIVE;
	owners[id].abandoned = live;
	mutex_unlock(&module_lock);
	return live;
}

/* Nobody waits for us any more: where the module lives on, make it whole. */
static void undo_late_unregister(module_id_t id)
{
	if (came_back_to_life(id)) {
		call(id, ROUTINE_REGISTER);
		ledger_open_doors(id);
		owners[id].abandoned = false;
	}
	pr_notice("%s: its unregister routine has returned at last",
		  owners[id].name);
	wake_up(&undertaker_wait);
}

/* False: abandoned meanwhile.  The order may have been taken back, too. */
static bool serve(struct bearer *b)
{
	if (!phase_change(b, BEARER_ASKED, BEARER_RUNNING))
		return true;
	wake_up(&undertaker_wait);
	call(b->id, b->kind);
	stack_wipe_dead();
	if (phase_change(b, BEARER_RUNNING, BEARER_DONE)) {
		wake_up(&undertaker_wait);
		return true;
	}
	if (b->kind == ROUTINE_UNREGISTER)
		undo_late_unregister(b->id);
	else
		owners[b->id].abandoned = false;
	return false;
}

static bool has_orders(struct bearer *b)
{
	uint32_t phase = phase_of(b);

	return phase == BEARER_ASKED || phase == BEARER_DISMISSED;
}

static int bearer_thread(void *arg)
{
	struct bearer *b = arg;

	do {
		wait_event_idle(b->wait, has_orders(b));
	} while (phase_of(b) != BEARER_DISMISSED && serve(b));
	bearer_put(b);
	return 0;
}

/* ---- in the undertaker ---- */

static struct bearer *bearer_hire(module_id_t id)
{
	struct bearer *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->id = id;
	atomic_set(&b->refs, 2);
	init_waitqueue_head(&b->wait);
	b->task = kthread_run(bearer_thread, b, "bearer/%s", owners[id].name);
	if (!b->task) {
		kfree(b);
		return NULL;
	}
	return b;
}

int routines_prepare(struct attempt *a)
{
	for (uint32_t i = 0; i < a->terr.n; i++) {
		a->bearers[i] = bearer_hire(a->terr.ids[i]);
		if (a->bearers[i])
			continue;
		return report_fail(a->report, -ENOMEM,
				   "no memory for an unload");
	}
	return 0;
}

void routines_dismiss(struct attempt *a)
{
	for (uint32_t i = 0; i < a->terr.n; i++) {
		struct bearer *b = a->bearers[i];

		if (!b)
			continue;
		a->bearers[i] = NULL;
		if (phase_of(b) != BEARER_ABANDONED) {
			smp_store_release(&b->phase, BEARER_DISMISSED);
			wake_up(&b->wait);
			task_prefer(b->task);
			task_reap(b->task);
		}
		task_put(b->task);
		bearer_put(b);
	}
}

/* Who interrupts is answered soon, but not at the price of a good module. */
#define GRACE_MS	50

/*
 * A register that is late takes owner.abandoned back, so that comes before the
 * phase.  For unregister it comes after: marked and in time after all, it would
 * have withdrawn its doors in vain (slot_withdraw()), and the attempt would go
 * on with open ones.  Late, it waits for the end of CLOSED, which is after us.
 */
static int abandon(struct attempt *a, struct bearer *b)
{
	bool undo = b->kind == ROUTINE_UNREGISTER;
	struct blocker *blk;

	owners[b->id].abandoned = b->kind == ROUTINE_REGISTER;
	if (!phase_change(b, BEARER_RUNNING, BEARER_ABANDONED)) {
		owners[b->id].abandoned = false;
		return 0;
	}
	if (undo)
		owners[b->id].abandoned = true;
	blk = report_add(a->report, BLOCK_ROUTINE);
	report_task(blk, b->task, &a->terr);
	snprintf(blk->what, sizeof(blk->what), "the %s routine of %s does not "
		 "return", routine_names[b->kind], owners[b->id].name);
	if (undo && READ_ONCE(a->cancelled))
		return report_fail(a->report, -EINTR, "interrupted");
	return report_fail(a->report, -ETIMEDOUT,
			   "its %s routine does not return",
			   routine_names[b->kind]);
}

/* The machine was too busy to begin before the time was over. */
static int not_called(struct attempt *a, const struct bearer *b)
{
	struct blocker *blk;

	if (attempt_cancelled(a))
		return attempt_interrupted(a);
	blk = report_add(a->report, BLOCK_TIME);
	snprintf(blk->what, sizeof(blk->what), "the CPUs were too busy to "
		 "begin the %s routine of %s", routine_names[b->kind],
		 owners[b->id].name);
	return report_fail(a->report, -ETIMEDOUT,
			   "no time to call its %s routine",
			   routine_names[b->kind]);
}

static bool waited_enough(const struct attempt *a, struct bearer *b)
{
	return phase_of(b) == BEARER_DONE ||
	       (b->kind == ROUTINE_UNREGISTER && READ_ONCE(a->cancelled));
}

/*
 * Until then every other turn is the bearer's, who may have more to do than
 * fits into one: on a crowded machine a good routine would look like one that
 * does not return.
 */
#define TURN_MS		8

static void await_routine(const struct attempt *a, struct bearer *b,
			  struct stamp deadline)
{
	struct stamp turn;

	do {
		turn = stamp_in_ms(TURN_MS);
		if (stamp_ns(turn) > stamp_ns(deadline))
			turn = deadline;
		task_prefer(b->task);
	} while (wait_event_deadline(undertaker_wait, waited_enough(a, b),
				     turn) && !stamp_passed(deadline));
}

bool routine_is_abandoned(const struct attempt *a, uint32_t i)
{
	return phase_of(a->bearers[i]) == BEARER_ABANDONED;
}

int routine_run(struct attempt *a, uint32_t i, enum routine_kind kind)
{
	struct bearer *b = a->bearers[i];
	struct stamp deadline = a->deadline;

	if (phase_of(b) == BEARER_ABANDONED)
		return 0;
	if (!guard(BEARER)) {
		call(b->id, kind);
		return 0;
	}
	b->kind = kind;
	smp_store_release(&b->phase, BEARER_ASKED);
	wake_up(&b->wait);
	task_prefer(b->task);
	/*
	 * The way back and the way on are gone, however late they begin; and
	 * each has its time from there on, whatever others have used.
	 */
	if (kind != ROUTINE_UNREGISTER) {
		wait_event(undertaker_wait, phase_of(b) != BEARER_ASKED);
		deadline = stamp_of(attempt_step_deadline(a));
	}
	await_routine(a, b, deadline);
	if (phase_change(b, BEARER_ASKED, BEARER_IDLE))
		return not_called(a, b);
	if (kind == ROUTINE_UNREGISTER && READ_ONCE(a->cancelled)) {
		struct stamp end = stamp_in_ms(GRACE_MS);

		wait_event_deadline(undertaker_wait, phase_of(b) == BEARER_DONE,
				    end);
	}
	if (phase_of(b) != BEARER_DONE) {
		int err = abandon(a, b);

		if (err)
			return err;
	}
	smp_store_release(&b->phase, BEARER_IDLE);
	return 0;
}
