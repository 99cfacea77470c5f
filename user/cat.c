/* Copies files, or its input, to its output. */
#include <user.h>

static void copy(int fd)
{
	static char buf[4096];
	long n, err;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		err = write_all(1, buf, (size_t)n);
		if (err)
			fail("write", err);
	}
	if (n < 0)
		fail("read", n);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		copy(0);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY, 0);

		if (fd < 0)
			fail(argv[i], fd);
		copy(fd);
		close(fd);
	}
	return 0;
}
