/*
 * writer DEVICE [SIZE]: writes, asleep in the device while there is no room, a
 * line or SIZE bytes at a time.  It may never have to sleep, so it announces no
 * more than that it runs.
 */
#include <user.h>

static char text[16 << 20];

int main(int argc, char **argv)
{
	static const char line[] = "a line from a writer\n";
	size_t size = sizeof(line) - 1;
	long n;
	int fd;

	if (argc < 2)
		fail("which device?", 0);
	fd = open(argv[1], O_WRONLY, 0);
	if (fd < 0)
		fail(argv[1], fd);
	if (argc > 2)
		size = (size_t)atoi(argv[2]);
	if (size > sizeof(text))
		fail(argv[2], -EINVAL);
	for (size_t i = 0; i < size; i++)
		text[i] = line[i % (sizeof(line) - 1)];
	announce(-1);
	do {
		n = write(fd, text, size);
	} while (n > 0);
	fail(argv[1], n);
}
