/*
 * Files inside the kernel: inodes, the tree of names, open files, descriptor
 * tables, and the calls on them that the system calls, execve() and the shell
 * are made of.
 *
 * Lock order of the room and of proc above it; each may be taken while those to
 * its left are held:
 *
 *	process_lock (spin)
 *	file->lock > fs_tree_lock > inode->lock > mm->lock
 *	file_table->lock (spin), a leaf
 *
 * None is held across a call into a driver's file_operations, and preemption
 * is on there.  Names of files are ASCII, by choice: they lie in memory that
 * is searched for addresses of modules, and no word of ASCII is one (H09).
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include <kernel/fs.h>
#include <kernel/ktime.h>
#include <kernel/list.h>
#include <kernel/spinlock.h>
#include <fs/path.h>

#define S_IFMT		0170000u
#define S_IFIFO		0010000u
#define S_IFCHR		0020000u
#define S_IFDIR		0040000u
#define S_IFREG		0100000u

#define SEEK_SET	0
#define SEEK_CUR	1
#define SEEK_END	2

#define PATH_SIZE	1024u		/* with the NUL */
#define NAME_LEN	255u
#define FILE_MAX_SIZE	(64u << 20)	/* of a regular file */
#define MAX_RW_COUNT	0x7ffff000u

struct pipe;
struct console;

/* ---- inodes ---- */

/*
 * What a name stands for.  A device of a module has no inode of its own: one
 * is made at each look at its name, and holds the name only.
 *
 * Lock key: (c) constant  (t) fs_tree_lock  (i) this->lock
 */
struct inode {
	atomic_t			refs;
	uint32_t			ino;	/* (c) */
	uint32_t			mode;	/* (c) S_IF* and permissions */
	uint32_t			nlink;	/* (t) */
	const struct file_operations	*f_op;	/* (c) the kernel's, or NULL */
	struct mutex			lock;
	union {
		struct {
			struct list_head entries;	/* (t) by cookie */
			struct inode	*parent;	/* (t) NULL: removed */
			uint32_t	next_cookie;	/* (t) */
			bool		has_devices;	/* (c) it is /dev */
		} dir;
		struct {
			void		**pages;	/* (i) NULL: hole */
			uint32_t	nr_pages;	/* (i) room in @pages */
			uint32_t	size;		/* (i) bytes */
			const uint8_t	*image;		/* (i) initrd, under */
			uint32_t	image_size;	/* (i) the holes */
		} reg;
		struct {
			const char	*name;		/* (c) owned */
			struct console	*console;	/* (c) of a tty */
		} chr;
		struct pipe		*pipe;		/* (c) owned */
	};
};

/* A new inode with one reference, nlink 0; NULL: no memory. */
struct inode *inode_new(uint32_t mode, const struct file_operations *f_op);
/* The caller has a reference, or fs_tree_lock and found it in the tree. */
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);	/* process context */

static inline bool inode_is(const struct inode *inode, uint32_t type)
{
	return (inode->mode & S_IFMT) == type;
}

/* What stat() tells; each number by itself is right, no lock is taken. */
struct kstat {
	uint32_t	ino, mode, nlink, size;
};
void inode_stat(struct inode *inode, struct kstat *st);

/* ---- the tree of names (tree.c, path.c) ---- */

/* Root, /dev and its fixed nodes, the boot modules' archives.  Boot, once. */
void fs_init(void);
/*
 * Unpacks a cpio archive (newc) into the tree.  @image stays where it is for
 * ever: files refer to it.  0, -EINVAL with the offset of the damage in the
 * log, -ENOMEM; what came before the damage is there.
 */
int fs_unpack_initrd(const uint8_t *image, size_t size);

/* Serialises all changes of names; process context. */
extern struct mutex fs_tree_lock;

/*
 * Paths are absolute, NUL-terminated and shorter than PATH_SIZE; "." and ".."
 * and runs of slashes may occur.  All: process context; -ENOENT, -ENOTDIR,
 * -ENAMETOOLONG, -EINVAL (a byte that is not ASCII), -ENOMEM and what they
 * name themselves.
 */
int fs_lookup(const char *path, struct inode **out);	/* referenced */
int fs_mkdir(const char *path, uint32_t mode);		/* -EEXIST */
int fs_unlink(const char *path);			/* -EISDIR, -EACCES */
int fs_rmdir(const char *path);		/* -ENOTEMPTY, -EBUSY, -EACCES */
/* Replaces @to; a directory only where @to is free.  -EISDIR, -EINVAL: into
 * itself. */
int fs_rename(const char *from, const char *to);
/*
 * As fs_lookup(), but a missing last name becomes a regular file of @mode; with
 * @excl one that is there is -EEXIST.
 */
int fs_lookup_or_create(const char *path, uint32_t mode, bool excl,
			struct inode **out);

/*
 * Calls @emit for the entries of @dir after @cookie (0: all), in the order of
 * their cookies, until it returns false; fs_tree_lock is held.
 */
struct dir_entry {
	const char	*name;
	uint32_t	ino, mode, cookie;
};
typedef bool (*dir_emit_fn)(const struct dir_entry *e, void *arg);
int fs_read_dir(struct inode *dir, uint32_t cookie, dir_emit_fn emit,
		void *arg);

/* ---- regular files (regular.c) ---- */

extern const struct file_operations regular_file_ops;
/*
 * To and from the kernel's own memory.  Bytes, 0 at the end of the file;
 * -EISDIR, -EINVAL for what is no regular file; writing also -EFBIG, -ENOSPC.
 * Less than @n where an error came later.  Process context; they take
 * inode->lock.
 */
ssize_t inode_read_kernel(struct inode *inode, void *buf, size_t n,
			  uint32_t pos);
ssize_t inode_write_kernel(struct inode *inode, const void *buf, size_t n,
			   uint32_t pos);
/*
 * A regular file gets @size bytes, new ones read as 0.  -EFBIG, -ENOSPC: it is
 * as it was.  Process context.
 */
int inode_truncate(struct inode *inode, uint32_t size);
/* inode_put()'s: nobody else has the inode. */
void inode_free_pages(struct inode *inode);

/* ---- open files (open.c, file.c) ---- */

/*
 * Opens the file at @path with O_* @flags; @mode for one it creates.  The file
 * with one reference in *@out.  -ERESTARTSYS: a device whose module is being
 * unloaded; all is given up, the caller returns to the system-call boundary.
 * Process context, no lock held.
 */
int file_open(const char *path, unsigned int flags, uint32_t mode,
	      struct file **out);
/*
 * An open file over @inode (a reference is taken), with one reference; @f_op is
 * released with it.  NULL: no memory.
 */
struct file *file_new(struct inode *inode, const struct file_operations *f_op,
		      unsigned int flags, const char *path);
/*
 * For callers that are no system call: waits where a module is being unloaded.
 * -EINTR where a deadly signal ends that.
 */
int file_open_kernel(const char *path, unsigned int flags, uint32_t mode,
		     struct file **out);
/* The caller has a reference, or the lock of a table that has. */
void file_get(struct file *file);
/* The last one releases it: process context, no lock held. */
void file_put(struct file *file);

/* As the system calls have them; user buffers.  Process context, no lock. */
ssize_t file_read(struct file *file, char __user *buf, size_t n);
ssize_t file_write(struct file *file, const char __user *buf, size_t n);
loff_t file_seek(struct file *file, loff_t offset, int whence);
long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
unsigned int file_poll(struct file *file, struct poll_table *pt);

/*
 * The kernel's own I/O (the shell's redirections): regular files and consoles;
 * -EINVAL for a device of a module, whose driver expects user memory.
 */
ssize_t file_write_kernel(struct file *file, const void *buf, size_t n);
ssize_t file_read_kernel(struct file *file, void *buf, size_t n);
/*
 * The whole of a regular file into vmalloc()ed memory, the caller's.  0, or
 * -errno (-EISDIR, -EINVAL of a device) with nothing stored.
 */
int fs_read_file(const char *path, void **data, size_t *size);

/* ---- open devices, for reports (chrdev.c) ---- */

struct open_note {
	pid_t		opener;
	struct stamp	since;
	char		path[64];
};
/* The @nth open file of @owner's devices, in whoever's hands; any context. */
bool chrdev_nth_open(module_id_t owner, uint32_t nth, struct open_note *note);
/* The first that @opener has opened; any context. */
bool chrdev_opened_by(module_id_t owner, pid_t opener, struct open_note *note);
/*
 * file_put()'s: the driver has released @file, which from here on has nothing
 * of the module and is not counted.  Any other file loses its operations only.
 */
void chrdev_file_closed(struct file *file);

/* ---- descriptors (fdtable.c) ---- */

#define FD_START	64u
#define FD_MAX		1024u

struct fd_entry {
	struct file	*file;		/* NULL: free, or reserved */
	bool		used;
	bool		cloexec;
};

/* Lock key: (f) this->lock */
struct file_table {
	struct spinlock	lock;
	uint32_t	size;		/* (f) */
	struct fd_entry	*fds;		/* (f) */
};

struct file_table *file_table_new(void);	/* NULL: no memory */
/* The files themselves are shared.  NULL: no memory.  Process context. */
struct file_table *file_table_copy(struct file_table *t);
/* Closes all files: process context, no lock held. */
void file_table_free(struct file_table *t);
/* The same of those so marked; the process itself calls it, in execve(). */
void file_table_close_on_exec(struct file_table *t);

/*
 * The lowest free descriptor from @min up; -EMFILE, -ENOMEM.  It stays the
 * caller's until he fills it or gives it back, and is no open file till then.
 */
int fd_reserve(struct file_table *t, uint32_t min, bool cloexec);
/* The caller's reference goes to the table. */
void fd_install(struct file_table *t, int fd, struct file *file);
void fd_unreserve(struct file_table *t, int fd);
/* With a reference, or NULL. */
struct file *fd_get(struct file_table *t, int fd);
int fd_close(struct file_table *t, int fd);		/* -EBADF */
/*
 * A look from outside: copies the first open file from descriptor *@fd up, sets
 * *@fd to its descriptor; false: no more.  The copy has no f_op, inode,
 * private_data; no reference is taken, so nobody else ends up closing it.  Any
 * context in which @t stays.
 */
bool file_table_peek(struct file_table *t, int *fd, struct file *copy);
/*
 * Makes @fd refer to @file (a reference is taken); closes what was there.  @fd,
 * or -EBADF, -ENOMEM, -EBUSY: reserved by an open() under way, as in dup2(2).
 * Process context, no lock held.
 */
int fd_replace(struct file_table *t, int fd, struct file *file, bool cloexec);
int fd_get_cloexec(struct file_table *t, int fd);	/* -EBADF */
int fd_set_cloexec(struct file_table *t, int fd, bool cloexec);

/* ---- pipes (pipe.c) ---- */

#define PIPE_BUF	4096u
#define PIPE_SIZE	16384u

/* Both ends, referenced; O_NONBLOCK in @flags counts for both. */
int pipe_create(unsigned int flags, struct file *ends[2]);
void pipe_free(struct pipe *pipe);	/* inode_put()'s */

/* ---- poll (poll.c) ---- */

/* As Linux i386 has it. */
struct pollfd {
	int32_t		fd;
	int16_t		events, revents;
};

/*
 * Sets revents of each; the number that have some, 0 at @deadline (of
 * ktime_get_ns(); 0: none; POLL_NO_WAIT), -EINTR, -ENOMEM.  @fds is kernel
 * memory (GFP_DATA).  Process context, no lock held.
 */
#define POLL_NO_WAIT	1u
int poll_files(struct file_table *t, struct pollfd *fds, uint32_t n,
	       struct stamp deadline);

/* ---- devices (chrdev.c, devnode.c) ---- */

/* 0, -ENOENT, or -ENOMEM; an inode that names the device. */
int chrdev_lookup(const char *name, size_t len, struct inode **out);
/*
 * @file is new.  0; what the driver's open() returned; -ENODEV, or -ERESTARTSYS
 * as slot_closed().  On failure nothing is left to release.
 */
int chrdev_open(struct inode *inode, struct file *file);
/* fs_read_dir()'s, for the devices after @cookie.  Always 0. */
int chrdev_read_dir(uint32_t cookie, dir_emit_fn emit, void *arg);
/* Entries of /dev above this are devices of modules. */
#define CHRDEV_COOKIE	0x40000000u

/* Boot, once.  0 or -ENOMEM. */
int devnodes_create(void);
extern const struct file_operations tty_ops;
/* Console @n (1 or 2) as an open file, for the shell's programs. */
int console_open(unsigned int n, struct file **out);

#endif
