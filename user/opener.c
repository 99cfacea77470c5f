/*
 * opener [-k] DEVICE: opens and closes it for ever; any error is one too many.
 * With -k it is none that there is no such device at the moment (ENOENT,
 * ENODEV): its module is being replaced.
 */
#include <user.h>

#define ENOENT	2
#define ENODEV	19

static int open_or_wait(const char *path, int keep)
{
	for (;;) {
		int fd = open(path, O_RDONLY | O_NONBLOCK, 0);

		if (fd >= 0)
			return fd;
		if (!keep || (fd != -ENOENT && fd != -ENODEV))
			fail(path, fd);
		sched_yield();
	}
}

int main(int argc, char **argv)
{
	int keep = argc > 2 && strcmp(argv[1], "-k") == 0;

	if (argc < 2 + keep)
		fail("which device?", 0);
	announce(-1);
	for (;;) {
		int err = close(open_or_wait(argv[1 + keep], keep));

		if (err)
			fail("close", err);
	}
}
