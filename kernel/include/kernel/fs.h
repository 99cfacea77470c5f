/*
 * Files, as a driver sees them.  The kernel counts opens itself: there is no
 * owner field to forget, and no count to take in open().
 */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include <kernel/atomic.h>
#include <kernel/ktime.h>
#include <kernel/module_id.h>
#include <kernel/mutex.h>
#include <kernel/wait.h>

#define __user

struct file;
struct inode;
struct binding;
struct poll_table;

#define O_ACCMODE	00000003
#define O_RDONLY	00000000
#define O_WRONLY	00000001
#define O_RDWR		00000002
#define O_CREAT		00000100
#define O_EXCL		00000200
#define O_TRUNC		00001000
#define O_APPEND	00002000
#define O_NONBLOCK	00004000
#define O_DIRECTORY	00200000
#define O_CLOEXEC	02000000

#define POLLIN		0x0001u
#define POLLPRI		0x0002u
#define POLLOUT		0x0004u
#define POLLERR		0x0008u
#define POLLHUP		0x0010u
#define POLLNVAL	0x0020u

/*
 * All are called in process context, with preemption and interrupts on and no
 * kernel lock held; all may sleep; each is optional.  Errors are -errno;
 * -ERESTARTSYS from an interrupted wait is passed on as it is.
 */
struct file_operations {
	/* @file->private_data is the driver's from here to release(). */
	int (*open)(struct inode *inode, struct file *file);
	/* Once, when the last descriptor of an open file is closed. */
	int (*release)(struct inode *inode, struct file *file);
	ssize_t (*read)(struct file *file, char __user *buf, size_t n,
			loff_t *pos);
	ssize_t (*write)(struct file *file, const char __user *buf, size_t n,
			 loff_t *pos);
	/* The POLL* bits that hold, after poll_wait() on what may change. */
	unsigned int (*poll)(struct file *file, struct poll_table *pt);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd,
			       unsigned long arg);
};

/*
 * An open file, shared by all descriptors that refer to it.  A driver has it
 * for as long as one of its functions runs, and what it keeps of it is gone by
 * the end of release().
 *
 * Lock key: (c) constant after open  (l) this->lock  (d) the driver's
 */
struct file {
	atomic_t		refs;
	struct inode		*inode;		/* (c) */
	const struct file_operations *f_op;	/* (c) */
	unsigned int		f_flags;	/* (c) O_*; but F_SETFL stores
						 * O_NONBLOCK, O_APPEND */
	struct mutex		lock;		/* serialises f_pos */
	loff_t			f_pos;		/* (l) */
	void			*private_data;	/* (d) */
	module_id_t		owner;		/* (c) whose f_op; 0: kernel */
	pid_t			opener;		/* (c) for reports */
	struct stamp		since;		/* (c) */
	char			path[64];	/* (c) as opened, cut */
	struct list_head	of_devices;	/* fs/chrdev.c: all open ones */
};

/*
 * In a driver's poll(), before it looks: woken when @wq is.  @wq stays until
 * release().  May allocate, and sleep; without memory the poll() fails.
 */
void poll_wait(struct file *file, struct wait_queue_head *wq,
	       struct poll_table *pt);

/*
 * A character device /dev/NAME.  The name is copied; @fops stays the module's.
 * From module_register(); taken back in module_unregister().  0, -EEXIST,
 * -EINVAL for a name with a slash or none, -EPERM outside register, -ENOMEM.
 * Process context, may sleep.
 */
struct miscdevice {
	const char			*name;
	const struct file_operations	*fops;
};
int misc_register_owner(const struct miscdevice *misc, module_id_t owner);
#define misc_register(misc)	misc_register_owner(misc, THIS_MODULE)
/*
 * The device of that name is gone for newcomers; open files stay open.  What
 * @owner did not register is left alone, with a warning.
 */
void misc_deregister_owner(const struct miscdevice *misc, module_id_t owner);
#define misc_deregister(misc)	misc_deregister_owner(misc, THIS_MODULE)

#endif
