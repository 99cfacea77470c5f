/*
 * Descriptor tables.  A descriptor is first reserved, so that what can fail
 * fails before a device is opened, and then filled, which cannot.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/internal.h>

static struct file_table *table_alloc(uint32_t size)
{
	struct file_table *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->fds = kzalloc(size * sizeof(*t->fds), GFP_KERNEL);
	if (!t->fds) {
		kfree(t);
		return NULL;
	}
	spin_lock_init(&t->lock, "file_table");
	t->size = size;
	return t;
}

struct file_table *file_table_new(void)
{
	return table_alloc(FD_START);
}

/* A reserved descriptor is another task's open() under way: not copied. */
static void copy_entries(struct file_table *to, const struct file_table *from)
{
	for (uint32_t fd = 0; fd < from->size; fd++) {
		if (!from->fds[fd].file)
			continue;
		to->fds[fd] = from->fds[fd];
		file_get(to->fds[fd].file);
	}
}

/*
 * Room is made without the lock; should the table have grown meanwhile, that
 * was for nothing.  Only the file's reference is new: position and flags are
 * shared (fork(2)), and close-on-exec goes along with the entry.
 */
struct file_table *file_table_copy(struct file_table *t)
{
	for (;;) {
		uint32_t size = READ_ONCE(t->size);
		struct file_table *copy = table_alloc(size);

		if (!copy)
			return NULL;
		spin_lock(&t->lock);
		if (t->size <= size) {
			copy_entries(copy, t);
			spin_unlock(&t->lock);
			return copy;
		}
		spin_unlock(&t->lock);
		file_table_free(copy);
	}
}

/* The caller is the last who knows @t: no lock, as releases may sleep. */
void file_table_free(struct file_table *t)
{
	for (uint32_t fd = 0; fd < t->size; fd++)
		if (t->fds[fd].file)
			file_put(t->fds[fd].file);
	kfree(t->fds);
	kfree(t);
}

/*
 * Doubles the table until it has more than @size.  -EMFILE, -ENOMEM.  Another
 * task may have done so meanwhile: then the smaller one goes.  Entries are read
 * under the lock only, so the old array can be freed at once.
 */
static int table_grow(struct file_table *t, uint32_t size)
{
	uint32_t want = FD_START;
	struct fd_entry *fds, *old;

	if (size >= FD_MAX)
		return -EMFILE;
	while (want <= size)
		want *= 2;
	fds = kzalloc(want * sizeof(*fds), GFP_KERNEL);
	if (!fds)
		return -ENOMEM;
	spin_lock(&t->lock);
	old = fds;
	if (t->size < want) {
		old = t->fds;
		memcpy(fds, old, t->size * sizeof(*fds));
		t->fds = fds;
		t->size = want;
	}
	spin_unlock(&t->lock);
	kfree(old);
	return 0;
}

/*
 * The lowest, as POSIX has it.  The mark is set now, and hides nothing: without
 * a file the entry is no open descriptor to any other call.
 */
static int reserve_locked(struct file_table *t, uint32_t min, bool cloexec)
{
	for (uint32_t fd = min; fd < t->size; fd++) {
		if (t->fds[fd].used)
			continue;
		t->fds[fd].used = true;
		t->fds[fd].cloexec = cloexec;
		return (int)fd;
	}
	return -EMFILE;
}

/*
 * Each time round the table has more room than the last, at the latest up to
 * FD_MAX: it ends, whoever takes what was made.
 */
int fd_reserve(struct file_table *t, uint32_t min, bool cloexec)
{
	for (;;) {
		uint32_t size;
		int fd, err;

		spin_lock(&t->lock);
		fd = reserve_locked(t, min, cloexec);
		size = t->size;
		spin_unlock(&t->lock);
		if (fd >= 0)
			return fd;
		err = table_grow(t, max(size, min));
		if (err)
			return err;
	}
}

/*
 * An assertion and no error: only who has reserved @fd fills it, or gives it
 * back.
 */
void fd_install(struct file_table *t, int fd, struct file *file)
{
	spin_lock(&t->lock);
	assert(t->fds[fd].used && !t->fds[fd].file);
	t->fds[fd].file = file;
	spin_unlock(&t->lock);
}

void fd_unreserve(struct file_table *t, int fd)
{
	spin_lock(&t->lock);
	assert(t->fds[fd].used && !t->fds[fd].file);
	t->fds[fd].used = false;
	spin_unlock(&t->lock);
}

/*
 * The entry of an open descriptor, or NULL.  @fd is a user's, and may be any
 * number.
 */
static struct fd_entry *entry_locked(struct file_table *t, int fd)
{
	assert_spin_held(&t->lock);
	if (fd < 0 || (uint32_t)fd >= t->size || !t->fds[fd].file)
		return NULL;
	return &t->fds[fd];
}

/*
 * The reference is taken while the entry still has its own: no close() comes
 * between.
 */
struct file *fd_get(struct file_table *t, int fd)
{
	struct fd_entry *e;
	struct file *file = NULL;

	spin_lock(&t->lock);
	e = entry_locked(t, fd);
	if (e) {
		file = e->file;
		file_get(file);
	}
	spin_unlock(&t->lock);
	return file;
}

bool file_table_peek(struct file_table *t, int *fd, struct file *copy)
{
	struct fd_entry *e = NULL;

	spin_lock(&t->lock);
	for (; !e && (uint32_t)*fd < t->size; ++*fd)
		e = entry_locked(t, *fd);
	if (e) {
		--*fd;
		/*
		 * No reference is needed: its entry keeps it while we hold the
		 * lock.
		 */
		memcpy(copy, e->file, sizeof(*copy));
		copy->f_op = NULL;
		copy->inode = NULL;
		copy->private_data = NULL;
	}
	spin_unlock(&t->lock);
	return e != NULL;
}

/*
 * The entry is free before the file is released, so that of two who close it
 * one finds it.
 */
int fd_close(struct file_table *t, int fd)
{
	struct fd_entry *e;
	struct file *file = NULL;

	spin_lock(&t->lock);
	e = entry_locked(t, fd);
	if (e) {
		file = e->file;
		e->file = NULL;
		e->used = false;
	}
	spin_unlock(&t->lock);
	if (!file)
		return -EBADF;
	/* Without the lock: the last reference calls a driver. */
	file_put(file);
	return 0;
}

/*
 * The old file goes and the new one comes in one step: nobody gets the number
 * in between (dup2(2)).  A table never shrinks, so what was seen of its size
 * without the lock stays true.
 */
int fd_replace(struct file_table *t, int fd, struct file *file, bool cloexec)
{
	struct file *old;
	int err = 0;

	if (fd < 0 || (uint32_t)fd >= FD_MAX)
		return -EBADF;
	if ((uint32_t)fd >= READ_ONCE(t->size))
		err = table_grow(t, (uint32_t)fd);
	if (err)
		return err;
	spin_lock(&t->lock);
	old = t->fds[fd].file;
	if (!old && t->fds[fd].used) {
		spin_unlock(&t->lock);
		return -EBUSY;		/* an open() under way has it */
	}
	file_get(file);
	t->fds[fd].file = file;
	t->fds[fd].used = true;
	t->fds[fd].cloexec = cloexec;
	spin_unlock(&t->lock);
	if (old)
		file_put(old);
	return fd;
}

int fd_get_cloexec(struct file_table *t, int fd)
{
	struct fd_entry *e;
	int ret = -EBADF;

	spin_lock(&t->lock);
	e = entry_locked(t, fd);
	if (e)
		ret = e->cloexec;
	spin_unlock(&t->lock);
	return ret;
}

int fd_set_cloexec(struct file_table *t, int fd, bool cloexec)
{
	struct fd_entry *e;

	spin_lock(&t->lock);
	e = entry_locked(t, fd);
	if (e)
		e->cloexec = cloexec;
	spin_unlock(&t->lock);
	return e ? 0 : -EBADF;
}

/*
 * One at a time, as a release may sleep.  The process opens nothing meanwhile:
 * it is here.
 */
void file_table_close_on_exec(struct file_table *t)
{
	for (uint32_t fd = 0; fd < READ_ONCE(t->size); fd++)
		if (fd_get_cloexec(t, (int)fd) == 1)
			fd_close(t, (int)fd);
}
