/*
 * aimer FILE HOW: a program that would like its module to stay.  FILE has an
 * address (the shell's `where MODULE >FILE`).
 *
 *	spin	it is in every register while this computes
 *	wait	.. in every argument of a system call that waits for ever
 *	poll, read, write, sleep
 *		.. in the FPU's registers, in memory and in whatever a call
 *		takes no argument from, while this is asleep there; before, it
 *		was in all that the kernel takes from a program
 */
#include <user.h>

#define NR_OPEN		5
#define NR_UNLINK	10
#define NR_EXECVE	11
#define NR_CHDIR	12
#define NR_MKDIR	39
#define NR_WRITEV	146
#define NR_NANOSLEEP	162
#define NR_POLL		168
#define NR_SIGACTION	174
#define NR_SIGPROCMASK	175
#define NR_STAT64	195
#define NR_THREAD_AREA	243
#define NR_EXIT_GROUP	252
#define SIG_UNBLOCK	1
#define SIGUSR1		10

#define WORDS		1024u
#define P(x)		((long)(uintptr_t)(x))

/* Nothing but the address; a path, an array, a set, a time. */
static unsigned int aim[WORDS + 1];

static unsigned int address(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY, 0);
	long n = fd < 0 ? fd : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		fail(path, n);
	text[n] = '\0';
	close(fd);
	return (unsigned int)atoi(text);
}

static void spin(unsigned int at)
{
	announce(-1);
	__asm__ volatile("mov %%eax, %%ebx\n\tmov %%eax, %%ecx\n\t"
			 "mov %%eax, %%edx\n\tmov %%eax, %%esi\n\t"
			 "mov %%eax, %%edi\n\tmov %%eax, %%ebp\n"
			 "1:\tpause\n\tjmp 1b" : : "a" (at) : "memory");
}

static void wait_with_arguments(unsigned int at)
{
	announce(NR_PAUSE);
	syscall(NR_PAUSE, (long)at, (long)at, (long)at, (long)at, (long)at,
		(long)at);
}

/* ---- all that the kernel takes ---- */

/* A call whose other registers are aimed as well; its result is an error. */
static void aim_call(long nr, long a, long b, long c)
{
	long at = (long)aim[0];

	syscall(nr, a, b, c, at, at, at);
}

static void aim_paths(void)
{
	aim_call(NR_OPEN, P(aim), 0, 0);
	aim_call(NR_UNLINK, P(aim), 0, 0);
	aim_call(NR_MKDIR, P(aim), 0, 0);
	aim_call(NR_CHDIR, P(aim), 0, 0);
	aim_call(NR_STAT64, P(aim), P(aim + 8), 0);
}

/* The ends of a program have no argument that is looked at, or none at all. */
static void aim_arguments(void)
{
	for (long nr = NR_READ; nr < 300; nr++)
		if (nr != NR_PAUSE && nr != NR_EXIT_GROUP)
			aim_call(nr, (long)aim[0], (long)aim[0], (long)aim[0]);
}

/* What was not blocked is unblocked: a TERM has to come through. */
static void aim_signal_set(void)
{
	aim_call(NR_SIGPROCMASK, SIG_UNBLOCK, P(aim), 0);
}

static void aim_signal_action(void)
{
	aim_call(NR_SIGACTION, SIGUSR1, P(aim), 0);
}

/* The lower half of a descriptor has 16 bits of the base, and of the limit. */
static void aim_thread_area(void)
{
	unsigned int desc[4] = { ~0u, aim[0] >> 16, aim[0] & 0xffff, 0 };

	aim_call(NR_THREAD_AREA, P(desc), 0, 0);
	aim_call(NR_THREAD_AREA, P(aim), 0, 0);
}

static void aim_strings(void)
{
	aim_call(NR_EXECVE, P("/bin/true"), P(aim), P(aim));
}

static void aim_vector(void)
{
	aim_call(NR_WRITEV, 1, P(aim), 8);
}

static void aim_time(void)
{
	aim_call(NR_NANOSLEEP, P(aim), P(aim), 0);
}

static void (*const aims[])(void) = {
	aim_paths, aim_arguments, aim_signal_set, aim_signal_action,
	aim_thread_area, aim_strings, aim_vector, aim_time,
};
#define NR_AIMS (sizeof(aims) / sizeof(aims[0]))

/* All of them, each program with another one last. */
static void aim_everywhere(void)
{
	unsigned int first = (unsigned int)getpid();

	for (unsigned int i = 0; i < NR_AIMS; i++)
		aims[(first + i) % NR_AIMS]();
}

static void aim_fpu(void)
{
	__asm__ volatile("movups %0, %%xmm0\n\tmovups %0, %%xmm1\n\t"
			 "movups %0, %%xmm2\n\tmovups %0, %%xmm3\n\t"
			 "movups %0, %%xmm4\n\tmovups %0, %%xmm5\n\t"
			 "movups %0, %%xmm6\n\tmovups %0, %%xmm7\n\t"
			 "fldl %0\n\tfldl %0\n\tfldl %0\n\tfldl %0\n\t"
			 "fldl %0\n\tfldl %0\n\tfldl %0\n\tfldl %0"
			 : : "m" (aim));
}

/* ---- asleep ---- */

static void sleep_in(long nr, long a, long b, long c)
{
	long at = (long)aim[0];

	aim_everywhere();
	aim_fpu();
	announce((int)nr);
	fail("it woke", syscall(nr, a, b, c, at, at, at));
}

static void sleep_somewhere(const char *how)
{
	static const struct timespec long_time = { 100000, 0 };
	int fds[2];

	if (pipe2(fds, 0))
		fail("pipe2", 0);
	if (strcmp(how, "poll") == 0)	/* descriptors below 0: none */
		sleep_in(NR_POLL, P(aim), 128, -1);
	if (strcmp(how, "read") == 0)
		sleep_in(NR_READ, fds[0], P(aim), sizeof(aim));
	if (strcmp(how, "sleep") == 0)
		sleep_in(NR_NANOSLEEP, P(&long_time), 0, 0);
	if (strcmp(how, "write"))
		fail(how, 0);
	for (;;) {
		struct pollfd p = { fds[1], POLLOUT, 0 };

		if (poll(&p, 1, 0) == 0)
			sleep_in(NR_WRITE, fds[1], P(aim), sizeof(aim));
		write(fds[1], aim, sizeof(aim));
	}
}

int main(int argc, char **argv)
{
	unsigned int at;

	if (argc < 3)
		fail("which file, and how?", 0);
	at = address(argv[1]);
	if (strcmp(argv[2], "spin") == 0)
		spin(at);
	if (strcmp(argv[2], "wait") == 0)
		wait_with_arguments(at);
	/* No byte of it is 0, so that it makes a path. */
	for (unsigned int i = 0; i < WORDS; i++)
		aim[i] = at | 0x111;
	sleep_somewhere(argv[2]);
	return 1;
}
