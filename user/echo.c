/* Prints its arguments, in one write where they fit; -n: without a newline. */
#include <stdbool.h>
#include <user.h>

static char line[4096];
static size_t used;

static void flush(void)
{
	long err = write_all(1, line, used);

	if (err)
		fail("write", err);
	used = 0;
}

static void put(const char *s)
{
	for (; *s; s++) {
		if (used == sizeof(line))
			flush();
		line[used++] = *s;
	}
}

int main(int argc, char **argv)
{
	bool newline = argc < 2 || strcmp(argv[1], "-n");
	int first = newline ? 1 : 2;

	for (int i = first; i < argc; i++) {
		if (i > first)
			put(" ");
		put(argv[i]);
	}
	if (newline)
		put("\n");
	flush();
	return 0;
}
