/*
 * What the files of this room tell each other.  All: process context, no lock
 * held, unless they say otherwise.
 */
#ifndef PROC_INTERNAL_H
#define PROC_INTERNAL_H

#include <kernel/bug.h>
#include <kernel/spinlock.h>
#include <proc/process.h>
#include <sched/sched.h>
#include <x86/machine.h>
#include <x86/trap.h>

/*
 * Room for the few words, chosen by the program, that a call looks at: on no
 * stack, and in memory that is not searched (H09).  One call, one use at a
 * time.  What the compiler has of them in registers may get to the stack all
 * the same: that is wiped when the call is over.
 */
static inline void *user_words(size_t size)
{
	assert(size <= sizeof(current->user->words));
	current->wipe_after = true;
	return current->user->words;
}

/* The tree of processes and their signals; above file_table and run queues. */
extern struct spinlock process_lock;

/* ---- process.c ---- */

/*
 * A process with a task that is not yet runnable and on no list of processes.
 * @mm and @files become its own on success.  Its user frame is zeroed.  NULL:
 * no memory, and both stay the caller's.  There is no way back: it has to be
 * launched.
 */
struct process *process_new(const char *comm, struct mm *mm,
			    struct file_table *files);
/* At the top of the stack of @t, a process; as long as @t is not buried. */
struct trap_frame *process_frame(const struct task *t);
/* Links @p to @parent (NULL: the kernel) and lets it run.  @p may be gone. */
void process_launch(struct process *p, struct process *parent);
/* The current process ends; @status as wait4() tells it. */
void process_exit(int status) __noreturn;
/*
 * The child with @pid (-1: any) that is a zombie: takes it off the lists, frees
 * it, and returns its pid; 0: none yet; -ECHILD.  *status is kernel memory.
 */
pid_t process_reap_child(struct process *parent, pid_t pid, int *status);
/* As process_reap_child(), asleep until there is one; -ERESTARTSYS. */
pid_t process_wait_child(struct process *parent, pid_t pid, int *status);
/* The root of its page tables is another now, or (0) it has none any more. */
void process_set_space(struct process *p, phys_t root);
/* Zombies too; valid while the lock is held.  NULL: none. */
struct process *process_find_locked(pid_t pid) __must_hold(&process_lock);

/* ---- fork.c, exec.c ---- */

/* The child's pid, or -ENOMEM; @frame: with which the parent came in. */
pid_t process_fork(struct trap_frame *frame);

/* argv and envp, copied out of wherever they were. */
#define EXEC_ARGS_SIZE	32768u
struct exec_args {
	char		*strings;	/* GFP_DATA; NUL-terminated, in order */
	size_t		used;
	uint32_t	argc, envc;
};
int exec_args_init(struct exec_args *args);		/* -ENOMEM */
void exec_args_free(struct exec_args *args);
/*
 * Adds the strings of a user's array (NULL: none) or of the kernel's, and
 * counts them in *@count.  0, -E2BIG, -EFAULT; @args is to be freed either way.
 */
int exec_args_add_user(struct exec_args *args, uint32_t array,
		       uint32_t *count);
int exec_args_add_kernel(struct exec_args *args, char *const array[],
			 uint32_t *count);

/* A program in a new address space, ready to run. */
struct exec_image {
	struct mm	*mm;
	uintptr_t	entry, stack;
	char		comm[TASK_COMM_LEN];
};
/*
 * 0, and image->mm is the caller's; -EACCES (no regular file, or not to be
 * executed), -ENOEXEC, -ENOMEM, what fs_lookup() returns: nothing is left.
 */
int exec_load(const char *path, const struct exec_args *args,
	      struct exec_image *image);
/* The registers of a program that begins.  @frame is of a new user mode. */
void exec_set_frame(struct trap_frame *frame, const struct exec_image *image);
/* The current process becomes @image, whose mm it takes: cannot fail. */
void exec_commit(struct exec_image *image, struct trap_frame *frame);

/* ---- signal.c ---- */

/* Of the current process.  -EINVAL: no signal, or one that is never ignored. */
int signal_set_ignored(int sig, bool ignored);
/* @sig: 1 to SIGNAL_MAX. */
bool signal_is_ignored(int sig);
/*
 * As rt_sigprocmask(), of the current process: the old set of blocked signals
 * in *old; @set NULL changes nothing.  -EINVAL: @how.
 */
int signal_set_mask(int how, const uint32_t *set, uint32_t *old);

#endif
