/*
 * The initrd becomes the tree.  Files refer to the archive for their content;
 * a page of it is copied when it is first written.
 */
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/cpio.h>
#include <fs/internal.h>

/*
 * A hard link has its content with the last of its names in this format; the
 * names before are files of no bytes here.
 */
static int add_file(const char *path, const struct cpio_entry *e)
{
	struct inode *inode;
	int err;

	if (e->size > FILE_MAX_SIZE)
		return -EFBIG;
	inode = inode_new(S_IFREG | (e->mode & 07777), &regular_file_ops);
	if (!inode)
		return -ENOMEM;
	inode->reg.image = e->data;
	inode->reg.image_size = e->size;
	inode->reg.size = e->size;
	err = tree_add(path, inode);
	inode_put(inode);
	return err;
}

/*
 * @path: room for PATH_SIZE.  Canonical, so that no name leads out of the root.
 * Other kinds of files than these two are none of ours: -EINVAL.  Modes of
 * directories are not heeded.
 */
static int add_entry(const struct cpio_entry *e, char *path)
{
	int err = path_join("/", e->name, path, PATH_SIZE);

	if (err)
		return err;
	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		return tree_make_dirs(path, strlen(path));
	case S_IFREG:
		return add_file(path, e);
	default:
		return -EINVAL;
	}
}

/*
 * An entry that cannot be had is left out, and the next one is tried: a machine
 * with most of its programs is of more use than none.  Damage ends it, as
 * nobody knows where the next header would be.
 */
int fs_unpack_initrd(const uint8_t *image, size_t size)
{
	char *path = kmalloc(PATH_SIZE, GFP_KERNEL | GFP_DATA);
	struct cpio_reader r;
	struct cpio_entry e;
	int ret;

	if (!path)
		return -ENOMEM;
	cpio_open(&r, image, size);
	while ((ret = cpio_next(&r, &e)) == 1) {
		int err = add_entry(&e, path);

		if (err)
			pr_warn("initrd: %.100s: left out: %s", e.name,
				errno_name(err));
	}
	if (ret)
		pr_err("initrd: damaged at offset %u of %u",
		       (unsigned int)r.offset, (unsigned int)size);
	kfree(path);
	return ret;
}
