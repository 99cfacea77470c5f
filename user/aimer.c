/*
 * aimer FILE spin|wait: a program that would like its module to stay.  FILE has
 * an address (the shell's `where MODULE >FILE`); it is in every register while
 * this computes, or in every argument of a system call that waits for ever.
 */
#include <user.h>

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

int main(int argc, char **argv)
{
	if (argc < 3)
		fail("which file, and how?", 0);
	if (strcmp(argv[2], "spin") == 0)
		spin(address(argv[1]));
	wait_with_arguments(address(argv[1]));
	fail("pause", 0);
}
