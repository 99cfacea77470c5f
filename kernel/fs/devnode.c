/*
 * The devices that are the kernel's own: null, zero, full and the consoles.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <dev/console.h>
#include <fs/internal.h>
#include <sched/sched.h>

/* ---- null, zero and full ---- */

/*
 * null(4), zero(4): nothing to read, and all writing succeeds unread, a bad
 * address included.  None of these writes looks at its buffer: they are called
 * for the kernel's own output, too (file_write_kernel).
 */
static ssize_t null_read(struct file *file, char __user *buf, size_t n,
			 loff_t *pos)
{
	(void)file, (void)buf, (void)n, (void)pos;
	return 0;
}

static ssize_t null_write(struct file *file, const char __user *buf, size_t n,
			  loff_t *pos)
{
	(void)file, (void)buf, (void)pos;
	return (ssize_t)n;
}

/* What was there before a fault or a signal counts, as in read(2). */
static ssize_t zero_read(struct file *file, char __user *buf, size_t n,
			 loff_t *pos)
{
	static const uint8_t zeros[PAGE_SIZE];
	size_t done = 0;

	(void)file, (void)pos;
	while (done < n) {
		size_t part = min(n - done, sizeof(zeros));

		if (copy_to_user(buf + done, zeros, part))
			return done ? (ssize_t)done : -EFAULT;
		done += part;
		if (signal_pending(current))
			break;
	}
	return (ssize_t)done;
}

/* full(4). */
static ssize_t full_write(struct file *file, const char __user *buf, size_t n,
			  loff_t *pos)
{
	(void)file, (void)buf, (void)pos;
	return n ? -ENOSPC : 0;
}

static const struct file_operations null_ops = {
	.read	= null_read,
	.write	= null_write,
};

static const struct file_operations zero_ops = {
	.read	= zero_read,
	.write	= null_write,
};

static const struct file_operations full_ops = {
	.read	= zero_read,
	.write	= full_write,
};

/* ---- consoles ---- */

/*
 * One line at a time, with echo and erasing, as the shell's user expects it.
 * The line is the reader's own: two readers share a console byte by byte.
 */
#define TTY_LINE	256u
#define CTRL_D		4
#define BACKSPACE	8
#define DELETE		127

/* A byte; -EAGAIN of O_NONBLOCK; -ERESTARTSYS, by a deadly signal only. */
static int getc_for(struct file *file, struct console *con)
{
	int c;

	if (!(file->f_flags & O_NONBLOCK))
		return console_getc(con, NO_DEADLINE);
	/* A time that has passed; 0 would be no deadline. */
	c = console_getc(con, stamp_of(1));
	return c == -ETIMEDOUT ? -EAGAIN : c;
}

/*
 * Bytes in @line, 0 at the end of input, or the error if there are none.  Of an
 * error behind some bytes nothing is told: it comes again, or is over.  Ctrl-D
 * behind something hands that over without a newline, and is the end where it
 * stands alone, as VEOF of termios(3).
 */
static ssize_t read_line(struct file *file, char *line, size_t max_len)
{
	struct console *con = file->inode->chr.console;
	size_t len = 0;

	while (len < max_len) {
		int c = getc_for(file, con);
		char byte = (char)c;

		if (c < 0)
			return len ? (ssize_t)len : c;
		if (c == CTRL_D)
			break;
		if (c == BACKSPACE || c == DELETE) {
			if (len) {
				len--;
				console_write(con, "\b \b", 3);
			}
			continue;
		}
		if (c == '\r')
			byte = '\n';
		console_write(con, &byte, 1);
		line[len++] = byte;
		if (byte == '\n')
			break;
	}
	return (ssize_t)len;
}

/*
 * What is more than @n, or than a line has, stays typed for the next read.  A
 * line that cannot be stored is lost.
 */
static ssize_t tty_read(struct file *file, char __user *buf, size_t n,
			loff_t *pos)
{
	char *line;
	ssize_t len;

	(void)pos;
	if (n == 0)
		return 0;
	/* The reader sleeps with it half filled: not on the stack (H09). */
	line = kmalloc(TTY_LINE, GFP_KERNEL | GFP_DATA);
	if (!line)
		return -ENOMEM;
	len = read_line(file, line, min(n, (size_t)TTY_LINE));
	if (len > 0 && copy_to_user(buf, line, (size_t)len))
		len = -EFAULT;
	kfree(line);
	return len;
}

/*
 * A page in one piece: it is copied before the console's mutex is taken, so
 * that no page fault of one program keeps another's output waiting.  A signal
 * ends it behind such a piece.
 */
static ssize_t tty_write(struct file *file, const char __user *buf, size_t n,
			 loff_t *pos)
{
	size_t done = 0;
	char *part = kmalloc(PAGE_SIZE, GFP_KERNEL | GFP_DATA);

	(void)pos;
	if (!part)
		return -ENOMEM;
	while (done < n) {
		size_t len = min(n - done, (size_t)PAGE_SIZE);

		if (copy_from_user(part, buf + done, len))
			break;
		console_write(file->inode->chr.console, part, len);
		done += len;
		if (signal_pending(current))
			break;
	}
	kfree(part);
	return done || !n ? (ssize_t)done : -EFAULT;
}

/* Linux, asm-generic/ioctls.h; struct winsize. */
#define TIOCGWINSZ	0x5413u

/* C libraries know a terminal by it (isatty(3)). */
static long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	/* Rows, columns, and no pixels. */
	static const uint16_t size[4] = { 25, 80, 0, 0 };

	(void)file;
	if (cmd != TIOCGWINSZ)
		return -ENOTTY;
	return copy_to_user((void *)arg, size, sizeof(size)) ? -EFAULT : 0;
}

/* No poll(): a console is always said to be ready (file_poll). */
const struct file_operations tty_ops = {
	.read		= tty_read,
	.write		= tty_write,
	.unlocked_ioctl	= tty_ioctl,
};

/* ---- their names ---- */

/* The tree keeps the inode; @ops and @con are the kernel's, for ever. */
static int add_node(const char *path, const struct file_operations *ops,
		    struct console *con)
{
	struct inode *inode = inode_new(S_IFCHR | 0666, ops);
	int err;

	if (!inode)
		return -ENOMEM;
	inode->chr.console = con;
	err = tree_add(path, inode);
	inode_put(inode);
	return err;
}

/* A console that the machine does not have has no name. */
int devnodes_create(void)
{
	struct console *second = console_get(2);
	int err = add_node("/dev/null", &null_ops, NULL);

	if (!err)
		err = add_node("/dev/zero", &zero_ops, NULL);
	if (!err)
		err = add_node("/dev/full", &full_ops, NULL);
	if (!err && console_get(1))
		err = add_node("/dev/tty", &tty_ops, console_get(1));
	if (!err && second)
		err = add_node("/dev/tty2", &tty_ops, second);
	return err;
}

int console_open(unsigned int n, struct file **out)
{
	return file_open_kernel(n == 2 ? "/dev/tty2" : "/dev/tty", O_RDWR, 0,
				out);
}
