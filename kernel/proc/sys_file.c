/*
 * System calls on files.  Arrays and paths of users are copied to the heap,
 * never to a kernel stack (H09).
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <mm/mm.h>
#include <proc/internal.h>
#include <proc/syscalls.h>

#define AT_FDCWD	(-100)
#define IOV_MAX		1024u

#define F_DUPFD		0
#define F_GETFD		1
#define F_SETFD		2
#define F_GETFL		3
#define F_SETFL		4
#define F_DUPFD_CLOEXEC	1030
#define FD_CLOEXEC	1

/*
 * There for as long as the process runs; its own task alone changes it.  Hence
 * no lock for the pointer; the table has its own.
 */
static struct file_table *files(void)
{
	return current->process->files;
}

/* ---- paths ---- */

/*
 * @raw and @path: room for PATH_SIZE each.  Not made canonical: ".." of what is
 * no directory has to fail, and the walk sees to that.  A byte beyond ASCII
 * passes here and is refused there.
 */
static int join_user_path(uint32_t user, char *raw, char *path)
{
	ssize_t n = strncpy_from_user(raw, (const char *)user, PATH_SIZE);
	int err;

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENOENT;
	if (raw[0] == '/') {
		memcpy(path, raw, (size_t)n + 1);
		return 0;
	}
	err = snprintf(path, PATH_SIZE, "%s/%s", current->process->cwd, raw);
	return err < (int)PATH_SIZE ? 0 : -ENAMETOOLONG;
}

int path_from_user(uint32_t user, char **path)
{
	char *raw = kmalloc(PATH_SIZE, GFP_KERNEL | GFP_DATA);
	char *joined = kmalloc(PATH_SIZE, GFP_KERNEL | GFP_DATA);
	int err = -ENOMEM;

	if (raw && joined)
		err = join_user_path(user, raw, joined);
	kfree(raw);
	if (err)
		kfree(joined);
	else
		*path = joined;
	return err;
}

/* One call on one path. */
static long on_path(uint32_t user, int (*fn)(const char *path))
{
	char *path;
	int err = path_from_user(user, &path);

	if (err)
		return err;
	err = fn(path);
	kfree(path);
	return err;
}

long sys_unlink(const struct syscall_args *args)
{
	return on_path(args->a[0], fs_unlink);
}

long sys_rmdir(const struct syscall_args *args)
{
	return on_path(args->a[0], fs_rmdir);
}

long sys_mkdir(const struct syscall_args *args)
{
	uint32_t mode = args->a[1] & ~current->process->umask;
	char *path;
	int err = path_from_user(args->a[0], &path);

	if (err)
		return err;
	err = fs_mkdir(path, mode);
	kfree(path);
	return err;
}

/*
 * Both are fetched before either is looked up: a bad address changes nothing.
 */
long sys_rename(const struct syscall_args *args)
{
	char *from, *to;
	int err = path_from_user(args->a[0], &from);

	if (err)
		return err;
	err = path_from_user(args->a[1], &to);
	if (!err) {
		err = fs_rename(from, to);
		kfree(to);
	}
	kfree(from);
	return err;
}

/*
 * There is one user, who may do everything: access(2) asks whether it exists.
 */
static int check_access(const char *path)
{
	struct inode *inode;
	int err = fs_lookup(path, &inode);

	if (!err)
		inode_put(inode);
	return err;
}

long sys_access(const struct syscall_args *args)
{
	return on_path(args->a[0], check_access);
}

/*
 * Kept as a name, not as an inode: a directory that is removed is -ENOENT from
 * then on.  Canonical, and checked to be ASCII by the look-up (H09).
 */
static int change_dir(const char *path)
{
	char cwd[CWD_SIZE];
	struct inode *inode;
	int err = fs_lookup(path, &inode);

	if (err)
		return err;
	err = inode_is(inode, S_IFDIR) ? 0 : -ENOTDIR;
	inode_put(inode);
	if (!err)
		err = path_join("/", path, cwd, sizeof(cwd));
	if (!err)
		memcpy(current->process->cwd, cwd, sizeof(cwd));
	return err;
}

long sys_chdir(const struct syscall_args *args)
{
	return on_path(args->a[0], change_dir);
}

/*
 * As Linux: the length with the NUL; -ERANGE tells getcwd(3) to come again with
 * more room.
 */
long sys_getcwd(const struct syscall_args *args)
{
	const char *cwd = current->process->cwd;
	size_t n = strlen(cwd) + 1;

	if (n > args->a[1])
		return -ERANGE;
	return copy_to_user((void *)args->a[0], cwd, n) ? -EFAULT : (long)n;
}

long sys_umask(const struct syscall_args *args)
{
	uint32_t old = current->process->umask;

	current->process->umask = args->a[0] & 0777;
	return (long)old;
}

/* ---- open and close ---- */

/*
 * A device may be opened only when nothing can fail any more: there is no way
 * to open it unseen.  Where its module is closed (-ERESTARTSYS) the descriptor
 * and, in open_path(), the path are given up before the wait at the boundary.
 */
static int open_reserved(int fd, const char *path, uint32_t flags,
			 uint32_t mode)
{
	struct file *file;
	int err = file_open(path, flags, mode & ~current->process->umask,
			    &file);

	if (err) {
		fd_unreserve(files(), fd);
		return err;
	}
	fd_install(files(), fd, file);
	return fd;
}

/* O_CLOEXEC is the descriptor's, all other flags are the open file's. */
static long open_path(uint32_t user, uint32_t flags, uint32_t mode)
{
	char *path;
	int fd, err = path_from_user(user, &path);

	if (err)
		return err;
	fd = fd_reserve(files(), 0, flags & O_CLOEXEC);
	if (fd >= 0)
		fd = open_reserved(fd, path, flags, mode);
	kfree(path);
	return fd;
}

long sys_open(const struct syscall_args *args)
{
	return open_path(args->a[0], args->a[1], args->a[2]);
}

long sys_creat(const struct syscall_args *args)
{
	return open_path(args->a[0], O_WRONLY | O_CREAT | O_TRUNC, args->a[1]);
}

/*
 * Relative to an open directory: not supported, by choice.  The byte is read
 * once more with the path; who changes it in between opens from his own working
 * directory, and no more.
 */
long sys_openat(const struct syscall_args *args)
{
	char first = '\0';

	if ((int)args->a[0] != AT_FDCWD) {
		if (copy_from_user(&first, (const void *)args->a[1], 1))
			return -EFAULT;
		if (first != '/')
			return -EINVAL;
	}
	return open_path(args->a[1], args->a[2], args->a[3]);
}

/*
 * Free in any case, as in Linux: what the driver's release() says has no effect
 * on that, and is not told.
 */
long sys_close(const struct syscall_args *args)
{
	return fd_close(files(), (int)args->a[0]);
}

/* The reference of the look-up becomes the new descriptor's. */
static long dup_from(int fd, uint32_t lowest, bool cloexec)
{
	struct file *file = fd_get(files(), fd);
	int new;

	if (!file)
		return -EBADF;
	new = fd_reserve(files(), lowest, cloexec);
	if (new >= 0)
		fd_install(files(), new, file);
	else
		file_put(file);
	return new;
}

/* fd_replace() takes a reference of its own: ours only spans the call. */
static long dup_to(int fd, int new, bool cloexec)
{
	struct file *file = fd_get(files(), fd);
	long ret;

	if (!file)
		return -EBADF;
	ret = fd_replace(files(), new, file, cloexec);
	file_put(file);
	return ret;
}

long sys_dup(const struct syscall_args *args)
{
	return dup_from((int)args->a[0], 0, false);
}

/* A descriptor on itself is but looked for (dup2(2)); dup3() refuses it. */
long sys_dup2(const struct syscall_args *args)
{
	if (args->a[0] != args->a[1])
		return dup_to((int)args->a[0], (int)args->a[1], false);
	return fd_get_cloexec(files(), (int)args->a[0]) < 0 ?
		-EBADF : (long)args->a[0];
}

long sys_dup3(const struct syscall_args *args)
{
	if (args->a[0] == args->a[1] || (args->a[2] & ~O_CLOEXEC))
		return -EINVAL;
	return dup_to((int)args->a[0], (int)args->a[1], args->a[2] != 0);
}

/*
 * Both descriptors are reserved before a pipe exists, and told to the user
 * before they are open: a bad address of his costs nothing.
 */
static long make_pipe(uint32_t user, uint32_t flags)
{
	struct file *ends[2];
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	fds[0] = fd_reserve(files(), 0, flags & O_CLOEXEC);
	if (fds[0] < 0)
		return fds[0];
	err = fds[1] = fd_reserve(files(), 0, flags & O_CLOEXEC);
	if (err < 0)
		goto unreserve_first;
	err = copy_to_user((void *)user, fds, sizeof(fds)) ? -EFAULT : 0;
	if (!err)
		err = pipe_create(flags, ends);
	if (err)
		goto unreserve_second;
	fd_install(files(), fds[0], ends[0]);
	fd_install(files(), fds[1], ends[1]);
	return 0;

unreserve_second:
	fd_unreserve(files(), fds[1]);
unreserve_first:
	fd_unreserve(files(), fds[0]);
	return err;
}

long sys_pipe(const struct syscall_args *args)
{
	return make_pipe(args->a[0], 0);
}

long sys_pipe2(const struct syscall_args *args)
{
	return make_pipe(args->a[0], args->a[1]);
}

/* ---- reading and writing ---- */

/*
 * The reference keeps the file open until the call is over.  So a close() on
 * the way, of a program that shares the file, does not release it under a
 * driver's feet.
 */
long sys_read(const struct syscall_args *args)
{
	struct file *file = fd_get(files(), (int)args->a[0]);
	long ret;

	if (!file)
		return -EBADF;
	ret = file_read(file, (char *)args->a[1], args->a[2]);
	file_put(file);
	return ret;
}

long sys_write(const struct syscall_args *args)
{
	struct file *file = fd_get(files(), (int)args->a[0]);
	long ret;

	if (!file)
		return -EBADF;
	ret = file_write(file, (const char *)args->a[1], args->a[2]);
	file_put(file);
	return ret;
}

struct iovec {
	uint32_t base, len;
};

/*
 * Ends at the first part that is not done in full.  As with read(2), an error
 * behind something that was done is not told: the next call meets it again.
 */
static long transfer_parts(struct file *file, const struct iovec *iov,
			   uint32_t n, bool write)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < n; i++) {
		char *base = (char *)iov[i].base;
		uint32_t len = min(iov[i].len, MAX_RW_COUNT - done);
		ssize_t ret;

		if (iov[i].len == 0)
			continue;
		/* As arguments are, and for the same reason (syscall.c). */
		if (iov[i].base >= USER_TOP || in_window(iov[i].len))
			return done ? (long)done : -EFAULT;
		if (len == 0)
			break;
		ret = write ? file_write(file, base, len)
			    : file_read(file, base, len);
		if (ret < 0)
			return done ? (long)done : ret;
		done += (uint32_t)ret;
		if ((uint32_t)ret < iov[i].len)
			break;
	}
	return (long)done;
}

/* The array is copied once: what is checked is what is used. */
static long transfer_vector(const struct syscall_args *args, bool write)
{
	uint32_t n = args->a[2];
	struct file *file;
	struct iovec *iov;
	long ret = -EBADF;

	if (n == 0 || n > IOV_MAX)
		return n ? -EINVAL : 0;
	iov = kmalloc(n * sizeof(*iov), GFP_KERNEL | GFP_DATA);
	if (!iov)
		return -ENOMEM;
	file = fd_get(files(), (int)args->a[0]);
	if (!file)
		goto free_iov;
	ret = -EFAULT;
	if (!copy_from_user(iov, (const void *)args->a[1], n * sizeof(*iov)))
		ret = transfer_parts(file, iov, n, write);
	file_put(file);
free_iov:
	kfree(iov);
	return ret;
}

long sys_readv(const struct syscall_args *args)
{
	return transfer_vector(args, false);
}

long sys_writev(const struct syscall_args *args)
{
	return transfer_vector(args, true);
}

static loff_t seek(int fd, loff_t offset, int whence)
{
	struct file *file = fd_get(files(), fd);
	loff_t ret;

	if (!file)
		return -EBADF;
	ret = file_seek(file, offset, whence);
	file_put(file);
	return ret;
}

/*
 * No file is larger than FILE_MAX_SIZE: a position that is too high for 32 bits
 * is refused, not cut.
 */
long sys_lseek(const struct syscall_args *args)
{
	return (long)seek((int)args->a[0], (int32_t)args->a[1],
			  (int)args->a[2]);
}

/*
 * Linux i386: offset high, offset low, where the result goes, whence.  What the
 * seek has moved stays moved where the result cannot be stored.
 */
long sys_llseek(const struct syscall_args *args)
{
	loff_t offset = (loff_t)((uint64_t)args->a[1] << 32 | args->a[2]);
	loff_t ret = seek((int)args->a[0], offset, (int)args->a[4]);

	if (ret < 0)
		return (long)ret;
	return copy_to_user((void *)args->a[3], &ret, sizeof(ret)) ?
		-EFAULT : 0;
}

/*
 * The length as Linux i386 hands it over, in two registers, the low half first.
 */
static long truncate_file(struct file *file, uint32_t low, uint32_t high)
{
	if ((file->f_flags & O_ACCMODE) == O_RDONLY ||
	    !inode_is(file->inode, S_IFREG))
		return -EINVAL;
	return high ? -EFBIG : inode_truncate(file->inode, low);
}

long sys_ftruncate64(const struct syscall_args *args)
{
	struct file *file = fd_get(files(), (int)args->a[0]);
	long ret;

	if (!file)
		return -EBADF;
	ret = truncate_file(file, args->a[1], args->a[2]);
	file_put(file);
	return ret;
}

long sys_ioctl(const struct syscall_args *args)
{
	struct file *file = fd_get(files(), (int)args->a[0]);
	long ret;

	if (!file)
		return -EBADF;
	ret = file_ioctl(file, args->a[1], args->a[2]);
	file_put(file);
	return ret;
}

/*
 * Shared with whoever shares the open file, a child for one (fcntl(2)).  No
 * lock: each store has both bits, so of two at once the last one counts.
 */
static long set_flags(int fd, uint32_t flags)
{
	struct file *file = fd_get(files(), fd);
	const uint32_t may = O_NONBLOCK | O_APPEND;

	if (!file)
		return -EBADF;
	WRITE_ONCE(file->f_flags, (file->f_flags & ~may) | (flags & may));
	file_put(file);
	return 0;
}

static long get_flags(int fd)
{
	struct file *file = fd_get(files(), fd);
	long ret;

	if (!file)
		return -EBADF;
	ret = (long)file->f_flags;
	file_put(file);
	return ret;
}

/*
 * Locks on files and owners of signals are not to be had: -EINVAL, as of a
 * command that nobody knows.
 */
long sys_fcntl64(const struct syscall_args *args)
{
	int fd = (int)args->a[0];
	uint32_t arg = args->a[2];

	switch (args->a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= FD_MAX)
			return -EINVAL;
		return dup_from(fd, arg, args->a[1] == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(files(), fd);
	case F_SETFD:
		return fd_set_cloexec(files(), fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return get_flags(fd);
	case F_SETFL:
		return set_flags(fd, arg);
	default:
		return -EINVAL;
	}
}

/*
 * A negative time is none (poll(2)).  Of no files it is a sleep, for which the
 * heap is asked for one entry, as it gives nothing for 0.
 */
long sys_poll(const struct syscall_args *args)
{
	uint32_t n = args->a[1];
	int32_t ms = (int32_t)args->a[2];
	struct pollfd *fds;
	struct stamp deadline = { 0, 0 };
	long ret = -EFAULT;

	if (n > FD_MAX)
		return -EINVAL;
	fds = kmalloc(max(n, 1u) * sizeof(*fds), GFP_KERNEL | GFP_DATA);
	if (!fds)
		return -ENOMEM;
	if (ms == 0)
		deadline = stamp_of(POLL_NO_WAIT);
	else if (ms > 0)
		deadline = stamp_in_ms((uint32_t)ms);
	if (copy_from_user(fds, (const void *)args->a[0], n * sizeof(*fds)))
		goto free_fds;
	ret = poll_files(files(), fds, n, deadline);
	if (ret >= 0 &&
	    copy_to_user((void *)args->a[0], fds, n * sizeof(*fds)))
		ret = -EFAULT;
free_fds:
	kfree(fds);
	return ret;
}

/* ---- what is known of a file ---- */

/* Linux i386, struct stat64 (asm/stat.h); 64-bit fields align to 4 there. */
struct stat64 {
	uint64_t	dev;
	uint32_t	pad0, ino32, mode, nlink, uid, gid;
	uint64_t	rdev;
	uint32_t	pad3;
	int64_t		size;
	uint32_t	blksize;
	uint64_t	blocks;
	uint32_t	atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint64_t	ino;
} __packed;

/*
 * Cleared first: times, owner and device number are told as 0, and no byte of
 * this stack gets out.
 */
static long stat_to_user(struct inode *inode, uint32_t user)
{
	struct kstat k;
	struct stat64 st;

	inode_stat(inode, &k);
	memset(&st, 0, sizeof(st));
	st.dev = 1;
	st.ino32 = k.ino;
	st.ino = k.ino;
	st.mode = k.mode;
	st.nlink = k.nlink;
	st.size = k.size;
	st.blksize = PAGE_SIZE;
	st.blocks = DIV_ROUND_UP(k.size, 512u);
	return copy_to_user((void *)user, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_stat64(const struct syscall_args *args)
{
	struct inode *inode;
	char *path;
	long err = path_from_user(args->a[0], &path);

	if (err)
		return err;
	err = fs_lookup(path, &inode);
	kfree(path);
	if (err)
		return err;
	err = stat_to_user(inode, args->a[1]);
	inode_put(inode);
	return err;
}

/* There are no links to stop at. */
long sys_lstat64(const struct syscall_args *args)
{
	return sys_stat64(args);
}

long sys_fstat64(const struct syscall_args *args)
{
	struct file *file = fd_get(files(), (int)args->a[0]);
	long err;

	if (!file)
		return -EBADF;
	err = stat_to_user(file->inode, args->a[1]);
	file_put(file);
	return err;
}

/* ---- directories ---- */

/* Linux, struct linux_dirent64. */
struct dirent64 {
	uint64_t	ino;
	int64_t		off;
	uint16_t	reclen;
	uint8_t		type;
	char		name[];
} __packed;

/* Positions: 0 is ".", 1 is "..", and above that a cookie + FIRST_COOKIE. */
#define FIRST_COOKIE	2u

struct dirent_buffer {
	uint8_t		*data;		/* GFP_DATA */
	size_t		size, used;
	uint32_t	next;		/* position after the last one */
	bool		full;		/* there was another */
};

/*
 * False: no room, and nothing was taken.  @next is where a listing goes on
 * behind this entry; the type is that of the mode, as dirent.h has it (IFTODT).
 */
static bool emit(struct dirent_buffer *b, const struct dir_entry *e,
		 uint32_t next)
{
	size_t len = strlen(e->name) + 1;
	size_t reclen = ALIGN_UP(sizeof(struct dirent64) + len, 8u);
	struct dirent64 *d = (struct dirent64 *)(b->data + b->used);

	b->full = reclen > b->size - b->used;
	if (b->full)
		return false;
	memset(d, 0, reclen);
	d->ino = e->ino;
	d->off = next;
	d->reclen = (uint16_t)reclen;
	d->type = (uint8_t)((e->mode & S_IFMT) >> 12);
	memcpy(d->name, e->name, len);
	b->used += reclen;
	b->next = next;
	return true;
}

static bool emit_entry(const struct dir_entry *e, void *arg)
{
	return emit(arg, e, e->cookie + FIRST_COOKIE);
}

/*
 * Both dots have the directory's own number: the parent may be asked for under
 * fs_tree_lock only, and who wants to go there says "..".
 */
static int fill_dirents(struct inode *dir, uint32_t pos,
			struct dirent_buffer *b)
{
	static const char *const dots[FIRST_COOKIE] = { ".", ".." };

	for (; pos < FIRST_COOKIE; pos++) {
		struct dir_entry e = { dots[pos], dir->ino, S_IFDIR, 0 };

		if (!emit(b, &e, pos + 1))
			return 0;
	}
	return fs_read_dir(dir, pos - FIRST_COOKIE, emit_entry, b);
}

/*
 * file->lock is held over the copy: two readers of one directory get different
 * entries, and the position moves only past those that have arrived.  The
 * entries come by way of the heap: they are emitted under fs_tree_lock, where a
 * copy to the user might sleep for a page.
 */
static long read_dirents(struct file *file, uint32_t user,
			 struct dirent_buffer *b)
{
	long ret;

	mutex_lock(&file->lock);
	b->next = (uint32_t)file->f_pos;
	ret = fill_dirents(file->inode, b->next, b);
	if (!ret && !b->used && b->full)
		ret = -EINVAL;
	if (!ret && copy_to_user((void *)user, b->data, b->used))
		ret = -EFAULT;
	if (!ret) {
		file->f_pos = b->next;
		ret = (long)b->used;
	}
	mutex_unlock(&file->lock);
	return ret;
}

/*
 * A page at a time, however large the buffer: a listing takes several calls in
 * any case, and ends with one that finds nothing.
 */
long sys_getdents64(const struct syscall_args *args)
{
	struct dirent_buffer b = { .size = min(args->a[2], PAGE_SIZE) };
	struct file *file = fd_get(files(), (int)args->a[0]);
	long ret = -ENOTDIR;

	if (!file)
		return -EBADF;
	if (!inode_is(file->inode, S_IFDIR))
		goto put_file;
	ret = -ENOMEM;
	b.data = kmalloc(PAGE_SIZE, GFP_KERNEL | GFP_DATA);
	if (!b.data)
		goto put_file;
	ret = read_dirents(file, args->a[1], &b);
	kfree(b.data);
put_file:
	file_put(file);
	return ret;
}
