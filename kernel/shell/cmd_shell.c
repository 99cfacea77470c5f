/*
 * Commands about commands: help, repetition, time, jobs, and the small ones.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <lib/ctype.h>
#include <sched/sched.h>
#include "shell.h"

/* ---- help ---- */

static bool help_line(const char *name, const char *brief, void *arg)
{
	command_printf(arg, "  %-*s %s\n", HELP_NAME, name, brief);
	return true;
}

static size_t count_commands(bool for_tests)
{
	size_t n = 0;

	while (command_at(n, for_tests))
		n++;
	return n;
}

/* In two columns, read downwards. */
/* Sorted by the linker (.cmdtab.NAME); the second column begins at @rows. */
static void help_table(struct command_call *call)
{
	size_t rows = (count_commands(false) + 1) / 2;

	for (size_t i = 0; i < rows; i++) {
		const struct command *a = command_at(i, false);
		const struct command *b = command_at(rows + i, false);

		command_printf(call, "  %-*s %-*s", HELP_NAME, a->name,
			       b ? HELP_BRIEF : 0, a->brief);
		if (b)
			command_printf(call, "  %-*s %s", HELP_NAME, b->name,
				       b->brief);
		command_printf(call, "\n");
	}
}

/* What fits on a screen, with a prompt below. */
static int help_all(struct command_call *call)
{
	help_table(call);
	command_for_each_of_modules(help_line, call);
	command_printf(call,
		"A program of /bin runs by its name. `a; b` one after the"
		" other, `a &` without\nwaiting, `! a` turns the status round,"
		" `a > FILE`, `a >> FILE`, `a < FILE`.\nTab completes, up and"
		" down go through the history, ^C interrupts.\n`help CMD`"
		" tells more about one command, `help tests` what tests"
		" use.\n");
	return 0;
}

static int help_tests(struct command_call *call)
{
	const struct command *c;

	for (size_t n = 0; (c = command_at(n, true)) != NULL; n++)
		command_printf(call, "  %-*s  %s\n", HELP_NAME, c->name,
			       c->brief);
	return 0;
}

static int help_one(struct command_call *call, const char *name)
{
	const struct command *c = command_find(name);
	char text[80], *path;

	if (c) {
		command_printf(call, "%s%s%s\n\n%s", c->name,
			       c->args[0] ? " " : "", c->args, c->help);
		return 0;
	}
	if (command_module_help(name, text, sizeof(text))) {
		command_printf(call, "%s\n\n%s\n", name, text);
		return 0;
	}
	if (program_path(name, &path) == 0) {
		kfree(path);
		command_printf(call, "%s [ARG...]\n\nA program, /bin/%s: see"
			       " `help run`.\n", name, name);
		return 0;
	}
	command_printf(call, "help: there is no command %s\n", name);
	return -ENOENT;
}

static int cmd_help(struct command_call *call)
{
	if (call->argc > 2)
		return command_usage(call, "one command at a time");
	if (call->argc == 1)
		return help_all(call);
	if (strcmp(call->argv[1], "tests") == 0)
		return help_tests(call);
	return help_one(call, call->argv[1]);
}
COMMAND(help, "[CMD | tests]", "list commands, explain one",
	"Without an argument: what there is to type, commands of modules\n"
	"included. With a command: how it is used and what it does. `help\n"
	"tests` lists those that only a test has a use for.\n", cmd_help);

/* ---- commands that run commands ---- */

/*
 * A quoted word with more than a name in it is a whole line: it is evaluated in
 * this job's thread, and each of its commands is a job of its own.
 */
static int run_rest(struct command_call *call, int from)
{
	struct command_io *io = io_of(call);
	const char *word = call->argv[from];

	/* A "!" behind repeat or time is a word like others to the parser. */
	if (strcmp(word, "!") == 0 && from + 1 < call->argc)
		return !run_rest(call, from + 1);
	if (from + 1 == call->argc && (strchr(word, ' ') || strchr(word, ';')))
		return shell_eval(io->shell, io, word, false);
	return job_run_words(call, call->argc - from, call->argv + from);
}

/*
 * A signal to this job was passed on to the one it waited for (job_wait());
 * that may have ended with 0 all the same.
 */
static int cmd_repeat(struct command_call *call)
{
	unsigned int n;
	int status = 0;

	if (call->argc < 3)
		return command_usage(call, "how often, and what?");
	if (command_number(call, call->argv[1], "a number of times", &n))
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		status = run_rest(call, 2);
		if (status == 0 && signal_pending(current))
			status = -EINTR;
		if (status) {
			command_printf(call, "repeat: ended in round %u of "
				       "%u\n", i + 1, n);
			return status;
		}
	}
	return 0;
}
COMMAND(repeat, "N CMD [ARG...]", "run a command N times",
	"Each time as a job of its own. Ends with the first that fails, and\n"
	"with its status. Several commands go in quotes:\n"
	"  repeat 1000 'load hello; unload hello'\n", cmd_repeat);

static int cmd_time(struct command_call *call)
{
	struct stamp start;
	uint64_t us;
	int status;

	if (call->argc < 2)
		return command_usage(call, "which command?");
	/* A stamp, as it lies on the stack while the command runs (H09). */
	start = stamp_in_ms(0);
	status = run_rest(call, 1);
	us = (ktime_get_ns() - stamp_ns(start)) / NSEC_PER_USEC;
	command_printf(call, "time: %u.%03u ms\n", (unsigned int)(us / 1000),
		       (unsigned int)(us % 1000));
	return status;
}
COMMAND(time, "CMD [ARG...]", "how long a command takes",
	"In milliseconds of the machine's own time. The status is that of the\n"
	"command.\n", cmd_time);

/* ---- jobs ---- */

static int cmd_jobs(struct command_call *call)
{
	struct shell *sh = io_of(call)->shell;
	struct job *job;

	mutex_lock(&sh->jobs_lock);
	list_for_each_entry(job, &sh->jobs, link)
		command_printf(call, "[%u] %d %s: %s\n", job->number,
			       job->task->pid,
			       READ_ONCE(job->finished) ? "done" : "running",
			       job->line);
	mutex_unlock(&sh->jobs_lock);
	return 0;
}
COMMAND(jobs, "", "list the background jobs",
	"Number, pid, and the command. A job begins with `CMD &`; `wait`\n"
	"waits for it, `kill PID` interrupts it.\n", cmd_jobs);

/*
 * A job of this console that @waiter may wait for: that with @pid, or any (0).
 * It comes off the list, with the list's reference, so that nobody else waits
 * for it or reaps it; nor do `jobs' and `kill' find it meanwhile.
 */
static struct job *find_job(const struct job *waiter, pid_t pid)
{
	struct shell *sh = waiter->shell;
	struct job *job, *found = NULL;

	mutex_lock(&sh->jobs_lock);
	list_for_each_entry(job, &sh->jobs, link) {
		if ((pid && job->task->pid != pid) ||
		    !job_may_wait_for(waiter, job))
			continue;
		list_del_init(&job->link);
		found = job;
		break;
	}
	mutex_unlock(&sh->jobs_lock);
	return found;
}

/*
 * Interrupted, the job goes back to the others, even if it has ended by now:
 * shell_reap_jobs() tells of it then.
 */
static int wait_for_job(struct shell *sh, struct job *job)
{
	int status;

	if (wait_event_interruptible(job->wait,
				     smp_load_acquire(&job->finished))) {
		mutex_lock(&sh->jobs_lock);
		list_add_tail(&job->link, &sh->jobs);
		mutex_unlock(&sh->jobs_lock);
		return -EINTR;
	}
	status = job->status;
	job_reap(job);
	job_put(job);
	return status;
}

/* Those too that are started meanwhile: it ends when there is none left. */
static int wait_for_all(const struct job *waiter)
{
	struct job *job;
	int status = 0, one;

	while ((job = find_job(waiter, 0)) != NULL) {
		one = wait_for_job(waiter->shell, job);
		if (one)
			status = one;
		if (signal_pending(current))
			return -EINTR;
	}
	one = spawned_wait_all();
	return one ? one : status;
}

/* Jobs first: their pids and those of programs are of one space. */
static int wait_for_one(struct command_call *call, const char *word)
{
	const struct job *waiter = job_of_io(io_of(call));
	struct job *job;
	unsigned int pid;
	int status;

	if (command_number(call, word, "a pid", &pid))
		return -EINVAL;
	job = pid ? find_job(waiter, (pid_t)pid) : NULL;
	if (job)
		return wait_for_job(waiter->shell, job);
	status = spawned_wait((pid_t)pid);
	if (status == -ESRCH)
		command_printf(call, "wait: %u is neither a job of this "
			       "console nor a program of spawn\n", pid);
	return status;
}

static int cmd_wait(struct command_call *call)
{
	int status = 0;

	if (call->argc == 1)
		return wait_for_all(job_of_io(io_of(call)));
	for (int i = 1; i < call->argc; i++) {
		int one = wait_for_one(call, call->argv[i]);

		if (one)
			status = one;
	}
	return status;
}
COMMAND(wait, "[PID...]", "wait for jobs and programs",
	"Without a pid: for all of them. The status is the last one that was\n"
	"not 0. A program that SIGINT, SIGTERM or SIGKILL ended has 0, as it\n"
	"did what it was told; any other signal counts 128 and its number.\n",
	cmd_wait);

/* ---- the small ones ---- */

/* Not by io_printf(), whose buffer would cut a long word. */
static int cmd_echo(struct command_call *call)
{
	struct command_io *io = io_of(call);
	bool newline = call->argc < 2 || strcmp(call->argv[1], "-n") != 0;

	for (int i = newline ? 1 : 2; i < call->argc; i++) {
		io_write(io, call->argv[i], strlen(call->argv[i]));
		if (i < call->argc - 1)
			io_write(io, " ", 1);
	}
	if (newline)
		io_write(io, "\n", 1);
	return 0;
}
COMMAND(echo, "[-n] [WORD...]", "print words",
	"With -n without a newline at the end. `echo 5 > /dev/foo` writes to\n"
	"a device.\n", cmd_echo);

static int cmd_sleep(struct command_call *call)
{
	unsigned int ms;

	if (call->argc != 2)
		return command_usage(call, "how many milliseconds?");
	if (command_number(call, call->argv[1], "a number of milliseconds",
			   &ms))
		return -EINVAL;
	return msleep_interruptible(ms) ? -EINTR : 0;
}
COMMAND(sleep, "MS", "wait some milliseconds",
	"^C ends it early, with status -EINTR.\n", cmd_sleep);

static int cmd_clear(struct command_call *call)
{
	command_printf(call, "\033[H\033[2J");
	return 0;
}
COMMAND(clear, "", "clear the screen", "So does ^L.\n", cmd_clear);

static int cmd_true(struct command_call *call)
{
	(void)call;
	return 0;
}
COMMAND(true, "", "succeed", "Does nothing, with status 0.\n", cmd_true);

static int cmd_false(struct command_call *call)
{
	(void)call;
	return 1;
}
COMMAND(false, "", "fail", "Does nothing, with status 1.\n", cmd_false);
