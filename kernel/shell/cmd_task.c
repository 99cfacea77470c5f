/*
 * Commands about tasks: who there is, where they are, signals, and the freezer
 * by hand.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/mutex.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <proc/internal.h>
#include <sched/freezer.h>
#include <sched/owner.h>
#include <sched/signal.h>
#include <sched/trace.h>
#include "shell.h"

/* ---- ps ---- */

/* Data, as is bt's: that addresses of a module are shown is no use of it. */
struct ps {
	struct command_call	*call;
	struct backtrace	bt;
	struct symbol_info	symbol;
};

/*
 * @r was found under the lock of the run queue; what is read here may be later,
 * and serves people only.
 */
static const char *state_name(const struct task *t, enum trace_result r)
{
	if (r == TRACE_DEAD)
		return "dead";
	if (r != TRACE_SAVED)
		return "running";
	if (READ_ONCE(t->held))
		return "held";
	if (READ_ONCE(t->state) == TASK_SLEEPING)
		return "asleep";
	return freezer_frozen() && !READ_ONCE(t->spared) ? "frozen" : "ready";
}

/* The function alone: a line has 80 columns. */
static void print_place(struct ps *ps, const struct task *t)
{
	uint32_t place = trace_place(&ps->bt);
	unsigned int ms = stamp_age_ms(t->sleep_since);

	command_printf(ps->call, " %4u.%u s", ms / 1000, ms % 1000 / 100);
	if (place < ps->bt.n &&
	    kallsyms_lookup(ps->bt.pc[place], &ps->symbol))
		command_printf(ps->call, " %s", ps->symbol.name);
}

/* 0: the kernel's own, or gone meanwhile. */
/*
 * t->process tells that it is one, and no more: the record is reached by its
 * pid, under the lock (proc/process.h).
 */
static pid_t parent_pid(const struct task *t)
{
	const struct process *p;
	pid_t pid = 0;

	if (!t->process)
		return 0;
	spin_lock(&process_lock);
	p = process_find_locked(t->pid);
	if (p && p->parent)
		pid = p->parent->pid;
	spin_unlock(&process_lock);
	return pid;
}

/* The record is pinned and no lock is held, so output may sleep. */
static bool ps_task(struct task *t, void *arg)
{
	struct ps *ps = arg;
	enum trace_result r = trace_task(t, &ps->bt);
	module_id_t owner = t->owner;
	unsigned int ms = (unsigned int)(stamp_ns(t->runtime) / NSEC_PER_MSEC);

	if (READ_ONCE(t->state) == TASK_DEAD)
		return true;
	command_printf(ps->call, "%5d %5d %3u  %-7s %8u %6u  %-13s", t->pid,
		       parent_pid(t), READ_ONCE(t->cpu), state_name(t, r),
		       (unsigned int)t->switches, ms, t->comm);
	if (READ_ONCE(t->state) == TASK_SLEEPING)
		print_place(ps, t);
	if (owner)
		command_printf(ps->call, "  (thread of %s)",
			       owner_of(owner)->name);
	command_printf(ps->call, "\n");
	return !signal_pending(current);
}

static int cmd_ps(struct command_call *call)
{
	struct ps *ps;

	if (call->argc > 1)
		return command_usage(call, "it takes no arguments");
	ps = kzalloc(sizeof(*ps), GFP_KERNEL | GFP_DATA);
	if (!ps)
		return -ENOMEM;
	ps->call = call;
	command_printf(call, "  PID  PPID CPU  STATE   SWITCHES CPU ms  "
		       "NAME          ASLEEP\n");
	task_for_each(ps_task, ps);
	kfree(ps);
	return 0;
}
COMMAND(ps, "", "list programs and threads",
	"Pid, parent (0: the kernel), CPU, state, how often it was switched\n"
	"to, the CPU time it has used, name, the module whose thread it is,\n"
	"and of those that sleep where and for how long. `bt PID` tells\n"
	"more.\n",
	cmd_ps);

/* ---- bt ---- */

static void print_backtrace(struct command_call *call,
			    const struct backtrace *bt)
{
	for (uint32_t i = 0; i < bt->n; i++)
		command_printf(call, "  %pS\n", (void *)bt->pc[i]);
	if (!bt->n)
		command_printf(call, "  (no frames)\n");
}

static void print_header(struct command_call *call, const struct task *t)
{
	command_printf(call, "pid %d %s, CPU %u", t->pid, t->comm,
		       READ_ONCE(t->cpu));
	if (t->owner)
		command_printf(call, ", thread of %s",
			       owner_of(t->owner)->name);
	if (READ_ONCE(t->syscall) >= 0)
		command_printf(call, ", in system call %d", t->syscall);
}

static void bt_task(struct command_call *call, struct task *t,
		    struct backtrace *bt)
{
	enum trace_result r = trace_task(t, bt);
	uintptr_t eip = 0;

	/*
	 * The dear look, at all CPUs in rendezvous, only where the cheap one
	 * fails.
	 */
	if (r == TRACE_RUNNING)
		r = trace_running(t, bt, &eip);
	print_header(call, t);
	switch (r) {
	case TRACE_DEAD:
		command_printf(call, ": dead\n");
		break;
	case TRACE_USER:
		command_printf(call, ": running in user mode at 0x%08x\n",
			       (unsigned int)eip);
		break;
	case TRACE_RUNNING:
		command_printf(call, ": running\n");
		if (bt->n)
			print_backtrace(call, bt);
		break;
	case TRACE_SAVED:
		command_printf(call, ": %s\n", state_name(t, r));
		print_backtrace(call, bt);
		break;
	}
}

static int bt_pid(struct command_call *call, const char *word)
{
	struct backtrace *bt;
	struct task *t;
	unsigned int pid;

	if (command_number(call, word, "a pid", &pid))
		return -EINVAL;
	t = task_find((pid_t)pid);
	if (!t) {
		command_printf(call, "bt: there is no task %u\n", pid);
		return -ESRCH;
	}
	bt = kzalloc(sizeof(*bt), GFP_KERNEL | GFP_DATA);
	if (bt)
		bt_task(call, t, bt);
	kfree(bt);
	task_put(t);
	return bt ? 0 : -ENOMEM;
}

static int cmd_bt(struct command_call *call)
{
	int status = 0;

	if (call->argc < 2)
		return command_usage(call, "which task?");
	for (int i = 1; i < call->argc && !status; i++)
		status = bt_pid(call, call->argv[i]);
	return status;
}
COMMAND(bt, "PID...", "show where tasks are",
	"The functions that the task is in, innermost first. For one that is\n"
	"running at this moment all CPUs stand still for the look.\n", cmd_bt);

/* ---- kill ---- */

static const struct {
	const char	*name;
	int		sig;
} signal_names[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
};

/*
 * 9, KILL or SIGKILL; 0: no such signal.  So 0 itself, which POSIX has for a
 * look whether there is somebody, is refused.
 */
static int parse_signal(const char *word)
{
	unsigned int n;

	if (kstrtouint(word, 10, &n) == 0)
		return n <= SIGNAL_MAX ? (int)n : 0;
	if (strncmp(word, "SIG", 3) == 0)
		word += 3;
	for (size_t i = 0; i < ARRAY_SIZE(signal_names); i++) {
		if (strcmp(word, signal_names[i].name) == 0)
			return signal_names[i].sig;
	}
	return 0;
}

/*
 * A kernel thread takes a signal for a wish: jobs only know what to do.  A
 * program that a job runs is a process, and gets its signal itself.
 */
static int kill_one(struct command_call *call, pid_t pid, int sig)
{
	struct task *t;

	if (process_kill(pid, sig) == 0 || shell_signal_job(pid, sig))
		return 0;
	t = task_find(pid);
	if (!t) {
		command_printf(call, "kill: there is no task %d\n", pid);
		return -ESRCH;
	}
	command_printf(call, "kill: %d (%s) is a kernel thread\n", pid,
		       t->comm);
	task_put(t);
	return -EPERM;
}

static int cmd_kill(struct command_call *call)
{
	int sig = SIGTERM, first = 1, status = 0;
	unsigned int pid;

	if (call->argc > 1 && call->argv[1][0] == '-') {
		sig = parse_signal(call->argv[1] + 1);
		if (!sig)
			return command_usage(call, "%s: no such signal",
					     call->argv[1]);
		first = 2;
	}
	if (first >= call->argc)
		return command_usage(call, "which task?");
	for (int i = first; i < call->argc; i++) {
		int err = command_number(call, call->argv[i], "a pid", &pid);

		if (!err)
			err = kill_one(call, (pid_t)pid, sig);
		if (err)
			status = err;
	}
	return status;
}
COMMAND(kill, "[-SIGNAL] PID...", "signal programs or jobs",
	"SIGTERM unless told otherwise, as a number or a name: -9, -KILL.\n"
	"It returns at once; `wait PID` waits for the end.\n", cmd_kill);

/* ---- the freezer by hand ---- */

/*
 * That the consoles are spared while all is frozen, and only then: one command
 * at a time does both.  Order: freeze_lock, then the freezer's own.
 */
static DEFINE_MUTEX(freeze_lock);

/* Spared before the gate closes: nobody could open it else. */
static int freeze_locked(void) __must_hold(&freeze_lock);
static int freeze_locked(void)
{
	int err;

	assert_mutex_held(&freeze_lock);
	if (freezer_frozen_by_hand())
		return -EBUSY;
	shell_spare(true);
	task_spare(current, SPARE_CONSOLE);
	err = freezer_manual_freeze();
	if (err)
		shell_spare(false);
	return err;
}

/* The gate first: while it is closed the consoles need to be spared. */
static int thaw_locked(void) __must_hold(&freeze_lock);
static int thaw_locked(void)
{
	int err;

	assert_mutex_held(&freeze_lock);
	err = freezer_manual_thaw();
	if (!err)
		shell_spare(false);
	return err;
}

static int cmd_freeze(struct command_call *call)
{
	int err;

	if (call->argc > 1)
		return command_usage(call, "it takes no arguments");
	err = -EINTR;
	if (!mutex_lock_interruptible(&freeze_lock)) {
		err = freeze_locked();
		mutex_unlock(&freeze_lock);
	}
	if (err)
		command_printf(call, "freeze: %s (%s)\n", err == -EBUSY ?
			       "they are frozen already" : "it failed",
			       errno_name(err));
	return err;
}
COMMAND(freeze, "", "all into the refrigerator",
	"All but the consoles and what is started there stand still until\n"
	"`thaw`, wherever they are. For experiments: `ps` and `bt` show them.\n"
	"Nothing is unloaded meanwhile.\n", cmd_freeze);

static int cmd_thaw(struct command_call *call)
{
	int err;

	if (call->argc > 1)
		return command_usage(call, "it takes no arguments");
	err = freezer_frozen_by_hand() ? -EINTR : -EBUSY;
	if (err == -EINTR && !mutex_lock_interruptible(&freeze_lock)) {
		err = thaw_locked();
		mutex_unlock(&freeze_lock);
	}
	if (err)
		command_printf(call, "thaw: %s (%s)\n", err == -EBUSY ?
			       "nobody is frozen" : "it failed",
			       errno_name(err));
	return err;
}
COMMAND(thaw, "", "all out of the refrigerator",
	"The end of `freeze`.\n", cmd_thaw);
