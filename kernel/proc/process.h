/*
 * Processes: what has memory, files and a parent.  One task each (threads come
 * later; nothing here assumes one, but for struct process.task).
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include <fs/file.h>
#include <mm/mm.h>
#include <sched/sched.h>

#define CWD_SIZE	128u

/*
 * A process is born, linked to its parent, runs, becomes a zombie (exited),
 * and is taken from the lists and freed by whoever waited for it.  Others reach
 * it by the lists under process_lock only, never by task->process: that one
 * tells whether a task has user mode, and is followed by the task itself.
 *
 * process_lock is a spinlock without interrupts; file_table and run queue
 * locks are taken under it.
 *
 * Lock key: (p) process_lock  (c) constant  (o) its own task only
 */
struct process {
	pid_t			pid;		/* (c) tgid */
	struct task		*task;		/* (c) referenced */
	struct process		*parent;	/* (p) NULL: the kernel */
	struct list_head	all;		/* (p) in the list of all */
	struct list_head	children;	/* (p) */
	struct list_head	sibling;	/* (p) in parent->children */
	struct file_table	*files;		/* (p) to change, by its own
						 * task; NULL from exit on */
	phys_t			space;		/* (p) root of its page tables,
						 * 0 from exit on */
	bool			exited;		/* (p) a zombie */
	int			exit_status;	/* (p) as wait4() tells it */
	struct wait_queue_head	child_wait;	/* it sleeps here in wait4;
						 * woken under (p) */
	/* These two: (p) to write, by its own task, which reads without. */
	uint32_t		sig_ignored;	/* SIGNAL_BIT()s */
	uint32_t		sig_blocked;
	uint32_t		sig_held;	/* (p) came while blocked */
	uint32_t		umask;		/* (o) */
	char			cwd[CWD_SIZE];	/* (o) */
};

/*
 * Starts the static ELF program at @path as a child of the kernel.  Its files
 * 0, 1, 2 are @in, @out, @err (referenced anew).  Returns the task, referenced,
 * or NULL with *err; @argv as in execve.  Process context.
 */
struct task *process_spawn(const char *path, char *const argv[],
			   struct file *const stdio[3], int *err);
/* Waits for the end of a process_spawn() child and reaps it: exit status as
 * wait4 tells it, or -ERESTARTSYS (killable; it runs on then). */
int process_wait(struct task *t, int *status);

/* Processes there are, zombies included.  Process context. */
unsigned int process_count(void);

/* The thread that reaps the kernel's own children.  Boot, once. */
void process_init(void);

/* A signal for the process with @pid: 0 or -ESRCH.  Process context. */
int process_kill(pid_t pid, int sig);

/*
 * Whose page tables have their root at @root: the pid, its name in @comm; 0: of
 * no process that there is.  Process context.
 */
pid_t process_of_space(phys_t root, char comm[TASK_COMM_LEN]);

/*
 * Calls @fn for each open file of @t's process, with its descriptor and a copy
 * of the record (file_table_peek), no lock held; stops where it returns false.
 * Process context.
 */
void process_for_each_file(struct task *t,
			   bool (*fn)(int fd, struct file *copy, void *arg),
			   void *arg);

#endif
