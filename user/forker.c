/*
 * forker N: N children, a few at a time; every other one leaves an orphan
 * behind.
 */
#include <user.h>

#define AT_A_TIME	16

static void be_child(int i)
{
	if (i & 1)
		fork();
	exit(0);
}

static void reap_one(void)
{
	int status = 0, pid = waitpid(-1, &status, 0);

	if (pid < 0)
		fail("waitpid", pid);
	if (status)
		fail("a child's status", -status);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 100, running = 0;

	announce(-1);
	for (int i = 0; i < n; i++) {
		int pid = fork();

		if (pid == 0)
			be_child(i);
		if (pid < 0)
			fail("fork", pid);
		if (++running == AT_A_TIME) {
			reap_one();
			running--;
		}
	}
	while (running--)
		reap_one();
	return 0;
}
