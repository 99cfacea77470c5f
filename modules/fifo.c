/*
 * A device /dev/fifo0 that gives back what was written to it, and blocks while
 * there is nothing to read or no room to write.
 *
 * It shows a module with users asleep inside: they are counted, because the
 * kernel counts open files itself; an unload names them, or waits for them, or
 * goes when they have gone.  Note what is missing: no owner field, no count,
 * no flag that says that the module is going.
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/module.h>
#include <kernel/mutex.h>
#include <kernel/slab.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

static unsigned int depth = 4096;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "bytes that it keeps, a power of two");

#define DEPTH_MAX	(1u << 20)
#define FIONREAD	0x541bu		/* Linux: bytes that can be read */

/* head and tail only grow; what lies between them is in the ring. */
static DEFINE_MUTEX(lock);
static uint8_t *ring;			/* lock; the users' bytes */
static unsigned int head, tail;		/* lock to write */
static DECLARE_WAIT_QUEUE_HEAD(readable);
static DECLARE_WAIT_QUEUE_HEAD(writable);

static unsigned int queued(void)
{
	return READ_ONCE(head) - READ_ONCE(tail);
}

/* Bytes from ring offset @at to its end, @n at most. */
static unsigned int piece(unsigned int at, unsigned int n)
{
	return min(n, depth - at % depth);
}

/* Another may be faster: whoever is woken competes for the lock again. */
static int lock_when(struct file *file, struct wait_queue_head *wq,
		     bool (*ready)(void)) __try_acquires(0, &lock);

static int lock_when(struct file *file, struct wait_queue_head *wq,
		     bool (*ready)(void))
{
	for (;;) {
		int err = mutex_lock_interruptible(&lock);

		if (err || ready())
			return err;
		mutex_unlock(&lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(*wq, ready());
		if (err)
			return err;
	}
}

static bool has_data(void)
{
	return queued() != 0;
}

static bool has_room(void)
{
	return queued() < depth;
}

static ssize_t fifo_read(struct file *file, char __user *buf, size_t n,
			 loff_t *pos)
{
	size_t done = 0;
	int err;

	(void)pos;
	if (!n)
		return 0;
	err = lock_when(file, &readable, has_data);
	if (err)
		return err;
	n = min(n, (size_t)queued());
	while (done < n) {
		unsigned int len = piece(tail, n - done);
		size_t left = copy_to_user(buf + done, ring + tail % depth,
					   len);

		WRITE_ONCE(tail, tail + len - left);
		done += len - left;
		if (left)
			break;
	}
	mutex_unlock(&lock);
	wake_up(&writable);
	return done ? (ssize_t)done : -EFAULT;
}

static ssize_t fifo_write(struct file *file, const char __user *buf, size_t n,
			  loff_t *pos)
{
	size_t done = 0;
	int err;

	(void)pos;
	if (!n)
		return 0;
	err = lock_when(file, &writable, has_room);
	if (err)
		return err;
	n = min(n, (size_t)(depth - queued()));
	while (done < n) {
		unsigned int len = piece(head, n - done);
		size_t left = copy_from_user(ring + head % depth, buf + done,
					     len);

		WRITE_ONCE(head, head + len - left);
		done += len - left;
		if (left)
			break;
	}
	mutex_unlock(&lock);
	wake_up(&readable);
	return done ? (ssize_t)done : -EFAULT;
}

static unsigned int fifo_poll(struct file *file, struct poll_table *pt)
{
	poll_wait(file, &readable, pt);
	poll_wait(file, &writable, pt);
	return (has_data() ? POLLIN : 0) | (has_room() ? POLLOUT : 0);
}

static long fifo_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int bytes = (int)queued();

	(void)file;
	if (cmd != FIONREAD)
		return -ENOTTY;
	if (copy_to_user((void __user *)arg, &bytes, sizeof(bytes)))
		return -EFAULT;
	return 0;
}

static const struct file_operations fifo_fops = {
	.read = fifo_read,
	.write = fifo_write,
	.poll = fifo_poll,
	.unlocked_ioctl = fifo_ioctl,
};

static const struct miscdevice fifo_misc = {
	.name = "fifo0",
	.fops = &fifo_fops,
};

static int fifo_init(void)
{
	if (!depth || depth > DEPTH_MAX || (depth & (depth - 1)))
		return -EINVAL;
	ring = kmalloc(depth, GFP_KERNEL | GFP_DATA);
	return ring ? 0 : -ENOMEM;
}

static int fifo_register(void)
{
	return misc_register(&fifo_misc);
}

static void fifo_unregister(void)
{
	misc_deregister(&fifo_misc);
}

static void fifo_cleanup(void)
{
	kfree(ring);
}

module_init(fifo_init);
module_register(fifo_register);
module_unregister(fifo_unregister);
module_cleanup(fifo_cleanup);
MODULE_DESCRIPTION("a blocking first-in, first-out device");
MODULE_LICENSE("MIT");
