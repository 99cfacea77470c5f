/*
 * The built-in shell.  It has one thread a console; each command runs as a job
 * in a kernel thread of its own, whose stack is fresh and goes with it: what a
 * command leaves on its stack never looks like a use of a module afterwards.
 * For the same reason nothing here keeps a pointer into a module: a module's
 * command is a slot, and its binding is loaded for the time of one call.
 */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include <kernel/atomic.h>
#include <kernel/command.h>
#include <kernel/completion.h>
#include <kernel/list.h>
#include <kernel/mutex.h>
#include <shell/lineedit.h>

struct console;
struct file;
struct task;
struct simple_command;

#define ICEBOX_VERSION	"0.1"

/* ---- the table of commands ---- */

/* A command of the kernel's own; constant, in .cmdtab, sorted by name. */
struct command {
	const char	*name;
	const char	*args;		/* as usage shows them */
	const char	*brief;		/* HELP_BRIEF characters at most */
	const char	*help;		/* the page; ends with a newline */
	command_fn	fn;
	bool		for_tests;	/* listed by `help tests` only */
};

/* Two commands a row: `help` fits on a screen of 80 by 25. */
#define HELP_NAME	8
#define HELP_BRIEF	28

/* Of names only # and ## get hold: true and false are macros. */
#define COMMAND_ENTRY(var_, name_, args_, brief_, help_, fn_, for_tests_) \
	static const struct command var_				\
	__used __section(".cmdtab." name_) __aligned(4) =		\
		{ name_, args_, brief_, help_, fn_, for_tests_ }
#define COMMAND(name_, args_, brief_, help_, fn_)			\
	COMMAND_ENTRY(command_##name_, #name_, args_, brief_, help_, fn_, \
		      false)
/* One that makes a scene, or an end, that only a test wants. */
#define TEST_COMMAND(name_, args_, brief_, help_, fn_)			\
	COMMAND_ENTRY(command_##name_, #name_, args_, brief_, help_, fn_, \
		      true)

/* NULL: no such command of the kernel's.  Any context. */
const struct command *command_find(const char *name);
/* The @n-th by name of the kernel's own, for tests or not; or NULL. */
const struct command *command_at(size_t n, bool for_tests);
/* Calls @fn for each command of a module, as command_for_each() does. */
bool command_for_each_of_modules(bool (*fn)(const char *name,
					    const char *brief, void *arg),
				 void *arg);
/*
 * Calls @fn for each command, modules' included, until it returns false.
 * Process context.
 */
bool command_for_each(bool (*fn)(const char *name, const char *brief,
				 void *arg), void *arg);
/* The help line of a module's command, copied; false: there is none. */
bool command_module_help(const char *name, char *buf, size_t size);
/* Runs what call->argv[0] names: a command, or a program of /bin. */
int command_dispatch(struct command_call *call);
/* Says what is wrong with the arguments, and the usage.  Returns -EINVAL. */
int command_usage(struct command_call *call, const char *fmt, ...)
	__printf(2, 3);
/* What @name is nearest to, or NULL; constant or copied to @buf. */
const char *command_suggest(const char *name, char *buf, size_t size);

/*
 * An unsigned decimal or 0x argument: 0, or -EINVAL with the message printed,
 * @what saying what it should have been.
 */
int command_number(struct command_call *call, const char *word,
		   const char *what, unsigned int *out);

/* ---- input and output of a command ---- */

/*
 * Behind command_call.io.  Owned by the job; used by its thread only.
 */
struct command_io {
	struct shell	*shell;
	struct file	*in, *out;	/* referenced; NULL: the console */
	char		*buf;		/* IO_BUFFER bytes, data */
	int		error;		/* of the first write that failed: then
					 * no more is written */
};
#define IO_BUFFER	1024u

static inline struct command_io *io_of(struct command_call *call)
{
	return call->io;
}

/* A buffer, and @from's files where @from is not NULL.  0 or -ENOMEM. */
int io_init(struct command_io *io, struct shell *shell,
	    const struct command_io *from);
/*
 * Opens @path as the input (O_RDONLY) or the output.  This runs the driver's
 * open(): in the job's own thread only.  0 or -errno, and then said.
 */
int io_redirect(struct command_io *io, const char *path, unsigned int flags);
void io_release(struct command_io *io);
void io_write(struct command_io *io, const char *s, size_t n);
int io_printf(struct command_io *io, const char *fmt, ...) __printf(2, 3);
/*
 * When command @name is over: @status, or where it is 0 the error of its
 * output, which is told on the console in either case.
 */
int io_finish(struct command_io *io, const char *name, int status);
/* Copies @file's bytes to the output; stops at a signal with -EINTR. */
int io_copy(struct command_io *io, struct file *file);
/*
 * @path from the root, where it has no slash in front.  0 with *@out, which is
 * the caller's to kfree(); -ENOMEM, or what path_join() has against it.
 */
int io_path(const char *path, char **out);
/* As file_open(), again after each unload that closed the device meanwhile. */
int io_open(const char *path, unsigned int flags, struct file **out);
/* A file of the call wants user memory: see command_dispatch(). */
bool io_needs_program(const struct command_io *io);
/* The whole of a small file as a string, data; NULL with *err.  kfree() it. */
char *io_read_file(const char *path, size_t max, int *err);

/* ---- jobs ---- */

/*
 * One command under way.
 *
 * Lock key: (j) shell->jobs_lock  (c) constant once started
 *	(o) the job's thread until @finished, which it stores last
 */
struct job {
	struct list_head	link;		/* (j) background */
	atomic_t		refs;
	unsigned int		number;		/* (c) 0: foreground */
	unsigned int		serial;		/* (c) older jobs have less */
	struct job		*parent;	/* (c) referenced, or NULL: a
						 * line of the console */
	struct shell		*shell;		/* (c) */
	struct task		*task;		/* (c) referenced */
	char			*line;		/* (c) as typed, data */
	char			*text;		/* (c) the words, data */
	char			*input, *output;	/* (c) files, or NULL */
	bool			append;		/* (c) */
	struct command_call	call;		/* (o) */
	struct command_io	io;		/* (o) */
	int			status;		/* (o) */
	bool			finished;
	struct wait_queue_head	wait;		/* for @finished */
	char			*argv[];	/* (o) into @text */
};

/*
 * A job for these words, which are copied; files come from @from.  NULL: no
 * memory.  Process context, like all of this.
 */
struct job *job_create(struct shell *shell, struct command_io *from,
		       int argc, char *const argv[]);
/* Redirections of a job not yet started; the names are copied. */
int job_redirect(struct job *job, const struct simple_command *cmd);
/* Starts it.  0, or -ENOMEM with the job as it was. */
int job_start(struct job *job);
/*
 * Waits for the end.  Each signal that the caller gets meanwhile is passed on
 * to the job as SIGINT and stays pending for the caller; waited for it still
 * is.  Returns the job's status.
 */
int job_wait(struct job *job);
/* Waits until the thread of a finished job is gone, its stack with it. */
void job_reap(struct job *job);
/* The job whose files these are; NULL: they are the console's own. */
struct job *job_of_io(struct command_io *io);
/*
 * Whether @waiter may wait for @other: not for a job that it belongs to, nor
 * for one begun after its own (where they are of two nests, the nests decide),
 * so that no two wait for each other.
 */
bool job_may_wait_for(const struct job *waiter, const struct job *other);
void job_get(struct job *job);
void job_put(struct job *job);

/* Runs words as a job of their own and waits: for repeat and time. */
int job_run_words(struct command_call *parent, int argc, char *const argv[]);

/* ---- a shell ---- */

/*
 * Lock key: (j) jobs_lock  (f) lock  (o) the shell's thread  (c) constant
 */
struct shell {
	unsigned int		number;		/* (c) of the console */
	struct console		*console;	/* (c) */
	struct command_io	io;		/* (o) */
	struct task		*task;		/* (c) */
	struct spinlock		lock;		/* with interrupts off */
	struct task		*foreground;	/* (f) pinned by its job */
	bool			interrupted;	/* (f) ^C in this line */
	struct mutex		jobs_lock;
	struct list_head	jobs;		/* (j) background */
	unsigned int		next_job;	/* (j) */
	struct line_edit	*edit;		/* (o) */
	char			script[64];	/* (c) path, or empty */
	bool			failed;		/* (o) in the script */
	struct completion	script_done;
};

/* Starts the shells: the last thing that booting does.  Process context. */
void shell_start(void);

/*
 * Executes @line.  Each command's status goes to the control channel if
 * @events.  Returns the status of the last one.
 */
int shell_eval(struct shell *shell, struct command_io *from,
	       const char *line, bool events);
/* A signal for a job of any console; false: @pid is none. */
bool shell_signal_job(pid_t pid, int sig);
/* Reports and forgets the background jobs that have ended. */
void shell_reap_jobs(struct shell *shell);

/*
 * Lets the consoles through the gate of a freeze by hand, with the jobs that
 * they start from then on; or no more.
 */
void shell_spare(bool spared);
/* Tells the control channel that the machine ends: poweroff, reboot. */
void shell_announce_exit(void);

/* Completion at the end of @line (line_ops.complete). */
void shell_complete(void *shell, const char *line, struct line_completion *c);

/* ---- programs (program.c) ---- */

/*
 * The path of a program: /bin/@name, or @name itself if it has a slash.  0 with
 * *@out, which is the caller's to kfree(); -ENOENT where there is no such file,
 * -ENOMEM.
 */
int program_path(const char *name, char **out);
/* Runs it with the call's files and waits: exit status, or -errno. */
int program_run(struct command_call *call, const char *path, int argc,
		char **argv);
/* Its words, with the call's files; referenced, or NULL with *err, and said. */
struct task *program_start(struct command_call *call, const char *path,
			   char *const argv[], struct file *const stdio[3],
			   int *err);
/* What wait4() tells as a shell's status: 128 and the signal, or the code. */
int program_status(int wait_status);

/* ---- programs that nobody waits for yet (spawned.c) ---- */

/* Buries those that have ended. */
void spawned_reap(void);
/*
 * Waits for one: its exit status, -ESRCH if @pid is none of them, -EINTR.
 */
int spawned_wait(pid_t pid);
/* ... for all of them: the last status that was not 0. */
int spawned_wait_all(void);
/* How many of those that have ended so far had another status than 0. */
unsigned int spawned_failures(void);

#endif
