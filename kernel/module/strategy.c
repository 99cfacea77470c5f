/*
 * The strategies of strategy.h; the ordinary kernel has none of this.
 *
 * Each decides by a rule about one task (or by none), and all but the first two
 * stop the machine for it, as their models do.  They see the tasks as their
 * models see them: by the count, by where they would go on, by frame pointers,
 * by words of the stack that are addresses of text, by where they stand.
 */
#ifdef CONFIG_LAB

#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <lib/cmdline.h>
#include <lib/guard.h>
#include <module/attempt.h>
#include <module/internal.h>
#include <module/strategy.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <x86/smp.h>
#include <x86/switch.h>
#include <x86/trap.h>

/* How long a rendezvous may take, and a freeze at safe points. */
#define STOP_NS		(10 * NSEC_PER_MSEC)

/* A task that stands, seen from outside. */
struct standing {
	const uint32_t	*lo, *hi;	/* its live stack */
	uintptr_t	pc, ebp;	/* where it goes on */
	bool		in_user;
};

/* ---- how the models look at a task ---- */

static bool text_has(const struct territory *terr, uintptr_t addr)
{
	return territory_has(terr, addr) && module_text_has(addr);
}

/* The first trap frame from @lo up: what the last interrupt has saved. */
static const struct trap_frame *last_frame(const struct standing *s)
{
	const uint32_t *p;

	for (p = s->lo; p + 1 < s->hi; p++)
		if (*p == (uintptr_t)trap_dispatch_return)
			return (const struct trap_frame *)(uintptr_t)p[1];
	return NULL;
}

static bool by_eip(const struct standing *s, const struct territory *terr)
{
	const struct trap_frame *f = last_frame(s);

	return text_has(terr, s->pc) || (f && text_has(terr, f->eip));
}

/* Return addresses along the chain of ebp, and EIP where a trap lies in it. */
static bool by_frames(const struct standing *s, const struct territory *terr)
{
	const uint32_t *lo = s->lo, *frame = (const uint32_t *)s->ebp;

	if (text_has(terr, s->pc))
		return true;
	while (frame >= lo && frame + 2 < s->hi) {
		if (text_has(terr, frame[1]))
			return true;
		if (frame[1] == (uintptr_t)trap_dispatch_return) {
			const struct trap_frame *f = (const void *)frame[2];

			if (text_has(terr, f->eip))
				return true;
		}
		lo = frame + 2;
		frame = (const uint32_t *)frame[0];
	}
	return false;
}

static bool by_text_words(const struct standing *s,
			  const struct territory *terr)
{
	if (text_has(terr, s->pc))
		return true;
	for (const uint32_t *p = s->lo; p < s->hi; p++)
		if (text_has(terr, *p))
			return true;
	return false;
}

static const struct model {
	const char	*name;
	bool		stops;		/* the machine, and looks at tasks */
	bool		safe_points;	/* waits until all are at one */
	bool		at_the_door;	/* the count */
	bool		(*sees)(const struct standing *s,
				const struct territory *terr);
} models[] = {
	{ .name = "count" },
	{ .name = "caller_count", .at_the_door = true },
	{ .name = "stop_eip", .stops = true, .sees = by_eip },
	{ .name = "stop_frames", .stops = true, .sees = by_frames },
	{ .name = "stop_text", .stops = true, .sees = by_text_words },
	{ .name = "safe_points", .safe_points = true },
};

static const struct model *chosen;	/* constant after boot */

void strategy_init(const char *cmdline)
{
	char name[32];

	if (!cmdline_get(cmdline, "strategy", name, sizeof(name)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (strcmp(models[i].name, name) == 0)
			chosen = &models[i];
	if (!chosen) {
		pr_err("lab: there is no strategy %s", name);
		return;
	}
	lab_set_altered();
	lab_counts_at_the_door = chosen->at_the_door;
	pr_notice("lab: strategy %s", chosen->name);
}

bool strategy_is_chosen(void)
{
	return chosen != NULL;
}

/* ---- one instant ---- */

struct instant {
	struct attempt	*a;
	struct task	*task;		/* who was seen inside */
};

static void see(struct task *t, struct standing *s)
{
	const struct trap_frame *f = percpus[t->cpu].rendezvous_frame;

	memset(s, 0, sizeof(*s));
	s->hi = (const uint32_t *)task_stack_top(t);
	if (task_is_running(t)) {
		s->in_user = trap_from_user(f);
		s->lo = (const uint32_t *)f;
		s->pc = f->eip;
		s->ebp = f->ebp;
		return;
	}
	s->lo = (const uint32_t *)t->esp;
	s->pc = switch_saved_pc(t->esp);
	s->ebp = switch_saved_ebp(t->esp);
}

/* In rendezvous: 0: all clear, and DEAD; 1: count; 2: a task. */
static int look_at_all(void *arg)
{
	struct instant *now = arg;
	const struct territory *terr = &now->a->terr;
	struct standing s;
	struct task *t;

	if (territory_count(terr))
		return 1;
	list_for_each_entry(t, &tasklist, tasks) {
		if (!chosen->sees || t == current || !t->stack ||
		    t->state == TASK_DEAD)
			continue;
		see(t, &s);
		if (s.in_user || !chosen->sees(&s, terr))
			continue;
		now->task = t;
		return 2;
	}
	for (uint32_t i = 0; i < terr->n; i++)
		WRITE_ONCE(owners[terr->ids[i]].state, MODULE_DEAD);
	return 0;
}

static int commit_at_once(struct attempt *a)
{
	struct instant now = { .a = a };
	struct blocker *b;
	uint64_t stopped = 0;
	uint32_t late = 0;
	int w = smp_rendezvous(look_at_all, &now, STOP_NS, &late, &stopped);

	a->report->stopped_ns = max(a->report->stopped_ns, stopped);
	if (w == 0)
		return 0;
	a->report->nr_blockers = 0;
	if (w == 1) {
		report_users(a->report, &a->terr, a->caller);
		return -EBUSY;
	}
	b = report_add(a->report, w < 0 ? BLOCK_CPU : BLOCK_STACK);
	if (w == 2)
		report_task(b, now.task, &a->terr);
	snprintf(b->what, sizeof(b->what), "%s", w < 0 ?
		 "a CPU did not come to the rendezvous" :
		 "seen inside by the strategy");
	return w < 0 ? -EAGAIN : -EBUSY;
}

/* ---- safe points ---- */

struct stragglers {
	struct attempt	*a;
	uint32_t	n;
};

/*
 * A voluntary sleep, or user mode: a task that was preempted there has no
 * kernel function under it, so its saved stack begins with that very trap.
 */
static bool at_safe_point(struct task *t)
{
	struct standing s = { .lo = (const uint32_t *)t->esp };
	const struct trap_frame *f;

	if (task_is_running(t))
		return false;
	if (!t->stack || t->state == TASK_DEAD ||
	    (READ_ONCE(t->state) == TASK_SLEEPING && !t->on_rq))
		return true;
	s.hi = (const uint32_t *)task_stack_top(t);
	f = last_frame(&s);
	return !f || trap_from_user(f);
}

static bool let_straggler_go_on(struct task *t, void *arg)
{
	struct stragglers *left = arg;

	if (t == current || at_safe_point(t)) {
		if (t->spared & SPARE_EVIDENCE)
			task_unspare(t, SPARE_EVIDENCE);
		return true;
	}
	left->n++;
	if (!(t->spared & SPARE_EVIDENCE)) {
		left->a->report->spared++;
		task_spare(t, SPARE_EVIDENCE);
	}
	return true;
}

static bool report_straggler(struct task *t, void *arg)
{
	struct attempt *a = arg;
	struct blocker *b;

	if (t == current || at_safe_point(t))
		return true;
	b = report_add(a->report, BLOCK_TIME);
	report_task(b, t, &a->terr);
	snprintf(b->what, sizeof(b->what), "has come to no safe point");
	return true;
}

/* Everybody is frozen where it is safe; nobody is thawed until all are. */
static int wait_for_safe_points(struct attempt *a, uint64_t deadline)
{
	struct stragglers left = { .a = a };
	struct freeze_failure failure;
	uint64_t since = ktime_get_ns();
	int err = freezer_freeze(STOP_NS, &failure);

	while (!err) {
		left.n = 0;
		task_for_each(let_straggler_go_on, &left);
		if (!left.n) {
			err = commit_at_once(a);
			break;
		}
		if (attempt_cancelled(a) || ktime_get_ns() > deadline) {
			task_for_each(report_straggler, a);
			err = -ETIMEDOUT;
			break;
		}
		attempt_pause_until(a, ktime_get_ns() + ATTEMPT_POLL_NS);
	}
	if (err != -EAGAIN)
		freezer_thaw();
	a->report->frozen_max_ns = ktime_get_ns() - since;
	a->report->frozen_ns += a->report->frozen_max_ns;
	return err;
}

/* ---- rounds ---- */

/* Ksplice asks five times before it gives up, and so do those that stop. */
#define ASK_TIMES	5u
#define ASK_AGAIN_NS	(50 * NSEC_PER_MSEC)

int strategy_rounds(struct attempt *a, bool commit, uint64_t deadline)
{
	int err = 0;

	if (!commit)
		return 0;
	for (uint32_t i = 0; i < ASK_TIMES; i++) {
		a->report->rounds++;
		a->report->nr_blockers = 0;
		err = chosen->safe_points ? wait_for_safe_points(a, deadline) :
					    commit_at_once(a);
		if (!err || err == -ETIMEDOUT || attempt_cancelled(a))
			break;
		attempt_pause_until(a, ktime_get_ns() + ASK_AGAIN_NS);
	}
	if (err && attempt_cancelled(a))
		return attempt_interrupted(a);
	return err == -EAGAIN ? -EBUSY : err;
}

#endif
