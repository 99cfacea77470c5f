/* reader DEVICE: reads, asleep in the device while there is nothing. */
#include <user.h>

int main(int argc, char **argv)
{
	char buf[64];
	long n;
	int fd;

	if (argc < 2)
		fail("which device?", 0);
	fd = open(argv[1], O_RDONLY, 0);
	if (fd < 0)
		fail(argv[1], fd);
	announce(NR_READ);
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0);
	if (n < 0)
		fail(argv[1], n);
	return 0;
}
