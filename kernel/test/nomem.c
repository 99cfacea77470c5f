/*
 * nomem: a line of the shell, run again and again, and each time another of the
 * allocations that it is made of fails.
 *
 * What is failed is the nth allocation of the machine, whoever asks for it:
 * the line's own jobs, their programs, the undertaker who works for them.  Each
 * time the line has to end in success or in a refusal for want of memory; what
 * was refused has changed nothing that a census counts, and succeeds when it is
 * tried again.
 */
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <mm/inject.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include <shell/shell.h>
#include <test/census.h>

#define MAX_ALLOCATIONS	5000u	/* more than any line has */
#define STATUS_SIGSEGV	(128 + SIGSEGV)

/* On the heap: censuses are no small thing for a stack. */
struct trial {
	struct command_call	*call;
	const char		*before, *line, *after;
	unsigned int		in_a_row;	/* failures at a time */
	unsigned int		refused, unharmed;
	struct census		start, ready, now;
	char			text[120];
};

static int eval(struct trial *t, const char *line)
{
	struct command_io *io = io_of(t->call);

	/* We sleep in its frames, in no times that a census read (H09). */
	stack_wipe_dead();
	return shell_eval(io->shell, io, line, false);
}

/*
 * A program says the same as a positive number.  Of a page that it touches it
 * is told as of an address that is none (kernel/mm/fault.c), and a file that
 * cannot grow is full.
 */
static bool is_refusal(int status)
{
	return status == -ENOMEM || status == ENOMEM || status == -ENOSPC ||
	       status == STATUS_SIGSEGV;
}

static int fail(struct trial *t, unsigned int nth, const char *why)
{
	command_printf(t->call, "nomem: allocation %u of `%s': %s\n", nth,
		       t->line, why);
	return -EIO;
}

static int expect(struct trial *t, unsigned int nth, const char *line)
{
	int status = eval(t, line);

	if (!status)
		return 0;
	snprintf(t->text, sizeof(t->text), "`%.60s' ends with %d", line,
		 status);
	return fail(t, nth, t->text);
}

static int compare(struct trial *t, unsigned int nth,
		   const struct census *then)
{
	if (census_settle(then, &t->now))
		return 0;
	census_describe(then, &t->now, t->text, sizeof(t->text));
	return fail(t, nth, t->text);
}

static int judge(struct trial *t, unsigned int nth, int status)
{
	int err;

	if (!status) {
		t->unharmed++;
		return 0;
	}
	t->refused++;
	if (!is_refusal(status)) {
		snprintf(t->text, sizeof(t->text), "ends with %d", status);
		return fail(t, nth, t->text);
	}
	err = compare(t, nth, &t->ready);
	return err ? err : expect(t, nth, t->line);
}

/* 1: nothing failed, as there are fewer allocations; 0 or -errno. */
static int try_nth(struct trial *t, unsigned int nth)
{
	unsigned int failed;
	int status, err = expect(t, nth, t->before);

	if (err)
		return err;
	census_take(&t->ready);
	inject_alloc_failures(nth, t->in_a_row);
	status = eval(t, t->line);
	failed = inject_alloc_stop();
	if (!failed && status)
		return fail(t, nth, "none failed, and it does");
	err = failed ? judge(t, nth, status) : 0;
	if (!err)
		err = expect(t, nth, t->after);
	if (!err)
		err = compare(t, nth, &t->start);
	return err ? err : !failed;
}

/* The first round of all has what is set up once and stays. */
static int warm_up(struct trial *t)
{
	int err = expect(t, 0, t->before);

	if (!err)
		err = expect(t, 0, t->line);
	if (!err)
		err = expect(t, 0, t->after);
	census_take(&t->start);
	return err;
}

static int try_all(struct trial *t)
{
	unsigned int nth = 0;
	int err = warm_up(t);

	while (!err && nth < MAX_ALLOCATIONS) {
		err = try_nth(t, ++nth);
		if (!err && signal_pending(current))
			err = -EINTR;
	}
	if (!err)
		return fail(t, nth, "there is no end of them");
	if (err < 0)
		return err;
	command_printf(t->call, "nomem: %u allocations of `%s': %u refused, "
		       "%u done without\n", nth - 1, t->line, t->refused,
		       t->unharmed);
	if (t->refused + t->unharmed)
		return 0;
	return fail(t, nth, "it has none");
}

static int cmd_nomem(struct command_call *call)
{
	int first = 1, err;
	struct trial *t;

	if (call->argc > 1 && strcmp(call->argv[1], "-2") == 0)
		first = 2;
	if (call->argc != first + 3)
		return command_usage(call, "what before, what, what after?");
	if (!ALLOC_FAILURES_POSSIBLE) {
		command_printf(call, "nomem: takes make LAB=1\n");
		return -ENOSYS;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL | GFP_DATA);
	if (!t)
		return -ENOMEM;
	t->call = call;
	t->before = call->argv[first];
	t->line = call->argv[first + 1];
	t->after = call->argv[first + 2];
	t->in_a_row = (unsigned int)first;
	err = try_all(t);
	kfree(t);
	return err;
}
TEST_COMMAND(nomem, "[-2] BEFORE LINE AFTER", "fail each allocation of a line",
	"Three lines in quotes. LINE runs once for each of its allocations,\n"
	"which fails (-2: with the next one), BEFORE and AFTER around it with\n"
	"all the memory they want. Takes a kernel made with LAB=1.\n"
	"  nomem 'true' 'load fifo' 'unload fifo'\n", cmd_nomem);
