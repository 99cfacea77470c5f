/*
 * `bench`: what the steps of an unload cost, counted in instructions.
 *
 * Under -icount shift=0, on one CPU, the TSC counts the instructions that were
 * executed, so that what is counted is repeatable to the last digit, on any
 * host.  A halted CPU executes none, but its clock goes on: the time of the
 * idle task is taken off.  What an interrupt does while the CPU is idle is
 * taken off with it.
 *
 * Each figure is the least of a few: a tick of the clock in between, or a cache
 * of the kernel that is filled the first time, is no part of it.
 *
 * What is remembered of a count, times and reports with addresses of modules,
 * lies in memory that is not searched (GFP_DATA), as the unload is measured
 * with it around.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <mm/dirty.h>
#include <module/internal.h>
#include <sched/freezer.h>
#include <sched/rq.h>
#include <shell/shell.h>
#include <x86/clock.h>
#include <x86/cpu.h>
#include <x86/smp.h>

#define TRIES		5u
#define FREEZE_NS	(10 * NSEC_PER_MSEC)
#define UNLOAD_MS	10000u
#define PAGES_PER_MIB	((1u << 20) / PAGE_SIZE)

/* What is counted, from a begin() to its end(). */
struct span {
	uint64_t	tsc, ns, idle_ns;
};

struct bench {
	struct command_call	*call;
	unsigned int		n;		/* of the scene: for names */
	struct span		span;
	struct territory	terr;
	struct stack_hit	stack_hit;
	struct memory_hits	hits;
	struct unload_request	req;
	struct unload_report	report;
	struct module_info	info;
	char			err_text[128];
	uint32_t		tasks;
	uint64_t		found[4], least[4];
};

/* Of what came before it, this CPU is idle no more: its account is settled. */
static void begin(struct bench *b)
{
	b->span.idle_ns = stamp_ns(rqs[cpu_id()].idle_time);
	b->span.ns = clock_ns();
	b->span.tsc = rdtsc();
}

/* Ticks and nanoseconds are not quite the same: clock.c measures the one. */
static uint64_t end(const struct bench *b)
{
	uint64_t ticks = rdtsc() - b->span.tsc;
	uint64_t ns = clock_ns() - b->span.ns;
	uint64_t idle = stamp_ns(rqs[cpu_id()].idle_time) - b->span.idle_ns;

	return idle ? ticks * (ns - min(ns, idle)) / ns : ticks;
}

static void print(const struct bench *b, const char *name, uint64_t value,
		  const char *unit)
{
	command_printf(b->call, "count %s %u %s\n", name, (uint32_t)value,
		       unit);
}

/* With the scene's number behind the name. */
static void print_n(const struct bench *b, const char *name, uint64_t value,
		    const char *unit)
{
	command_printf(b->call, "count %s.%u %u %s\n", name, b->n,
		       (uint32_t)value, unit);
}

/* ---- are ticks instructions? ---- */

static noinline uint32_t count_loop(uint32_t rounds)
{
	uint64_t before = rdtsc();

	__asm__ volatile("1:\tdec %0\n\tjnz 1b" : "+r" (rounds) : : "cc");
	return (uint32_t)(rdtsc() - before);
}

/* Without interrupts: each round more is two instructions more. */
static bool ticks_are_instructions(void)
{
	uint32_t flags = local_irq_save(), least = UINT32_MAX, d;
	bool exact = nr_cpus == 1;

	for (uint32_t rounds = 1; rounds < 64 && exact; rounds++) {
		d = count_loop(rounds) - 2 * rounds;
		exact = least == UINT32_MAX || d == least;
		least = d;
	}
	local_irq_restore(flags);
	return exact;
}

/* ---- several at once ---- */

/* @once counts into @b->found: the least of each. */
static int least_of(struct bench *b, int (*once)(struct bench *b))
{
	int err = 0;

	memset(b->least, 0xff, sizeof(b->least));
	for (unsigned int i = 0; i < TRIES && !err; i++) {
		err = once(b);
		for (size_t j = 0; j < ARRAY_SIZE(b->least) && !err; j++)
			b->least[j] = min(b->least[j], b->found[j]);
	}
	return err;
}

/* ---- load and unload ---- */

static int load_once(struct bench *b)
{
	int err = module_load(b->req.names[0], "", b->err_text,
			      sizeof(b->err_text));

	if (err)
		command_printf(b->call, "bench: %s\n", b->err_text);
	return err;
}

static int unload_once(struct bench *b, int expected)
{
	int err = module_unload(&b->req, &b->report);

	if (err == expected)
		return 0;
	command_printf(b->call, "bench: unload %s: %s (%d)\n",
		       b->req.names[0], b->report.message, err);
	return err ?: -EINVAL;
}

static int load_and_unload(struct bench *b)
{
	int err;

	begin(b);
	err = load_once(b);
	b->found[0] = end(b);
	if (err)
		return err;
	begin(b);
	err = unload_once(b, 0);
	b->found[1] = end(b);
	b->found[2] = b->report.stopped_ns;
	b->found[3] = b->report.frozen_max_ns;
	return err;
}

static void choose(struct bench *b, const char *module)
{
	b->req.nr_names = 1;
	b->req.budget_ms = UNLOAD_MS;
	strscpy(b->req.names[0], module, sizeof(b->req.names[0]));
}

static int bench_modules(struct bench *b)
{
	static const char *const name[] = { "hello", "fifo" };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(name) && !err; i++) {
		char line[32];

		choose(b, name[i]);
		err = least_of(b, load_and_unload);
		snprintf(line, sizeof(line), "load.%s", name[i]);
		print(b, line, b->least[0], "instructions");
		snprintf(line, sizeof(line), "unload.%s", name[i]);
		print(b, line, b->least[1], "instructions");
	}
	return err;
}

/* The user's device is the module's: it has to be refused. */
static int refuse_once(struct bench *b)
{
	int err;

	begin(b);
	err = unload_once(b, -EBUSY);
	b->found[0] = end(b);
	return err;
}

static int bench_refused(struct bench *b)
{
	int err;

	choose(b, "fifo");
	err = least_of(b, refuse_once);
	if (!err)
		print_n(b, "refused.fifo", b->least[0], "instructions");
	return err;
}

/* ---- the steps, among @n who sleep ---- */

/* The gate is for the undertaker to close: for a moment we are it. */
static int freeze_once(struct bench *b)
{
	struct freeze_failure f;
	int err;

	task_spare(current, SPARE_UNDERTAKER);
	begin(b);
	err = freezer_freeze(FREEZE_NS, &f);
	b->found[0] = end(b);
	if (!err) {
		begin(b);
		freezer_thaw();
		b->found[1] = end(b);
	}
	task_unspare(current, SPARE_UNDERTAKER);
	return err;
}

static bool forget(struct task *t, void *arg)
{
	(void)arg;
	t->exam.valid = false;
	return true;
}

static bool examine(struct task *t, void *arg)
{
	struct bench *b = arg;

	b->tasks++;
	exam_task(t, &b->terr, &b->report, &b->stack_hit);
	return true;
}

static int evidence_once(struct bench *b)
{
	task_for_each(forget, NULL);
	b->tasks = 0;
	begin(b);
	task_for_each(examine, b);
	b->found[0] = end(b) / b->tasks;
	begin(b);
	task_for_each(examine, b);
	b->found[1] = end(b) * 2 / b->tasks;
	return 0;
}

static bool count_page(uintptr_t page, void *arg)
{
	uint32_t *pages = arg;

	(void)page;
	(*pages)++;
	return true;
}

/* A MiB of what is searched: all of it read, or none of it written. */
static int memory_once(struct bench *b)
{
	uint32_t pages = 0;

	searched_pin();
	searched_for_each(count_page, &pages);
	begin(b);
	dirty_clear();
	b->found[0] = end(b) * PAGES_PER_MIB / pages;
	begin(b);
	memory_search(&b->terr, MEMORY_ALL, &b->hits);
	b->found[1] = end(b) * PAGES_PER_MIB / max(b->hits.pages, 1u);
	b->hits.pages = 0;
	begin(b);
	memory_search(&b->terr, MEMORY_WRITTEN, &b->hits);
	b->found[2] = end(b);
	b->found[3] = b->hits.pages;
	b->hits.pages = 0;
	searched_unpin();
	return 0;
}

/* Of no interest beside another number of sleepers: they are for each. */
static int bench_looks(struct bench *b)
{
	int err = load_once(b);

	if (err)
		return err;
	if (!module_find(b->req.names[0], &b->info))
		return -ENOENT;
	b->terr.n = 1;
	b->terr.ids[0] = b->info.id;
	b->terr.member[b->info.id] = true;
	least_of(b, evidence_once);
	print(b, "evidence.first", b->least[0], "instructions/task");
	print(b, "evidence.again", b->least[1], "instructions/task");
	least_of(b, memory_once);
	print(b, "memory.clear", b->least[0], "instructions/MiB");
	print(b, "memory.search", b->least[1], "instructions/MiB");
	return unload_once(b, 0);
}

static int bench_world(struct bench *b)
{
	int err;

	choose(b, "hello");
	err = least_of(b, freeze_once);
	if (err)
		return err;
	print_n(b, "freeze", b->least[0], "instructions");
	print_n(b, "thaw", b->least[1], "instructions");
	err = least_of(b, load_and_unload);
	if (err)
		return err;
	print_n(b, "unload.hello", b->least[1], "instructions");
	print_n(b, "verdict", b->least[2], "ns");
	print_n(b, "frozen", b->least[3], "ns");
	return 0;
}

/* ---- the command ---- */

static const struct {
	const char	*name;
	int		(*run)(struct bench *b);
} topics[] = {
	{ "modules", bench_modules },
	{ "refused", bench_refused },
	{ "world", bench_world },
	{ "looks", bench_looks },
};

static int run_topic(struct bench *b, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
		if (strcmp(topics[i].name, name) == 0)
			return topics[i].run(b);
	return command_usage(b->call, "%s: what is that?", name);
}

static int cmd_bench(struct command_call *call)
{
	struct bench *b;
	unsigned int n = 0;
	int err;

	if (call->argc < 2 || call->argc > 3)
		return command_usage(call, "which topic?");
	if (call->argc == 3 &&
	    command_number(call, call->argv[2], "a number", &n))
		return -EINVAL;
	if (!ticks_are_instructions()) {
		command_printf(call, "bench: takes one CPU and -icount "
			       "shift=0\n");
		return -ENOSYS;
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL | GFP_DATA);
	if (!b)
		return -ENOMEM;
	b->call = call;
	b->n = n;
	choose(b, "hello");
	err = run_topic(b, call->argv[1]);
	kfree(b);
	return err;
}
TEST_COMMAND(bench, "modules | looks | world N | refused N",
	"count the instructions of an unload",
	"N is how many programs there are beside, for the names of the lines:\n"
	"`count NAME VALUE UNIT'. What a program can count is /bin/count.\n",
	cmd_bench);
