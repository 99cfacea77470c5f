/*
 * Programs in the foreground: started with the call's files, waited for, and
 * interrupted when the call is.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <proc/process.h>
#include <sched/signal.h>
#include "shell.h"

/*
 * A look before the leap: it decides whether a name is a program, not whether
 * that can be executed.
 */
static bool is_program(const char *path)
{
	struct inode *inode;
	bool regular;

	if (fs_lookup(path, &inode))
		return false;
	regular = inode_is(inode, S_IFREG);
	inode_put(inode);
	return regular;
}

char *program_path(const char *name)
{
	char *word, *path;
	size_t size = strlen(name) + sizeof("/bin/");

	if (strchr(name, '/')) {
		path = io_path(name);
	} else {
		word = kmalloc(size, GFP_KERNEL | GFP_DATA);
		if (!word)
			return NULL;
		snprintf(word, size, "/bin/%s", name);
		path = io_path(word);
		kfree(word);
	}
	if (path && is_program(path))
		return path;
	kfree(path);
	return NULL;
}

/* As a POSIX shell has it (Shell, 2.8.2): above 128 for a signal. */
int program_status(int wait_status)
{
	int sig = wait_status & 0x7f;

	return sig ? 128 + sig : (wait_status >> 8) & 0xff;
}

struct task *program_start(struct command_call *call, const char *path,
			   char *const argv[], struct file *const stdio[3],
			   int *err)
{
	struct task *t = process_spawn(path, argv, stdio, err);

	if (!t)
		command_printf(call, "%s: cannot start it (%s)\n", path,
			       errno_name(*err));
	return t;
}

/*
 * The first interruption asks, the second one does not.  The program is waited
 * for in any case, so that its files are closed when the command is over.
 */
static int wait_in_foreground(struct task *t, int *wait_status)
{
	int sig = SIGINT, err;

	while ((err = process_wait(t, wait_status)) == -ERESTARTSYS) {
		clear_signals(current);
		process_kill(t->pid, sig);
		sig = SIGKILL;
	}
	return err;
}

/* Ended by SIGINT is what the user asked for: nothing is said. */
static int run_with_files(struct command_call *call, const char *path,
			  char *const argv[], struct file *const stdio[3])
{
	int wait_status = 0, err = 0;
	struct task *t = program_start(call, path, argv, stdio, &err);

	if (!t)
		return err;
	err = wait_in_foreground(t, &wait_status);
	if (!err && wait_status & 0x7f && (wait_status & 0x7f) != SIGINT)
		command_printf(call, "%s: ended by signal %d\n", t->comm,
			       wait_status & 0x7f);
	task_put(t);
	return err ? err : program_status(wait_status);
}

/*
 * Errors go to the console even where output goes to a file.  The console is
 * opened anew for each: a struct file of its own.
 */
int program_run(struct command_call *call, const char *path, int argc,
		char **argv)
{
	struct command_io *io = io_of(call);
	struct file *console;
	int err = console_open(io->shell->number, &console);

	(void)argc;
	if (err)
		return err;
	err = run_with_files(call, path, argv, (struct file *const [3]) {
		io->in ? io->in : console, io->out ? io->out : console, console,
	});
	file_put(console);
	return err;
}

static int cmd_run(struct command_call *call)
{
	char *path;
	int status;

	if (call->argc < 2)
		return command_usage(call, "which program?");
	path = program_path(call->argv[1]);
	if (!path) {
		command_printf(call, "run: there is no program %s; `ls /bin` "
			       "lists them\n", call->argv[1]);
		return -ENOENT;
	}
	status = program_run(call, path, call->argc - 1, call->argv + 1);
	kfree(path);
	return status;
}
COMMAND(run, "PROGRAM [ARG...]", "run a program, wait for it",
	"A program of /bin, or a path. Its status is the command's: 128 and\n"
	"the signal if one ended it. ^C interrupts it, a second ^C kills it.\n"
	"The name alone will do where no command has it.\n", cmd_run);
