/* Says so, from ring 3. */
#include <user.h>

int main(int argc, char **argv)
{
	printf("hello from ring 3, pid %d\n", getpid());
	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	return 0;
}
