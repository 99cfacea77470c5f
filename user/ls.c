/* Lists directories. */
#include <user.h>

/* What a terminal would obey is shown as '?'. */
static void print(char *name)
{
	for (char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	printf("%s\n", name);
}

static void list(const char *path)
{
	static char buf[2048];
	int fd = open(path, O_RDONLY, 0);
	long n;

	if (fd < 0)
		fail(path, fd);
	while ((n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *d = (void *)(buf + at);

			if (d->name[0] != '.')
				print(d->name);
			at += d->reclen;
		}
	}
	if (n < 0)
		fail(path, n);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		list(".");
	for (int i = 1; i < argc; i++)
		list(argv[i]);
	return 0;
}
