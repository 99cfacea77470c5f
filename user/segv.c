/* Touches address 0, and is killed for it. */
#include <user.h>

int main(int argc, char **argv)
{
	volatile int *nowhere = NULL;

	(void)argc, (void)argv;
	/* cppcheck-suppress nullPointer */
	*nowhere = 1;
	return 0;
}
