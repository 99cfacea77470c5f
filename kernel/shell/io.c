/*
 * What a command reads and writes: the console, or files it was given.  Text
 * is put together in the heap, in memory that is never searched, and not on a
 * kernel stack: it may hold whatever a user typed (H09).
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <dev/console.h>
#include <fs/file.h>
#include <mm/mm.h>
#include <sched/sched.h>
#include "shell.h"

/*
 * @from's files are shared and referenced, its buffer is not: two jobs may
 * write at once.
 */
int io_init(struct command_io *io, struct shell *shell,
	    const struct command_io *from)
{
	io->shell = shell;
	io->error = 0;
	io->in = from ? from->in : NULL;
	io->out = from ? from->out : NULL;
	io->buf = kmalloc(IO_BUFFER, GFP_KERNEL | GFP_DATA);
	if (!io->buf)
		return -ENOMEM;
	if (io->in)
		file_get(io->in);
	if (io->out)
		file_get(io->out);
	return 0;
}

/*
 * The job is closed twice: by its thread, and with its record.  The thread's is
 * the one that counts: a file of a module is given up when the command ends,
 * not when somebody has taken note of that.
 */
void io_release(struct command_io *io)
{
	if (io->in)
		file_put(io->in);
	if (io->out)
		file_put(io->out);
	kfree(io->buf);
	io->in = NULL;
	io->out = NULL;
	io->buf = NULL;
}

int io_path(const char *path, char **out)
{
	char *full = kmalloc(PATH_SIZE, GFP_KERNEL | GFP_DATA);
	int err;

	if (!full)
		return -ENOMEM;
	err = path_join("/", path, full, PATH_SIZE);
	if (err < 0) {
		kfree(full);
		return err;
	}
	*out = full;
	return 0;
}

int io_open(const char *path, unsigned int flags, struct file **out)
{
	char *full;
	int err = io_path(path, &full);

	if (err)
		return err;
	err = file_open_kernel(full, flags, 0644, out);
	kfree(full);
	return err;
}

/* The file that was there is put only when the other is open. */
int io_redirect(struct command_io *io, const char *path, unsigned int flags)
{
	bool input = (flags & O_ACCMODE) == O_RDONLY;
	struct file **place = input ? &io->in : &io->out;
	struct file *file;
	int err = io_open(path, flags, &file);

	if (err) {
		/* Nobody but a driver makes anything in /dev. */
		io_printf(io, "%s: %s (%s)\n", path,
			  err == -EACCES && strncmp(path, "/dev/", 5) == 0 ?
			  "there is no such device" : "cannot open it",
			  errno_name(err));
		return err;
	}
	if (*place)
		file_put(*place);
	*place = file;
	return 0;
}

/*
 * Input of any device, but output to a module's only: file_write_kernel() knows
 * the consoles, and the kernel's other devices drop what they get.
 */
bool io_needs_program(const struct command_io *io)
{
	return (io->in && inode_is(io->in->inode, S_IFCHR)) ||
	       (io->out && io->out->owner != MODULE_NONE);
}

/* ---- output ---- */

/* In pieces: each comes out whole, and others may write between two. */
static void console_output(struct console *console, const char *s, size_t n)
{
	while (n) {
		size_t part = min(n, (size_t)1024);

		console_write(console, s, part);
		s += part;
		n -= part;
	}
}

/* io_write() has no status to return: what failed is told in the end. */
static void file_output(struct command_io *io, const char *s, size_t n)
{
	while (n && !io->error) {
		ssize_t done = file_write_kernel(io->out, s, n);

		if (done <= 0) {
			io->error = done ? (int)done : -EIO;
			return;
		}
		s += done;
		n -= (size_t)done;
	}
}

void io_write(struct command_io *io, const char *s, size_t n)
{
	if (io->out)
		file_output(io, s, n);
	else
		console_output(io->shell->console, s, n);
}

int io_finish(struct command_io *io, const char *name, int status)
{
	int n;

	if (!io->error)
		return status;
	n = scnprintf(io->buf, IO_BUFFER,
		      "%s: what it printed could not be written (%s)\n", name,
		      errno_name(io->error));
	console_output(io->shell->console, io->buf, (size_t)n);
	return status ? status : io->error;
}

/* Through the job's one buffer, so by its thread only; longer texts are cut. */
static int io_vprintf(struct command_io *io, const char *fmt, va_list ap)
{
	int n = vscnprintf(io->buf, IO_BUFFER, fmt, ap);

	io_write(io, io->buf, (size_t)n);
	return n;
}

int io_printf(struct command_io *io, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = io_vprintf(io, fmt, ap);
	va_end(ap);
	return n;
}

int command_printf(struct command_call *call, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = io_vprintf(io_of(call), fmt, ap);
	va_end(ap);
	return n;
}
EXPORT_SYMBOL(command_printf);

/* ---- input ---- */

int io_copy(struct command_io *io, struct file *file)
{
	for (;;) {
		ssize_t n = file_read_kernel(file, io->buf, IO_BUFFER);

		if (n <= 0)
			return (int)n;
		io_write(io, io->buf, (size_t)n);
		if (signal_pending(current))
			return -EINTR;
	}
}

/* Copied, as the block of the file may have no room for the NUL. */
char *io_read_file(const char *path, size_t max, int *err)
{
	char *text;
	void *data;
	size_t size;

	*err = fs_read_file(path, &data, &size);
	if (*err)
		return NULL;
	text = size <= max ? kmalloc(size + 1, GFP_KERNEL | GFP_DATA) : NULL;
	if (text) {
		memcpy(text, data, size);
		text[size] = '\0';
	} else {
		*err = size <= max ? -ENOMEM : -EFBIG;
	}
	vfree(data);
	return text;
}
