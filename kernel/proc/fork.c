/*
 * fork(): the child is complete, frame included, before anybody can run it.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <lock/preempt.h>
#include <proc/internal.h>

/*
 * The FPU's registers hold the parent's state: the kernel does not use them,
 * and a switch on the way here has brought them back.
 */
static void copy_fpu(struct task *child)
{
	preempt_disable();
	fpu_save(&child->user->fpu);
	preempt_enable();
}

/*
 * No lock: the child is unknown yet, and only we change what is ours.  sig_held
 * stays behind: what is pending at the parent is the parent's (fork(2)).
 */
static void inherit(struct process *child, const struct process *parent)
{
	memcpy(child->task->user->tls, current->user->tls,
	       sizeof(current->user->tls));
	memcpy(child->cwd, parent->cwd, sizeof(child->cwd));
	child->umask = parent->umask;
	child->sig_ignored = parent->sig_ignored;
	child->sig_blocked = parent->sig_blocked;
}

/*
 * The child does not return from this function: its first code is enter_user()
 * (process.c), which leaves the kernel through the frame that is copied here,
 * and so out of the same system call with 0.
 */
pid_t process_fork(struct trap_frame *frame)
{
	struct process *parent = current->process, *child;
	struct file_table *files = file_table_copy(parent->files);
	struct trap_frame *child_frame;
	struct mm *mm;
	pid_t pid;

	if (!files)
		return -ENOMEM;
	mm = mm_fork(current->mm);
	if (!mm)
		goto put_files;
	child = process_new(current->comm, mm, files);
	if (!child)
		goto put_mm;
	inherit(child, parent);
	copy_fpu(child->task);
	child_frame = process_frame(child->task);
	*child_frame = *frame;
	child_frame->eax = 0;
	/* It may be over, and freed, when process_launch() returns. */
	pid = child->pid;
	process_launch(child, parent);
	return pid;

put_mm:
	mm_put(mm);
put_files:
	file_table_free(files);
	return -ENOMEM;
}
