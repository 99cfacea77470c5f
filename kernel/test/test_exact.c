/*
 * A thread on its way through a module is stopped at every instruction, and the
 * module is unloaded there.
 *
 * What is true at the stop is found here, by means that the unload does not
 * use: the trap frame's EIP and the words above it by their symbols, the counts
 * as numbers.  From that follows what must happen:
 *
 *	counted			refused, with a reason; the thread goes on and
 *				sees no error
 *	not counted		gone; who was in the module was found, spared,
 *				and had left it first, who had not got there yet
 *				finds no device
 *
 * Along with it is noted what a simpler scheme would have taken for free: one
 * that asks the count, that looks at EIP, that walks frame pointers.  Places
 * where each of them errs must occur, or the test has tested nothing.
 *
 * Addresses of the module lie in memory that is not searched (GFP_DATA).
 */
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <fs/file.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>
#include <test/exact.h>
#include <test/ktest.h>
#include <x86/cpu.h>
#include <x86/trap.h>

#define NOT_EXACT	KTEST_SKIP "needs -icount shift=0"
#define BAD_USER_PTR	0x1000u
#define PROBE_VISIT	1u		/* modules/probe.c */
#define PROBE_TELL	2u
#define MAX_STEPS	(20000u * debug_slowness)
/* Of guest time; an unload without anybody in its way takes 2 ms. */
#define RESCUE_NS	(100 * NSEC_PER_MSEC)

/* ---- what is true at a stop ---- */

enum hazard {
	H01, H02, H03, H04, H05, H07, H08,
	BEFORE,			/* nothing of the module in reach */
	AFTER,
	COUNTED,
	NR_HAZARDS
};
#define BIT(h)	(1u << (h))
#define INSIDE	(BIT(H01) | BIT(H02) | BIT(H03) | BIT(H04) | BIT(H05) | \
		 BIT(H07) | BIT(H08))

static const char *const hazard_names[NR_HAZARDS] = {
	[H01] = "H01 entered, not yet counted",
	[H02] = "H02 pointer loaded, not yet called",
	[H03] = "H03 uncounted, not yet left",
	[H04] = "H04 in the kernel, to return there",
	[H05] = "H05 called, no frame yet",
	[H07] = "H07 gone by a tail jump",
	[H08] = "H08 interrupted in a fault",
	[BEFORE] = "on the way there",
	[AFTER] = "on the way back",
	[COUNTED] = "counted",
};

/* Evidence by the test's own eyes. */
struct place {
	uint32_t	eip;
	bool		in_text;	/* EIP */
	bool		to_text;	/* a word on the stack, or a register */
	bool		to_data;
	bool		no_frame;	/* first instructions of a function */
	bool		called_by_text;	/* .. called by the module */
	bool		in_fault;	/* a second trap frame above */
	bool		walk_finds;	/* frame pointers lead to the module */
};

/* Of one hazard, or of all. */
struct tally {
	uint32_t	places, late;
	uint32_t	gone, refused;
	uint32_t	spared;		/* unloads that found the victim */
	uint32_t	count_errs;	/* the count says free: it is not */
	uint32_t	eip_errs;	/* EIP says free .. */
	uint32_t	walk_errs;	/* a walk by frame pointers says .. */
};

/* One way through the module, and what it gives where the module stays. */
struct way {
	const char	*name;
	int		(*fn)(void *arg);
	int		result;
};

struct sweep {
	struct exact	exact;
	const struct way *way;
	uint32_t	only;		/* bits: unload at these places only */
	module_id_t	id;
	struct slot	*slot;		/* referenced */
	uint32_t	text, text_size;
	struct place	place;
	bool		was_inside, was_counted;
	struct tally	tally[NR_HAZARDS], all;
	uint32_t	stride;		/* 0: every place */
	bool		must_stay;	/* the test holds a count of it */
	bool		holds;
	struct territory terr;
	struct stack_hit hit;
	struct unload_request req;
	struct unload_report report;
	char		err_text[128];
};

/* The victim has called the module, and come back at least once. */
static bool called;

static bool is_text(const struct sweep *s, uint32_t word)
{
	return word - s->text < s->text_size;
}

/* Of the module by the window's own account, margins included (H45). */
static void look_at_word(struct sweep *s, uint32_t word)
{
	if (!in_window(word) || window_owner(word) != s->id)
		return;
	if (is_text(s, word))
		s->place.to_text = true;
	else
		s->place.to_data = true;
}

/*
 * All that is live of the interrupted thread: its registers, and the words
 * above its stack pointer.  Where entry.asm's return address is among them a
 * trap has come before ours.
 */
static void look_at_stack(struct sweep *s, const struct trap_frame *f)
{
	const uint32_t *top = (const uint32_t *)task_stack_top(current);
	const uint32_t regs[] = { f->eax, f->ebx, f->ecx, f->edx, f->esi,
				  f->edi, f->ebp };

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		look_at_word(s, regs[i]);
	for (const uint32_t *p = (const uint32_t *)trap_frame_sp(f); p < top;
	     p++) {
		look_at_word(s, *p);
		s->place.in_fault |= *p == (uint32_t)trap_dispatch_return;
	}
}

/*
 * push ebp has not been executed, or mov ebp, esp has not.  The push is one
 * byte long, so the offset also says how far above the stack pointer the return
 * address lies.
 */
static void look_at_entry(struct sweep *s, const struct trap_frame *f)
{
	const uint32_t *sp = (const uint32_t *)trap_frame_sp(f);
	struct symbol_info info;

	if (!kallsyms_lookup(f->eip, &info) || info.offset > 1)
		return;
	s->place.no_frame = true;
	s->place.called_by_text = is_text(s, sp[info.offset]);
}

/*
 * The plain walk: EIP, and the return addresses along the chain of ebp.  It
 * believes whatever lies inside the stack, as a scheme would that rests on it.
 */
static void look_by_frames(struct sweep *s, const struct trap_frame *f)
{
	uintptr_t top = task_stack_top(current), lo = trap_frame_sp(f);
	const uintptr_t *frame = (const uintptr_t *)f->ebp;

	s->place.walk_finds = s->place.in_text;
	while ((uintptr_t)frame >= lo && (uintptr_t)frame + 8 <= top) {
		s->place.walk_finds |= is_text(s, frame[1]);
		lo = (uintptr_t)(frame + 1);
		frame = (const uintptr_t *)frame[0];
	}
}

static noinline void look_closely(struct sweep *s, const struct trap_frame *f)
{
	memset(&s->place, 0, sizeof(s->place));
	s->place.eip = f->eip;
	s->place.in_text = is_text(s, f->eip);
	look_at_stack(s, f);
	look_at_entry(s, f);
	look_by_frames(s, f);
}

/* What the look has left below would be evidence in frames to come. */
static void look(struct exact *e, const struct trap_frame *f)
{
	look_closely(container_of(e, struct sweep, exact), f);
	stack_wipe_dead();
}

static bool has_evidence(const struct place *p)
{
	return p->in_text || p->to_text || p->to_data;
}

/*
 * The hazards of the place: bits.  Those of H01 to H08 are uncounted places.  A
 * sweep goes along the way in order, so earlier stops tell on which side of the
 * count this one lies.
 */
static uint32_t hazards_of(struct sweep *s)
{
	const struct place *p = &s->place;
	bool inside = p->in_text || p->to_text;
	uint32_t bits = 0;

	s->was_inside |= inside;
	if (owner_count(s->id)) {
		s->was_counted = true;
		return BIT(COUNTED);
	}
	if (!has_evidence(p))
		return BIT(called ? AFTER : BEFORE);
	if (inside)
		bits |= BIT(s->was_counted ? H03 : H01);
	else
		bits |= BIT(s->was_inside ? H07 : H02);
	if (!p->in_text && p->to_text)
		bits |= BIT(H04);
	if (p->no_frame && p->called_by_text)
		bits |= BIT(H05);
	if (p->in_fault)
		bits |= BIT(H08);
	return bits;
}

/* ---- the module, in and out ---- */

/* Kernel memory that outlives the module: what it is found by. */
static noinline void find_slot(struct sweep *s)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct ledger *l = ledger_of(s->id);
	const struct binding *b = list_first_entry(&l->bindings,
						   struct binding, ledger);

	s->slot = b->slot;
	slot_get(s->slot);
	spin_unlock_irqrestore(&slot_lock, flags);
}

static noinline void find_text(struct sweep *s)
{
	const struct module *m = module_of(s->id);

	s->text = m->region[REGION_TEXT].addr;
	s->text_size = m->region[REGION_TEXT].size;
}

static const char *hold(struct sweep *s)
{
	s->holds = s->must_stay && try_module_get_from(s->id, 0);
	return s->holds == s->must_stay ? NULL : "no count to be had";
}

/* These have frames of their own, which are wiped: the caller is examined. */
static noinline void find_module(struct sweep *s)
{
	mutex_lock(&module_lock);
	s->id = module_id_locked("probe");
	mutex_unlock(&module_lock);
	find_slot(s);
	find_text(s);
}

static const char *bring_in(struct sweep *s)
{
	if (module_load("probe", "", s->err_text, sizeof(s->err_text)))
		return "probe cannot be loaded";
	find_module(s);
	stack_wipe_dead();
	s->exact.arg = s->slot;
	memset(&s->terr, 0, sizeof(s->terr));
	s->terr.n = 1;
	s->terr.ids[0] = s->id;
	s->terr.member[s->id] = true;
	return hold(s);
}

static void forget(struct sweep *s)
{
	if (s->holds)
		module_put_from(s->id, 0);
	s->holds = false;
	slot_put(s->slot);
	s->slot = NULL;
	s->exact.arg = NULL;
	s->id = MODULE_NONE;
}

static int take_out(struct sweep *s)
{
	s->req.nr_names = 1;
	s->req.budget_ms = UNLOAD_DEFAULT_MS;
	strscpy(s->req.names[0], "probe", OWNER_NAME_LEN);
	return module_unload(&s->req, &s->report);
}

/* ---- one stop ---- */

/* In use is what the test itself sees there: a scheme that says "free" errs. */
static void count_place(struct tally *t, const struct sweep *s, int counts,
			int err)
{
	const struct place *p = &s->place;
	bool used = has_evidence(p) || counts;

	t->places++;
	t->late += s->exact.late;
	t->gone += err == 0;
	t->refused += err == -EBUSY || err == -ETIMEDOUT;
	t->spared += s->report.spared != 0;
	t->count_errs += used && !counts;
	t->eip_errs += used && !p->in_text;
	t->walk_errs += used && !p->walk_finds;
}

/* The examination, asked for this one task. */
static noinline bool exam_finds(struct sweep *s)
{
	return exam_task(s->exact.victim, &s->terr, &s->report, &s->hit) ==
	       TASK_HAS_EVIDENCE;
}

/* What has to come out, for the unload and for the victim. */
static const char *judge(const struct sweep *s, uint32_t bits, int err,
			 int result)
{
	const struct unload_report *r = &s->report;

	if (bits & BIT(COUNTED)) {
		if (err != (s->req.wait_ms ? -ETIMEDOUT : -EBUSY)) {
			pr_err("exact: %s at step %s: %s; %s, word %d",
			       errno_name(err), r->step, r->message,
			       r->blockers[0].what,
			       r->blockers[0].stack_offset);
			for (uint32_t i = 0; i < r->blockers[0].nr_frames; i++)
				pr_err("exact:   %s", r->blockers[0].frames[i]);
			return "a counted use did not refuse the unload";
		}
		if (r->nr_blockers == 0)
			return "a refusal without a blocker (G7)";
		return result == s->way->result ? NULL :
			"a user saw an error because of a refused unload (G2)";
	}
	if (err || r->outcome != UNLOAD_GONE)
		return "not unloaded, though nobody stayed (G14)";
	if ((bits & INSIDE) && !r->spared && !lab_is_altered())
		return "who was in the module was not found";
	if ((bits & BIT(BEFORE)) && (result == -ENODEV || result == -ENOENT))
		return NULL;
	return result == s->way->result ? NULL : "the thread saw an error";
}

static void tell(const struct sweep *s, uint32_t bits, int err, int result)
{
	pr_info("exact: %s, %u ticks: at %pS%s, hazards %x: %s, thread: %d",
		s->way->name, s->exact.ticks, (void *)s->place.eip,
		s->exact.late ? " (preemption off)" : "", bits,
		err ? errno_name(-err) : "gone", result);
	pr_info("exact: step %s, spared %u, %u blockers: %s",
		s->report.step, s->report.spared, s->report.nr_blockers,
		s->report.message);
	for (uint32_t i = 0; i < min(s->report.nr_blockers, 3u); i++) {
		const struct blocker *b = &s->report.blockers[i];

		pr_info("exact: pid %d %s, %s in %s: %s", b->pid, b->comm,
			b->state, b->where, b->what);
	}
}

/*
 * The examination is asked first, as the unload changes what there is to see.
 * The victim goes on by itself (rescue), or when the unload is over.
 */
static const char *unload_here(struct sweep *s, uint32_t bits)
{
	int counts = owner_count(s->id);
	bool found = exam_finds(s);
	const char *reason;
	int err, result;

	stack_wipe_dead();
	err = take_out(s);
	result = exact_finish(&s->exact);
	reason = judge(s, bits, err, result);
	if (!reason && has_evidence(&s->place) && !found && !lab_is_altered())
		reason = "the examination does not see who is there";

	for (uint32_t h = 0; h < NR_HAZARDS; h++)
		if (bits & BIT(h))
			count_place(&s->tally[h], s, counts, err);
	count_place(&s->all, s, counts, err);
	if (reason)
		tell(s, bits, err, result);
	if (err == 0) {
		forget(s);
		if (!reason)
			reason = bring_in(s);
	}
	return reason;
}

/* Stops a victim once; *@end: its way is shorter than that. */
static const char *one_stop(struct sweep *s, uint32_t ticks, bool *end)
{
	uint32_t bits;
	int ret;

	s->exact.ticks = ticks;
	called = false;
	ret = exact_start(&s->exact);
	*end = ret == 0;
	if (ret < 0)
		return "no memory";
	bits = *end ? 0 : hazards_of(s);
	/* The caller is examined too: no rubbish in the frames to come. */
	stack_wipe_dead();
	if (bits & s->only)
		return unload_here(s, bits);
	ret = exact_finish(&s->exact);
	return ret == s->way->result ? NULL : "the way has another result";
}

/*
 * Each victim goes its way from the start, and one instruction further than the
 * one before, in a debug build as many as it takes for one.  The module is
 * there at each, brought in again where it has gone.
 */
static const char *all_stops(struct sweep *s)
{
	const char *reason = bring_in(s);
	bool end = false;

	for (uint32_t n = 1; !reason && !end && n < MAX_STEPS;
	     n += (s->stride + 1) * debug_slowness)
		reason = one_stop(s, n, &end);
	if (s->id == MODULE_NONE)
		return reason;
	forget(s);
	s->req.wait_ms = 0;
	if (take_out(s) && !reason)
		reason = "not unloaded, though nobody is there";
	return reason ? reason : end ? NULL : "the way has no end";
}

/* ---- ways ---- */

/* As the system calls go: the kernel counts the open file. */
static int way_by_file(void *arg)
{
	struct file *file;
	int err = file_open_kernel("/dev/probe", O_RDWR, 0, &file);

	(void)arg;
	if (err)
		return err;
	WRITE_ONCE(called, true);
	err = (int)file_read(file, NULL, 0);
	if (err >= 0)
		err = (int)file_ioctl(file, PROBE_VISIT, 0);
	file_put(file);
	return err;
}

/*
 * As the kernel enters a module that it does not count: through the binding,
 * loaded once (H43).
 */
static const struct file_operations *load_ops(void *arg)
{
	const struct binding *b = slot_binding(arg);

	return b ? b->ops : NULL;
}

/* Noted behind the call: what is met from here on without evidence is AFTER. */
static int come_back(int result)
{
	WRITE_ONCE(called, true);
	return result;
}

static int way_by_ioctl(void *arg)
{
	const struct file_operations *ops = load_ops(arg);

	if (!ops)
		return -ENODEV;
	return come_back((int)ops->unlocked_ioctl(NULL, PROBE_VISIT, 0));
}

static int way_by_read(void *arg)
{
	const struct file_operations *ops = load_ops(arg);

	if (!ops)
		return -ENODEV;
	return come_back(ops->read(NULL, NULL, 0, NULL) > 0 ? 0 : -EIO);
}

static int way_by_fault(void *arg)
{
	const struct file_operations *ops = load_ops(arg);

	if (!ops)
		return -ENODEV;
	return come_back((int)ops->unlocked_ioctl(NULL, PROBE_TELL,
						  BAD_USER_PTR));
}

static const struct way by_file = { "open, read, ioctl, close", way_by_file,
				    0 };
static const struct way by_ioctl = { "counts itself", way_by_ioctl, 0 };
static const struct way by_read = { "tail jump", way_by_read, 0 };
static const struct way by_fault = { "fault", way_by_fault, -EFAULT };

/* ---- the tests ---- */

static void print_tally(const char *name, const struct tally *t)
{
	pr_info("exact:   %-36s %5u %5u %5u %5u   %5u %5u %5u\n", name,
		t->places, t->gone, t->refused, t->spared, t->count_errs,
		t->eip_errs, t->walk_errs);
}

static void print_sweep(const struct sweep *s)
{
	pr_info("exact: %s, %u places, %u with preemption off\n",
		s->way->name, s->all.places, s->all.late);
	pr_info("exact:   %-36s %5s %5s %5s %5s   %s\n", "place", "all",
		"gone", "kept", "found", "free by count, EIP, frames");
	for (uint32_t h = 0; h < NR_HAZARDS; h++)
		if (s->tally[h].places)
			print_tally(hazard_names[h], &s->tally[h]);
}

/* NULL: no memory. */
static struct sweep *sweep_new(const struct way *way, uint32_t only)
{
	struct sweep *s = kzalloc(sizeof(*s), GFP_KERNEL | GFP_DATA);

	if (!s)
		return NULL;
	s->way = way;
	s->only = only;
	s->exact.way = way->fn;
	s->exact.look = look;
	s->exact.rescue_ns = RESCUE_NS;
	return s;
}

/*
 * Sweeps @way, unloads at the places in @only, and hands the tally of the first
 * of them to *@t (may be NULL).
 */
static const char *sweep(const struct way *way, uint32_t only,
			 struct tally *t)
{
	struct sweep *s;
	const char *reason;

	if (!exact_is_possible())
		return NOT_EXACT;
	s = sweep_new(way, only);
	if (!s)
		return "no memory";
	stack_wipe_dead();
	reason = all_stops(s);
	print_sweep(s);
	if (t)
		*t = s->tally[__builtin_ctz(only)];
	kfree(s);
	return reason;
}

/*
 * Refused with its doors closed meanwhile: the victim goes on @rescue_ns after
 * its stop, the unload waits for 2 ms.
 */
static const char *sweep_refused(uint64_t rescue_ns, bool must_stay)
{
	struct sweep *s;
	const char *reason;

	if (!exact_is_possible())
		return NOT_EXACT;
	s = sweep_new(&by_file, BIT(COUNTED));
	if (!s)
		return "no memory";
	s->must_stay = must_stay;
	s->stride = 2;
	s->req.wait_ms = 2;
	s->exact.rescue_ns = rescue_ns;
	stack_wipe_dead();
	reason = all_stops(s);
	print_sweep(s);
	if (!reason && s->all.refused != s->all.places)
		reason = "not refused at each place";
	kfree(s);
	return reason;
}

/* Each place of one hazard: it occurs, and the victim is found there. */
static const char *sweep_one(const struct way *way, enum hazard h,
			     struct tally *t)
{
	const char *reason = sweep(way, BIT(h), t);

	if (reason)
		return reason;
	if (t->places == 0)
		return "no such place was met";
	if (lab_is_altered())
		return NULL;		/* nobody has come to harm */
	if (t->gone != t->places || t->spared != t->places)
		return "a place where it went without having been found";
	if (t->count_errs != t->places)
		return "the count alone would have told";
	return NULL;
}

/* T runs M's first instructions, and M's count is 0. */
KTEST(exact, h01_entered_not_counted_is_found)
{
	struct tally t;

	return sweep_one(&by_ioctl, H01, &t);
}

/* T has loaded the pointer, and is about to call. */
KTEST(exact, h02_loaded_not_called_is_found)
{
	struct tally t;
	const char *reason = sweep_one(&by_ioctl, H02, &t);

	if (!reason && t.eip_errs != t.places)
		reason = "EIP was in the module already";
	return reason;
}

/* So it is when the kernel opens a file. */
KTEST(exact, h02_opening_not_counted_is_found)
{
	struct tally t;

	return sweep_one(&by_file, H02, &t);
}

/* T has dropped the last count, and has yet to return. */
KTEST(exact, h03_uncounted_not_left_is_found)
{
	struct tally t;

	return sweep_one(&by_ioctl, H03, &t);
}

/* T runs kernel code that M called. */
KTEST(exact, h04_return_address_is_found)
{
	struct tally t;
	const char *reason = sweep_one(&by_ioctl, H04, &t);

	if (!reason && t.eip_errs != t.places)
		reason = "EIP was in the module";
	return reason;
}

/* .. and has not made its frame: a walk by frame pointers misses M. */
KTEST(exact, h05_no_frame_yet_is_found)
{
	struct tally t;
	const char *reason = sweep_one(&by_ioctl, H05, &t);

	if (!reason && t.walk_errs == 0)
		reason = "frame pointers would have told everywhere";
	return reason;
}

/* M ended in a jump into the kernel with an argument that points to M. */
KTEST(exact, h07_tail_jump_is_found)
{
	struct tally t;
	const char *reason = sweep_one(&by_read, H07, &t);

	if (!reason && t.walk_errs != t.places)
		reason = "an address of its text was left";
	return reason;
}

/* M caused a fault, and its handler was preempted. */
KTEST(exact, h08_interrupted_fault_is_found)
{
	struct tally t;

	return sweep_one(&by_fault, H08, &t);
}

/* T has found the door, and what it tests is not what it loads. */
KTEST(exact, h43_coming_to_a_door_is_safe)
{
	return sweep(&by_file, BIT(BEFORE), NULL);
}

/* Unloaded at each instruction of open, read, ioctl and close in turn. */
KTEST(exact, every_instruction_of_a_file_is_safe)
{
	return sweep(&by_file, ~0u, NULL);
}

/* The same without the kernel's count. */
KTEST(exact, every_uncounted_instruction_is_safe)
{
	const char *reason = sweep(&by_ioctl, ~0u, NULL);

	if (!reason)
		reason = sweep(&by_read, ~0u, NULL);
	if (!reason)
		reason = sweep(&by_fault, ~0u, NULL);
	return reason;
}

/* Closed, waited for, opened again: who was in it has not noticed. */
KTEST(exact, a_reactivation_is_not_seen_by_who_is_inside)
{
	return sweep_refused(RESCUE_NS, false);
}

/* .. nor who comes to the door while it is closed: he waits (G2). */
KTEST(exact, a_reactivation_is_not_seen_by_who_comes)
{
	return sweep_refused(NSEC_PER_MSEC, true);
}
