/*
 * open(): from a path to an open file.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <fs/internal.h>
#include <sched/slot.h>

/* Flags that stay with the file; the rest did its work at the open. */
#define KEPT_FLAGS	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY)

static bool wants_to_write(unsigned int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/*
 * Before anything is looked up or made.  Access mode 3, which Linux keeps for
 * itself (open(2)), is none here; nor is a directory made by an open.
 */
static int check_flags(unsigned int flags)
{
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	return 0;
}

/* Before a device is opened, as far as the inode tells. */
static int check_kind(const struct inode *inode, unsigned int flags)
{
	bool is_dir = inode_is(inode, S_IFDIR);

	if (is_dir && (wants_to_write(flags) || (flags & O_CREAT)))
		return -EISDIR;
	if (!is_dir && (flags & O_DIRECTORY))
		return -ENOTDIR;
	return 0;
}

/* A device of a module is the inode without operations of the kernel's. */
static int open_inode(struct inode *inode, struct file *file)
{
	if (inode_is(inode, S_IFCHR) && !inode->f_op)
		return chrdev_open(inode, file);
	if (inode->f_op && inode->f_op->open)
		return inode->f_op->open(inode, file);
	return 0;
}

static int open_checked(struct inode *inode, unsigned int flags,
			const char *path, struct file **out)
{
	struct file *file;
	int err = check_kind(inode, flags);

	if (err)
		return err;
	file = file_new(inode, inode->f_op, flags & KEPT_FLAGS, path);
	if (!file)
		return -ENOMEM;
	err = open_inode(inode, file);
	if (!err && (flags & O_TRUNC) && wants_to_write(flags) &&
	    inode_is(inode, S_IFREG))
		err = inode_truncate(inode, 0);
	if (err) {
		/*
		 * What was not opened is not released.  Only regular files can
		 * fail after their open, and these have nothing to release.
		 */
		file->f_op = NULL;
		file_put(file);
		return err;
	}
	*out = file;
	return 0;
}

/*
 * A file that O_CREAT has made stays where there is no memory to open it: it is
 * empty, as the next open() would make it.  *@out is written on success only.
 */
int file_open(const char *path, unsigned int flags, uint32_t mode,
	      struct file **out)
{
	struct inode *inode;
	int err = check_flags(flags);

	if (err)
		return err;
	if (flags & O_CREAT)
		err = fs_lookup_or_create(path, mode, flags & O_EXCL, &inode);
	else
		err = fs_lookup(path, &inode);
	if (err)
		return err;
	err = open_checked(inode, flags, path, out);
	inode_put(inode);
	return err;
}

/* Holds nothing while it waits: file_open() has given up all that it had. */
int file_open_kernel(const char *path, unsigned int flags, uint32_t mode,
		     struct file **out)
{
	for (;;) {
		int err = file_open(path, flags, mode, out);

		if (err != -ERESTARTSYS)
			return err;
		if (!slot_wait_outcome())
			return -EINTR;
	}
}

int fs_read_file(const char *path, void **data, size_t *size)
{
	struct inode *inode;
	struct kstat st;
	void *content;
	ssize_t n = -ENOMEM;
	int err = fs_lookup(path, &inode);

	if (err)
		return err;
	/* Should the file change meanwhile, *@size is what was read. */
	inode_stat(inode, &st);
	content = vmalloc(ALIGN_UP(max(st.size, 1u), PAGE_SIZE));
	if (content)
		n = inode_read_kernel(inode, content, st.size, 0);
	inode_put(inode);
	if (n < 0) {
		vfree(content);
		return (int)n;
	}
	*data = content;
	*size = (size_t)n;
	return 0;
}
