/*
 * Open files: counting references, and the calls on them.  The file_operations
 * of a device lie in its module; that a file is open is what keeps them there,
 * so they are forgotten before it is no longer counted.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <dev/console.h>
#include <fs/internal.h>
#include <sched/sched.h>

/* On the way out of the call the stack is wiped of what the driver left. */
static void enter_driver(const struct file *file)
{
	if (file->owner)
		current->wipe_after = true;
}

/* Opener and time are for reports alone: who holds a device, and since when. */
struct file *file_new(struct inode *inode, const struct file_operations *f_op,
		      unsigned int flags, const char *path)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return NULL;
	atomic_set(&file->refs, 1);
	INIT_LIST_HEAD(&file->of_devices);
	mutex_init(&file->lock, "file");
	inode_get(inode);
	file->inode = inode;
	file->f_op = f_op;
	file->f_flags = flags;
	file->opener = current->pid;
	file->since = stamp_of(ktime_get_ns());
	strscpy(file->path, path, sizeof(file->path));
	return file;
}

void file_get(struct file *file)
{
	atomic_inc(&file->refs);
}

/*
 * The inode outlives the release, which may need it; the record is the last
 * that goes.  What release() returns has nobody to tell.
 */
void file_put(struct file *file)
{
	if (!atomic_dec_and_test(&file->refs))
		return;
	enter_driver(file);
	if (file->f_op && file->f_op->release)
		file->f_op->release(file->inode, file);
	chrdev_file_closed(file);
	inode_put(file->inode);
	kfree(file);
}

/*
 * A regular file has its lock held across the call, so that two readers of one
 * open file get different bytes.  For all others the position is a copy:
 * nothing is held while a driver may sleep.
 */
static loff_t pos_begin(struct file *file) __no_lock_analysis
{
	loff_t pos;

	mutex_lock(&file->lock);
	pos = file->f_pos;
	if (!inode_is(file->inode, S_IFREG))
		mutex_unlock(&file->lock);
	return pos;
}

/* Of two readers of a device that keeps a position the last one's counts. */
static void pos_end(struct file *file, loff_t old,
		    loff_t pos) __no_lock_analysis
{
	if (!inode_is(file->inode, S_IFREG)) {
		if (pos == old)
			return;
		mutex_lock(&file->lock);
	}
	file->f_pos = pos;
	mutex_unlock(&file->lock);
}

static bool may_read(const struct file *file)
{
	return (file->f_flags & O_ACCMODE) != O_WRONLY;
}

static bool may_write(const struct file *file)
{
	return (file->f_flags & O_ACCMODE) != O_RDONLY;
}

/*
 * f_op is loaded from the record, not from a slot: as long as the file is open
 * its module stays, closed or not.  The same in all that follow.
 */
ssize_t file_read(struct file *file, char __user *buf, size_t n)
{
	loff_t old, pos;
	ssize_t ret;

	if (!may_read(file))
		return -EBADF;
	if (inode_is(file->inode, S_IFDIR))
		return -EISDIR;
	if (!file->f_op->read)
		return -EINVAL;
	enter_driver(file);
	old = pos = pos_begin(file);
	ret = file->f_op->read(file, buf, min(n, (size_t)MAX_RW_COUNT), &pos);
	pos_end(file, old, pos);
	return ret;
}

ssize_t file_write(struct file *file, const char __user *buf, size_t n)
{
	loff_t old, pos;
	ssize_t ret;

	if (!may_write(file))
		return -EBADF;
	if (!file->f_op->write)
		return -EINVAL;
	enter_driver(file);
	old = pos = pos_begin(file);
	ret = file->f_op->write(file, buf, min(n, (size_t)MAX_RW_COUNT), &pos);
	pos_end(file, old, pos);
	return ret;
}

/*
 * The position of a file stays below FILE_MAX_SIZE, that of a directory, which
 * is a cookie, below 2^31: it lies in memory that is searched, and a user must
 * not be able to write an address of a module there (H09).  @offset is tried by
 * itself before it is added: a user chooses all of its bits.
 */
static loff_t seek_locked(struct file *file, loff_t offset, int whence)
{
	loff_t top = inode_is(file->inode, S_IFDIR) ? INT32_MAX : FILE_MAX_SIZE;
	loff_t base = 0;

	if (whence == SEEK_CUR)
		base = file->f_pos;
	else if (whence == SEEK_END && inode_is(file->inode, S_IFREG))
		base = READ_ONCE(file->inode->reg.size);
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < -top || offset > top)
		return -EINVAL;
	offset += base;
	if (offset < 0 || offset > top)
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

loff_t file_seek(struct file *file, loff_t offset, int whence)
{
	loff_t ret;

	if (!inode_is(file->inode, S_IFREG) && !inode_is(file->inode, S_IFDIR))
		return -ESPIPE;
	mutex_lock(&file->lock);
	ret = seek_locked(file, offset, whence);
	mutex_unlock(&file->lock);
	return ret;
}

long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (!file->f_op || !file->f_op->unlocked_ioctl)
		return -ENOTTY;
	enter_driver(file);
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

/* Who has no poll() never keeps anybody waiting (poll(2) of regular files). */
unsigned int file_poll(struct file *file, struct poll_table *pt)
{
	if (!file->f_op || !file->f_op->poll)
		return POLLIN | POLLOUT;
	enter_driver(file);
	return file->f_op->poll(file, pt);
}

/*
 * The position counts for regular files only; all else but a tty is refused by
 * regular_write_kernel().
 */
ssize_t file_write_kernel(struct file *file, const void *buf, size_t n)
{
	ssize_t ret;

	if (!may_write(file))
		return -EBADF;
	/* A tty's own write() expects user memory. */
	if (file->f_op == &tty_ops) {
		console_write(file->inode->chr.console, buf, n);
		return (ssize_t)n;
	}
	/* The other devices of the kernel's do not look at it (devnode.c). */
	if (inode_is(file->inode, S_IFCHR) && file->owner == MODULE_NONE)
		return file->f_op->write(file, NULL, n, &file->f_pos);
	mutex_lock(&file->lock);
	ret = regular_write_kernel(file, buf, n);
	mutex_unlock(&file->lock);
	return ret;
}

ssize_t file_read_kernel(struct file *file, void *buf, size_t n)
{
	ssize_t ret;

	if (!may_read(file))
		return -EBADF;
	mutex_lock(&file->lock);
	ret = inode_read_kernel(file->inode, buf, n, (uint32_t)file->f_pos);
	if (ret > 0)
		file->f_pos += ret;
	mutex_unlock(&file->lock);
	return ret;
}
