/*
 * The module room from inside: what happens to it at moments that a script at
 * the console cannot choose.
 *
 * An address of a module, kept by a test, would be evidence like anybody's: it
 * is kept as an offset in the window, in memory that is not searched, and is
 * an address only where it is used.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <fs/file.h>
#include <lib/ctype.h>
#include <mm/inject.h>
#include <mm/mm.h>
#include <lock/preempt.h>
#include <module/module.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include <sched/slot.h>
#include <test/ktest.h>
#include <x86/smp.h>

#define PATIENCE_MS	20000u
#define REFUSAL_MS	1000u	/* what is to be done before it comes, can be */

/* Too large for a stack, and what a report says is no evidence. */
struct scratch {
	struct unload_request	req;
	struct unload_report	report;
	struct module_info	info;
	char			text[160];
};

static struct scratch *scratch_new(void)
{
	return kzalloc(sizeof(struct scratch), GFP_KERNEL | GFP_DATA);
}

static int load(struct scratch *s, const char *name, const char *args)
{
	return module_load(name, args, s->text, sizeof(s->text));
}

/* @s->req has what else is asked for. */
static int unload(struct scratch *s, const char *name)
{
	s->req.nr_names = 1;
	strscpy(s->req.names[0], name, OWNER_NAME_LEN);
	return module_unload(&s->req, &s->report);
}

static enum module_state state_of(struct scratch *s, const char *name)
{
	return module_find(name, &s->info) ? s->info.state : MODULE_FREE;
}

/* NULL, or why not: a reason for a test. */
static const char *unload_by_name(const char *name)
{
	struct scratch *s = scratch_new();
	int err = s ? unload(s, name) : -ENOMEM;

	kfree(s);
	return err ? "it does not go when it may" : NULL;
}

/* ---- names of addresses, while their module goes ---- */

#define LOOKERS		2u
#define LOOK_ROUNDS	200u
#define LOOK_MS		2000	/* enough of it */

static struct {
	bool		stop;
	module_id_t	id;
	uint32_t	offset;		/* of its text, in the window */
	atomic_t	found, rounds;
} look __no_pointers;

/* The address is in hand for as long as this takes: then it is not. */
static noinline void look_up(void)
{
	struct symbol_info info;
	uint32_t offset = READ_ONCE(look.offset);

	if (kallsyms_lookup(WINDOW_BASE + offset, &info))
		atomic_inc(&look.found);
}

/*
 * Past the verdict, and until there is nothing any more: before, an address in
 * a register would only put off the verdict.
 */
static int looker(void *arg)
{
	(void)arg;
	while (!READ_ONCE(look.stop)) {
		if (owner_state(READ_ONCE(look.id)) != MODULE_DEAD) {
			yield();
			continue;
		}
		look_up();
		stack_wipe_dead();
		atomic_inc(&look.rounds);
		for (int i = 0; i < 200; i++)
			cpu_relax();
	}
	return 0;
}

static noinline int load_and_publish(struct scratch *s)
{
	int err = load(s, "counter", "");

	if (err)
		return err;
	if (!module_find("counter", &s->info))
		return -ENOENT;
	WRITE_ONCE(look.offset, (uint32_t)(s->info.text - WINDOW_BASE));
	WRITE_ONCE(look.id, s->info.id);
	return 0;
}

/* The module may lie elsewhere each time: so its place is published anew. */
static int load_and_unload_often(struct scratch *s)
{
	struct stamp end = stamp_in_ms(LOOK_MS);
	int err = 0;

	s->req.budget_ms = PATIENCE_MS;
	for (unsigned int i = 0; i < LOOK_ROUNDS && !err &&
	     !stamp_passed(end); i++) {
		err = load_and_publish(s);
		stack_wipe_dead();
		if (!err)
			err = unload(s, "counter");
	}
	return err;
}

/*
 * H34: who asks for the name of an address finds it or does not, but never
 * reads a dossier that has gone.
 */
KTEST(unload, names_are_asked_for_while_the_module_goes)
{
	struct scratch *s = scratch_new();
	struct task *t[LOOKERS];
	int err;

	KTEST_EXPECT(s);
	memset(&look, 0, sizeof(look));
	for (unsigned int i = 0; i < LOOKERS; i++)
		t[i] = kthread_run(looker, NULL, "looker/%u", i);
	err = load_and_unload_often(s);
	WRITE_ONCE(look.stop, true);
	for (unsigned int i = 0; i < LOOKERS; i++)
		if (t[i])
			kthread_stop(t[i]);
	kfree(s);
	KTEST_EXPECT(!err);
	KTEST_EXPECT(nr_cpus == 1 || atomic_read(&look.found) > 0);
	return NULL;
}

/* ---- a count of nobody's ---- */

static const char *with_a_count(struct scratch *s,
				const char *(*try)(struct scratch *s))
{
	const char *reason = "counter is not loaded";

	KTEST_EXPECT(s);
	if (load(s, "counter", "") == 0 && module_find("counter", &s->info)) {
		module_id_t id = s->info.id;

		owner_open_get(id);
		reason = try(s);
		owner_open_put(id);
		if (!reason)
			reason = unload_by_name("counter");
	}
	kfree(s);
	return reason;
}

static const char *refused_for_a_count(struct scratch *s, bool dry_run)
{
	s->req.dry_run = dry_run;
	s->req.budget_ms = 20;
	KTEST_EXPECT(unload(s, "counter") == -EBUSY);
	KTEST_EXPECT(s->report.outcome == UNLOAD_REFUSED);
	KTEST_EXPECT(s->report.nr_blockers == 1);
	KTEST_EXPECT(s->report.blockers[0].what[0]);
	return NULL;
}

static const char *refused_either_way(struct scratch *s)
{
	return refused_for_a_count(s, false) ?: refused_for_a_count(s, true);
}

/*
 * G7: who is counted may be nowhere to be found, as where users come and go
 * while they are looked for.  The refusal says that.
 */
KTEST(unload, a_count_of_nobody_is_told)
{
	return with_a_count(scratch_new(), refused_either_way);
}

static int ask_patiently(void *arg)
{
	struct scratch *s = arg;

	s->req.budget_ms = PATIENCE_MS;
	return unload(s, "counter");
}

static const char *cancelled_while_looking(struct scratch *s)
{
	struct task *t = kthread_run(ask_patiently, s, "asker");

	KTEST_EXPECT(t);
	msleep(20);
	send_signal(t, SIGINT);
	KTEST_EXPECT(kthread_stop(t) == -EINTR);
	KTEST_EXPECT(!s->report.nr_blockers);
	return NULL;
}

static void note_unprintable(void *arg, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isprint(text[i]) && !(text[i] == '\n' && i == n - 1))
			*(bool *)arg = true;
}

/* A program chooses its paths; to the console they are text all the same. */
KTEST(unload, a_report_sends_no_control_bytes)
{
	struct unload_report *r = kzalloc(sizeof(*r), GFP_KERNEL);
	bool unprintable = false;

	KTEST_EXPECT(r);
	r->outcome = UNLOAD_REFUSED;
	r->nr_blockers = 1;
	r->blockers[0] = (struct blocker) {
		.kind = BLOCK_OPEN_FILE, .pid = 7, .comm = "a\r", .fd = 3,
		.path = "/\033[2J\n/../dev/fifo0",
	};
	report_text(r, false, note_unprintable, &unprintable);
	kfree(r);
	KTEST_EXPECT(!unprintable);
	return NULL;
}

/* G3: nobody is to blame where the caller takes back what he asked for. */
KTEST(unload, a_look_for_nobody_ends_at_a_signal)
{
	return with_a_count(scratch_new(), cancelled_while_looking);
}

/* ---- times ---- */

/* No stamp is as large as the low word of a time is now, for two seconds. */
static void await_large_times(void)
{
	uint32_t now;

	while ((now = (uint32_t)ktime_get_ns()) < 0x88000000 ||
	       now > 0xf0000000)
		msleep(10);
}

static bool is_stamp(const char *module, const char *symbol)
{
	const struct stamp *s = (const void *)module_symbol(module, symbol);

	return s && s->lo < 0x80000000 && s->hi < 0x80000000;
}

/*
 * H09: what lies in a module's memory is searched for addresses of others, and
 * a time could be one.
 */
KTEST(unload, modules_keep_times_as_stamps)
{
	struct scratch *s = scratch_new();
	bool stamps = false;

	KTEST_EXPECT(s);
	await_large_times();
	if (load(s, "ticker", "") == 0 && load(s, "rtc", "") == 0) {
		msleep(30);
		stamps = is_stamp("ticker", "next_tick") &&
			 is_stamp("rtc", "began") &&
			 is_stamp("rtc", "accounted");
	}
	unload(s, "ticker");
	unload(s, "rtc");
	kfree(s);
	KTEST_EXPECT(stamps);
	return NULL;
}

/* ---- DEFERRED ---- */

/* Our count is what defers it; a load without parameters revives it. */
static const char *deferred_counter(struct scratch *s)
{
	KTEST_EXPECT(unload(s, "counter") == 0);
	KTEST_EXPECT(s->report.outcome == UNLOAD_DEFERRED);
	KTEST_EXPECT(load(s, "counter", "x=1") == -EBUSY);
	KTEST_EXPECT(state_of(s, "counter") == MODULE_DEFERRED);
	KTEST_EXPECT(load(s, "counter", " ") == 0);
	KTEST_EXPECT(state_of(s, "counter") == MODULE_LIVE);
	return NULL;
}

/*
 * A revived module keeps the parameters that it has, so others are refused
 * rather than ignored, and the refusal changes nothing.
 */
KTEST(unload, reviving_takes_no_parameters)
{
	struct scratch *s = scratch_new();
	const char *reason = "counter is not loaded";
	module_id_t id;

	KTEST_EXPECT(s);
	s->req.defer = true;
	if (load(s, "counter", "") == 0 && module_find("counter", &s->info)) {
		id = s->info.id;
		owner_open_get(id);
		reason = deferred_counter(s);
		owner_open_put(id);
	}
	kfree(s);
	return reason ?: unload_by_name("counter");
}

/* ---- an undertaker who is busy ---- */

/*
 * An unload that waits for a user, who is us: until let go the undertaker has
 * no time for anybody else.
 */
static struct {
	struct scratch	*s;
	struct task	*thread;
	module_id_t	id;
} busy;

static int unload_busy(void *arg)
{
	return unload(busy.s, arg);
}

/* The user leaves, and it succeeds. */
static void busy_end(void)
{
	if (busy.id)
		owner_open_put(busy.id);
	if (busy.thread)
		kthread_stop(busy.thread);
	kfree(busy.s);
	memset(&busy, 0, sizeof(busy));
}

/* 0: it waits for us now, and the doors are closed. */
static int busy_begin(const char *name, uint32_t wait_ms)
{
	struct scratch *s = busy.s = scratch_new();

	if (!s)
		return -ENOMEM;
	if (load(s, name, "") || !module_find(name, &s->info))
		return -ENOENT;
	busy.id = s->info.id;
	owner_open_get(busy.id);
	s->req.wait_ms = wait_ms;
	busy.thread = kthread_run(unload_busy, (void *)name, "unload_busy");
	while (busy.thread && !READ_ONCE(owners[busy.id].wake_undertaker))
		msleep(1);
	return busy.thread ? 0 : -ENOMEM;
}

static const char *ask_a_busy_one(struct scratch *s)
{
	uint64_t since;

	KTEST_EXPECT(load(s, "hello", "") == 0);
	s->req.budget_ms = 10;
	KTEST_EXPECT(unload(s, "hello") == -EAGAIN);
	KTEST_EXPECT(s->report.outcome == UNLOAD_REFUSED);
	KTEST_EXPECT(s->report.number == 0);
	KTEST_EXPECT(state_of(s, "hello") == MODULE_LIVE);
	KTEST_EXPECT(load(s, "counter", "") == -EAGAIN);

	since = ktime_get_ns();
	KTEST_EXPECT(load(s, "register_fails", "") < 0);
	KTEST_EXPECT(ktime_get_ns() - since < PATIENCE_MS * NSEC_PER_MSEC / 2);
	KTEST_EXPECT(state_of(s, "register_fails") == MODULE_LOADING);
	return NULL;
}

/*
 * G3: who asks has an answer in his time, though it be that it is not his turn;
 * and what has to be done is done when it is.
 */
KTEST(unload, a_busy_undertaker_keeps_nobody)
{
	struct scratch *s = scratch_new();
	const char *reason = "it could not be made busy";

	KTEST_EXPECT(s);
	if (!busy_begin("counter", PATIENCE_MS))
		reason = ask_a_busy_one(s);
	busy_end();
	s->req.budget_ms = PATIENCE_MS;
	if (!reason && unload(s, "hello"))
		reason = "hello does not go";
	while (state_of(s, "register_fails") != MODULE_FREE)
		msleep(1);
	kfree(s);
	return reason;
}

/* ---- asleep inside, for a mutex ---- */

#define PROBE_LOCK	3u			/* modules/probe.c */
#define HOLD_NS		(60 * NSEC_PER_MSEC)	/* many turns on a full CPU */
#define TICK_NS		(10 * NSEC_PER_USEC)	/* more, and others had it */

static struct {
	struct mutex	mutex;
	bool		held, crowded, stop;
	struct slot	*slot;			/* referenced */
	module_id_t	id;
	struct task	*owner, *waiter, *crowd[4 * NR_CPUS];
	unsigned int	nr_crowd;
} inside;

/*
 * Holds the mutex until all are there, and for HOLD_NS of its own time, however
 * long that takes.
 */
static int hold_long(void *arg)
{
	uint64_t own = 0, last, now;

	(void)arg;
	mutex_lock(&inside.mutex);
	WRITE_ONCE(inside.held, true);
	while (!READ_ONCE(inside.crowded) && !READ_ONCE(inside.stop))
		yield();
	for (last = ktime_get_ns(); own < HOLD_NS; last = now) {
		now = ktime_get_ns();
		own += min(now - last, (uint64_t)TICK_NS);
	}
	mutex_unlock(&inside.mutex);
	return 0;
}

static int wait_inside(void *arg)
{
	const struct binding *b = slot_binding(inside.slot);

	(void)arg;
	return b ? (int)((const struct file_operations *)b->ops)->
		unlocked_ioctl(NULL, PROBE_LOCK, (uintptr_t)&inside.mutex) :
		-ENODEV;
}

static int run_beside(void *arg)
{
	(void)arg;
	while (!READ_ONCE(inside.stop))
		cpu_relax();
	return 0;
}

/* The holder first; the others when the waiter sleeps in the module. */
static const char *crowd_around(void)
{
	inside.owner = kthread_run(hold_long, NULL, "owner");
	while (inside.owner && !READ_ONCE(inside.held))
		yield();
	inside.waiter = kthread_run(wait_inside, NULL, "waiter");
	KTEST_EXPECT(inside.owner && inside.waiter);
	while (!READ_ONCE(inside.waiter->blocked_on))
		yield();
	while (inside.nr_crowd < 4 * nr_cpus) {
		struct task *t = kthread_run(run_beside, NULL, "beside");

		KTEST_EXPECT(t);
		inside.crowd[inside.nr_crowd++] = t;
	}
	WRITE_ONCE(inside.crowded, true);
	return NULL;
}

/* The module's slot by the ledger, in a frame of its own. */
static noinline bool find_probe(struct scratch *s)
{
	uint32_t flags;

	if (load(s, "probe", "") || !module_find("probe", &s->info))
		return false;
	inside.id = s->info.id;
	flags = spin_lock_irqsave(&slot_lock);
	inside.slot = list_first_entry(&ledger_of(inside.id)->bindings,
				       struct binding, ledger)->slot;
	slot_get(inside.slot);
	spin_unlock_irqrestore(&slot_lock, flags);
	return true;
}

/*
 * His own turns are too few for the holder on a crowded machine: the module is
 * refused for a sleeper who would leave at once, but for the freezer's help.
 */
KTEST(unload, who_waits_inside_for_a_mutex_has_it)
{
	struct scratch *s = scratch_new();
	const char *reason;
	int err = 0;

	KTEST_EXPECT(s);
	memset(&inside, 0, sizeof(inside));
	mutex_init(&inside.mutex, "inside");
	KTEST_EXPECT(find_probe(s));
	stack_wipe_dead();
	reason = crowd_around();
	s->req.budget_ms = PATIENCE_MS;
	if (!reason)
		err = unload(s, "probe");
	WRITE_ONCE(inside.stop, true);
	while (inside.nr_crowd)
		kthread_stop(inside.crowd[--inside.nr_crowd]);
	kthread_stop(inside.waiter);
	kthread_stop(inside.owner);
	slot_put(inside.slot);
	if (!reason && err) {
		pr_err("unload: %s, %s", s->report.message,
		       s->report.blockers[0].what);
		reason = "refused for who waits for a lock";
	}
	if (state_of(s, "probe") != MODULE_FREE)
		unload(s, "probe");
	kfree(s);
	return reason;
}

/* ---- let through, and busy with more than the lock ---- */

#define MASK		0x55555555u
#define LENT_NS		(100 * NSEC_PER_USEC)

/* With @inside, whose mutex the visitor waits for. */
static struct {
	struct mutex	other;
	uint32_t	masked_ops;	/* as no search knows it */
	uintptr_t	*place;		/* searched; 0: the lender has it */
	struct task	*lender, *visitor;
	struct wait_queue_head never;
} lent;

static noinline void use_what_is_lent(void)
{
	uintptr_t addr = *lent.place;
	uint64_t end = ktime_get_ns() + LENT_NS;

	WRITE_ONCE(*lent.place, 0);
	while (ktime_get_ns() < end)
		cpu_relax();
	(void)*(const volatile int *)addr;
	WRITE_ONCE(*lent.place, addr);
}

/*
 * Has two locks.  Let through for the sake of one, which he gives back, he is
 * so for the sake of the other: he goes on with what he does, and takes an
 * address out of memory, in a freeze in which he has been examined.
 */
static int lend(void *arg)
{
	(void)arg;
	mutex_lock(&lent.other);
	mutex_lock(&inside.mutex);
	WRITE_ONCE(inside.held, true);
	while (!READ_ONCE(inside.stop)) {
		if (READ_ONCE(current->spared) & SPARE_LOCK) {
			mutex_unlock(&inside.mutex);
			mutex_lock(&inside.mutex);
		}
		use_what_is_lent();
		stack_wipe_dead();
		wait_event_deadline(lent.never, false,
				    stamp_of(ktime_get_ns() + LENT_NS));
	}
	mutex_unlock(&inside.mutex);
	mutex_unlock(&lent.other);
	return 0;
}

static noinline void visit_once(void)
{
	const struct file_operations *ops = (void *)(lent.masked_ops ^ MASK);

	ops->unlocked_ioctl(NULL, PROBE_LOCK, (uintptr_t)&inside.mutex);
}

static int visit(void *arg)
{
	(void)arg;
	while (!READ_ONCE(inside.stop)) {
		visit_once();
		stack_wipe_dead();
		msleep(1);
	}
	return 0;
}

static noinline void lend_address(void)
{
	uintptr_t ops = (uintptr_t)slot_binding(inside.slot)->ops;

	*lent.place = ops;
	lent.masked_ops = ops ^ MASK;
}

/* Several times: where each of them is as the verdict comes is for chance. */
static bool is_refused_always(struct scratch *s)
{
	for (uint32_t i = 0; i < 20; i++)
		if (unload(s, "probe") == 0 ||
		    s->report.outcome != UNLOAD_REFUSED)
			return false;
	return true;
}

static const char *unload_what_is_lent(struct scratch *s)
{
	bool refused;

	lent.place = kzalloc(sizeof(uintptr_t), GFP_KERNEL);
	KTEST_EXPECT(lent.place && find_probe(s));
	lend_address();
	stack_wipe_dead();
	lent.lender = kthread_run(lend, NULL, "lender");
	while (lent.lender && !READ_ONCE(inside.held))
		yield();
	lent.visitor = kthread_run(visit, NULL, "visitor");
	refused = is_refused_always(s);
	WRITE_ONCE(inside.stop, true);
	kthread_stop(lent.visitor);
	kthread_stop(lent.lender);
	kfree(lent.place);
	slot_put(inside.slot);
	if (!refused)
		return "it went, and somebody had its address";
	KTEST_EXPECT(unload(s, "probe") == 0);
	return NULL;
}

/* H50: his first examination says nothing of what he has at the verdict. */
KTEST(unload, who_is_let_through_is_judged_at_the_verdict)
{
	struct scratch *s = scratch_new();
	const char *reason;

	KTEST_EXPECT(s);
	memset(&inside, 0, sizeof(inside));
	memset(&lent, 0, sizeof(lent));
	mutex_init(&inside.mutex, "inside");
	mutex_init(&lent.other, "other");
	init_waitqueue_head(&lent.never);
	reason = unload_what_is_lent(s);
	kfree(s);
	return reason;
}

/* ---- a machine that is too busy ---- */

#define HOG_NS	(40 * NSEC_PER_MSEC)	/* longer than a freeze may take */

static struct {
	bool		stop;
	module_id_t	id;		/* MODULE_NONE: any, that is closed */
} hog;

static bool time_to_hog(void)
{
	if (hog.id)
		return owner_state(hog.id) == MODULE_DEAD;
	for (module_id_t id = 1; id < MAX_MODULES; id++)
		if (owner_state(id) == MODULE_CLOSED ||
		    owner_state(id) == MODULE_HELD)
			return true;
	return false;
}

/*
 * From the verdict on, or from the close, this CPU answers no interrupt in
 * time, but it does answer in the end: what waits for all CPUs goes on, and no
 * freeze succeeds.
 */
static int hog_cpu(void *arg)
{
	(void)arg;
	while (!time_to_hog() && !READ_ONCE(hog.stop))
		yield();
	preempt_disable();
	while (!READ_ONCE(hog.stop)) {
		uint64_t end = ktime_get_ns() + HOG_NS;

		local_irq_disable();
		while (ktime_get_ns() < end && !READ_ONCE(hog.stop))
			cpu_relax();
		local_irq_enable();
		cpu_relax();
	}
	preempt_enable();
	return 0;
}

static const char *unload_on_a_hogged_machine(struct scratch *s)
{
	struct task *t;
	int err;

	memset(&hog, 0, sizeof(hog));
	KTEST_EXPECT(load(s, "counter", "") == 0);
	KTEST_EXPECT(module_find("counter", &s->info));
	hog.id = s->info.id;
	t = kthread_run(hog_cpu, NULL, "hog");
	KTEST_EXPECT(t);
	err = unload(s, "counter");
	WRITE_ONCE(hog.stop, true);
	kthread_stop(t);
	if (!err)
		return KTEST_SKIP "the hog was too slow";
	KTEST_EXPECT(err == -ETIMEDOUT);
	KTEST_EXPECT(s->report.outcome == UNLOAD_UNFINISHED);
	return NULL;
}

/*
 * G3 and G1 at once: slowness entombs nothing, and its caller is not told that
 * a module has gone which has not been examined.
 */
KTEST(unload, what_is_not_examined_in_time_is_later)
{
	struct scratch *s;
	const char *reason;

	if (nr_cpus == 1)
		return KTEST_SKIP "takes two CPUs";
	s = scratch_new();
	KTEST_EXPECT(s);
	reason = unload_on_a_hogged_machine(s);
	while (state_of(s, "counter") == MODULE_DEAD)
		msleep(1);
	if (!reason && state_of(s, "counter") != MODULE_FREE)
		reason = "the undertaker did not see to it";
	kfree(s);
	return reason;
}

static const char *load_on_a_hogged_machine(struct scratch *s)
{
	struct task *t;
	int err;

	memset(&hog, 0, sizeof(hog));
	t = kthread_run(hog_cpu, NULL, "hog");
	KTEST_EXPECT(t);
	err = load(s, "register_fails", "");
	/* Who loads is answered in this time; so long has the undertaker. */
	msleep(UNLOAD_DEFAULT_MS);
	WRITE_ONCE(hog.stop, true);
	kthread_stop(t);
	KTEST_EXPECT(err < 0);
	return NULL;
}

/*
 * H29: a load that fails is cleared up, however long the machine has no time
 * for it: its name is free again.
 */
KTEST(unload, slowness_does_not_entomb_a_failed_load)
{
	struct scratch *s;
	const char *reason;

	if (nr_cpus == 1)
		return KTEST_SKIP "takes two CPUs";
	s = scratch_new();
	KTEST_EXPECT(s);
	reason = load_on_a_hogged_machine(s);
	while (state_of(s, "register_fails") == MODULE_CLOSED ||
	       state_of(s, "register_fails") == MODULE_HELD ||
	       state_of(s, "register_fails") == MODULE_DEAD)
		msleep(1);
	if (!reason && state_of(s, "register_fails") != MODULE_FREE)
		reason = "it is entombed";
	kfree(s);
	return reason;
}

/* ---- a door that is closed for a while ---- */

static struct {
	int		first, second;	/* what the two calls came to */
	uint32_t	mutexes_held;
	bool		waits, outcome;
} newcomer;

/* What a system call does, and its boundary. */
static int come_to_a_closed_door(void *arg)
{
	struct file *file = NULL;

	newcomer.first = file_open(arg, O_RDWR, 0, &file);
	newcomer.mutexes_held = current->mutexes_held;
	smp_store_release(&newcomer.waits, true);
	if (newcomer.first == -ERESTARTSYS)
		newcomer.outcome = slot_wait_outcome();
	newcomer.second = file_open(arg, O_RDWR, 0, &file);
	if (!newcomer.second)
		file_put(file);
	return 0;
}

/*
 * Asleep or dead when this returns: dead, should he have found no door to wait
 * at, and then judge_newcomer() says so.
 */
static void start_newcomer(struct task **t)
{
	memset(&newcomer, 0, sizeof(newcomer));
	*t = kthread_run(come_to_a_closed_door, (void *)"/dev/fifo0",
			 "newcomer");
	while (*t && !smp_load_acquire(&newcomer.waits))
		msleep(1);
	while (*t && READ_ONCE((*t)->state) != TASK_SLEEPING &&
	       READ_ONCE((*t)->state) != TASK_DEAD)
		msleep(1);
}

static const char *judge_newcomer(void)
{
	KTEST_EXPECT(newcomer.first == -ERESTARTSYS);
	KTEST_EXPECT(newcomer.mutexes_held == 0);
	KTEST_EXPECT(newcomer.outcome);
	return NULL;
}

/*
 * G2: who comes while the outcome is open waits for it, holding nothing; the
 * unload is refused in the end, and his call succeeds.
 */
KTEST(unload, a_newcomer_waits_and_sees_nothing_of_a_refusal)
{
	const char *reason = "no unload is under way";
	struct task *t = NULL;

	if (!busy_begin("fifo", REFUSAL_MS)) {
		start_newcomer(&t);
		reason = "no thread";
		while (owner_state(busy.id) != MODULE_LIVE)
			msleep(1);
		if (t) {
			kthread_stop(t);
			reason = judge_newcomer();
		}
		if (!reason && newcomer.second)
			reason = "his call failed all the same";
		if (kthread_stop(busy.thread) != -ETIMEDOUT && !reason)
			reason = "the unload was not refused";
		busy.thread = NULL;
	}
	busy_end();
	return reason ?: unload_by_name("fifo");
}

/* The other outcome: the module has gone, and the call says so. */
KTEST(unload, a_newcomer_learns_that_the_module_has_gone)
{
	const char *reason = "no unload is under way";
	struct task *t = NULL;

	if (!busy_begin("fifo", PATIENCE_MS))
		start_newcomer(&t);
	busy_end();
	if (t) {
		kthread_stop(t);
		reason = judge_newcomer();
		/* The door is void, or there is none any more. */
		if (!reason && newcomer.second != -ENODEV &&
		    newcomer.second != -ENOENT)
			reason = "his call was not refused";
	}
	return reason;
}

/* ---- refusals that a look is enough for ---- */

/* G11: an address of the module in the caller's frame is the caller's. */
static noinline int unload_with_an_address_in_hand(struct scratch *s,
						   const char *name)
{
	volatile uintptr_t in_hand = s->info.text + 1;
	int err = unload(s, name);

	return in_hand ? err : 0;
}

static const char *refusals(struct scratch *s)
{
	KTEST_EXPECT(unload(s, "counter") == -ENOENT);
	KTEST_EXPECT(load(s, "counter", "") == 0);
	KTEST_EXPECT(module_find("counter", &s->info));
	KTEST_EXPECT(unload_with_an_address_in_hand(s, "counter") == -EDEADLK);
	KTEST_EXPECT(s->report.blockers[0].kind == BLOCK_SELF);
	stack_wipe_dead();

	KTEST_EXPECT(load(s, "tally", "") == 0);
	KTEST_EXPECT(unload(s, "counter") == -EBUSY);
	KTEST_EXPECT(s->report.nr_blockers == 1);
	KTEST_EXPECT(s->report.blockers[0].kind == BLOCK_DEPENDENT);
	KTEST_EXPECT(s->report.rounds == 0);
	strscpy(s->req.names[1], "tally", OWNER_NAME_LEN);
	s->req.nr_names = 2;
	KTEST_EXPECT(module_unload(&s->req, &s->report) == 0);
	KTEST_EXPECT(state_of(s, "counter") == MODULE_FREE);
	return NULL;
}

KTEST(unload, what_a_look_refuses_is_not_frozen_for)
{
	struct scratch *s = scratch_new();
	const char *reason;

	KTEST_EXPECT(s);
	reason = refusals(s);
	kfree(s);
	return reason;
}

/* ---- no memory ---- */

#define ALLOCATIONS	800u	/* more than any step here has */
#define FORGOTTEN_MS	5000

/*
 * A step in a module's life of which one allocation after the other fails.
 * @before and @after have all the memory they want; @after gets what came of
 * the step.  Each returns NULL, or a reason for the test.
 */
struct step {
	const char *(*before)(struct scratch *s);
	int (*run)(struct scratch *s);
	const char *(*after)(struct scratch *s, int err);
};

static struct {
	const char	*name;		/* of the module */
	struct file	*file;		/* of its device */
} victim;

/* Until a run in which nothing failed; every one is judged. */
static const char *step_without_memory(struct scratch *s,
				       const struct step *step,
				       unsigned int in_a_row)
{
	const char *reason = NULL;
	unsigned int n, failed = 1;
	int err = 0;

	for (n = 0; !reason && failed && n < ALLOCATIONS;) {
		reason = step->before(s);
		if (reason)
			break;
		inject_alloc_failures(++n, in_a_row);
		err = step->run(s);
		failed = inject_alloc_stop();
		if (!failed && err)
			reason = "it fails with all the memory that it wants";
		else
			reason = step->after(s, err);
	}
	if (reason)
		pr_info("unload: %s, allocation %u, %s (%s): %s\n",
			victim.name, n, errno_name(err), s->report.message,
			reason);
	else if (n == 1 || failed)
		reason = n == 1 ? "no allocation failed" : "there is no end";
	return reason;
}

static bool is_gone_soon(struct scratch *s)
{
	struct stamp end = stamp_in_ms(FORGOTTEN_MS);

	while (state_of(s, victim.name) != MODULE_FREE) {
		if (stamp_passed(end))
			return false;
		msleep(1);
	}
	return true;
}

static const char *unload_victim(struct scratch *s)
{
	memset(&s->req, 0, sizeof(s->req));
	s->req.budget_ms = PATIENCE_MS;
	return unload(s, victim.name) ? "it does not go when it may" : NULL;
}

static const char *load_victim(struct scratch *s)
{
	memset(&s->req, 0, sizeof(s->req));
	s->req.budget_ms = PATIENCE_MS;
	if (state_of(s, victim.name) == MODULE_LIVE)
		return NULL;
	return load(s, victim.name, "") ? "it does not load" : NULL;
}

/* ---- load ---- */

static const char *nothing_before(struct scratch *s)
{
	(void)s;
	return NULL;
}

static int run_load(struct scratch *s)
{
	return load(s, victim.name, "");
}

/* All that the module has registered by then is withdrawn, in its own time. */
static const char *after_load(struct scratch *s, int err)
{
	if (!err)
		return unload_victim(s);
	if (err != -ENOMEM)
		return "its load is refused, and not for want of memory";
	if (!s->text[0])
		return "its load is refused without a word";
	return is_gone_soon(s) ? NULL : "its load leaves it behind";
}

static const struct step load_step = {
	nothing_before, run_load, after_load
};

/* ---- unload, and a look ---- */

static int run_unload(struct scratch *s)
{
	return unload(s, victim.name);
}

/*
 * A refusal leaves it LIVE; past the verdict nothing is allocated whose lack
 * could be told.
 */
static const char *after_unload(struct scratch *s, int err)
{
	if (!err)
		return state_of(s, victim.name) == MODULE_FREE ? NULL :
		       "its unload succeeds, and it is there";
	if (err != -ENOMEM || s->report.outcome != UNLOAD_REFUSED)
		return "its unload fails, and not for want of memory";
	return state_of(s, victim.name) == MODULE_LIVE ? NULL :
	       "a refusal has changed its state";
}

static const struct step unload_step = {
	load_victim, run_unload, after_unload
};

static int run_look(struct scratch *s)
{
	s->req.dry_run = true;
	return unload(s, victim.name);
}

static const char *after_look(struct scratch *s, int err)
{
	if (err && err != -ENOMEM)
		return "a look fails, and not for want of memory";
	return state_of(s, victim.name) == MODULE_LIVE ? NULL :
	       "a look has changed its state";
}

static const struct step look_step = { load_victim, run_look, after_look };

/* ---- open, and an unload that waits for the last user ---- */

static int run_open(struct scratch *s)
{
	(void)s;
	victim.file = NULL;
	return file_open_kernel("/dev/fifo0", O_RDWR, 0, &victim.file);
}

static const char *after_open(struct scratch *s, int err)
{
	if (!err)
		file_put(victim.file);
	else if (err != -ENOMEM)
		return "its device does not open, not for want of memory";
	KTEST_EXPECT(module_find(victim.name, &s->info));
	return s->info.users ? "its device is shut, and counts a user" : NULL;
}

static const struct step open_step = { load_victim, run_open, after_open };

static int opener(void *arg)
{
	return run_open(arg);
}

/* A user, though no task: one who unloads what he has open is told so. */
static const char *open_victim(struct scratch *s)
{
	const char *reason = load_victim(s);
	struct task *t;
	int err;

	if (reason)
		return reason;
	t = kthread_run(opener, s, "opener");
	if (!t)
		return "there is no memory for a thread";
	err = task_reap(t);
	task_put(t);
	return err ? "its device does not open" : NULL;
}

static const char *defer_victim(struct scratch *s)
{
	const char *reason = open_victim(s);

	if (reason)
		return reason;
	s->req.defer = true;
	if (!unload(s, victim.name) && s->report.outcome == UNLOAD_DEFERRED)
		return NULL;
	file_put(victim.file);
	return "its unload is not deferred";
}

/* The undertaker is woken, and has nobody whom he could refuse it. */
static int run_last_user(struct scratch *s)
{
	file_put(victim.file);
	return is_gone_soon(s) ? 0 : -ETIMEDOUT;
}

static const char *after_last_user(struct scratch *s, int err)
{
	(void)s;
	return err ? "its deferred unload is forgotten" : NULL;
}

static const struct step last_user_step = {
	defer_victim, run_last_user, after_last_user
};

static int run_defer(struct scratch *s)
{
	s->req.defer = true;
	return unload(s, victim.name);
}

static const char *after_defer(struct scratch *s, int err)
{
	enum module_state state = state_of(s, victim.name);
	const char *reason = NULL;

	if (err && err != -ENOMEM)
		reason = "it is not deferred, and not for want of memory";
	else if (state != (err ? MODULE_LIVE : MODULE_DEFERRED))
		reason = "it is not in the state that was reported";
	file_put(victim.file);
	if (!err && !reason && !is_gone_soon(s))
		reason = "its deferred unload is forgotten";
	return reason;
}

static const struct step defer_step = { open_victim, run_defer, after_defer };

/* ---- all of it ---- */

static const char *life_without_memory(const char *name,
				       const struct step *const *steps,
				       unsigned int n)
{
	struct scratch *s = scratch_new();
	const char *reason = NULL;

	KTEST_EXPECT(s);
	victim.name = name;
	for (unsigned int i = 0; !reason && i < n * 2; i++)
		reason = step_without_memory(s, steps[i / 2], i % 2 + 1);
	if (!reason && state_of(s, name) == MODULE_LIVE)
		reason = unload_victim(s);
	kfree(s);
	return reason;
}

/*
 * Each allocation of a load, a look and an unload fails once, alone and with
 * the next: either the call says so and nothing remains of it, or it does
 * without.
 */
KTEST(unload, no_memory_at_any_moment)
{
	static const char *const names[] = { "ticker", "fifo", "twins" };
	static const struct step *const steps[] = {
		&load_step, &look_step, &unload_step,
	};
	const char *reason = NULL;

	if (!ALLOC_FAILURES_POSSIBLE)
		return KTEST_SKIP "takes make LAB=1";
	for (unsigned int i = 0; i < ARRAY_SIZE(names) && !reason; i++)
		reason = life_without_memory(names[i], steps,
					     ARRAY_SIZE(steps));
	return reason;
}

/* The same of an open, and of an unload that the last user sets off. */
KTEST(unload, no_memory_for_the_last_user)
{
	static const struct step *const steps[] = {
		&open_step, &defer_step, &last_user_step,
	};

	if (!ALLOC_FAILURES_POSSIBLE)
		return KTEST_SKIP "takes make LAB=1";
	return life_without_memory("fifo", steps, ARRAY_SIZE(steps));
}
