/*
 * leavers DEVICE N FILE: N readers asleep in the device, each of which leaves
 * with what it reads first; a writer, which has the device open too, gives it
 * to them once there is such a file.
 */
#include <user.h>

static void be_reader(const char *path)
{
	char buf[1];
	int fd = open(path, O_RDONLY, 0);
	long n = fd < 0 ? fd : read(fd, buf, 1);

	if (n != 1)
		fail(path, n);
	exit(0);
}

static void reap(int n)
{
	while (n--) {
		int status = 0, pid = waitpid(-1, &status, 0);

		if (pid < 0 || status)
			fail("waitpid", pid < 0 ? pid : -status);
	}
}

int main(int argc, char **argv)
{
	int n, fd, go;

	if (argc < 4)
		fail("which device, how many, until which file?", 0);
	fd = open(argv[1], O_WRONLY, 0);
	if (fd < 0)
		fail(argv[1], fd);
	n = atoi(argv[2]);
	for (int i = 0; i < n; i++) {
		if (fork() == 0)
			be_reader(argv[1]);
	}
	announce(-1);
	while ((go = open(argv[3], O_RDONLY, 0)) < 0)
		sched_yield();
	close(go);
	for (int i = 0; i < n; i++)
		write(fd, "x", 1);
	reap(n);
	return 0;
}
