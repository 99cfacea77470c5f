/*
 * Regular files.  Content lies in pages that are made when they are first
 * written (GFP_DATA: users choose the bytes, and nobody looks for pointers
 * there).  Where there is no page, the file's image in the initrd shows
 * through, and beyond that zeros.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <fs/internal.h>

/*
 * One side of a copy is file content, the other a user's or the kernel's own
 * memory.  The functions return the bytes not copied, as uaccess.h has it.
 */
struct side {
	char	*buf;
	bool	user;
};

static size_t copy_out(const struct side *to, size_t at, const void *from,
		       size_t n)
{
	if (to->user)
		return copy_to_user(to->buf + at, from, n);
	memcpy(to->buf + at, from, n);
	return 0;
}

/*
 * Raw: where a user's memory ends the file keeps its bytes, and gets no zeros.
 */
static size_t copy_in(const struct side *from, size_t at, void *to, size_t n)
{
	if (from->user)
		return raw_copy_from_user(to, from->buf + at, n);
	memcpy(to, from->buf + at, n);
	return 0;
}

static const uint8_t zero_page[PAGE_SIZE];

/*
 * The bytes at @pos, as many as lie together there; *@n is cut to that.  They
 * stay where they are while inode->lock is held, a copy that sleeps included.
 */
static const void *content_at(const struct inode *inode, uint32_t pos,
			      size_t *n)
{
	uint32_t index = pos / PAGE_SIZE, offset = pos % PAGE_SIZE;

	*n = min(*n, (size_t)(PAGE_SIZE - offset));
	if (index < inode->reg.nr_pages && inode->reg.pages[index])
		return (const uint8_t *)inode->reg.pages[index] + offset;
	if (pos < inode->reg.image_size) {
		*n = min(*n, (size_t)(inode->reg.image_size - pos));
		return inode->reg.image + pos;
	}
	return zero_page + offset;
}

/* inode->lock held.  A copy that ends early tells what it did (read(2)). */
static ssize_t read_locked(struct inode *inode, const struct side *to,
			   size_t n, uint32_t pos)
{
	size_t done = 0;

	if (pos >= inode->reg.size)
		return 0;
	n = min(n, (size_t)(inode->reg.size - pos));
	while (done < n) {
		size_t part = n - done;
		const void *from = content_at(inode, pos + done, &part);
		size_t missing = copy_out(to, done, from, part);

		done += part - missing;
		if (missing)
			return done ? (ssize_t)done : -EFAULT;
	}
	return (ssize_t)done;
}

/*
 * Room for page @index in the table of pages.  It doubles, so that the copies
 * of a file that grows stay in proportion to it; nobody reads the table
 * without inode->lock.
 */
static int grow_table(struct inode *inode, uint32_t index)
{
	uint32_t want = max(8u, inode->reg.nr_pages);
	void **pages;

	if (index < inode->reg.nr_pages)
		return 0;
	while (want <= index)
		want *= 2;
	pages = kzalloc(want * sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	if (inode->reg.pages)
		memcpy(pages, inode->reg.pages,
		       inode->reg.nr_pages * sizeof(*pages));
	kfree(inode->reg.pages);
	inode->reg.pages = pages;
	inode->reg.nr_pages = want;
	return 0;
}

/*
 * The page at @index, made of what shows there if need be; NULL: no memory.
 * Beyond the file's end it holds zeros, always: a file that grows needs no
 * more.
 */
static uint8_t *page_to_write(struct inode *inode, uint32_t index)
{
	uint32_t start = index * PAGE_SIZE;
	uint8_t *page;

	if (grow_table(inode, index))
		return NULL;
	if (inode->reg.pages[index])
		return inode->reg.pages[index];
	page = kmalloc(PAGE_SIZE, GFP_KERNEL | GFP_DATA | __GFP_ZERO);
	if (!page)
		return NULL;
	if (start < inode->reg.image_size)
		memcpy(page, inode->reg.image + start,
		       min(PAGE_SIZE, inode->reg.image_size - start));
	inode->reg.pages[index] = page;
	return page;
}

/*
 * inode->lock held.  Less than @n where there is no memory, or a fault; what
 * was not written is as it was.
 */
static ssize_t write_locked(struct inode *inode, const struct side *from,
			    size_t n, uint32_t pos)
{
	size_t done = 0;
	int err = 0;

	if (pos >= FILE_MAX_SIZE)
		return -EFBIG;
	n = min(n, (size_t)(FILE_MAX_SIZE - pos));
	while (done < n && !err) {
		uint32_t at = pos + (uint32_t)done, offset = at % PAGE_SIZE;
		size_t part = min(n - done, (size_t)(PAGE_SIZE - offset));
		uint8_t *page = page_to_write(inode, at / PAGE_SIZE);
		size_t missing;

		if (!page) {
			err = -ENOSPC;
			break;
		}
		missing = copy_in(from, done, page + offset, part);
		done += part - missing;
		if (missing)
			err = -EFAULT;
	}
	if (done)
		inode->reg.size = max(inode->reg.size, pos + (uint32_t)done);
	return done ? (ssize_t)done : err;
}

/*
 * file->lock is held (file.c), which serialises @pos; inode->lock serialises
 * those who have opened the file apart.
 */
static ssize_t regular_read(struct file *file, char __user *buf, size_t n,
			    loff_t *pos)
{
	struct side to = { buf, true };
	ssize_t ret;

	mutex_lock(&file->inode->lock);
	ret = read_locked(file->inode, &to, n, (uint32_t)*pos);
	mutex_unlock(&file->inode->lock);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static ssize_t write_at(struct file *file, const struct side *from, size_t n,
			loff_t *pos)
{
	ssize_t ret;

	mutex_lock(&file->inode->lock);
	/* Under the lock: two who append do not overwrite each other. */
	if (file->f_flags & O_APPEND)
		*pos = file->inode->reg.size;
	ret = write_locked(file->inode, from, n, (uint32_t)*pos);
	mutex_unlock(&file->inode->lock);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static ssize_t regular_write(struct file *file, const char __user *buf,
			     size_t n, loff_t *pos)
{
	struct side from = { (char *)(uintptr_t)buf, true };

	return write_at(file, &from, n, pos);
}

ssize_t regular_write_kernel(struct file *file, const void *buf, size_t n)
{
	struct side from = { (char *)(uintptr_t)buf, false };

	if (!inode_is(file->inode, S_IFREG))
		return inode_is(file->inode, S_IFDIR) ? -EISDIR : -EINVAL;
	return write_at(file, &from, n, &file->f_pos);
}

const struct file_operations regular_file_ops = {
	.read	= regular_read,
	.write	= regular_write,
};

ssize_t inode_read_kernel(struct inode *inode, void *buf, size_t n,
			  uint32_t pos)
{
	struct side to = { buf, false };
	ssize_t ret;

	if (!inode_is(inode, S_IFREG))
		return inode_is(inode, S_IFDIR) ? -EISDIR : -EINVAL;
	mutex_lock(&inode->lock);
	ret = read_locked(inode, &to, n, pos);
	mutex_unlock(&inode->lock);
	return ret;
}

ssize_t inode_write_kernel(struct inode *inode, const void *buf, size_t n,
			   uint32_t pos)
{
	struct side from = { (char *)(uintptr_t)buf, false };
	ssize_t ret;

	if (!inode_is(inode, S_IFREG))
		return inode_is(inode, S_IFDIR) ? -EISDIR : -EINVAL;
	mutex_lock(&inode->lock);
	ret = write_locked(inode, &from, n, pos);
	mutex_unlock(&inode->lock);
	return ret;
}

/*
 * What lies beyond the new end reads as zeros if the file grows again.  The
 * only step of a truncation that can fail, hence the first.
 */
static int cut_last_page(struct inode *inode, uint32_t size)
{
	uint8_t *page;

	if (size % PAGE_SIZE == 0)
		return 0;
	page = page_to_write(inode, size / PAGE_SIZE);
	if (!page)
		return -ENOSPC;
	memset(page + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
	return 0;
}

static int truncate_locked(struct inode *inode, uint32_t size)
{
	uint32_t keep = DIV_ROUND_UP(size, PAGE_SIZE);
	int err = 0;

	if (size < inode->reg.size)
		err = cut_last_page(inode, size);
	if (err)
		return err;
	for (uint32_t i = keep; i < inode->reg.nr_pages; i++) {
		kfree(inode->reg.pages[i]);
		inode->reg.pages[i] = NULL;
	}
	/* Never shows through again, however the file grows. */
	inode->reg.image_size = min(inode->reg.image_size, size);
	inode->reg.size = size;
	return 0;
}

int inode_truncate(struct inode *inode, uint32_t size)
{
	int err;

	if (size > FILE_MAX_SIZE)
		return -EFBIG;
	mutex_lock(&inode->lock);
	err = truncate_locked(inode, size);
	mutex_unlock(&inode->lock);
	return err;
}

void inode_free_pages(struct inode *inode)
{
	for (uint32_t i = 0; i < inode->reg.nr_pages; i++)
		kfree(inode->reg.pages[i]);
	kfree(inode->reg.pages);
}
