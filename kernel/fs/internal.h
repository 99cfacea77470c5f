/*
 * What the files of this room tell each other.
 */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

#include <fs/file.h>

/* A name in a directory. */
struct dentry {
	struct list_head	link;	/* (t) dir->dir.entries */
	struct inode		*inode;	/* (t) referenced */
	uint32_t		cookie;	/* constant */
	char			name[];	/* constant */
};

/* Adds @inode (a reference is taken) to @dir under a name that is free. */
int tree_link_locked(struct inode *dir, const char *name, size_t len,
		     struct inode *inode) __must_hold(&fs_tree_lock);
/* As a path, parents included; for boot. */
int tree_add(const char *path, struct inode *inode);
/* A directory at @path, and those above it; an existing one is fine. */
int tree_make_dirs(const char *path, size_t len);

uint32_t inode_next_number(void);

#endif
