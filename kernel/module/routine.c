/*
 * The module's own routines, each called in a thread of its own.
 *
 * A routine that blocks for ever takes nobody with it (H44): the undertaker
 * waits until its deadline, reports where the thread is, and goes on.  Should
 * an abandoned unregister return one day, its thread registers everything
 * again, and the module is as it was.
 *
 * The thread knows the module by its id; no pointer to a routine is stored.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <module/attempt.h>

/*
 * Lock key: (c) constant  (x) exchanged
 */
struct routine {
	atomic_t		refs;
	module_id_t		id;		/* (c) */
	enum routine_kind	kind;		/* (c) */
	uint32_t		outcome;	/* (x) enum below */
	int			result;		/* before outcome is RETURNED */
};

enum { RUNNING, RETURNED, ABANDONED };

static const char *const routine_names[] = {
	[ROUTINE_REGISTER] = "register",
	[ROUTINE_UNREGISTER] = "unregister",
	[ROUTINE_CLEANUP] = "cleanup",
};

static void routine_put(struct routine *r)
{
	if (atomic_dec_and_test(&r->refs))
		kfree(r);
}

static int call(const struct routine *r)
{
	const struct module *m = module_of(r->id);

	switch (r->kind) {
	case ROUTINE_REGISTER:
		return m->register_fn ? m->register_fn() : 0;
	case ROUTINE_UNREGISTER:
		if (m->unregister_fn)
			m->unregister_fn();
		return 0;
	default:
		if (m->cleanup_fn)
			m->cleanup_fn();
		return 0;
	}
}

static bool outcome_from_running(struct routine *r, uint32_t to)
{
	uint32_t old = RUNNING;

	return __atomic_compare_exchange_n(&r->outcome, &old, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Nobody waits for us any more: the module lives on, so make it whole. */
static void undo_late_unregister(struct routine *r)
{
	const struct module *m = module_of(r->id);

	if (m->register_fn)
		m->register_fn();
	ledger_open_doors(r->id);
	pr_notice("%s: its unregister routine has returned at last",
		  owners[r->id].name);
	owners[r->id].abandoned = false;
}

static int routine_thread(void *arg)
{
	struct routine *r = arg;

	r->result = call(r);
	if (!outcome_from_running(r, RETURNED) && r->kind == ROUTINE_UNREGISTER)
		undo_late_unregister(r);
	wake_up(&undertaker_wait);
	routine_put(r);
	return 0;
}

static int abandon(struct attempt *a, struct routine *r, struct task *t)
{
	struct blocker *b;

	owners[r->id].abandoned = r->kind == ROUTINE_UNREGISTER;
	if (!outcome_from_running(r, ABANDONED)) {
		owners[r->id].abandoned = false;
		return 0;
	}
	b = report_add(a->report, BLOCK_ROUTINE);
	report_task(b, t, &a->terr);
	snprintf(b->what, sizeof(b->what), "the %s routine of %s does not "
		 "return", routine_names[r->kind], owners[r->id].name);
	if (READ_ONCE(a->cancelled) && r->kind == ROUTINE_UNREGISTER) {
		report_fail(a->report, -EINTR, "interrupted");
		return -EINTR;
	}
	report_fail(a->report, -ETIMEDOUT, "its %s routine does not return",
		    routine_names[r->kind]);
	return -ETIMEDOUT;
}

static bool waited_enough(const struct attempt *a, const struct routine *r)
{
	return READ_ONCE(r->outcome) == RETURNED ||
	       (r->kind == ROUTINE_UNREGISTER && READ_ONCE(a->cancelled));
}

static int wait_for_routine(struct attempt *a, struct routine *r,
			    struct task *t, uint64_t deadline)
{
	int err = 0;

	wait_event_deadline(undertaker_wait, waited_enough(a, r), deadline);
	if (READ_ONCE(r->outcome) != RETURNED)
		err = abandon(a, r, t);
	/* Out of the module; its stack goes with it, and is no evidence. */
	if (!err)
		task_reap(t);
	return err;
}

static void note_register_failure(const struct routine *r)
{
	if (r->kind == ROUTINE_REGISTER && r->outcome == RETURNED && r->result)
		pr_err("%s: register failed with %s when it was reactivated; "
		       "its interfaces are open all the same",
		       owners[r->id].name, errno_name(r->result));
}

int routine_run(struct attempt *a, module_id_t id, enum routine_kind kind,
		uint64_t deadline)
{
	struct routine *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct task *t;
	int err;

	if (!r)
		goto no_memory;
	r->id = id;
	r->kind = kind;
	atomic_set(&r->refs, 2);
	t = kthread_run(routine_thread, r, "%s/%s", routine_names[kind],
			owners[id].name);
	if (!t)
		goto free_routine;
	err = wait_for_routine(a, r, t, deadline);
	note_register_failure(r);
	task_put(t);
	routine_put(r);
	return err;

free_routine:
	kfree(r);
no_memory:
	report_fail(a->report, -ENOMEM, "no memory to call its %s routine",
		    routine_names[kind]);
	return -ENOMEM;
}
