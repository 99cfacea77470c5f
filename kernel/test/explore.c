/*
 * The explorer's scenes: a user on his way through a module, an unloader, and
 * a schedule that says after which instruction which of them runs.
 *
 * tools/explore stops the machine where the scene is set, takes a snapshot of
 * it, and from then on plays one schedule after the other from that very state:
 * so up to its first preemption each is the same to the bit, a kernel that dies
 * harms nobody, and a schedule can be repeated from its text.
 *
 * One CPU under -icount shift=0.  A tick of the timer is an instruction, and
 * clock_trap makes the interrupt come at an exact one, whatever else the kernel
 * has the timer do.  There the running actor is preempted and stands until his
 * next turn, or until the kernel itself spares him.  He may stand for any time,
 * as one may on a machine full of others; only
 *
 *  - who stands with a mutex goes on after LEND_NS of the unloader's, since no
 *    kernel keeps such a one from his CPU for good;
 *  - the unloader goes on after PATIENCE_NS of a user's, who has ended by then,
 *    or waits: at a closed door, for a mutex, behind the gate, or until the
 *    unloader has ended.
 *
 * Nothing here keeps an address of the module in memory that is searched.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/module.h>
#include <kernel/mutex.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <lock/preempt.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <sched/freezer.h>
#include <sched/ktimer.h>
#include <sched/rq.h>
#include <sched/slot.h>
#include <shell/shell.h>
#include <test/census.h>
#include <test/explore.h>
#include <x86/clock.h>
#include <x86/cpu.h>
#include <x86/trap.h>

#ifdef CONFIG_LAB

#define PATIENCE_NS	(200 * NSEC_PER_USEC)
#define LEND_NS		(4 * NSEC_PER_MSEC)
/* A free unload takes 1 ms; what takes longer than this is not free (G14). */
#define BUDGET_MS	60u
#define SETTLE_MS	200u
#define NEVER		(1u << 31)	/* two seconds */

struct explore_schedule explore_schedule __no_pointers;
struct explore_result explore_result __no_pointers;

noinline void explore_ready(void)
{
	barrier();
}

noinline void explore_done(void)
{
	barrier();
}

struct scene {
	const char	*name, *module;
	int		(*way)(void *slot);
	bool		defer, held, pointer, locked, lent;
	uint32_t	wait_ms, budget_ms;
};

/*
 * Lock key: (c) constant while actors run  (i) interrupts off: one CPU
 *	(o) the actor's own
 */
struct actor {
	int			(*way)(void *arg);	/* (c) */
	void			*arg;			/* (c) */
	struct task		*task;			/* (c) referenced */
	struct wait_queue_head	start;
	bool			go;			/* (i) */
	struct task		*stopped;	/* (i) his */
};

static struct explorer {
	const struct scene	*scene;		/* (c) */
	struct actor		actor[EXPLORE_ACTORS];
	uint32_t		at;		/* (i) segment */
	enum explore_actor	turn;		/* (i) whose segment it is */
	uint32_t		marked, began;	/* (i) TSC: low words of the
						 * last mark, and of his */
	struct ktimer		patience;
	struct task		*stage;		/* (c) the command's own task */
	struct wait_queue_head	done;
	module_id_t		id;		/* (c) */
	struct slot		*slot;		/* (c) referenced, or NULL */
	bool			kept;		/* the user has a count */
	struct mutex		mutex, other;	/* of "lock" and "lent" */
	struct task		*third;		/* (c) has the mutex, or waits
						 * for it in the module; or
						 * NULL */
	struct census		before;		/* (c) */
} ex;

/* Texts of a module in them: not searched. */
static struct desk {
	struct unload_request	req;
	struct unload_report	report;
	struct census		after;
	char			text[128];
} desk __no_pointers;

static bool has_ended(enum explore_actor a)
{
	return READ_ONCE(explore_result.actor[a].finished);
}

/* ---- ways through a module ---- */

#define PROBE_VISIT	1u		/* modules/probe.c */
#define PROBE_TELL	2u
#define PROBE_LOCK	3u
#define STIRRED_TIMER	1u		/* modules/stirred.c */
#define STIRRED_WORK	2u
#define BAD_USER_PTR	0x1000u

/* The module has answered: from here on no error may come of an unload. */
static void note_called(void)
{
	explore_result.actor[EXPLORE_USER].called = 1;
}

static int way_by_file(void *arg)
{
	struct file *file;
	int err = file_open_kernel("/dev/probe", O_RDWR, 0, &file);

	(void)arg;
	if (err)
		return err;
	note_called();
	err = (int)file_read(file, NULL, 0);
	if (err >= 0)
		err = (int)file_ioctl(file, PROBE_VISIT, 0);
	file_put(file);
	return err;
}

/* As the kernel enters what it does not count: the binding, loaded once. */
static const struct file_operations *ops_of(struct slot *slot)
{
	const struct binding *b = slot_binding(slot);

	return b ? b->ops : NULL;
}

static noinline int call_ioctl(struct slot *slot, unsigned int cmd,
			       unsigned long arg)
{
	const struct file_operations *ops = ops_of(slot);
	int result;

	if (!ops)
		return -ENODEV;
	result = (int)ops->unlocked_ioctl(NULL, cmd, arg);
	note_called();
	return result;
}

static int way_counting_itself(void *slot)
{
	return call_ioctl(slot, PROBE_VISIT, 0);
}

static int way_into_fault(void *slot)
{
	return call_ioctl(slot, PROBE_TELL, BAD_USER_PTR);
}

static int way_to_timer(void *slot)
{
	return call_ioctl(slot, STIRRED_TIMER, 0);
}

static int way_to_work(void *slot)
{
	return call_ioctl(slot, STIRRED_WORK, 0);
}

static int way_by_tail_jump(void *slot)
{
	const struct file_operations *ops = ops_of(slot);
	int result;

	if (!ops)
		return -ENODEV;
	result = ops->read(NULL, NULL, 0, NULL) > 0 ? 0 : -EIO;
	note_called();
	return result;
}

/*
 * H47: a pointer to the module moves from a page that is searched late to one
 * that is searched early.  A page each.
 */
static struct {
	const void	*word;
	char		rest[PAGE_SIZE - sizeof(void *)];
} spot[2] __aligned(PAGE_SIZE);

static int way_of_a_pointer(void *arg)
{
	(void)arg;
	WRITE_ONCE(spot[0].word, READ_ONCE(spot[1].word));
	WRITE_ONCE(spot[1].word, NULL);
	note_called();
	return 0;
}

/* H50: takes it out of memory, and has it until the unloader has ended. */
static int way_taking_a_pointer(void *slot)
{
	const struct file_operations *ops =
		__atomic_exchange_n(&spot[1].word, NULL, __ATOMIC_SEQ_CST);

	(void)slot;
	wait_event(ex.done, has_ended(EXPLORE_UNLOADER));
	return (int)ops->unlocked_ioctl(NULL, PROBE_VISIT, 0);
}

/*
 * H50, too: before his turn comes he stands with two mutexes, and a visitor of
 * the module waits for one.  Let through for that one's sake, he gives it back
 * and the visitor leaves; and as he has the other one still, he may run on, in
 * a freeze in which he has been examined.
 */
static void lend(struct actor *a)
{
	mutex_lock(&ex.other);
	mutex_lock(&ex.mutex);
	preempt_disable();
	a->stopped = current;
	task_stop_current();
	preempt_enable();
	a->stopped = NULL;
	mutex_unlock(&ex.mutex);
}

static int way_let_through(void *slot)
{
	int result = way_taking_a_pointer(slot);

	mutex_unlock(&ex.other);
	return result;
}

/* He keeps it until all have ended. */
static int way_taking_a_count(void *slot)
{
	(void)slot;
	ex.kept = try_module_get_from(ex.id, 0);
	return ex.kept ? 0 : -ENODEV;
}

/* H22: he has the address, and waits for one who stands. */
static int way_with_a_lock(void *slot)
{
	const struct file_operations *ops = ops_of(slot);
	int result;

	if (!ops)
		return -ENODEV;
	mutex_lock(&ex.mutex);
	result = (int)ops->unlocked_ioctl(NULL, PROBE_VISIT, 0);
	mutex_unlock(&ex.mutex);
	note_called();
	return result;
}

/* ---- scenes ---- */

/*
 * What each must come to says tools/explore.  Where it is refused in any case
 * there is time for two rounds, and the second is as all that would follow.
 */
#define SCENE(name_, module_, way_, ...) \
	{ .name = (name_), .module = (module_), .way = (way_), __VA_ARGS__ }
static const struct scene scenes[] = {
	SCENE("file", "probe", way_by_file),
	SCENE("counts-itself", "probe", way_counting_itself),
	SCENE("tail-jump", "probe", way_by_tail_jump),
	SCENE("fault", "probe", way_into_fault),
	SCENE("door", "probe", way_by_file, .held = true, .wait_ms = 2),
	SCENE("deferred", "probe", way_by_file, .defer = true),
	SCENE("timer", "stirred", way_to_timer),
	SCENE("work", "stirred", way_to_work),
	SCENE("pointer", "probe", way_of_a_pointer, .pointer = true,
	      .budget_ms = 4),
	SCENE("taken", "probe", way_taking_a_pointer, .pointer = true,
	      .budget_ms = 4),
	SCENE("lent", "probe", way_let_through, .pointer = true, .lent = true,
	      .budget_ms = 4),
	SCENE("counted", "probe", way_taking_a_count),
	SCENE("lock", "probe", way_with_a_lock, .locked = true),
};

/* ---- turns ---- */

static bool all_have_ended(void)
{
	return has_ended(EXPLORE_USER) && has_ended(EXPLORE_UNLOADER);
}

/* Its first instruction is what the tool's plugin counts from. */
noinline void explore_mark(void)
{
	uint32_t tsc = (uint32_t)rdtsc();

	ex.marked = tsc;
	if (explore_result.nr_marks < EXPLORE_MARKS)
		explore_result.mark[explore_result.nr_marks++] = tsc;
}

static void let_go(struct actor *a)
{
	struct task *t = a->stopped;

	a->stopped = NULL;
	a->go = true;
	if (t)
		task_go_on(t);
	else
		wake_up(&a->start);
}

/*
 * The next segment whose actor has not ended; behind the last one everybody
 * runs.  The timer of patience is always armed meanwhile, so that the trap is
 * not forgotten where the kernel itself has nothing to wait for.  Interrupts
 * off.
 */
static void next_turn(void)
{
	uint32_t ticks;

	while (ex.at < explore_schedule.nr &&
	       has_ended(explore_schedule.segment[ex.at].actor))
		ex.at++;
	clock_trap = 0;
	if (all_have_ended())
		return;
	if (ex.at < explore_schedule.nr) {
		ex.turn = explore_schedule.segment[ex.at].actor;
		ticks = explore_schedule.segment[ex.at].ticks;
		ex.at++;
		explore_mark();
		ex.began = ex.marked;
		/* Never without one: the ways through the kernel that lead to
		 * a stop are then those of a play without it, to the tick. */
		clock_trap = rdtsc() + (ticks ? ticks : NEVER);
		let_go(&ex.actor[ex.turn]);
	} else {
		for (uint32_t a = 0; a < EXPLORE_ACTORS; a++)
			if (!has_ended(a))
				let_go(&ex.actor[a]);
		if (ex.third)
			task_go_on(ex.third);
	}
	ktimer_start(&ex.patience, ktime_get_ns() +
		     (ex.turn == EXPLORE_UNLOADER ? LEND_NS : PATIENCE_NS));
	sched_arm_timer(ktimer_next());
}

/* In the timer's interrupt. */
static void lose_patience(struct ktimer *t)
{
	struct task *user = ex.actor[EXPLORE_USER].stopped;

	(void)t;
	if (ex.turn == EXPLORE_USER) {
		next_turn();
		return;
	}
	if (user && user->mutexes_held) {
		explore_result.lent = 1;
		ex.actor[EXPLORE_USER].stopped = NULL;
		task_go_on(user);
	}
	if (!all_have_ended())
		ktimer_start(&ex.patience, ktime_get_ns() + LEND_NS);
}

/* Whoever is neither the user nor the stage works for the unloader. */
static bool is_his(enum explore_actor a, const struct task *t)
{
	const struct task *user = ex.actor[EXPLORE_USER].task;

	if (a == EXPLORE_USER)
		return t == user;
	return t != user && t != ex.stage && !task_is_idle(t);
}

/* By the stage's own eyes: registers, and the words above the stack pointer. */
static noinline bool is_inside(const struct trap_frame *f)
{
	const uint32_t *top = (const uint32_t *)task_stack_top(current);
	const uint32_t regs[] = { f->eip, f->eax, f->ebx, f->ecx, f->edx,
				  f->esi, f->edi, f->ebp };
	bool inside = false;

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		inside |= in_window(regs[i]) &&
			  window_owner(regs[i]) == ex.id;
	for (const uint32_t *p = (const uint32_t *)trap_frame_sp(f); p < top;
	     p++)
		inside |= in_window(*p) && window_owner(*p) == ex.id;
	return inside;
}

static noinline void note_stop(const struct trap_frame *f, bool his,
			       uint32_t past)
{
	struct explore_result *r = &explore_result;
	struct explore_stop *s = &r->stop[r->nr_stops];
	int held = ex.scene->held;

	if (r->nr_stops == EXPLORE_SEGMENTS)
		return;
	r->nr_stops++;
	s->segment = ex.at - 1;
	s->actor = his ? ex.turn : EXPLORE_NOBODY;
	s->not_eip = ~f->eip;
	s->entered = clock_entered - ex.began;
	s->past = past;
	s->late = preempt_count() != 0;
	s->state = owner_state(ex.id);
	s->frozen = freezer_frozen();
	s->count = (uint32_t)(owner_count(ex.id) - held);
	s->inside = his && ex.turn == EXPLORE_USER && is_inside(f);
}

/* What the look has left below would be evidence in frames to come. */
static void on_timer(const struct trap_frame *f)
{
	bool his = is_his(ex.turn, current);
	uint64_t now = rdtsc();

	if (!clock_trap || now < clock_trap)
		return;
	note_stop(f, his, (uint32_t)(now - clock_trap));
	stack_wipe_dead();
	if (his) {
		ex.actor[ex.turn].stopped = current;
		task_stop_current();
	}
	next_turn();
}

/* ---- actors ---- */

static int play(void *arg)
{
	enum explore_actor me = (enum explore_actor)(uint32_t)arg;
	struct actor *a = &ex.actor[me];
	uint32_t flags;

	if (me == EXPLORE_USER && ex.scene->lent)
		lend(a);
	wait_event(a->start, READ_ONCE(a->go));
	explore_result.actor[me].started = (uint32_t)rdtsc();
	explore_result.actor[me].result = (uint32_t)a->way(a->arg);
	flags = local_irq_save();
	explore_result.actor[me].finished = 1;
	if (ex.turn == me || all_have_ended())
		next_turn();
	wake_up(&ex.done);
	local_irq_restore(flags);
	return 0;
}

static int ask(void)
{
	memset(&desk.req, 0, sizeof(desk.req));
	desk.req.nr_names = 1;
	desk.req.budget_ms = ex.scene->budget_ms ?: BUDGET_MS;
	desk.req.wait_ms = ex.scene->wait_ms;
	desk.req.defer = ex.scene->defer;
	strscpy(desk.req.names[0], ex.scene->module, OWNER_NAME_LEN);
	return module_unload(&desk.req, &desk.report);
}

static int way_of_the_unloader(void *arg)
{
	int err = ask();

	(void)arg;
	explore_result.outcome = desk.report.outcome;
	explore_result.spared = desk.report.spared;
	explore_result.rounds = desk.report.rounds;
	return err;
}

static bool hire(enum explore_actor me, int (*way)(void *), void *arg)
{
	struct actor *a = &ex.actor[me];

	memset(a, 0, sizeof(*a));
	a->way = way;
	a->arg = arg;
	init_waitqueue_head(&a->start);
	a->task = kthread_run(play, (void *)(uint32_t)me, "actor/%u", me);
	return a->task != NULL;
}

/* He has the lock, and stands as one who was preempted, for any time. */
static int hold(void *arg)
{
	(void)arg;
	mutex_lock(&ex.mutex);
	preempt_disable();
	task_stop_current();
	preempt_enable();
	mutex_unlock(&ex.mutex);
	return 0;
}

/* Behind the user, who has the mutex. */
static int visit(void *slot)
{
	return (int)ops_of(slot)->unlocked_ioctl(NULL, PROBE_LOCK,
						 (uintptr_t)&ex.mutex);
}

static bool hire_third(void)
{
	if (ex.scene->locked)
		ex.third = kthread_run(hold, NULL, "holder");
	else if (ex.scene->lent)
		ex.third = kthread_run(visit, ex.slot, "visitor");
	else
		return true;
	return ex.third != NULL;
}

static void dismiss_third(void)
{
	if (!ex.third)
		return;
	task_go_on(ex.third);
	task_reap(ex.third);
	task_put(ex.third);
	ex.third = NULL;
}

static void dismiss(enum explore_actor me)
{
	task_reap(ex.actor[me].task);
	task_put(ex.actor[me].task);
	ex.actor[me].task = NULL;
}

/* ---- the stage ---- */

/* The first door in the ledger; and the pointer that is to be moved. */
static noinline void find_slot(void)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct binding *b;

	list_for_each_entry(b, &ledger_of(ex.id)->bindings, ledger) {
		if (b->slot->ops->engine)
			continue;
		slot_get(b->slot);
		ex.slot = b->slot;
		if (ex.scene->pointer)
			spot[1].word = b->ops;
		break;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
}

static noinline int bring_in(void)
{
	int err = module_load(ex.scene->module, "", desk.text,
			      sizeof(desk.text));

	if (err)
		return err;
	mutex_lock(&module_lock);
	ex.id = module_id_locked(ex.scene->module);
	mutex_unlock(&module_lock);
	find_slot();
	if (ex.scene->held && !try_module_get_from(ex.id, 0))
		return -EBUSY;
	return 0;
}

static noinline void release(void)
{
	spot[0].word = spot[1].word = NULL;
	if (ex.scene->held || ex.kept)
		module_put_from(ex.id, 0);
	ex.kept = false;
	slot_put(ex.slot);
	ex.slot = NULL;
}

static enum module_state state_of_it(void)
{
	enum module_state s = owner_state(ex.id);

	return s == MODULE_GONE ? MODULE_FREE : s;
}

/* Whoever was in the way has left: it goes, if it has not gone. */
static noinline void take_out(void)
{
	explore_result.state = state_of_it();
	release();
	stack_wipe_dead();
	for (uint32_t i = 0; i < SETTLE_MS &&
	     state_of_it() == MODULE_DEFERRED; i++)
		msleep(1);
	if (state_of_it() != MODULE_FREE)
		explore_result.second_error = (uint32_t)ask();
	if (state_of_it() != MODULE_FREE && !explore_result.second_error)
		explore_result.second_error = EBUSY;
}

static int set_the_stage(void)
{
	int err = bring_in();

	stack_wipe_dead();
	if (err)
		return err;
	mutex_init(&ex.mutex, "explored");
	mutex_init(&ex.other, "other");
	if (!hire(EXPLORE_USER, ex.scene->way, ex.slot) ||
	    !hire(EXPLORE_UNLOADER, way_of_the_unloader, NULL))
		return -ENOMEM;
	msleep(1);
	if (!hire_third())
		return -ENOMEM;
	msleep(1);			/* all stand where they begin */
	return 0;
}

static void play_it(void)
{
	uint32_t flags = local_irq_save();

	ex.at = 0;
	explore_result.nr_marks = 0;
	for (uint32_t a = 0; a < EXPLORE_ACTORS; a++)
		explore_result.actor[a].stack = ex.actor[a].task->stack;
	ktimer_init(&ex.patience, lose_patience);
	sched_timer_hook = on_timer;
	sched_idle_hook = explore_mark;
	next_turn();
	local_irq_restore(flags);
	wait_event(ex.done, all_have_ended());
	ktimer_cancel_sync(&ex.patience);
	/* One who worked for the unloader, and was not waited for. */
	for (uint32_t a = 0; a < EXPLORE_ACTORS; a++)
		if (ex.actor[a].stopped)
			let_go(&ex.actor[a]);
	explore_mark();
	sched_timer_hook = NULL;
	sched_idle_hook = NULL;
	dismiss(EXPLORE_USER);
	dismiss(EXPLORE_UNLOADER);
	dismiss_third();
}

/*
 * Once without anybody watching: what is set up once and stays is there.  The
 * user comes last and finds no module, as without a guard he might do harm.
 */
static int rehearse(void)
{
	int err;

	memset(&explore_result, 0, sizeof(explore_result));
	err = set_the_stage();
	if (err)
		return err;
	explore_schedule.nr = 2;
	explore_schedule.segment[0].actor = EXPLORE_UNLOADER;
	explore_schedule.segment[1].actor = EXPLORE_USER;
	play_it();
	take_out();
	err = (int)explore_result.second_error;
	memset(&explore_result, 0, sizeof(explore_result));
	return err;
}

static const struct scene *scene_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++)
		if (strcmp(scenes[i].name, name) == 0)
			return &scenes[i];
	return NULL;
}

static int perform(void)
{
	int err = rehearse();

	/* Without a guard it may not even go unharmed: told as a play is. */
	if (err) {
		explore_ready();
		explore_result.second_error = (uint32_t)err;
		explore_done();
		return err;
	}
	census_take(&ex.before);
	stack_wipe_dead();
	err = set_the_stage();
	if (err)
		return err;
	explore_ready();
	play_it();
	take_out();
	explore_result.left_behind = !census_settle(&ex.before, &desk.after);
	explore_done();
	return 0;
}

static int cmd_explore(struct command_call *call)
{
	int err;

	ex.scene = call->argc == 2 ? scene_named(call->argv[1]) : NULL;
	if (!ex.scene)
		return command_usage(call, "which scene?");
	ex.stage = current;
	init_waitqueue_head(&ex.done);
	err = perform();
	if (err)
		command_printf(call, "explore: %s: %s\n", ex.scene->name,
			       errno_name(err < 0 ? -err : err));
	return err;
}
TEST_COMMAND(explore, "SCENE", "a scene for tools/explore",
	"A user on his way through a module and its unload, by the schedule\n"
	"that tools/explore writes into memory. Takes a kernel made with\n"
	"LAB=1 and -icount shift=0, one CPU.\n", cmd_explore);

#endif
