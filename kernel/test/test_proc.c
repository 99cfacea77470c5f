/*
 * Processes, seen from the kernel that starts and ends them.  What they may
 * rely on themselves is tested by /bin/proctest.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <proc/process.h>
#include <proc/syscalls.h>
#include <sched/signal.h>
#include <test/ktest.h>

#define NR_PAUSE	29

/*
 * Standard error is the console, where a program says what went wrong; there is
 * no input and no output.
 */
static struct task *start(const char *path, const char *arg, int *err)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)arg,
			 NULL };
	struct file *stdio[3] = { NULL, NULL, NULL };
	struct task *t;

	if (console_open(1, &stdio[2]))
		stdio[2] = NULL;
	t = process_spawn(path, argv, stdio, err);
	if (stdio[2])
		file_put(stdio[2]);
	return t;
}

/*
 * The status of a program that ends by itself, or -errno.  Children that it
 * left behind are waited for: the runner counts tasks.
 */
static int run(const char *path, const char *arg)
{
	unsigned int before = process_count();
	int status, err;
	struct task *t = start(path, arg, &err);

	if (!t)
		return err;
	err = process_wait(t, &status);
	task_put(t);
	while (process_count() > before)	/* orphans */
		yield();
	return err ? err : status;
}

/*
 * A program's exit status, and the signal that ended it, come through.  As
 * wait4(2) has it: the code in bits 8 to 15, the signal in the lowest.
 */
KTEST(proc, status_is_told)
{
	KTEST_EXPECT(run("/bin/true", NULL) == 0);
	KTEST_EXPECT(run("/bin/false", NULL) == 1 << 8);
	KTEST_EXPECT(run("/bin/segv", NULL) == SIGSEGV);
	return NULL;
}

/* What cannot be run is told as execve(2) tells it, and leaves nothing. */
KTEST(proc, bad_programs_are_refused)
{
	struct file *file;

	KTEST_EXPECT(run("/bin/none", NULL) == -ENOENT);
	KTEST_EXPECT(run("/bin", NULL) == -EACCES);
	KTEST_EXPECT(file_open_kernel("/tmp/bad", O_RDWR | O_CREAT, 0755,
				      &file) == 0);
	KTEST_EXPECT(run("/tmp/bad", NULL) == -ENOEXEC);
	KTEST_EXPECT(file_write_kernel(file, "\177ELF\1\1\1 and so on", 17) ==
		     17);
	KTEST_EXPECT(run("/tmp/bad", NULL) == -ENOEXEC);
	file_put(file);
	KTEST_EXPECT(fs_unlink("/tmp/bad") == 0);
	return NULL;
}

/* All that a process may rely on, checked by a process. */
KTEST(proc, proctest_passes)
{
	KTEST_EXPECT(run("/bin/proctest", NULL) == 0);
	return NULL;
}

/* Many births, deaths and orphans, and in the end nobody. */
KTEST(proc, forks_leave_nobody)
{
	KTEST_EXPECT(run("/bin/forker", "200") == 0);
	return NULL;
}

/*
 * A sleeper says where it sleeps, and a signal ends it there.  Announced,
 * inside the call and asleep: each by itself would come too early.
 */
KTEST(proc, kill_wakes_a_sleeper)
{
	int err, status = 0;
	struct task *t = start("/bin/sleeper", NULL, &err);

	KTEST_EXPECT(t);
	while (READ_ONCE(t->announce) != NR_PAUSE + 1 ||
	       READ_ONCE(t->syscall) != NR_PAUSE ||
	       READ_ONCE(t->state) != TASK_SLEEPING)
		yield();
	KTEST_EXPECT(!strcmp(t->comm, "sleeper"));
	KTEST_EXPECT(process_kill(t->pid, SIGTERM) == 0);
	KTEST_EXPECT(process_wait(t, &status) == 0);
	KTEST_EXPECT(status == SIGTERM);
	KTEST_EXPECT(process_kill(t->pid, SIGTERM) == -ESRCH);
	task_put(t);
	return NULL;
}

/* A spinner never comes to the kernel by itself, and dies all the same. */
KTEST(proc, kill_ends_a_spinner)
{
	int err, status = 0;
	struct task *t = start("/bin/spinner", NULL, &err);

	KTEST_EXPECT(t);
	while (READ_ONCE(t->announce) != ANNOUNCED_USER)
		yield();
	KTEST_EXPECT(process_kill(t->pid, SIGKILL) == 0);
	KTEST_EXPECT(process_wait(t, &status) == 0);
	KTEST_EXPECT(status == SIGKILL);
	task_put(t);
	return NULL;
}

static bool count_files(int fd, struct file *copy, void *arg)
{
	int *count = arg;

	if (fd == 2 && !strcmp(copy->path, "/dev/tty"))
		++*count;
	return true;
}

/* The files of a process can be listed from outside. */
KTEST(proc, files_can_be_listed)
{
	int err, status, count = 0;
	struct task *t = start("/bin/sleeper", NULL, &err);

	KTEST_EXPECT(t);
	process_for_each_file(t, count_files, &count);
	process_kill(t->pid, SIGKILL);
	KTEST_EXPECT(process_wait(t, &status) == 0);
	KTEST_EXPECT(count == 1);
	process_for_each_file(t, count_files, &count);
	KTEST_EXPECT(count == 1);
	task_put(t);
	return NULL;
}
