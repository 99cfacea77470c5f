/*
 * Inodes: their life from the first reference to the last.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/internal.h>

/*
 * For stat(2), and cookies in /dev: nothing is found by its number, so one that
 * comes again after 2^31 confuses no more than those who compare them.
 */
uint32_t inode_next_number(void)
{
	static atomic_t last;

	return (uint32_t)atomic_add_return(1, &last) & 0x7fffffff;
}

/* Zeros are right for all kinds but a directory: no pages, no name, no pipe. */
struct inode *inode_new(uint32_t mode, const struct file_operations *f_op)
{
	struct inode *inode = kzalloc(sizeof(*inode), GFP_KERNEL);

	if (!inode)
		return NULL;
	atomic_set(&inode->refs, 1);
	inode->ino = inode_next_number();
	inode->mode = mode;
	inode->f_op = f_op;
	mutex_init(&inode->lock, "inode");
	if (inode_is(inode, S_IFDIR))
		INIT_LIST_HEAD(&inode->dir.entries);
	return inode;
}

void inode_get(struct inode *inode)
{
	atomic_inc(&inode->refs);
}

/*
 * A name is a reference, so nobody can find it any more, and what it has is
 * freed without a lock.  A directory is empty: only such are unlinked.
 */
void inode_put(struct inode *inode)
{
	if (!atomic_dec_and_test(&inode->refs))
		return;
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		inode_free_pages(inode);
		break;
	case S_IFCHR:
		kfree(inode->chr.name);
		break;
	case S_IFIFO:
		pipe_free(inode->pipe);
		break;
	}
	kfree(inode);
}

/* A size that changes meanwhile is told as it was or will be: one word. */
void inode_stat(struct inode *inode, struct kstat *st)
{
	st->ino = inode->ino;
	st->mode = inode->mode;
	st->nlink = READ_ONCE(inode->nlink);
	st->size = inode_is(inode, S_IFREG) ? READ_ONCE(inode->reg.size) : 0;
}
