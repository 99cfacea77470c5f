/* Asleep in the kernel until it is killed, with nothing of any module. */
#include <user.h>

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	announce(NR_PAUSE);
	for (;;)
		pause();
}
