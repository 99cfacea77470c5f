/*
 * exercise [-k] DEVICE [N [FILE]]: every call that a device has, N times (for
 * ever if N is left out) without blocking, and with FILE, longer, until there
 * is such a file.  That the device does not know a call, or has nothing to
 * read, is no error; everything else is.  Its user must not notice that an
 * unload is tried.
 *
 * With -k it is no error either that there is no such device at the moment:
 * its module is being replaced.
 */
#include <user.h>

static int is_expected(long ret)
{
	return ret >= 0 || ret == -EAGAIN || ret == -EINVAL || ret == -ENOTTY;
}

static void check(const char *what, long ret)
{
	if (!is_expected(ret))
		fail(what, ret);
}

static int open_device(const char *path, int keep)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_NONBLOCK, 0);

		if (fd >= 0)
			return fd;
		if (!keep || (fd != -ENOENT && fd != -ENODEV))
			fail("open", fd);
		sched_yield();
	}
}

static void use(const char *path, int keep)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	char buf[16];
	long n;

	p.fd = open_device(path, keep);
	check("poll", poll(&p, 1, 0));
	check("write", write(p.fd, "0123456789abcdef", sizeof(buf)));
	check("read", read(p.fd, buf, sizeof(buf)));
	check("ioctl", ioctl(p.fd, 0, NULL));
	n = close(p.fd);
	if (n)
		fail("close", n);
}

static int exists(const char *path)
{
	int fd = open(path, O_RDONLY, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	int keep = argc > 1 && strcmp(argv[1], "-k") == 0;
	const char *file;
	int n;

	argv += keep;
	argc -= keep;
	if (argc < 2)
		fail("which device?", 0);
	n = argc > 2 ? atoi(argv[2]) : -1;
	file = argc > 3 ? argv[3] : NULL;
	announce(-1);
	for (int i = 0; n < 0 || i < n || (file && !exists(file)); i++)
		use(argv[1], keep);
	return 0;
}
