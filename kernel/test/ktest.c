/*
 * The runner of the in-kernel tests: each in a kernel thread of its own, with
 * a watch on the time it takes and on what it leaves behind.  Prints KTAP.
 *
 * Memory, tasks and modules are compared once the machine has come to rest:
 * the comparison waits for the dead to be buried, for as long as it takes up
 * to a bound, and only what is still missing then is a leak.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <sched/sched.h>
#include <sched/trace.h>
#include <shell/shell.h>
#include <test/census.h>
#include <test/ktest.h>

extern const struct ktest __ktest_start[], __ktest_end[];

#define WATCHDOG_MS	(debug_slowness * 60000)
#define REASON_SIZE	200u

/* ---- one test ---- */

/*
 * Lock key: (c) constant  (o) the test's thread until @done, stored last
 *
 * On the heap, as a test that hangs may yet write to it: then it is left to it.
 */
struct test_run {
	const struct ktest	*test;		/* (c) */
	const char		*reason;	/* (o) constant text, or NULL */
	bool			done;
	struct wait_queue_head	wait;		/* for @done */
};

static int test_thread(void *arg)
{
	struct test_run *run = arg;

	run->reason = run->test->run();
	smp_store_release(&run->done, true);
	wake_up(&run->wait);
	return 0;
}

/*
 * From where it stands now, asleep or computing; without memory nothing is
 * said.
 */
static void print_where(struct command_call *call, struct task *t)
{
	struct backtrace *bt = kzalloc(sizeof(*bt), GFP_DATA);
	uintptr_t eip;

	if (!bt)
		return;
	if (trace_task(t, bt) == TRACE_RUNNING)
		trace_running(t, bt, &eip);
	for (uint32_t i = 0; i < bt->n; i++)
		command_printf(call, "#   %pS\n", (void *)bt->pc[i]);
	kfree(bt);
}

/* False: it hangs, and its thread and record are left to it. */
static bool await_test(struct command_call *call, struct test_run *run,
		       struct task *t)
{
	struct stamp end = stamp_in_ms(WATCHDOG_MS);

	if (wait_event_deadline(run->wait, smp_load_acquire(&run->done),
				end) == 0)
		return true;
	command_printf(call, "# %s.%s hangs:\n", run->test->suite,
		       run->test->name);
	print_where(call, t);
	return false;
}

static bool was_skipped(const char *reason)
{
	return strncmp(reason, KTEST_SKIP, sizeof(KTEST_SKIP) - 1) == 0;
}

/*
 * 0, with a reason where it was skipped; or -errno with the reason;
 * -ETIMEDOUT: it hangs.
 */
static int run_thread(struct command_call *call, const struct ktest *test,
		      char *reason)
{
	struct test_run *run = kzalloc(sizeof(*run), GFP_KERNEL);
	struct task *t;
	int err = -ENOMEM;

	strscpy(reason, "no memory", REASON_SIZE);
	if (!run)
		return -ENOMEM;
	run->test = test;
	init_waitqueue_head(&run->wait);
	t = kthread_run(test_thread, run, "%s", test->name);
	if (!t)
		goto free_run;
	if (!await_test(call, run, t)) {
		strscpy(reason, "it does not come back", REASON_SIZE);
		return -ETIMEDOUT;
	}
	task_reap(t);
	task_put(t);
	reason[0] = '\0';
	if (run->reason)
		strscpy(reason, run->reason, REASON_SIZE);
	err = reason[0] && !was_skipped(reason) ? -EIO : 0;
free_run:
	kfree(run);
	return err;
}

/*
 * A test that failed may have returned in the middle of what it had begun: only
 * of one that passed is it asked what it has left behind.
 */
static int run_test(struct command_call *call, const struct ktest *test,
		    char *reason)
{
	struct census before, after;
	int err;

	census_take(&before);
	err = run_thread(call, test, reason);
	if (err)
		return err;
	if (census_settle(&before, &after))
		return 0;
	census_describe(&before, &after, reason, REASON_SIZE);
	return -EIO;
}

/* ---- the choice ---- */

/* "suite" or "suite.test". */
static bool name_fits(const struct ktest *test, const char *name)
{
	size_t n = strlen(test->suite);

	if (strncmp(name, test->suite, n) != 0)
		return false;
	return !name[n] || (name[n] == '.' &&
			    strcmp(name + n + 1, test->name) == 0);
}

static bool is_chosen(const struct command_call *call,
		      const struct ktest *test)
{
	for (int i = 1; i < call->argc; i++) {
		if (name_fits(test, call->argv[i]))
			return true;
	}
	return call->argc == 1;
}

static bool names_something(const char *name)
{
	for (const struct ktest *t = __ktest_start; t < __ktest_end; t++) {
		if (name_fits(t, name))
			return true;
	}
	return false;
}

static unsigned int count_chosen(const struct command_call *call)
{
	unsigned int n = 0;

	for (const struct ktest *t = __ktest_start; t < __ktest_end; t++)
		n += is_chosen(call, t);
	return n;
}

/*
 * 1 where one failed, as a command's status; -EINTR where the run ended early.
 */
static int run_chosen(struct command_call *call, char *reason)
{
	unsigned int n = 0;
	int failed = 0, err = 0;

	for (const struct ktest *t = __ktest_start; t < __ktest_end; t++) {
		if (!is_chosen(call, t))
			continue;
		err = run_test(call, t, reason);
		if (err)
			command_printf(call, "not ok %u %s.%s # %s\n", ++n,
				       t->suite, t->name, reason);
		else
			command_printf(call, "ok %u %s.%s%s%s\n", ++n,
				       t->suite, t->name,
				       *reason ? " # " : "", reason);
		failed += err != 0;
		/* A test that hangs holds what the next ones may need. */
		if (err == -ETIMEDOUT || signal_pending(current))
			return -EINTR;
	}
	return failed ? 1 : 0;
}

/* The names are looked at first: one that is misspelt is no run that passes. */
static int cmd_ktest(struct command_call *call)
{
	char *reason;
	int status;

	for (int i = 1; i < call->argc; i++) {
		if (!names_something(call->argv[i]))
			return command_usage(call, "%s: no such suite or test",
					     call->argv[i]);
	}
	reason = kmalloc(REASON_SIZE, GFP_KERNEL | GFP_DATA);
	if (!reason)
		return -ENOMEM;
	command_printf(call, "KTAP version 1\n1..%u\n", count_chosen(call));
	status = run_chosen(call, reason);
	kfree(reason);
	return status;
}
TEST_COMMAND(ktest, "[SUITE[.TEST]...]", "run tests inside the kernel",
	"All of them, or those named; prints KTAP. A test fails for its own\n"
	"reason or because it leaves memory, tasks or modules behind. After\n"
	"60 seconds it is said where it hangs, and the run ends.\n", cmd_ktest);
