/*
 * poll(): a sleep on the wait queues of several files.
 *
 * The entries on those queues are written by whoever wakes, so they lie on the
 * heap, never on the sleeper's stack (H42).  They are put there once, in the
 * first round.  A round asks every file after the task has taken its sleeping
 * state: a change before the question is seen by the question, a later one
 * ends the sleep.  Should a driver's poll() sleep itself (for a mutex), the
 * state is lost with it, wait_schedule() returns at once, and the next round
 * asks again.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/slab.h>
#include <fs/internal.h>
#include <sched/sched.h>

/* One wait queue that the sleeper is on. */
struct poll_entry {
	struct list_head	link;		/* the sleeper's own */
	struct wait_queue_entry	wait;
};

/* Seen by drivers as the argument of poll_wait() only. */
struct poll_table {
	struct list_head	entries;
	bool			enlist;		/* the first round */
	int			err;
};

/* A poll() under way; on the heap. */
struct poll_call {
	struct poll_table	pt;
	uint32_t		n;
	struct file		*files[];	/* referenced; NULL: none */
};

void poll_wait(struct file *file, struct wait_queue_head *wq,
	       struct poll_table *pt)
{
	struct poll_entry *e;

	(void)file;
	if (!pt || !pt->enlist)
		return;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e) {
		pt->err = -ENOMEM;
		return;
	}
	e->wait.task = current;
	INIT_LIST_HEAD(&e->wait.link);
	list_add_tail(&e->link, &pt->entries);
	add_wait_queue(wq, &e->wait);
}
EXPORT_SYMBOL(poll_wait);

/*
 * Before the files are put: the queues lie in what the files keep, in a
 * module's data for one.
 */
static void leave_queues(struct poll_table *pt)
{
	struct poll_entry *e, *next;

	list_for_each_entry_safe(e, next, &pt->entries, link) {
		remove_wait_queue(&e->wait);
		kfree(e);
	}
}

/*
 * Asks all; the number of those that have something to say.  POLLERR, POLLHUP
 * and POLLNVAL are told unasked (poll(2)); a negative descriptor is passed
 * over.
 */
static int ask_files(struct poll_call *call, struct pollfd *fds)
{
	int ready = 0;

	for (uint32_t i = 0; i < call->n; i++) {
		unsigned int mask = POLLNVAL;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if (call->files[i])
			mask = file_poll(call->files[i], &call->pt) &
			       ((uint16_t)fds[i].events | POLLERR | POLLHUP);
		fds[i].revents = (int16_t)mask;
		ready += mask != 0;
	}
	call->pt.enlist = false;
	return ready;
}

static int poll_rounds(struct poll_call *call, struct pollfd *fds,
		       struct stamp deadline)
{
	int ret = 0, slept = 0;

	for (;;) {
		prepare_to_wait(NULL, WAIT_INTERRUPTIBLE);
		ret = ask_files(call, fds);
		if (!ret)
			ret = call->pt.err;
		if (ret || slept || stamp_ns(deadline) == POLL_NO_WAIT)
			break;
		slept = wait_schedule(deadline);
	}
	finish_wait();
	if (!ret && slept == -ERESTARTSYS)
		ret = -EINTR;
	return ret;
}

int poll_files(struct file_table *t, struct pollfd *fds, uint32_t n,
	       struct stamp deadline)
{
	struct poll_call *call;
	int ret;

	if (n > FD_MAX)
		return -EINVAL;
	call = kzalloc(sizeof(*call) + n * sizeof(call->files[0]), GFP_KERNEL);
	if (!call)
		return -ENOMEM;
	call->n = n;
	call->pt.enlist = true;
	INIT_LIST_HEAD(&call->pt.entries);
	for (uint32_t i = 0; i < n; i++)
		call->files[i] = fd_get(t, fds[i].fd);

	ret = poll_rounds(call, fds, deadline);

	leave_queues(&call->pt);
	for (uint32_t i = 0; i < n; i++)
		if (call->files[i])
			file_put(call->files[i]);
	kfree(call);
	return ret;
}
