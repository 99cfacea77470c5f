/* The second object of the shapes module: names to link by, and statics whose
 * names occur in the first one too. */
#include <kernel/init.h>

int other_twice(int x);
static int counter = 2;

static int minus(int x)
{
	counter += x;
	return counter - x;
}

int other_twice(int x)
{
	return minus(x) * x;
}
