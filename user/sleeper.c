/*
 * sleeper [-i] [CALL]: asleep in the kernel until it is killed, with nothing of
 * any module; in pause(), or for an hour at a time in nanosleep() or poll().
 * With -i SIGINT does not end it.
 */
#include <user.h>

#define HOUR_S		3600

static void sleep_in(int nr)
{
	static const struct timespec hour = { HOUR_S, 0 };

	if (nr == NR_NANOSLEEP)
		nanosleep(&hour);
	else if (nr == NR_POLL)
		poll(NULL, 0, HOUR_S * 1000);
	else
		pause();
}

int main(int argc, char **argv)
{
	int nr = NR_PAUSE;

	if (argc > 1 && strcmp(argv[1], "-i") == 0) {
		sigaction_set(SIGINT, SIG_IGN);
		argc--;
		argv++;
	}
	if (argc > 1 && strcmp(argv[1], "nanosleep") == 0)
		nr = NR_NANOSLEEP;
	else if (argc > 1 && strcmp(argv[1], "poll") == 0)
		nr = NR_POLL;
	else if (argc > 1)
		fail(argv[1], -EINVAL);
	announce(nr);
	for (;;)
		sleep_in(nr);
}
