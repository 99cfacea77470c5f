/*
 * former DEVICE: a former user of it, who has called all that it has, and
 * sleeps elsewhere.
 */
#include <user.h>

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	char buf[16] = "";

	if (argc < 2)
		fail("which device?", 0);
	p.fd = open(argv[1], O_RDWR | O_NONBLOCK, 0);
	if (p.fd < 0)
		fail(argv[1], p.fd);
	write(p.fd, buf, sizeof(buf));
	poll(&p, 1, 0);
	ioctl(p.fd, 0x541b, buf);
	lseek(p.fd, 0, 0);
	read(p.fd, buf, sizeof(buf));
	close(p.fd);
	announce(NR_PAUSE);
	for (;;)
		pause();
}
