/*
 * soaker SEED DEVICE: a user of a device for ever, as chance will have it:
 * opens it, calls what it has, blocking or not, naps with it, hands it to a
 * child, closes it.  That there is no such device at the moment is no error,
 * nor that it does not know a call or has nothing to read; everything else is
 * one.  Who unloads, or tries to, must not be noticed here.
 */
#include <user.h>

static uint32_t state;

/* Numerical Recipes' generator; its low bits are poor and not used. */
static unsigned int chance(unsigned int n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 16) % n;
}

static void nap(unsigned int ms)
{
	struct timespec ts = { 0, (int)(chance(ms) * 1000000) };

	nanosleep(&ts);
}

static void check(const char *what, long ret)
{
	if (ret < 0 && ret != -EAGAIN && ret != -EINVAL && ret != -ENOTTY)
		fail(what, ret);
}

static int open_device(const char *path)
{
	for (;;) {
		int fd = open(path, O_RDWR | (chance(4) ? O_NONBLOCK : 0), 0);

		if (fd >= 0)
			return fd;
		if (fd != -ENOENT && fd != -ENODEV)
			fail("open", fd);
		nap(10);
	}
}

static void wait_a_little_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	check("poll", poll(&p, 1, (int)chance(5)));
}

/* The descriptor has another number; the file is the same. */
static int move(int fd)
{
	int to = dup2(fd, 10);

	check("dup2", to);
	check("close", close(fd));
	return to;
}

/* Who is killed did nothing wrong, nor did his parent. */
static void reap(int pid)
{
	int status = 0, got = waitpid(pid, &status, 0);

	if (got != pid)
		fail("waitpid", got);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fail("a child's status", -WEXITSTATUS(status));
}

/* The child has the file still when its parent has closed it, or not yet. */
static int lend(int fd)
{
	int pid = fork();

	if (pid < 0)
		fail("fork", pid);
	if (pid)
		return pid;
	nap(20);
	wait_a_little_for(fd);
	exit(0);
}

static int use(int fd)
{
	char buf[32];

	switch (chance(5)) {
	case 0:
		check("read", read(fd, buf, 1 + chance(sizeof(buf))));
		break;
	case 1:
		check("write", write(fd, "0123456789abcdef", 16));
		break;
	case 2:
		check("ioctl", ioctl(fd, 0, NULL));
		break;
	case 3:
		wait_a_little_for(fd);
		break;
	default:
		return fd == 10 ? fd : move(fd);
	}
	return fd;
}

static void use_device(const char *path)
{
	int fd = open_device(path), child = 0;

	for (unsigned int n = chance(8); n > 0; n--) {
		fd = use(fd);
		nap(10);
	}
	if (chance(8) == 0)
		child = lend(fd);
	check("close", close(fd));
	if (child)
		reap(child);
	nap(20);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		fail("which seed, and which device?", 0);
	state = (uint32_t)atoi(argv[1]) * 2654435761u + (uint32_t)getpid();
	announce(-1);
	for (;;)
		use_device(argv[2]);
}
