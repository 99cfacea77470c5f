/*
 * leavers DEVICE N FILE: N readers asleep in the device, each of which leaves
 * with what it reads first; a writer, which has the device open too, gives it
 * to them once there is such a file.
 */
#include <user.h>

/* Tells @inside that it has the device, or dies. */
static void be_reader(const char *path, int inside)
{
	char buf[1];
	int fd = open(path, O_RDONLY, 0);
	long n = fd < 0 ? fd : write(inside, "", 1);

	if (n == 1)
		n = read(fd, buf, 1);
	if (n != 1)
		fail(path, n);
	exit(0);
}

/* A door that closes before would hold them outside, and us until then. */
static void await_inside(int inside, int n)
{
	char told[1];

	while (n--)
		if (read(inside, told, 1) != 1)
			fail("a reader died", 0);
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
	int n, fd, go, inside[2];

	if (argc < 4)
		fail("which device, how many, until which file?", 0);
	fd = open(argv[1], O_WRONLY, 0);
	if (fd < 0)
		fail(argv[1], fd);
	n = atoi(argv[2]);
	if (pipe2(inside, 0) < 0)
		fail("pipe", 0);
	for (int i = 0; i < n; i++) {
		if (fork() == 0)
			be_reader(argv[1], inside[1]);
	}
	close(inside[1]);
	await_inside(inside[0], n);
	announce(-1);
	while ((go = open(argv[3], O_RDONLY, 0)) < 0)
		sched_yield();
	close(go);
	for (int i = 0; i < n; i++)
		write(fd, "x", 1);
	reap(n);
	return 0;
}
