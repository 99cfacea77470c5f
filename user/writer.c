/*
 * writer DEVICE: writes, asleep in the device while there is no room.  It may
 * never have to sleep, so it announces no more than that it runs.
 */
#include <user.h>

int main(int argc, char **argv)
{
	static const char text[] = "a line from a writer\n";
	long n;
	int fd;

	if (argc < 2)
		fail("which device?", 0);
	fd = open(argv[1], O_WRONLY, 0);
	if (fd < 0)
		fail(argv[1], fd);
	announce(-1);
	do {
		n = write(fd, text, sizeof(text) - 1);
	} while (n > 0);
	fail(argv[1], n);
}
