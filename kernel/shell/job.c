/*
 * Jobs: each command in a kernel thread of its own.  The job's record, its
 * words and its files belong to the record, not to the thread's stack, so that
 * whoever waits and whoever runs write to the heap only (H42).
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kthread.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <sched/freezer.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include "parse.h"
#include "shell.h"

static size_t words_size(int argc, char *const argv[])
{
	size_t n = 0;

	for (int i = 0; i < argc; i++)
		n += strlen(argv[i]) + 1;
	return n;
}

static void copy_words(struct job *job, int argc, char *const argv[])
{
	char *out = job->text, *line = job->line;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]);

		memcpy(out, argv[i], n + 1);
		memcpy(line, argv[i], n);
		job->argv[i] = out;
		out += n + 1;
		line += n;
		*line++ = i < argc - 1 ? ' ' : '\0';
	}
	job->argv[argc] = NULL;
}

struct job *job_of_io(struct command_io *io)
{
	return io == &io->shell->io ? NULL : container_of(io, struct job, io);
}

static void set_parent(struct job *job, struct job *parent)
{
	static atomic_t last;

	job->serial = (unsigned int)atomic_add_return(1, &last);
	job->parent = parent;
	if (parent)
		job_get(parent);
}

/*
 * The record is searched, the words are data: users chose them (H09).  What is
 * not set yet is zero, so that job_put() undoes a job at any stage.
 */
struct job *job_create(struct shell *shell, struct command_io *from,
		       int argc, char *const argv[])
{
	size_t n = words_size(argc, argv);
	struct job *job = kzalloc(sizeof(*job) + ((size_t)argc + 1) *
				  sizeof(char *), GFP_KERNEL);

	if (!job)
		return NULL;
	job->text = kmalloc(n, GFP_KERNEL | GFP_DATA);
	job->line = kmalloc(n, GFP_KERNEL | GFP_DATA);
	if (!job->text || !job->line || io_init(&job->io, shell, from) < 0)
		goto free_job;
	atomic_set(&job->refs, 1);
	INIT_LIST_HEAD(&job->link);
	init_waitqueue_head(&job->wait);
	job->shell = shell;
	set_parent(job, job_of_io(from));
	copy_words(job, argc, argv);
	job->call.argc = argc;
	job->call.argv = job->argv;
	job->call.io = &job->io;
	return job;

free_job:
	kfree(job->line);
	kfree(job->text);
	kfree(job);
	return NULL;
}

/*
 * Names only: the files are opened in the job's own thread (open_files()), as
 * that may run a driver's code and sleep there.
 */
int job_redirect(struct job *job, const struct simple_command *cmd)
{
	job->append = cmd->append;
	if (cmd->input)
		job->input = kstrdup(cmd->input, GFP_KERNEL | GFP_DATA);
	if (cmd->output)
		job->output = kstrdup(cmd->output, GFP_KERNEL | GFP_DATA);
	if ((cmd->input && !job->input) || (cmd->output && !job->output))
		return -ENOMEM;
	return 0;
}

static int open_files(struct job *job)
{
	int err = 0;

	if (job->input)
		err = io_redirect(&job->io, job->input, O_RDONLY);
	if (!err && job->output)
		err = io_redirect(&job->io, job->output, O_WRONLY | O_CREAT |
				  (job->append ? O_APPEND : O_TRUNC));
	return err;
}

/*
 * The files are put before @finished is told: who has waited finds no use of a
 * module left by the command.  After that the record may be the thread's alone,
 * by its reference.
 */
static int job_main(void *arg)
{
	struct job *job = arg;

	job->status = open_files(job);
	if (!job->status)
		job->status = io_finish(&job->io, job->argv[0],
					command_dispatch(&job->call));
	io_release(&job->io);
	smp_store_release(&job->finished, true);
	wake_up(&job->wait);
	job_put(job);
	return 0;
}

/*
 * The thread has a reference of its own.  It may have ended before @task is
 * stored, which it does not look at.
 */
int job_start(struct job *job)
{
	job_get(job);
	job->task = kthread_run(job_main, job, "%s", job->call.argv[0]);
	if (job->task)
		return 0;
	io_printf(&job->io, "%s: no memory for a thread\n", job->call.argv[0]);
	job_put(job);
	return -ENOMEM;
}

/*
 * So that the memory of a command is back before the next one begins.  While
 * all is frozen by hand the reaper is, too.
 */
void job_reap(struct job *job)
{
	if (!freezer_frozen_by_hand())
		task_reap(job->task);
}

/*
 * A line goes on only when the command before is over and its files are closed,
 * so the wait ends with the job.  Each signal is passed on, as the second one
 * may mean more than the first (program.c); that there was one stays pending,
 * for who goes by it between two jobs.
 */
int job_wait(struct job *job)
{
	bool interrupted = false;

	while (wait_event_interruptible(job->wait,
					smp_load_acquire(&job->finished))) {
		clear_signals(current);
		send_signal(job->task, SIGINT);
		interrupted = true;
	}
	if (interrupted)
		send_signal(current, SIGINT);
	job_reap(job);
	return job->status;
}

void job_get(struct job *job)
{
	atomic_inc(&job->refs);
}

static void job_free(struct job *job)
{
	if (job->task)
		task_put(job->task);
	io_release(&job->io);
	kfree(job->input);
	kfree(job->output);
	kfree(job->line);
	kfree(job->text);
	kfree(job);
}

/* The last job of a nest may be what keeps those above it. */
void job_put(struct job *job)
{
	while (job && atomic_dec_and_test(&job->refs)) {
		struct job *parent = job->parent;

		job_free(job);
		job = parent;
	}
}

static unsigned int job_depth(const struct job *job)
{
	unsigned int depth = 0;

	while ((job = job->parent) != NULL)
		depth++;
	return depth;
}

/*
 * Compared are the two where their nests part, whose children both are of one
 * job or one console: every wait, for a child or by this rule, then is for a
 * job that stands earlier in the post-order of the nests.
 */
bool job_may_wait_for(const struct job *waiter, const struct job *other)
{
	unsigned int up = job_depth(waiter), down = job_depth(other);

	for (; up > down; up--)
		waiter = waiter->parent;
	for (; down > up; down--)
		other = other->parent;
	if (waiter == other)
		return false;
	while (waiter->parent != other->parent) {
		waiter = waiter->parent;
		other = other->parent;
	}
	return other->serial < waiter->serial;
}

int job_run_words(struct command_call *parent, int argc, char *const argv[])
{
	struct command_io *io = io_of(parent);
	struct job *job = job_create(io->shell, io, argc, argv);
	int err;

	if (!job)
		return -ENOMEM;
	err = job_start(job);
	if (!err)
		err = job_wait(job);
	job_put(job);
	return err;
}
