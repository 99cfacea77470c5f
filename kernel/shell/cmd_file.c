/*
 * Commands that look at files.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <lib/ctype.h>
#include <sched/sched.h>
#include "shell.h"

/* Once, where path and command are known; @err goes on as the status. */
static int complain(struct command_call *call, const char *path, int err)
{
	command_printf(call, "%s: %s: %s\n", call->argv[0], path,
		       errno_name(err));
	return err;
}

/* ---- cat ---- */

/*
 * A device fills user memory only: the program cat reads it, as its standard
 * input.  The file stays the caller's; the call's own input is back afterwards.
 * -EINVAL, what file_read_kernel() would have said, where there is no such
 * program.
 */
static int cat_with_program(struct command_call *call, struct file *file)
{
	char *argv[] = { call->argv[0], NULL };
	struct command_io *io = io_of(call);
	struct file *before = io->in;
	char *path;
	int status = program_path("cat", &path);

	if (status)
		return status == -ENOENT ? -EINVAL : status;
	io->in = file;
	status = program_run(call, path, 1, argv);
	io->in = before;
	kfree(path);
	return status;
}

static int cat_file(struct command_call *call, const char *path)
{
	struct file *file;
	int err = io_open(path, O_RDONLY, &file);

	if (err)
		return complain(call, path, err);
	if (inode_is(file->inode, S_IFCHR))
		err = cat_with_program(call, file);
	else
		err = io_copy(io_of(call), file);
	file_put(file);
	return err < 0 && err != -EINTR ? complain(call, path, err) : err;
}

/* The status is that of the last file which failed; only ^C ends it early. */
static int cmd_cat(struct command_call *call)
{
	int status = 0;

	if (call->argc == 1 && io_of(call)->in)
		return io_copy(io_of(call), io_of(call)->in);
	if (call->argc == 1)
		return command_usage(call, "which file?");
	for (int i = 1; i < call->argc && status != -EINTR; i++) {
		int one = cat_file(call, call->argv[i]);

		if (one)
			status = one;
	}
	return status;
}
COMMAND(cat, "FILE...", "print files",
	"Without a file the input: cat < FILE. A device is read until it says\n"
	"that it is at its end, or ^C.\n", cmd_cat);

/* ---- ls ---- */

/*
 * A page of lines at a time: they are collected under fs_tree_lock and written
 * without it, for the output may be a file, whose lock comes before.
 */
#define LISTING_SIZE	4096u

struct listing {
	char		*text;
	size_t		used;
	uint32_t	last;		/* cookie */
	bool		full;
};

/*
 * A program may have given it any byte but a slash: what a terminal would obey
 * is shown as '?'.
 */
static bool ls_entry(const struct dir_entry *e, void *arg)
{
	struct listing *l = arg;
	bool dir = (e->mode & S_IFMT) == S_IFDIR;

	l->full = l->used + strlen(e->name) + 2 > LISTING_SIZE;
	if (l->full)
		return false;
	for (const char *name = e->name; *name; name++)
		l->text[l->used++] = isprint(*name) ? *name : '?';
	if (dir)
		l->text[l->used++] = '/';
	l->text[l->used++] = '\n';
	l->last = e->cookie;
	return true;
}

static int ls_dir(struct command_io *io, struct inode *dir)
{
	struct listing l = { .text = kmalloc(LISTING_SIZE, GFP_KERNEL |
					     GFP_DATA) };
	int err;

	if (!l.text)
		return -ENOMEM;
	do {
		l.used = 0;
		err = fs_read_dir(dir, l.last, ls_entry, &l);
		io_write(io, l.text, l.used);
	} while (!err && l.full);
	kfree(l.text);
	return err;
}

static int ls_path(struct command_call *call, const char *path)
{
	struct inode *inode;
	struct kstat st;
	int err = fs_lookup(path, &inode);

	if (err)
		return complain(call, path, err);
	if (inode_is(inode, S_IFDIR)) {
		err = ls_dir(io_of(call), inode);
	} else {
		inode_stat(inode, &st);
		command_printf(call, "%s %u\n", path, st.size);
	}
	inode_put(inode);
	return err;
}

static int cmd_ls(struct command_call *call)
{
	const char *dir = call->argc > 1 ? call->argv[1] : "/";
	char *path;
	int err;

	if (call->argc > 2)
		return command_usage(call, "one folder at a time");
	err = io_path(dir, &path);
	if (err)
		return complain(call, dir, err);
	err = ls_path(call, path);
	kfree(path);
	return err;
}
COMMAND(ls, "[DIR]", "list a folder",
	"Without an argument the root. Of a file: its name and size. Modules\n"
	"are in /lib/modules, programs in /bin, devices in /dev.\n", cmd_ls);

/* ---- hexdump ---- */

#define HEX_LINE	16u

/*
 * @text is printable ASCII: no four letters of it are an address of the window,
 * which begins with 0xe8 or more (H09).
 */
static void hexdump_line(struct command_call *call, const uint8_t *p,
			 size_t n, uint32_t offset)
{
	char hex[3 * HEX_LINE + 1], text[HEX_LINE + 1];

	for (size_t i = 0; i < n; i++) {
		snprintf(hex + 3 * i, 4, " %02x", p[i]);
		text[i] = isprint(p[i]) ? (char)p[i] : '.';
	}
	text[n] = '\0';
	command_printf(call, "%08x %-48s  %s\n", offset, hex, text);
}

/* The bytes themselves lie on the heap, as data. */
static int hexdump_file(struct command_call *call, struct file *file)
{
	uint8_t *bytes = kmalloc(HEX_LINE, GFP_KERNEL | GFP_DATA);
	uint32_t offset = 0;
	ssize_t n;

	if (!bytes)
		return -ENOMEM;
	do {
		n = file_read_kernel(file, bytes, HEX_LINE);
		if (n > 0)
			hexdump_line(call, bytes, (size_t)n, offset);
		offset += HEX_LINE;
	} while (n > 0 && !signal_pending(current));
	kfree(bytes);
	return n < 0 ? (int)n : 0;
}

static int cmd_hexdump(struct command_call *call)
{
	struct file *file;
	int err;

	if (call->argc != 2)
		return command_usage(call, "which file?");
	err = io_open(call->argv[1], O_RDONLY, &file);
	if (!err) {
		err = hexdump_file(call, file);
		file_put(file);
	}
	return err ? complain(call, call->argv[1], err) : 0;
}
COMMAND(hexdump, "FILE", "print the bytes of a file",
	"Offset, sixteen bytes, and what of them is ASCII.\n", cmd_hexdump);
