/*
 * The tree of names and regular files, from inside the kernel.  What needs a
 * user's memory (pipes, poll) is tested by /bin/proctest.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <fs/file.h>
#include <test/ktest.h>

static int make_file(const char *path)
{
	struct file *file;
	int err = file_open_kernel(path, O_RDWR | O_CREAT | O_EXCL, 0644,
				   &file);

	if (!err)
		file_put(file);
	return err;
}

/* 0: there is such a name, whatever it stands for. */
static int look(const char *path)
{
	struct inode *inode;
	int err = fs_lookup(path, &inode);

	if (!err)
		inode_put(inode);
	return err;
}

/* An open that asks for what there cannot be is told so, and makes no file. */
KTEST(fs, a_bad_open_makes_no_file)
{
	static const unsigned int bad[] = {
		O_CREAT | O_DIRECTORY, O_CREAT | O_ACCMODE,
	};
	struct file *file;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		KTEST_EXPECT(file_open_kernel("/tmp/f", bad[i], 0644,
					      &file) == -EINVAL);
		KTEST_EXPECT(look("/tmp/f") == -ENOENT);
	}
	return NULL;
}

/* A device is not given the name of one that nothing could get past. */
KTEST(fs, fixed_devices_keep_their_names)
{
	static const char *const names[] = { "null", "zero", "full", "tty" };
	static const struct file_operations fops;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct miscdevice misc = { names[i], &fops };

		KTEST_EXPECT(misc_register_owner(&misc, MODULE_NONE) ==
			     -EEXIST);
	}
	return NULL;
}

/* Names come, are found by every spelling, and go. */
KTEST(fs, names_come_and_go)
{
	KTEST_EXPECT(fs_mkdir("/tmp/d", 0755) == 0);
	KTEST_EXPECT(fs_mkdir("/tmp/d/", 0755) == -EEXIST);
	KTEST_EXPECT(make_file("/tmp/d/f") == 0);
	KTEST_EXPECT(make_file("/tmp/d/f") == -EEXIST);
	KTEST_EXPECT(look("//tmp/./d/../d//f") == 0);
	KTEST_EXPECT(look("/tmp/d/f/") == -ENOTDIR);
	KTEST_EXPECT(look("/tmp/d/f/x") == -ENOTDIR);
	KTEST_EXPECT(look("/tmp/e/../d") == -ENOENT);
	KTEST_EXPECT(look("/../..") == 0);
	KTEST_EXPECT(fs_rmdir("/tmp/d") == -ENOTEMPTY);
	KTEST_EXPECT(fs_unlink("/tmp/d") == -EISDIR);
	KTEST_EXPECT(fs_unlink("/tmp/d/f") == 0);
	KTEST_EXPECT(fs_unlink("/tmp/d/f") == -ENOENT);
	KTEST_EXPECT(fs_rmdir("/tmp/d/.") == -EINVAL);
	KTEST_EXPECT(fs_rmdir("/tmp/d") == 0);
	KTEST_EXPECT(fs_rmdir("/") == -EBUSY);
	return NULL;
}

/* A name that could pass for an address is none (H09). */
KTEST(fs, names_are_ascii)
{
	KTEST_EXPECT(make_file("/tmp/\xe8\x10\x20\x30") == -EINVAL);
	KTEST_EXPECT(look("/tmp/\x80/x") == -EINVAL);
	return NULL;
}

/* A rename replaces files, moves directories, and makes no loop. */
KTEST(fs, rename_moves_whole_trees)
{
	KTEST_EXPECT(fs_mkdir("/tmp/a", 0755) == 0);
	KTEST_EXPECT(fs_mkdir("/tmp/a/b", 0755) == 0);
	KTEST_EXPECT(make_file("/tmp/a/b/f") == 0);
	KTEST_EXPECT(fs_rename("/tmp/a", "/tmp/a/b/c") == -EINVAL);
	KTEST_EXPECT(fs_rename("/tmp/a", "/tmp/z") == 0);
	KTEST_EXPECT(look("/tmp/z/b/../b/f") == 0);
	KTEST_EXPECT(make_file("/tmp/g") == 0);
	KTEST_EXPECT(fs_rename("/tmp/g", "/tmp/z") == -EISDIR);
	KTEST_EXPECT(fs_rename("/tmp/z", "/tmp/g") == -ENOTDIR);
	KTEST_EXPECT(fs_rename("/tmp/g", "/tmp/z/b/f") == 0);
	KTEST_EXPECT(fs_rename("/tmp/z/b/f", "/tmp/z/b/f") == 0);
	KTEST_EXPECT(fs_rename("/tmp/z", "/dev/z") == -EACCES);
	KTEST_EXPECT(fs_unlink("/tmp/z/b/f") == 0);
	KTEST_EXPECT(fs_rmdir("/tmp/z/b") == 0);
	KTEST_EXPECT(fs_rmdir("/tmp/z") == 0);
	return NULL;
}

/*
 * 4095: across the border of two pages; 10000: behind one that is never
 * written.
 */
static const char *check_content(struct inode *inode)
{
	char buf[8];

	KTEST_EXPECT(inode_write_kernel(inode, "abc", 3, 10000) == 3);
	KTEST_EXPECT(inode_write_kernel(inode, "xyz", 3, 4095) == 3);
	KTEST_EXPECT(inode_read_kernel(inode, buf, 8, 9998) == 5);
	KTEST_EXPECT(!memcmp(buf, "\0\0abc", 5));
	KTEST_EXPECT(inode_read_kernel(inode, buf, 3, 4095) == 3);
	KTEST_EXPECT(!memcmp(buf, "xyz", 3));
	KTEST_EXPECT(inode_read_kernel(inode, buf, 8, 10003) == 0);
	KTEST_EXPECT(inode_truncate(inode, 4096) == 0);
	KTEST_EXPECT(inode_truncate(inode, 10003) == 0);
	KTEST_EXPECT(inode_read_kernel(inode, buf, 3, 4095) == 3);
	KTEST_EXPECT(!memcmp(buf, "x\0\0", 3));
	KTEST_EXPECT(inode_read_kernel(inode, buf, 5, 9998) == 5);
	KTEST_EXPECT(!memcmp(buf, "\0\0\0\0\0", 5));
	KTEST_EXPECT(inode_write_kernel(inode, "x", 1, FILE_MAX_SIZE) ==
		     -EFBIG);
	return NULL;
}

/* Holes and what was cut off read as zeros. */
KTEST(fs, content_is_kept)
{
	struct inode *inode;
	const char *why;

	KTEST_EXPECT(make_file("/tmp/content") == 0);
	KTEST_EXPECT(fs_lookup("/tmp/content", &inode) == 0);
	/* The inode lives by our reference, and goes whatever comes out. */
	KTEST_EXPECT(fs_unlink("/tmp/content") == 0);
	why = check_content(inode);
	inode_put(inode);
	return why;
}

/* A program of the initrd is there, and its content can be read whole. */
KTEST(fs, initrd_is_unpacked)
{
	void *data;
	size_t size;

	KTEST_EXPECT(fs_read_file("/bin/true", &data, &size) == 0);
	KTEST_EXPECT(size > 52 && !memcmp(data, "\177ELF", 4));
	vfree(data);
	data = NULL;
	KTEST_EXPECT(fs_read_file("/bin", &data, &size) == -EISDIR);
	KTEST_EXPECT(fs_read_file("/dev/null", &data, &size) < 0);
	KTEST_EXPECT(fs_read_file("/bin/none", &data, &size) == -ENOENT);
	KTEST_EXPECT(!data);	/* or the caller frees what is freed */
	return NULL;
}

/*
 * An archive with the file tmp/cow, which holds "archived".  Its bytes begin at
 * 120: a header of 110, the name of 8, padded.
 */
static const char cow_archive[] __aligned(4) =
	"070701" "00000001" "000081A4" "00000000" "00000000" "00000001"
	"00000000" "00000008" "00000000" "00000000" "00000000" "00000000"
	"00000008" "00000000" "tmp/cow\0" "\0\0" "archived"
	"070701" "00000000" "00000000" "00000000" "00000000" "00000001"
	"00000000" "00000000" "00000000" "00000000" "00000000" "00000000"
	"0000000B" "00000000" "TRAILER!!!\0" "\0\0\0";

/*
 * The first write makes a page of what the archive shows, and the archive
 * itself is never written.
 */
static const char *check_cow(struct inode *inode)
{
	char buf[16];

	KTEST_EXPECT(inode_read_kernel(inode, buf, 16, 0) == 8);
	KTEST_EXPECT(!memcmp(buf, "archived", 8));
	KTEST_EXPECT(inode_write_kernel(inode, "XY", 2, 2) == 2);
	KTEST_EXPECT(inode_read_kernel(inode, buf, 16, 0) == 8);
	KTEST_EXPECT(!memcmp(buf, "arXYived", 8));
	KTEST_EXPECT(inode_truncate(inode, 4) == 0);
	KTEST_EXPECT(inode_truncate(inode, 6) == 0);
	KTEST_EXPECT(inode_read_kernel(inode, buf, 16, 0) == 6);
	KTEST_EXPECT(!memcmp(buf, "arXY\0\0", 6));
	return NULL;
}

/* Files of an archive refer to it until they are written, and never write it;
 * a damaged archive is refused (an assertion would stop the machine). */
KTEST(fs, archive_is_copied_on_write)
{
	struct inode *inode;
	const char *why;

	KTEST_EXPECT(fs_unpack_initrd((const uint8_t *)cow_archive,
				      sizeof(cow_archive) - 1) == 0);
	KTEST_EXPECT(fs_lookup("/tmp/cow", &inode) == 0);
	KTEST_EXPECT(fs_unlink("/tmp/cow") == 0);
	why = check_cow(inode);
	inode_put(inode);
	if (why)
		return why;
	KTEST_EXPECT(!memcmp(cow_archive + 120, "archived", 8));
	KTEST_EXPECT(fs_unpack_initrd((const uint8_t *)cow_archive, 119) ==
		     -EINVAL);
	return NULL;
}

static struct file *null_file(void)
{
	struct file *file;

	return file_open_kernel("/dev/null", O_RDWR, 0, &file) ? NULL : file;
}

/*
 * The lowest free descriptor is given, and tables grow up to their limit.
 * Every other one is to be closed by an execve().
 */
KTEST(fs, descriptors_are_lowest_first)
{
	struct file_table *t = file_table_new(), *copy;
	struct file *file = null_file();
	int last = -1;

	KTEST_EXPECT(t && file);
	for (uint32_t i = 0; i < FD_MAX; i++) {
		last = fd_reserve(t, 0, i & 1);
		if (last != (int)i)
			break;
		file_get(file);
		fd_install(t, last, file);
	}
	KTEST_EXPECT(last == FD_MAX - 1);
	KTEST_EXPECT(fd_reserve(t, 0, false) == -EMFILE);
	KTEST_EXPECT(fd_close(t, 5) == 0 && fd_close(t, 5) == -EBADF);
	KTEST_EXPECT(fd_reserve(t, 0, false) == 5);
	fd_unreserve(t, 5);
	copy = file_table_copy(t);
	KTEST_EXPECT(copy);
	file_table_close_on_exec(copy);
	KTEST_EXPECT(fd_reserve(copy, 0, false) == 1);
	fd_unreserve(copy, 1);
	file_table_free(copy);
	file_table_free(t);
	KTEST_EXPECT(atomic_read(&file->refs) == 1);
	file_put(file);
	return NULL;
}
