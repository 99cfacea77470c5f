/*
 * opener DEVICE: opens and closes it for ever; any error is one too many.
 */
#include <user.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		fail("which device?", 0);
	announce(-1);
	for (;;) {
		int fd = open(argv[1], O_RDONLY | O_NONBLOCK, 0);
		int err;

		if (fd < 0)
			fail(argv[1], fd);
		err = close(fd);
		if (err)
			fail("close", err);
	}
}
