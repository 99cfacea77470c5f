/*
 * What the files of this room tell each other.  All: process context.
 */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

#include <fs/file.h>

/* A name in a directory; it lives from tree_link_locked() to the unlink. */
struct dentry {
	struct list_head	link;	/* (t) dir->dir.entries */
	struct inode		*inode;	/* (t) referenced */
	uint32_t		cookie;	/* constant */
	char			name[];	/* constant */
};

/*
 * Adds @inode (a reference is taken) to @dir under a name that is free.  0, or
 * -ENOMEM with nothing changed.
 */
int tree_link_locked(struct inode *dir, const char *name, size_t len,
		     struct inode *inode) __must_hold(&fs_tree_lock);
/*
 * As a path, parents included; for boot, and so past the rule that nothing is
 * made in /dev.  -EEXIST, and what fs_mkdir() returns; parents stay.
 */
int tree_add(const char *path, struct inode *inode);
/* A directory at @path, and those above it; an existing one is fine. */
int tree_make_dirs(const char *path, size_t len);

/*
 * Kernel memory to the file's position, or to its end where it appends; it goes
 * on by what was written.  As inode_write_kernel(); file->lock held.
 */
ssize_t regular_write_kernel(struct file *file, const void *buf, size_t n);

/*
 * Never 0 until it wraps, below 2^31: as a cookie in /dev it stays in 32 bits.
 */
uint32_t inode_next_number(void);

#endif
