/*
 * exercise DEVICE N: every call that a device has, N times, without blocking.
 * That the device does not know a call, or has nothing to read, is no error;
 * everything else is.  Its user must not notice that an unload is tried.
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

static int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK, 0);

	if (fd < 0)
		fail("open", fd);
	return fd;
}

static void use(const char *path)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	char buf[16];
	long n;

	p.fd = open_device(path);
	check("poll", poll(&p, 1, 0));
	check("write", write(p.fd, "0123456789abcdef", sizeof(buf)));
	check("read", read(p.fd, buf, sizeof(buf)));
	check("ioctl", ioctl(p.fd, 0, NULL));
	n = close(p.fd);
	if (n)
		fail("close", n);
}

int main(int argc, char **argv)
{
	int n;

	if (argc < 3)
		fail("which device, and how often?", 0);
	n = atoi(argv[2]);
	announce(-1);
	for (int i = 0; i < n; i++)
		use(argv[1]);
	return 0;
}
