/* Computes in user mode until it is killed; makes no system call. */
#include <user.h>

int main(int argc, char **argv)
{
	volatile unsigned int n = 0;

	(void)argc, (void)argv;
	announce(-1);
	for (;;)
		n++;
}
