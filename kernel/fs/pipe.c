/*
 * Pipes.  A ring of bytes between two open files of one inode.  Sleepers wait
 * without the lock; whoever is woken looks again.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <fs/internal.h>
#include <sched/sched.h>
#include <sched/signal.h>

/*
 * head and tail wrap at 2^31, of which the size is a divisor: their difference,
 * wrapped likewise, and their remainders are right all the same.  Programs turn
 * them as far as they like, and the record is searched: of 32 bits they would
 * be addresses of modules some day (H09).
 */
#define COUNT_MASK	0x7fffffffu
_Static_assert((COUNT_MASK + 1) % PIPE_SIZE == 0, "no ring");

/* The first of all: once around the ring every pipe has wrapped. */
#define COUNT_START	(COUNT_MASK + 1 - PIPE_SIZE)

/*
 * Lock key: (p) this->lock to write; sleepers look without
 */
struct pipe {
	struct mutex		lock;
	uint32_t		head;		/* (p) counts bytes written */
	uint32_t		tail;		/* (p) counts bytes read */
	uint32_t		readers;	/* (p) open files, 0 or 1 */
	uint32_t		writers;	/* (p) */
	struct wait_queue_head	wait;
	uint8_t			*data;		/* constant, PIPE_SIZE */
};

/*
 * Without the lock a hint, and more than PIPE_SIZE even, where both numbers
 * moved between the two loads: it ends a sleep, whoever then has the lock looks
 * again.  What room() makes of that is a huge number, and a hint no less.
 */
static uint32_t used(const struct pipe *p)
{
	return (READ_ONCE(p->head) - READ_ONCE(p->tail)) & COUNT_MASK;
}

static void advance(uint32_t *count, size_t n)
{
	WRITE_ONCE(*count, (*count + n) & COUNT_MASK);
}

static uint32_t room(const struct pipe *p)
{
	return PIPE_SIZE - used(p);
}

static struct pipe *pipe_of(const struct file *file)
{
	return file->inode->pipe;
}

/*
 * The numbers of bytes that lie together in the ring decide the parts of a
 * copy.  Returns what was copied; @n is there, respectively fits.  The lock is
 * held, also where a copy sleeps for a page: mm->lock comes after it.
 */
static size_t ring_read(struct pipe *p, char __user *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint32_t at = p->tail % PIPE_SIZE;
		size_t part = min(n - done, (size_t)(PIPE_SIZE - at));
		size_t missing = copy_to_user(buf + done, p->data + at, part);

		done += part - missing;
		advance(&p->tail, part - missing);
		if (missing)
			break;
	}
	return done;
}

static size_t ring_write(struct pipe *p, const char __user *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint32_t at = p->head % PIPE_SIZE;
		size_t part = min(n - done, (size_t)(PIPE_SIZE - at));
		size_t missing = copy_from_user(p->data + at, buf + done, part);

		done += part - missing;
		advance(&p->head, part - missing);
		if (missing)
			break;
	}
	return done;
}

/*
 * What is there is returned, and no more waited for (pipe(7)).  That nobody
 * writes any more is looked up in the critical section that finds nothing: what
 * came before the last writer closed is read before the end is told.
 */
static ssize_t pipe_read(struct file *file, char __user *buf, size_t n,
			 loff_t *pos)
{
	struct pipe *p = pipe_of(file);
	size_t done = 0;

	(void)pos;
	if (n == 0)
		return 0;
	for (;;) {
		uint32_t there;
		bool ended;
		int err;

		mutex_lock(&p->lock);
		there = used(p);
		ended = p->writers == 0;
		if (there)
			done = ring_read(p, buf, min(n, (size_t)there));
		mutex_unlock(&p->lock);
		if (there)
			break;
		if (ended)
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(p->wait, used(p) ||
					       !READ_ONCE(p->writers));
		if (err)
			return err;
	}
	/* Readers and writers share the queue: all are woken, and look. */
	wake_up(&p->wait);
	return done ? (ssize_t)done : -EFAULT;
}

/* Room that a write of @n bytes waits for: PIPE_BUF is atomic (pipe(7)). */
static uint32_t room_needed(size_t n)
{
	return n <= PIPE_BUF ? (uint32_t)n : 1;
}

/*
 * One round of a write: bytes, 0 where there is no room, -EPIPE, -EFAULT.
 * Behind a copy that was cut short the next round meets the fault, and the
 * write ends with what was done.
 */
static ssize_t write_some(struct pipe *p, const char __user *buf, size_t n)
{
	ssize_t ret = 0;

	mutex_lock(&p->lock);
	if (p->readers == 0) {
		ret = -EPIPE;
	} else if (room(p) >= room_needed(n)) {
		ret = (ssize_t)ring_write(p, buf, min(n, (size_t)room(p)));
		if (ret == 0)
			ret = -EFAULT;
	}
	mutex_unlock(&p->lock);
	return ret;
}

/* 0: there may be room, or no reader: look.  -EAGAIN, -ERESTARTSYS. */
static int wait_for_room(struct file *file, size_t n)
{
	struct pipe *p = pipe_of(file);

	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(p->wait,
					room(p) >= room_needed(n) ||
					!READ_ONCE(p->readers));
}

/* More than PIPE_BUF goes as there is room, and may lie among others' bytes. */
static ssize_t pipe_write(struct file *file, const char __user *buf, size_t n,
			  loff_t *pos)
{
	struct pipe *p = pipe_of(file);
	size_t done = 0;
	ssize_t ret = 0;

	(void)pos;
	while (done < n) {
		ret = write_some(p, buf + done, n - done);
		if (ret > 0) {
			done += (size_t)ret;
			wake_up(&p->wait);
			continue;
		}
		if (ret == 0)
			ret = wait_for_room(file, n - done);
		if (ret)
			break;
	}
	/* As write(2) has it, also where a part was written. */
	if (ret == -EPIPE && current->process)
		send_signal(current, SIGPIPE);
	return done ? (ssize_t)done : ret;
}

/* On the queue first, then the look: what changes in between wakes. */
static unsigned int pipe_poll(struct file *file, struct poll_table *pt)
{
	struct pipe *p = pipe_of(file);
	unsigned int mask = 0;

	poll_wait(file, &p->wait, pt);
	if ((file->f_flags & O_ACCMODE) == O_WRONLY) {
		if (!READ_ONCE(p->readers))
			return POLLERR;
		return room(p) >= PIPE_BUF ? POLLOUT : 0;
	}
	if (used(p))
		mask |= POLLIN;
	if (!READ_ONCE(p->writers))
		mask |= POLLHUP;
	return mask;
}

/*
 * The last reference to one end.  Who waits for this end learns it now.
 * wake_up() without the lock: whoever looks again takes it himself.
 */
static int pipe_release(struct inode *inode, struct file *file)
{
	struct pipe *p = inode->pipe;

	mutex_lock(&p->lock);
	if ((file->f_flags & O_ACCMODE) == O_WRONLY)
		WRITE_ONCE(p->writers, p->writers - 1);
	else
		WRITE_ONCE(p->readers, p->readers - 1);
	mutex_unlock(&p->lock);
	wake_up(&p->wait);
	return 0;
}

static const struct file_operations pipe_ops = {
	.release	= pipe_release,
	.read		= pipe_read,
	.write		= pipe_write,
	.poll		= pipe_poll,
};

/* Both ends count as open from the start: neither sees the other missing. */
static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->data = kmalloc(PIPE_SIZE, GFP_KERNEL | GFP_DATA);
	if (!p->data) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->lock, "pipe");
	init_waitqueue_head(&p->wait);
	p->head = COUNT_START;
	p->tail = COUNT_START;
	p->readers = 1;
	p->writers = 1;
	return p;
}

void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	kfree(p->data);
	kfree(p);
}

int pipe_create(unsigned int flags, struct file *ends[2])
{
	struct inode *inode = inode_new(S_IFIFO | 0600, NULL);
	int err = -ENOMEM;

	if (!inode)
		return -ENOMEM;
	inode->pipe = pipe_alloc();
	if (!inode->pipe)
		goto put_inode;
	flags &= O_NONBLOCK;
	ends[0] = file_new(inode, &pipe_ops, flags | O_RDONLY, "pipe");
	if (!ends[0])
		goto put_inode;
	ends[1] = file_new(inode, &pipe_ops, flags | O_WRONLY, "pipe");
	if (ends[1])
		err = 0;
	else
		file_put(ends[0]);
put_inode:
	inode_put(inode);
	return err;
}
