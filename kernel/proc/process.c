/*
 * Processes: birth, the tree, death, and who takes the dead away.
 *
 * A zombie is freed by the one who claimed it: its parent in wait4(), or the
 * kernel's own thread for children of the kernel.  The claim takes it off the
 * lists under process_lock, so there is one.  A dying process does not touch
 * its record after it has set exited and let go of the lock.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/string.h>
#include <lock/preempt.h>
#include <proc/internal.h>
#include <sched/slot.h>
#include <x86/switch.h>

DEFINE_SPINLOCK(process_lock);
static LIST_HEAD(all_processes);		/* process_lock */
static LIST_HEAD(kernel_children);		/* process_lock */
static DECLARE_WAIT_QUEUE_HEAD(kernel_child_wait);	/* one exited */
static DECLARE_WAIT_QUEUE_HEAD(reaped_wait);		/* one is gone */

/* @parent NULL: the kernel's own.  process_lock held. */
static struct list_head *children_of(struct process *parent)
{
	return parent ? &parent->children : &kernel_children;
}

/* ---- birth ---- */

struct trap_frame *process_frame(const struct task *t)
{
	return (struct trap_frame *)(t->stack + KERNEL_STACK_SIZE -
				     sizeof(struct trap_frame));
}

/* The end of the thread: nothing comes back from user mode but by a trap. */
static int enter_user(void *arg)
{
	(void)arg;
	return_to_user(process_frame(current));
}

/*
 * The stack of a process begins below the frame of its user mode.  The task is
 * listed, and may have been examined as it was before: in one step under the
 * lock of its queue, as an examination is, and what that remembers is void
 * (H42).
 */
static void prepare_task(struct task *t, struct process *p,
			 struct user_state *user)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);

	t->esp = switch_prepare_stack((uintptr_t)process_frame(t));
	t->thread_fn = enter_user;
	t->user = user;
	t->process = p;
	t->exam.valid = false;
	task_rq_unlock(rq, flags);
}

/* No lock: @p is on no list before process_launch(), and nobody can find it. */
static void process_setup(struct process *p, struct task *t,
			  struct file_table *files)
{
	p->pid = t->pid;
	p->task = t;
	p->files = files;
	p->umask = 022;
	INIT_LIST_HEAD(&p->all);
	INIT_LIST_HEAD(&p->children);
	INIT_LIST_HEAD(&p->sibling);
	init_waitqueue_head(&p->child_wait);
	strscpy(p->cwd, "/", sizeof(p->cwd));
}

struct process *process_new(const char *comm, struct mm *mm,
			    struct file_table *files)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct user_state *user = kzalloc(sizeof(*user), GFP_KERNEL | GFP_DATA);
	struct task *t;

	if (!p || !user)
		goto free_records;
	fpu_init_state(&user->fpu);
	/* Comes last: a task that exists can only be got rid of by running. */
	t = task_create(comm, MODULE_NONE);
	if (!t)
		goto free_records;
	process_setup(p, t, files);
	prepare_task(t, p, user);
	t->mm = mm;
	p->space = mm->root;
	return p;

free_records:
	kfree(user);
	kfree(p);
	return NULL;
}

/*
 * Listed before it runs, so that its end finds it there, and whoever kills by
 * pid finds it from its first instruction on.
 */
void process_launch(struct process *p, struct process *parent)
{
	struct task *t = p->task;

	spin_lock(&process_lock);
	p->parent = parent;
	list_add_tail(&p->all, &all_processes);
	list_add_tail(&p->sibling, children_of(parent));
	spin_unlock(&process_lock);
	task_start(t);
}

/* ---- death ---- */

/*
 * Who looks at the table from outside does so under the lock: after it nobody
 * does, and the files are closed without, as a driver's release may sleep.  A
 * look from outside (peek) finds the table under the lock or not at all.
 */
static void give_up_files(struct process *p)
{
	struct file_table *files = p->files;

	spin_lock(&process_lock);
	p->files = NULL;
	spin_unlock(&process_lock);
	file_table_free(files);
}

void process_set_space(struct process *p, phys_t root)
{
	spin_lock(&process_lock);
	p->space = root;
	spin_unlock(&process_lock);
}

/* The kernel's map is loaded before the process's own can be freed. */
static void give_up_memory(void)
{
	struct mm *mm = current->mm;

	process_set_space(current->process, 0);
	preempt_disable();
	current->mm = NULL;
	mm_switch(NULL);
	preempt_enable();
	mm_put(mm);
}

/*
 * They become the kernel's.  A zombie among them had woken us, who will not
 * come: the kernel's thread is woken for it (process_exit).
 */
static void orphan_children_locked(struct process *p)
{
	struct process *child;

	list_for_each_entry(child, &p->children, sibling)
		child->parent = NULL;
	list_splice_tail_init(&p->children, &kernel_children);
}

/*
 * Files and memory go before the end can be seen: who has waited for it may
 * rely on pipes being closed, and counts no memory of ours.
 */
void process_exit(int status)
{
	struct process *p = current->process;

	if (current->restart_slot) {
		slot_put(current->restart_slot);
		current->restart_slot = NULL;
	}
	give_up_files(p);
	give_up_memory();

	spin_lock(&process_lock);
	orphan_children_locked(p);
	p->exited = true;
	p->exit_status = status;
	/* Under the lock: a parent that ends makes this NULL before it goes. */
	if (p->parent)
		wake_up(&p->parent->child_wait);
	spin_unlock(&process_lock);
	/*
	 * @p is its claimer's, who waits for our end before he frees it.  Told
	 * in any case: @p, or a child of ours, may be the kernel's.
	 */
	wake_up(&kernel_child_wait);
	task_exit(status);
}

/* ---- who takes the dead away ---- */

/*
 * A zombie child taken off @parent's list, or NULL; *any: there is a child.
 * Found and taken under one hold of the lock, so that of several who wait for
 * the same child one gets it.
 */
static struct process *claim_zombie(struct process *parent, pid_t pid,
				    bool *any)
{
	struct process *p, *found = NULL;

	*any = false;
	spin_lock(&process_lock);
	list_for_each_entry(p, children_of(parent), sibling) {
		if (pid != -1 && p->pid != pid)
			continue;
		*any = true;
		if (!p->exited)
			continue;
		list_del(&p->sibling);
		found = p;
		break;
	}
	spin_unlock(&process_lock);
	return found;
}

/*
 * All is freed when the process leaves the list of all: who sees it gone may
 * count memory.  Its task runs no more when task_reap() returns.
 */
static void free_zombie(struct process *p)
{
	struct task *t = p->task;

	task_reap(t);
	spin_lock(&process_lock);
	list_del(&p->all);
	kfree(p);
	task_put(t);
	spin_unlock(&process_lock);
	wake_up(&reaped_wait);
}

pid_t process_reap_child(struct process *parent, pid_t pid, int *status)
{
	bool any;
	struct process *p = claim_zombie(parent, pid, &any);

	if (!p)
		return any ? 0 : -ECHILD;
	pid = p->pid;
	*status = p->exit_status;
	free_zombie(p);
	return pid;
}

/*
 * The test of a sleeper in wait4(): takes nothing, and does not sleep, as a
 * condition may not.  Where there is no child it is true, for -ECHILD.
 */
static bool child_has_news(struct process *parent, pid_t pid)
{
	bool zombie = false, any = false;
	struct process *p;

	spin_lock(&process_lock);
	list_for_each_entry(p, &parent->children, sibling) {
		if (pid != -1 && p->pid != pid)
			continue;
		any = true;
		zombie |= p->exited;
	}
	spin_unlock(&process_lock);
	return zombie || !any;
}

pid_t process_wait_child(struct process *parent, pid_t pid, int *status)
{
	for (;;) {
		pid_t ret = process_reap_child(parent, pid, status);
		int err;

		if (ret)
			return ret;
		err = wait_event_interruptible(parent->child_wait,
					       child_has_news(parent, pid));
		if (err)
			return err;
	}
}

static struct process *claim_orphan(void)
{
	bool any;

	return claim_zombie(NULL, -1, &any);
}

/*
 * Claims in its condition, so each wake-up is good for one, and none that comes
 * while it buries another is lost; for ever.
 */
static int undertake_orphans(void *arg)
{
	struct process *p;

	(void)arg;
	for (;;) {
		wait_event_idle(kernel_child_wait,
				(p = claim_orphan()) != NULL);
		free_zombie(p);
	}
	return 0;
}

/* The thread never ends, and its reference is never put. */
void process_init(void)
{
	struct task *t = kthread_run(undertake_orphans, NULL, "orphans");

	if (!t)
		panic("proc: no memory for the first thread");
}

/* ---- for the kernel ---- */

struct process *process_find_locked(pid_t pid)
{
	struct process *p;

	assert_spin_held(&process_lock);
	list_for_each_entry(p, &all_processes, all)
		if (p->pid == pid)
			return p;
	return NULL;
}

pid_t process_of_space(phys_t root, char comm[TASK_COMM_LEN])
{
	const struct process *p;
	pid_t pid = 0;

	spin_lock(&process_lock);
	list_for_each_entry(p, &all_processes, all) {
		if (p->space != root)
			continue;
		strscpy(comm, p->task->comm, TASK_COMM_LEN);
		pid = p->pid;
		break;
	}
	spin_unlock(&process_lock);
	return pid;
}

unsigned int process_count(void)
{
	struct process *p;
	unsigned int n = 0;

	spin_lock(&process_lock);
	list_for_each_entry(p, &all_processes, all)
		n++;
	spin_unlock(&process_lock);
	return n;
}

/* By pid, as the record may be freed; no pid is given twice (task.c). */
static bool process_is_gone(pid_t pid)
{
	bool gone;

	spin_lock(&process_lock);
	gone = process_find_locked(pid) == NULL;
	spin_unlock(&process_lock);
	return gone;
}

/*
 * The status comes from the task, which the caller holds: the record of the
 * process is gone by then, by the hand of the kernel's own thread.
 */
int process_wait(struct task *t, int *status)
{
	int err = wait_event_killable(reaped_wait, process_is_gone(t->pid));

	if (err)
		return err;
	*status = t->exit_code;
	return 0;
}

/*
 * Standard input, output and error of a new process.  Nothing fails but the
 * table itself: it begins with room for these, and nobody else has it yet.
 */
static struct file_table *stdio_table(struct file *const stdio[3])
{
	struct file_table *files = file_table_new();

	if (!files)
		return NULL;
	for (int i = 0; i < 3; i++)
		if (stdio[i])
			fd_replace(files, i, stdio[i], false);
	return files;
}

/* NULL: no memory, and image->mm is still the caller's. */
static struct process *spawn(const struct exec_image *image,
			     struct file *const stdio[3])
{
	struct file_table *files = stdio_table(stdio);
	struct process *p;

	if (!files)
		return NULL;
	p = process_new(image->comm, image->mm, files);
	if (!p) {
		file_table_free(files);
		return NULL;
	}
	exec_set_frame(process_frame(p->task), image);
	return p;
}

/* Its environment is empty; the rest of @args is what exec_args_init() left. */
struct task *process_spawn(const char *path, char *const argv[],
			   struct file *const stdio[3], int *err)
{
	struct exec_args args;
	struct exec_image image;
	struct process *p;
	struct task *t = NULL;

	*err = exec_args_init(&args);
	if (*err)
		return NULL;
	*err = exec_args_add_kernel(&args, argv, &args.argc);
	if (!*err)
		*err = exec_load(path, &args, &image);
	exec_args_free(&args);
	if (*err)
		return NULL;
	p = spawn(&image, stdio);
	if (!p) {
		mm_put(image.mm);
		*err = -ENOMEM;
		return NULL;
	}
	/* For the caller, and before it can be over. */
	t = p->task;
	task_get(t);
	process_launch(p, NULL);
	return t;
}

/*
 * By pid, as task->process is for the task itself to follow.  The copy lies on
 * the caller's stack, and has nothing in it that points into a module
 * (file_table_peek).
 */
static bool peek(pid_t pid, int *fd, struct file *copy)
{
	struct process *p;
	bool found;

	spin_lock(&process_lock);
	p = process_find_locked(pid);
	found = p && p->files && file_table_peek(p->files, fd, copy);
	spin_unlock(&process_lock);
	return found;
}

/*
 * One look for each file, so that @fn runs with no lock held.  What is opened
 * or closed meanwhile may be told or not; each descriptor once at most.
 */
void process_for_each_file(struct task *t,
			   bool (*fn)(int fd, struct file *copy, void *arg),
			   void *arg)
{
	struct file copy;

	for (int fd = 0; peek(t->pid, &fd, &copy); fd++)
		if (!fn(fd, &copy, arg))
			return;
}
