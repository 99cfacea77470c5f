// sources:
/*
 * The kernel's vsnprintf() against the C library's: 200,000 formats put
 * together at random with telling values, in buffers of any size that end at a
 * byte that ASan guards.
 */
#include <kernel/string.h>
#include <limits.h>
#include <stdlib.h>

/* The C library's names are taken. */
#define vsnprintf	kernel_vsnprintf
#define snprintf	kernel_snprintf
int kernel_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int kernel_snprintf(char *buf, size_t size, const char *fmt, ...);
#include "lib/vsnprintf.c"
#undef vsnprintf
#undef snprintf

static int failures;

static void fail(const char *fmt, const char *ours, const char *libc)
{
	printf("FAIL format \"%s\": ours \"%s\", the C library's \"%s\"\n",
	       fmt, ours, libc);
	failures++;
}

static void compare(size_t size, const char *fmt, ...)
{
	char *ours = malloc(size ? size : 1);
	char *libc = malloc(size ? size : 1);
	va_list a, b;
	int n, m;

	ours[0] = libc[0] = '\0';
	va_start(a, fmt);
	va_copy(b, a);
	n = kernel_vsnprintf(ours, size, fmt, a);
	m = vsnprintf(libc, size, fmt, b);
	va_end(a);
	va_end(b);
	if (n != m || (size && strcmp(ours, libc)))
		fail(fmt, ours, libc);
	free(ours);
	free(libc);
}

static const long long values[] = {
	0, 1, -1, 7, 8, 42, 127, 128, -128, 255, 256, 32767, 32768, -32768,
	65535, 2147483647, -2147483648LL, 4294967295LL, 4294967296LL,
	LLONG_MAX, LLONG_MIN, 1000000000000LL, 0x123456789abcdefLL,
};

static const char *const texts[] = { "", "a", "ice", "refrigerator" };

static const char *pick(const char *const *set, size_t n)
{
	return set[(size_t)rand() % n];
}

#define PICK(set) pick(set, ARRAY_SIZE(set))

static void random_integer(void)
{
	static const char *const flags[] = {
		"", "-", "0", "#", "+", " ", "-0", "+0", "0#", "-#", "+ ",
	};
	static const char *const widths[] = { "", "1", "5", "12", "40", "*" };
	static const char *const precisions[] = {
		"", ".", ".0", ".1", ".5", ".30", ".*",
	};
	static const char *const lengths[] = {
		"", "hh", "h", "l", "ll", "z", "t", "j",
	};
	static const char *const conversions[] = { "d", "i", "u", "x", "X",
						   "o" };
	const char *width = PICK(widths), *precision = PICK(precisions);
	const char *length = PICK(lengths);
	long long v = values[(size_t)rand() % ARRAY_SIZE(values)];
	size_t size = (size_t)rand() % 64;
	int w = rand() % 50 - 20, p = rand() % 40 - 5;
	char fmt[64];

	snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s%s>", PICK(flags), width,
		 precision, length, PICK(conversions));
	if (*width == '*' && precision[0] && precision[1] == '*')
		compare(size, fmt, w, p, v);
	else if (*width == '*')
		compare(size, fmt, w, v);
	else if (precision[0] && precision[1] == '*')
		compare(size, fmt, p, v);
	else
		compare(size, fmt, v);
}

static void random_string(void)
{
	size_t size = (size_t)rand() % 24;
	int w = rand() % 30 - 15, p = rand() % 16 - 3;

	compare(size, "%s|%*.*s|%-10s|%c|%%", PICK(texts), w, p, PICK(texts),
		PICK(texts), 'a' + rand() % 26);
	compare(size, "%5c%-5cx%.3s", 'p', 'q', PICK(texts));
}

static void expect(const char *want, int want_len, const char *got, int len)
{
	if (strcmp(want, got) || want_len != len)
		fail("(fixed)", got, want);
}

static int test_symbolizer(char *buf, size_t size, uintptr_t addr)
{
	return snprintf(buf, size, "sym+0x%lx", (unsigned long)addr);
}

/* What the C library leaves undefined, and what is the kernel's own. */
static void own_ways(void)
{
	/* Volatile: not for the compiler to warn of. */
	const char *volatile unknown = "a%d %q %d";
	const char *volatile lone = "x%";
	const char *volatile unfinished = "x%-08.";
	char buf[64];
	int n;

	n = kernel_snprintf(buf, sizeof(buf), "%s", (char *)NULL);
	expect("(null)", 6, buf, n);
	n = kernel_snprintf(buf, sizeof(buf), "%.2s", (char *)NULL);
	expect("(n", 2, buf, n);
	n = kernel_snprintf(buf, sizeof(buf), unknown, 1, 2);
	expect("a1 %q %d", 8, buf, n);
	n = kernel_snprintf(buf, sizeof(buf), lone, 1);
	expect("x%", 2, buf, n);
	n = kernel_snprintf(buf, sizeof(buf), unfinished, 1);
	expect("x%-08.", 6, buf, n);
	n = kernel_snprintf(buf, 4, "%*d%*d", INT_MAX, 1, INT_MIN, 2);
	expect("   ", INT_MAX, buf, n);
	n = kernel_snprintf(buf, 4, "%99999999999999999999d", 1);
	expect("   ", INT_MAX, buf, n);
	n = kernel_snprintf(buf, 4, "%.*d", INT_MAX, 1);
	expect("000", INT_MAX, buf, n);
	n = kernel_snprintf(buf, sizeof(buf), "%p", (void *)0x1234);
	expect("0x0000000000001234", 18, buf, n);
	vsnprintf_set_symbolizer(test_symbolizer);
	n = kernel_snprintf(buf, sizeof(buf), "[%12pS]", (void *)0x10);
	expect("[    sym+0x10]", 14, buf, n);
}

int main(void)
{
	srand(1);
	for (int i = 0; i < 150000; i++)
		random_integer();
	for (int i = 0; i < 50000; i++)
		random_string();
	own_ways();
	printf("%sok 1 vsnprintf_agrees_with_libc\n", failures ? "not " : "");
	return failures != 0;
}
