/*
 * spawn: programs that run on, the load for an experiment.
 *
 * They are children of the kernel, whose own thread buries them.  What is kept
 * here is a reference for as long as one lives, and for wait's sake how the
 * last few ended.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <proc/process.h>
#include <proc/syscalls.h>
#include <sched/signal.h>
#include "shell.h"

#define ENDED_KEPT	256u

struct spawned {
	struct list_head	link;	/* spawned_lock */
	struct task		*task;	/* referenced */
};

static DEFINE_MUTEX(spawned_lock);
static LIST_HEAD(spawned_list);		/* spawned_lock */

/*
 * The last ones that have ended, pid 0 for none; spawned_lock.  A ring: of more
 * than that nobody has asked for so long that the first are forgotten.
 */
static struct {
	pid_t	pid;
	int	status;
} ended[ENDED_KEPT];
static unsigned int nr_ended, nr_failed;

/* Takes over the reference. */
static void spawned_add(struct spawned *s, struct task *t)
{
	s->task = t;
	mutex_lock(&spawned_lock);
	list_add_tail(&s->link, &spawned_list);
	mutex_unlock(&spawned_lock);
}

/* Told to end and ended is success: `kill 7; wait 7`. */
static int ended_status(int wait_status)
{
	int sig = wait_status & 0x7f;

	if (sig == SIGTERM || sig == SIGKILL || sig == SIGINT)
		return 0;
	return program_status(wait_status);
}

/*
 * One that is dead, off the list, and how it ended noted, in one critical
 * section: who asks for its status finds it in one of the two.
 */
static struct spawned *take_dead(void)
{
	struct spawned *s, *found = NULL;

	mutex_lock(&spawned_lock);
	list_for_each_entry(s, &spawned_list, link) {
		if (READ_ONCE(s->task->state) != TASK_DEAD)
			continue;
		list_del_init(&s->link);
		ended[nr_ended % ENDED_KEPT].pid = s->task->pid;
		ended[nr_ended % ENDED_KEPT].status =
			ended_status(s->task->exit_code);
		if (ended[nr_ended % ENDED_KEPT].status)
			nr_failed++;
		nr_ended++;
		found = s;
		break;
	}
	mutex_unlock(&spawned_lock);
	return found;
}

void spawned_reap(void)
{
	struct spawned *s;

	while ((s = take_dead()) != NULL) {
		task_put(s->task);
		kfree(s);
	}
}

/* A living one, referenced: @pid, or any (0). */
static struct task *find_living(pid_t pid)
{
	struct spawned *s;
	struct task *found = NULL;

	mutex_lock(&spawned_lock);
	list_for_each_entry(s, &spawned_list, link) {
		if (pid && s->task->pid != pid)
			continue;
		task_get(s->task);
		found = s->task;
		break;
	}
	mutex_unlock(&spawned_lock);
	return found;
}

static int status_of_ended(pid_t pid)
{
	int status = -ESRCH;

	mutex_lock(&spawned_lock);
	for (unsigned int i = 0; i < ENDED_KEPT; i++) {
		if (ended[i].pid == pid)
			status = ended[i].status;
	}
	mutex_unlock(&spawned_lock);
	return status;
}

unsigned int spawned_failures(void)
{
	unsigned int n;

	spawned_reap();
	mutex_lock(&spawned_lock);
	n = nr_failed;
	mutex_unlock(&spawned_lock);
	return n;
}

int spawned_wait(pid_t pid)
{
	struct task *t;
	int wait_status, err;

	if (!pid)
		return -ESRCH;
	spawned_reap();
	t = find_living(pid);
	if (!t)
		return status_of_ended(pid);
	/*
	 * Others may wait for the same one: each has the status from the
	 * record, which his reference keeps.
	 */
	err = process_wait(t, &wait_status);
	task_put(t);
	spawned_reap();
	if (err)
		return -EINTR;
	return ended_status(wait_status);
}

/*
 * Those too that are started meanwhile.  Interrupted, it leaves the rest alone.
 */
int spawned_wait_all(void)
{
	struct task *t;
	int status = 0;

	while ((t = find_living(0)) != NULL) {
		int one = spawned_wait(t->pid);

		task_put(t);
		if (one == -EINTR)
			return one;
		if (one)
			status = one;
	}
	return status;
}

/* ---- spawn ---- */

#define SPAWN_MAX	1000u
#define PATIENCE_MS	10000

struct spawn {
	struct command_call	*call;
	char			*path;
	struct file		*stdio[3];	/* referenced */
	unsigned int		wanted, started;
	struct stamp		deadline;
	struct task		*task[];	/* referenced */
};

/* "sleepers" are /bin/sleeper.  @kind is the job's own word, to be changed. */
static int kind_path(char *kind, char **path)
{
	int err = program_path(kind, path);
	size_t n = strlen(kind);

	if (err != -ENOENT || n < 2 || kind[n - 1] != 's')
		return err;
	kind[n - 1] = '\0';
	return program_path(kind, path);
}

/*
 * A program announces the system call in which it is going to sleep, for which
 * spawn waits, or that it is up and running.
 */
static bool has_arrived(const struct task *t)
{
	uint32_t announced = READ_ONCE(t->announce);

	if (!announced)
		return false;
	/* It may well be in a call of another kind at any moment. */
	if (announced == ANNOUNCED_USER)
		return true;
	return READ_ONCE(t->state) == TASK_SLEEPING &&
	       READ_ONCE(t->syscall) == (int)announced - 1;
}

static int wait_for_arrival(struct spawn *sp, struct task *t)
{
	while (!has_arrived(t)) {
		if (READ_ONCE(t->state) == TASK_DEAD) {
			command_printf(sp->call, "spawn: pid %d (%s) ended "
				       "before it was ready\n", t->pid,
				       t->comm);
			return -ECHILD;
		}
		if (stamp_passed(sp->deadline)) {
			command_printf(sp->call, "spawn: pid %d (%s) did not "
				       "get ready within 10 s; `bt %d` shows "
				       "where it is\n", t->pid, t->comm,
				       t->pid);
			return -ETIMEDOUT;
		}
		if (msleep_interruptible(1))
			return -EINTR;
	}
	return 0;
}

/* Its record comes first: without one `wait` would not know of it. */
static int start_one(struct spawn *sp)
{
	struct spawned *s = kmalloc(sizeof(*s), GFP_KERNEL);
	struct task *t;
	int err;

	if (!s)
		return -ENOMEM;
	t = program_start(sp->call, sp->path, sp->call->argv + 2, sp->stdio,
			  &err);
	if (!t) {
		kfree(s);
		return err;
	}
	task_get(t);
	sp->task[sp->started++] = t;
	spawned_add(s, t);
	return 0;
}

static int start_all(struct spawn *sp)
{
	int err = 0;

	while (sp->started < sp->wanted && !err)
		err = start_one(sp);
	return err;
}

/* One deadline for all of them. */
static int await_all(struct spawn *sp)
{
	int err = 0;

	sp->deadline = stamp_in_ms(PATIENCE_MS);
	for (unsigned int i = 0; i < sp->started && !err; i++)
		err = wait_for_arrival(sp, sp->task[i]);
	return err;
}

/* Those that did start run on: their pids are told in any case. */
static void print_pids(struct spawn *sp)
{
	if (!sp->started)
		return;
	command_printf(sp->call, "pids");
	for (unsigned int i = 0; i < sp->started; i++)
		command_printf(sp->call, " %d", sp->task[i]->pid);
	command_printf(sp->call, "\n");
}

/*
 * Programs that run on have no input, lest they take what is typed from the
 * shell, unless one was named.
 */
static int spawn_open_files(struct spawn *sp)
{
	struct command_io *io = io_of(sp->call);
	struct file *console;
	int err = io_open("/dev/null", O_RDONLY, &sp->stdio[0]);

	if (err)
		return err;
	if (io->in) {
		file_put(sp->stdio[0]);
		sp->stdio[0] = io->in;
		file_get(io->in);
	}
	err = console_open(io->shell->number, &console);
	if (err)
		return err;
	sp->stdio[1] = io->out ? io->out : console;
	sp->stdio[2] = console;
	file_get(sp->stdio[1]);
	return 0;
}

/* The programs keep what they have: these are the references of the command. */
static void spawn_free(struct spawn *sp)
{
	for (unsigned int i = 0; i < sp->started; i++)
		task_put(sp->task[i]);
	for (unsigned int i = 0; i < 3; i++) {
		if (sp->stdio[i])
			file_put(sp->stdio[i]);
	}
	kfree(sp->path);
	kfree(sp);
}

static int spawn_kind(struct spawn *sp)
{
	char *kind = sp->call->argv[2];
	int err = kind_path(kind, &sp->path);

	if (err == -ENOENT)
		command_printf(sp->call, "spawn: there is no program %s; `ls "
			       "/bin` lists them\n", kind);
	if (err)
		return err;
	err = spawn_open_files(sp);
	if (!err)
		err = start_all(sp);
	if (!err)
		err = await_all(sp);
	print_pids(sp);
	return err;
}

static int cmd_spawn(struct command_call *call)
{
	struct spawn *sp;
	unsigned int n;
	int err;

	if (call->argc < 3)
		return command_usage(call, "how many, and of what kind?");
	if (command_number(call, call->argv[1], "a number of programs", &n))
		return -EINVAL;
	if (n < 1 || n > SPAWN_MAX)
		return command_usage(call, "1 to %u at a time", SPAWN_MAX);
	sp = kzalloc(sizeof(*sp) + n * sizeof(sp->task[0]), GFP_KERNEL);
	if (!sp)
		return -ENOMEM;
	sp->call = call;
	sp->wanted = n;
	err = spawn_kind(sp);
	spawn_free(sp);
	return err;
}
COMMAND(spawn, "N KIND [ARG...]", "start N programs that run on",
	"The programs /bin/KIND, each with these arguments; `spawners' and\n"
	"`spawner' are the same. It returns when each of them is where it has\n"
	"said that it would be (asleep in a system call, or computing), and\n"
	"prints their pids: the load for an experiment.\n"
	"  spawn 3 reader /dev/fifo0\n"
	"`kill` ends them, `wait` waits for them.\n", cmd_spawn);
