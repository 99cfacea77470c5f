/*
 * Strings, a small printf, and the first C function of a program.
 */
#include <user.h>

const char *program_name = "?";
static long print_error;	/* the first one; told at the end */

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int atoi(const char *s)
{
	int v = 0;

	while (*s >= '0' && *s <= '9')
		v = v * 10 + (*s++ - '0');
	return v;
}

struct line {
	char	text[512];
	size_t	n;
};

static void put(struct line *l, char c)
{
	if (l->n < sizeof(l->text))
		l->text[l->n++] = c;
}

static void put_string(struct line *l, const char *s)
{
	while (*s)
		put(l, *s++);
}

static void put_number(struct line *l, unsigned int v, unsigned int base)
{
	char digits[10];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n)
		put(l, digits[--n]);
}

static void put_signed(struct line *l, int v)
{
	if (v < 0)
		put(l, '-');
	put_number(l, v < 0 ? 0u - (unsigned int)v : (unsigned int)v, 10);
}

static void put_formatted(struct line *l, const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(l, *fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			put_string(l, va_arg(ap, const char *));
			break;
		case 'd':
			put_signed(l, va_arg(ap, int));
			break;
		case 'u':
			put_number(l, va_arg(ap, unsigned int), 10);
			break;
		case 'x':
			put_number(l, va_arg(ap, unsigned int), 16);
			break;
		case 'c':
			put(l, (char)va_arg(ap, int));
			break;
		case '\0':
			return;
		default:
			put(l, *fmt);
		}
	}
}

long write_all(int fd, const void *buf, size_t n)
{
	size_t done = 0;
	long part = 1;

	while (done < n && part > 0) {
		part = write(fd, (const char *)buf + done, n - done);
		if (part > 0)
			done += (size_t)part;
	}
	return part > 0 ? 0 : part ? part : -EIO;
}

static void print(int fd, const char *fmt, va_list ap)
{
	struct line l;
	long err;

	l.n = 0;
	put_formatted(&l, fmt, ap);
	err = write_all(fd, l.text, l.n);
	if (err && !print_error)
		print_error = err;
}

void printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(1, fmt, ap);
	va_end(ap);
}

void dprintf(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fd, fmt, ap);
	va_end(ap);
}

void fail(const char *what, long err)
{
	if (err)
		dprintf(2, "%s: %s: error %d\n", program_name, what,
			(int)-err);
	else
		dprintf(2, "%s: %s\n", program_name, what);
	exit(1);
}

void start_c(int argc, char **argv) __noreturn;
void start_c(int argc, char **argv)
{
	int status;

	if (argc > 0)
		program_name = argv[0];
	status = main(argc, argv);
	if (!status && print_error)
		fail("write", print_error);
	exit(status);
}
