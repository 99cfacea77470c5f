/*
 * The tree of names.  One mutex guards all of it: a walk is a handful of list
 * searches, nobody sleeps long under it, and rename() needs no lock order
 * among directories.  The names of modules' devices are not in the tree: /dev
 * asks for them at each look (chrdev.c), so that nothing here points at a
 * module.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/internal.h>
#include <x86/machine.h>
#include <x86/paging.h>

DEFINE_MUTEX(fs_tree_lock);

static struct inode *root;

/* Where a walk has come to: the directory, and the last name, not looked up. */
struct walk {
	struct inode	*dir;	/* not referenced: fs_tree_lock is held */
	const char	*name;	/* in the path; length 0: the directory */
	size_t		len;
	bool		slash;	/* one follows the name */
};

/*
 * @name is not terminated.  d->name[len] is read only behind @len equal bytes,
 * none of which is a NUL, and so lies inside.
 */
static struct dentry *find_entry(struct inode *dir, const char *name,
				 size_t len)
{
	struct dentry *d;

	list_for_each_entry(d, &dir->dir.entries, link)
		if (!strncmp(d->name, name, len) && d->name[len] == '\0')
			return d;
	return NULL;
}

/*
 * Of any length up to NAME_LEN, 0 too, and ASCII: it will lie in memory that is
 * searched (H09).
 */
static int check_name(const char *name, size_t len)
{
	if (len > NAME_LEN)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)name[i] >= 0x80)
			return -EINVAL;
	return 0;
}

static bool is_dots(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') ||
	       (len == 2 && name[0] == '.' && name[1] == '.');
}

/*
 * One step down; the result is in the tree, hence not referenced: fs_tree_lock
 * keeps it there.
 */
static int step(struct inode *dir, const char *name, size_t len,
		struct inode **out)
{
	struct dentry *d;
	int err = check_name(name, len);

	if (err)
		return err;
	if (!inode_is(dir, S_IFDIR))
		return -ENOTDIR;
	*out = dir;
	if (len == 1 && name[0] == '.')
		return 0;
	if (is_dots(name, len)) {
		*out = dir->dir.parent;
		return *out ? 0 : -ENOENT;
	}
	d = find_entry(dir, name, len);
	if (!d)
		return -ENOENT;
	*out = d->inode;
	return 0;
}

/*
 * Everything but the last name is looked up.  0 and *@w, valid under the lock;
 * or what the way there says: -ENOENT, -ENOTDIR, -ENAMETOOLONG, -EINVAL.
 *
 * A path of slashes alone, or of nothing, leaves the root and length 0.  What
 * follows the last name, slashes at most, is kept for who has to refuse it.
 */
static int walk_parent(const char *path, struct walk *w)
{
	assert_mutex_held(&fs_tree_lock);
	w->dir = root;
	for (;;) {
		int err;

		while (*path == '/')
			path++;
		w->name = path;
		while (*path && *path != '/')
			path++;
		w->len = (size_t)(path - w->name);
		w->slash = *path == '/';
		while (*path == '/')
			path++;
		if (!*path)
			break;
		err = step(w->dir, w->name, w->len, &w->dir);
		if (err)
			return err;
	}
	if (!inode_is(w->dir, S_IFDIR))
		return -ENOTDIR;
	return check_name(w->name, w->len);
}

/*
 * The last name of a walk, referenced.  In /dev what is no fixed node may be a
 * module's device: slots are looked up under fs_tree_lock, and never the other
 * way round.
 */
static int walk_last(const struct walk *w, struct inode **out)
{
	int err = 0;

	*out = w->dir;
	if (w->len)
		err = step(w->dir, w->name, w->len, out);
	if (!err)
		inode_get(*out);
	else if (err == -ENOENT && w->dir->dir.has_devices)
		err = chrdev_lookup(w->name, w->len, out);
	if (err)
		return err;
	if (w->slash && !inode_is(*out, S_IFDIR)) {
		inode_put(*out);
		return -ENOTDIR;
	}
	return 0;
}

int fs_lookup(const char *path, struct inode **out)
{
	struct walk w;
	int err;

	mutex_lock(&fs_tree_lock);
	err = walk_parent(path, &w);
	if (!err)
		err = walk_last(&w, out);
	mutex_unlock(&fs_tree_lock);
	return err;
}

int tree_link_locked(struct inode *dir, const char *name, size_t len,
		     struct inode *inode)
{
	struct dentry *d = kmalloc(sizeof(*d) + len + 1, GFP_KERNEL);

	if (!d)
		return -ENOMEM;
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->cookie = ++dir->dir.next_cookie;
	d->inode = inode;
	inode_get(inode);
	inode->nlink++;
	if (inode_is(inode, S_IFDIR))
		inode->dir.parent = dir;
	list_add_tail(&d->link, &dir->dir.entries);
	return 0;
}

/* Open files keep the inode; a name is all that goes. */
static void unlink_entry(struct dentry *d)
{
	list_del(&d->link);
	d->inode->nlink--;
	inode_put(d->inode);
	kfree(d);
}

/*
 * May a name be made there, and which inode has it already (referenced, or
 * NULL)?  *@w is where, and stays true while the lock is held.  Of a name in
 * /dev @old may be a module's device, which is in no tree and lives by the
 * reference alone.
 */
static int walk_for_new(const char *path, struct walk *w, struct inode **old)
{
	int err = walk_parent(path, w);

	*old = NULL;
	if (err)
		return err;
	err = walk_last(w, old);
	if (err == 0)
		return 0;
	*old = NULL;
	if (err != -ENOENT)
		return err;
	if (is_dots(w->name, w->len) || !w->dir->dir.parent)
		return -ENOENT;
	return w->dir->dir.has_devices ? -EACCES : 0;
}

/*
 * As open(2): what is there is not touched, and with @excl refused; a name with
 * a slash behind it stands for a directory, which is not made here.
 */
int fs_lookup_or_create(const char *path, uint32_t mode, bool excl,
			struct inode **out)
{
	struct walk w;
	struct inode *inode = NULL;
	int err;

	mutex_lock(&fs_tree_lock);
	err = walk_for_new(path, &w, &inode);
	if (err || inode) {
		if (inode && excl) {
			inode_put(inode);
			err = -EEXIST;
		}
		goto unlock;
	}
	err = w.slash ? -EISDIR : -ENOMEM;
	if (!w.slash)
		inode = inode_new(S_IFREG | (mode & 07777), &regular_file_ops);
	if (!inode)
		goto unlock;
	err = tree_link_locked(w.dir, w.name, w.len, inode);
	if (err)
		inode_put(inode);
unlock:
	mutex_unlock(&fs_tree_lock);
	if (!err)
		*out = inode;
	return err;
}

/*
 * The entry at the end of @path where it is one that may be taken away: not the
 * root, not "." or "..", nothing in /dev.
 */
static int walk_entry(const char *path, struct walk *w, struct dentry **d)
{
	int err = walk_parent(path, w);

	if (err)
		return err;
	if (w->len == 0)
		return -EBUSY;
	if (is_dots(w->name, w->len))
		return -EINVAL;
	*d = find_entry(w->dir, w->name, w->len);
	if (w->dir->dir.has_devices)
		return -EACCES;
	return *d ? 0 : -ENOENT;
}

/*
 * nlink counts names: neither a directory's own "." nor its children's ".." is
 * one.
 */
static int mkdir_locked(const char *path, uint32_t mode)
	__must_hold(&fs_tree_lock)
{
	struct walk w;
	struct inode *inode;
	int err = walk_for_new(path, &w, &inode);

	if (inode) {
		inode_put(inode);
		return -EEXIST;
	}
	if (err)
		return err;
	inode = inode_new(S_IFDIR | (mode & 07777), NULL);
	if (!inode)
		return -ENOMEM;
	err = tree_link_locked(w.dir, w.name, w.len, inode);
	inode_put(inode);
	return err;
}

int fs_mkdir(const char *path, uint32_t mode)
{
	int err;

	mutex_lock(&fs_tree_lock);
	err = mkdir_locked(path, mode);
	mutex_unlock(&fs_tree_lock);
	return err;
}

int fs_unlink(const char *path)
{
	struct walk w;
	struct dentry *d;
	int err;

	mutex_lock(&fs_tree_lock);
	err = walk_entry(path, &w, &d);
	if (!err && inode_is(d->inode, S_IFDIR))
		err = -EISDIR;
	if (!err && w.slash)
		err = -ENOTDIR;
	if (!err)
		unlink_entry(d);
	mutex_unlock(&fs_tree_lock);
	return err;
}

static int rmdir_locked(const char *path)
{
	struct walk w;
	struct dentry *d;
	int err = walk_entry(path, &w, &d);

	if (err)
		return err;
	if (!inode_is(d->inode, S_IFDIR))
		return -ENOTDIR;
	if (!list_empty(&d->inode->dir.entries))
		return -ENOTEMPTY;
	if (d->inode->dir.has_devices)
		return -EBUSY;
	/* Somebody may have it open: nothing is made in it any more. */
	d->inode->dir.parent = NULL;
	unlink_entry(d);
	return 0;
}

int fs_rmdir(const char *path)
{
	int err;

	mutex_lock(&fs_tree_lock);
	err = rmdir_locked(path);
	mutex_unlock(&fs_tree_lock);
	return err;
}

/*
 * @dir is @inode or lies below it.  @dir was reached from the root under the
 * lock that is held, so the way up ends there.
 */
static bool lies_below(const struct inode *dir, const struct inode *inode)
{
	for (; dir != inode; dir = dir->dir.parent)
		if (dir == root)
			return false;
	return true;
}

/*
 * May @inode take the name where @to ended?  @old has it, or is NULL; a
 * module's device, which nobody holds any more, is refused by its directory
 * before @old is followed.  A directory replaces nothing, by choice: rename(2)
 * allows it where @old is empty.
 */
static int check_rename(const struct inode *inode, const struct walk *to,
			const struct inode *old)
{
	bool is_dir = inode_is(inode, S_IFDIR);

	if (to->dir->dir.has_devices || (is_dir && inode->dir.has_devices))
		return -EBUSY;
	if (old && inode_is(old, S_IFDIR))
		return is_dir ? -EEXIST : -EISDIR;
	if (is_dir && old)
		return -ENOTDIR;
	if (is_dir && lies_below(to->dir, inode))
		return -EINVAL;
	return 0;
}

static int rename_locked(const char *from, const char *to)
	__must_hold(&fs_tree_lock)
{
	struct walk src, dst;
	struct dentry *d, *replaced;
	struct inode *old;
	int err = walk_entry(from, &src, &d);

	if (err)
		return err;
	err = walk_for_new(to, &dst, &old);
	if (err)
		return err;
	if (old)
		inode_put(old);		/* the tree holds it on */
	if ((src.slash || dst.slash) && !inode_is(d->inode, S_IFDIR))
		return -ENOTDIR;
	if (old == d->inode)
		return 0;
	err = check_rename(d->inode, &dst, old);
	if (err)
		return err;
	/*
	 * The new name comes before the old ones go: where there is no memory
	 * for it nothing has changed, and nobody looks meanwhile.
	 */
	replaced = old ? find_entry(dst.dir, dst.name, dst.len) : NULL;
	err = tree_link_locked(dst.dir, dst.name, dst.len, d->inode);
	if (err)
		return err;
	if (replaced)
		unlink_entry(replaced);
	unlink_entry(d);
	return 0;
}

int fs_rename(const char *from, const char *to)
{
	int err;

	mutex_lock(&fs_tree_lock);
	err = rename_locked(from, to);
	mutex_unlock(&fs_tree_lock);
	return err;
}

/*
 * Cookies only grow, so a listing in several calls meets every name that was
 * there all the time once, whatever comes and goes meanwhile.  The devices'
 * cookies lie above all that the entries here have.
 */
static int read_dir_locked(struct inode *dir, uint32_t cookie,
			   dir_emit_fn emit, void *arg)
{
	struct dentry *d;

	list_for_each_entry(d, &dir->dir.entries, link) {
		struct dir_entry e = { d->name, d->inode->ino, d->inode->mode,
				       d->cookie };

		if (d->cookie > cookie && !emit(&e, arg))
			return 0;
	}
	return dir->dir.has_devices ? chrdev_read_dir(cookie, emit, arg) : 0;
}

int fs_read_dir(struct inode *dir, uint32_t cookie, dir_emit_fn emit,
		void *arg)
{
	int err;

	if (!inode_is(dir, S_IFDIR))
		return -ENOTDIR;
	mutex_lock(&fs_tree_lock);
	err = read_dir_locked(dir, cookie, emit, arg);
	mutex_unlock(&fs_tree_lock);
	return err;
}

/* ---- boot ---- */

/*
 * Of a file in the way -EEXIST says no more: what is to go below it is refused
 * by the next step.
 */
int tree_make_dirs(const char *path, size_t len)
{
	char *part = kmalloc(len + 1, GFP_KERNEL | GFP_DATA);
	int err = 0;

	if (!part)
		return -ENOMEM;
	for (size_t i = 1; i <= len && !err; i++) {
		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		err = fs_mkdir(part, 0755);
		if (err == -EEXIST)
			err = 0;
	}
	kfree(part);
	return err;
}

/* The first "/" at least is there: all paths here are absolute. */
int tree_add(const char *path, struct inode *inode)
{
	struct walk w;
	struct inode *old;
	int err = tree_make_dirs(path, (size_t)(strrchr(path, '/') - path));

	if (err)
		return err;
	mutex_lock(&fs_tree_lock);
	err = walk_for_new(path, &w, &old);
	if (err == -EACCES)		/* the fixed nodes of /dev */
		err = 0;
	if (old) {
		inode_put(old);
		err = -EEXIST;
	}
	if (!err)
		err = tree_link_locked(w.dir, w.name, w.len, inode);
	mutex_unlock(&fs_tree_lock);
	return err;
}

/* One that is damaged keeps nobody from the others; the log has it. */
static void unpack_boot_modules(void)
{
	for (uint32_t i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];

		if (m->end <= m->start || m->end > DIRECT_MAP_SIZE)
			pr_err("initrd: boot module %u lies out of reach", i);
		else
			fs_unpack_initrd(phys_to_virt(m->start),
					 m->end - m->start);
	}
}

void fs_init(void)
{
	struct inode *dev = inode_new(S_IFDIR | 0755, NULL);

	root = inode_new(S_IFDIR | 0755, NULL);
	if (!root || !dev)
		panic("fs: no memory for the root");
	/* So ".." of the root stays there, and every way up ends. */
	root->nlink = 1;
	root->dir.parent = root;
	dev->dir.has_devices = true;
	if (tree_add("/dev", dev) || devnodes_create())
		panic("fs: no memory for /dev");
	inode_put(dev);
	unpack_boot_modules();
}
