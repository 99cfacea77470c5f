/*
 * count: what system calls cost, in instructions, on a machine whose TSC counts
 * them.  Each figure is the least of a few, so that no tick of the clock is in
 * it.
 */
#include <user.h>

#define TRIES	16u
#define BATCH	64u

static uint32_t tsc(void)
{
	uint32_t lo;

	__asm__ volatile("rdtsc" : "=a" (lo) : : "edx");
	return lo;
}

/* By the way that the others go: with registers, and no library around. */
static void null_call(void)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		uint32_t ret;

		__asm__ volatile("int $0x80" : "=a" (ret) : "a" (64)
				 : "memory");
	}
}

static void fork_exit_wait(void)
{
	int status, pid = fork();

	if (pid == 0)
		exit(0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork", pid);
}

/* There and back: two switches to another address space in each round. */
static int there[2], back[2];

static void pipe_rounds(void)
{
	char c = 0;

	for (uint32_t i = 0; i < BATCH; i++) {
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			fail("pipe", 0);
	}
}

static void echo(void)
{
	char c;

	while (read(there[0], &c, 1) == 1)
		write(back[1], &c, 1);
	exit(0);
}

static void yields(void)
{
	for (uint32_t i = 0; i < BATCH; i++)
		sched_yield();
}

static uint32_t least(void (*fn)(void), uint32_t divisor)
{
	uint32_t best = ~0u;

	for (uint32_t i = 0; i < TRIES; i++) {
		uint32_t before = tsc(), spent;

		fn();
		spent = tsc() - before;
		if (spent < best)
			best = spent;
	}
	return best / divisor;
}

static int start(void (*child)(void))
{
	int pid = fork();

	if (pid == 0)
		child();
	if (pid < 0)
		fail("fork", pid);
	return pid;
}

static void end(int pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void yield_for_ever(void)
{
	for (;;)
		sched_yield();
}

int main(int argc, char **argv)
{
	int pid;

	(void)argc, (void)argv;
	printf("count syscall.null %u instructions\n", least(null_call, BATCH));
	printf("count fork-exit-wait %u instructions\n",
	       least(fork_exit_wait, 1));
	if (pipe2(there, 0) || pipe2(back, 0))
		fail("pipe2", 0);
	pid = start(echo);
	printf("count switch.pipe %u instructions\n",
	       least(pipe_rounds, 2 * BATCH));
	end(pid);
	pid = start(yield_for_ever);
	printf("count switch.yield %u instructions\n",
	       least(yields, 2 * BATCH));
	end(pid);
	return 0;
}
