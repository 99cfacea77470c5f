/*
 * Formatted text.  The conversions of C without floating point and without
 * %n, and %pS for an address as a symbol.  Bounded whatever the arguments are:
 * an absurd width costs no more than the buffer holds, lengths saturate at
 * INT_MAX, and past a conversion that is not known the arguments cannot be
 * told apart any more, so that the rest of the format is printed as it stands.
 */
#include <kernel/export.h>
#include <kernel/string.h>
#include "lib/format.h"

/* @len runs on beyond @size: it is the length that was wanted. */
struct sink {
	char	*buf;
	size_t	size, len;
};

enum length { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG, LEN_LLONG,
	      LEN_SIZE, LEN_PTRDIFF, LEN_MAX };

struct spec {
	bool		left, zero, plus, space, alt;
	int		width;		/* 0 or more */
	int		precision;	/* -1: none given */
	enum length	length;
};

static int (*symbolizer)(char *buf, size_t size, uintptr_t addr);

void vsnprintf_set_symbolizer(int (*fn)(char *buf, size_t size,
					uintptr_t addr))
{
	symbolizer = fn;
}

/* INT_MAX is all that the result can tell. */
static void sink_advance(struct sink *s, size_t n)
{
	s->len = n > (size_t)INT32_MAX - s->len ? INT32_MAX : s->len + n;
}

/* The last byte, too, which vsnprintf() then makes the NUL. */
static size_t sink_room(const struct sink *s)
{
	return s->len < s->size ? s->size - s->len : 0;
}

static void put_bytes(struct sink *s, const char *p, size_t n)
{
	size_t fit = min(n, sink_room(s));

	if (fit)
		memcpy(s->buf + s->len, p, fit);
	sink_advance(s, n);
}

/* At most what there is room for is written, however large @count is. */
static void put_fill(struct sink *s, char c, int count)
{
	size_t n = count > 0 ? (size_t)count : 0;
	size_t fit = min(n, sink_room(s));

	if (fit)
		memset(s->buf + s->len, c, fit);
	sink_advance(s, n);
}

/* Width and precision count bytes; zeros are for numbers. */
static void put_text(struct sink *s, const struct spec *spec, const char *p,
		     size_t n)
{
	int pad = n < (size_t)spec->width ? spec->width - (int)n : 0;

	if (!spec->left)
		put_fill(s, ' ', pad);
	put_bytes(s, p, n);
	if (spec->left)
		put_fill(s, ' ', pad);
}

/* A precision is a bound: no more is read, and no NUL need be there. */
static void put_string(struct sink *s, const struct spec *spec, const char *p)
{
	size_t max = spec->precision < 0 ? INT32_MAX : (size_t)spec->precision;

	/* A member of a structure that was not there. */
	if ((uintptr_t)p < PAGE_SIZE)
		p = "(null)";
	put_text(s, spec, p, strnlen(p, max));
}

/*
 * Digits of @value at the end of @buf; the empty string for 0.  Divisions of 64
 * bits, which i386 has no instruction for, only while they are needed.
 */
static char *digits_of(char *end, uint64_t value, unsigned int base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	while (value > UINT32_MAX) {
		*--end = set[value % base];
		value /= base;
	}
	for (uint32_t low = (uint32_t)value; low; low /= base)
		*--end = set[low % base];
	return end;
}

/*
 * Order on paper: spaces, prefix, zeros, digits, spaces.  Zeros come from the
 * precision, or from the 0 flag where no precision was given (C11 7.21.6.1).
 */
static void put_digits(struct sink *s, const struct spec *spec,
		       const char *prefix, const char *digits, size_t n)
{
	size_t prefix_len = strlen(prefix);
	size_t wanted = spec->precision < 0 ? 1 : (size_t)spec->precision;
	size_t zeros = n < wanted ? wanted - n : 0;
	size_t total = prefix_len + zeros + n;
	int pad = total < (size_t)spec->width ? spec->width - (int)total : 0;

	if (pad && spec->zero && !spec->left && spec->precision < 0) {
		zeros += (size_t)pad;
		pad = 0;
	}
	if (!spec->left)
		put_fill(s, ' ', pad);
	put_bytes(s, prefix, prefix_len);
	put_fill(s, '0', (int)zeros);
	put_bytes(s, digits, n);
	if (spec->left)
		put_fill(s, ' ', pad);
}

/* 24: 2^64 - 1 has 22 octal digits, and the # flag adds one. */
static void put_unsigned(struct sink *s, struct spec *spec, uint64_t value,
			 char conversion)
{
	unsigned int base = conversion == 'o' ? 8 : conversion == 'u' ? 10 : 16;
	char text[24];
	char *end = text + sizeof(text);
	char *p = digits_of(end, value, base, conversion == 'X');
	const char *prefix = "";

	if (spec->alt && base == 16 && value)
		prefix = conversion == 'X' ? "0X" : "0x";
	if (spec->alt && base == 8 && (value || spec->precision == 0))
		*--p = '0';
	put_digits(s, spec, prefix, p, (size_t)(end - p));
}

/* Negated as unsigned: the least number has no positive one. */
static void put_signed(struct sink *s, const struct spec *spec, int64_t value)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char text[24];
	char *end = text + sizeof(text);
	char *p = digits_of(end, magnitude, 10, false);
	const char *prefix = value < 0 ? "-" : spec->plus ? "+" :
			     spec->space ? " " : "";

	put_digits(s, spec, prefix, p, (size_t)(end - p));
}

/*
 * Takes the S of a %pS from *@fmt.  It formats while formatting, one level deep
 * only: %p is made with %x, and a symbol without %pS.
 */
static void put_pointer(struct sink *s, const struct spec *spec, uintptr_t p,
			const char **fmt)
{
	bool symbolic = **fmt == 'S';
	char text[128];
	int n;

	if (symbolic)
		(*fmt)++;
	if (symbolic && symbolizer)
		n = symbolizer(text, sizeof(text), p);
	else
		n = snprintf(text, sizeof(text), "0x%0*llx",
			     (int)(2 * sizeof(p)), (unsigned long long)p);
	put_text(s, spec, text, min((size_t)n, sizeof(text) - 1));
}

/*
 * What is smaller than int comes as int (C11 6.5.2.2) and is cut.  @ap by
 * pointer, or the caller's would be of no more use (C11 7.16).
 */
static uint64_t take_unsigned(enum length length, va_list *ap)
{
	switch (length) {
	case LEN_CHAR:
		return (unsigned char)va_arg(*ap, unsigned int);
	case LEN_SHORT:
		return (unsigned short)va_arg(*ap, unsigned int);
	case LEN_LONG:
		return va_arg(*ap, unsigned long);
	case LEN_LLONG:
		return va_arg(*ap, unsigned long long);
	case LEN_SIZE:
	case LEN_PTRDIFF:
		return va_arg(*ap, size_t);
	case LEN_MAX:
		return va_arg(*ap, uintmax_t);
	case LEN_INT:
		break;
	}
	return va_arg(*ap, unsigned int);
}

static int64_t take_signed(enum length length, va_list *ap)
{
	switch (length) {
	case LEN_CHAR:
		return (signed char)va_arg(*ap, int);
	case LEN_SHORT:
		return (short)va_arg(*ap, int);
	case LEN_LONG:
		return va_arg(*ap, long);
	case LEN_LLONG:
		return va_arg(*ap, long long);
	case LEN_SIZE:
	case LEN_PTRDIFF:
		return va_arg(*ap, ptrdiff_t);
	case LEN_MAX:
		return va_arg(*ap, intmax_t);
	case LEN_INT:
		break;
	}
	return va_arg(*ap, int);
}

/* A decimal number or a *; saturates.  A * may be negative. */
static int take_count(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return va_arg(*ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++) {
		int digit = **fmt - '0';

		n = n > (INT32_MAX - digit) / 10 ? INT32_MAX : n * 10 + digit;
	}
	return n;
}

/* In any order, and as often as they come (C11 7.21.6.1). */
static void take_flags(struct spec *spec, const char **fmt)
{
	for (;; (*fmt)++) {
		switch (**fmt) {
		case '-':
			spec->left = true;
			break;
		case '0':
			spec->zero = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '#':
			spec->alt = true;
			break;
		default:
			return;
		}
	}
}

/*
 * LEN_INT where there is none.  Of %c, %s and %p it is read, and means nothing.
 */
static enum length take_length(const char **fmt)
{
	char c = **fmt;

	switch (c) {
	case 'h':
	case 'l':
		(*fmt)++;
		if (**fmt != c)
			return c == 'h' ? LEN_SHORT : LEN_LONG;
		(*fmt)++;
		return c == 'h' ? LEN_CHAR : LEN_LLONG;
	case 'z':
		(*fmt)++;
		return LEN_SIZE;
	case 't':
		(*fmt)++;
		return LEN_PTRDIFF;
	case 'j':
		(*fmt)++;
		return LEN_MAX;
	default:
		return LEN_INT;
	}
}

/*
 * From a *, a negative width is the - flag, a negative precision is none (C11
 * 7.21.6.1).
 */
static struct spec take_spec(const char **fmt, va_list *ap)
{
	struct spec spec = { .precision = -1 };
	int n;

	take_flags(&spec, fmt);
	n = take_count(fmt, ap);
	if (n < 0) {
		spec.left = true;
		n = n == INT32_MIN ? INT32_MAX : -n;
	}
	spec.width = n;
	if (**fmt == '.') {
		(*fmt)++;
		n = take_count(fmt, ap);
		spec.precision = n < 0 ? -1 : n;
	}
	spec.length = take_length(fmt);
	return spec;
}

/*
 * One conversion, *@fmt behind its %.  False: not known, nothing printed.  Of a
 * format that ends in the middle *@fmt then lies behind its NUL, and is not to
 * be used.
 */
static bool convert(struct sink *s, const char **fmt, va_list *ap)
{
	struct spec spec = take_spec(fmt, ap);
	char conversion = *(*fmt)++;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		put_signed(s, &spec, take_signed(spec.length, ap));
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(s, &spec, take_unsigned(spec.length, ap),
			     conversion);
		return true;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_text(s, &spec, &c, 1);
		return true;
	case 's':
		put_string(s, &spec, va_arg(*ap, const char *));
		return true;
	case 'p':
		put_pointer(s, &spec, (uintptr_t)va_arg(*ap, void *), fmt);
		return true;
	case '%':
		put_bytes(s, "%", 1);
		return true;
	default:
		return false;
	}
}

static void format(struct sink *s, const char *fmt, va_list *ap)
{
	while (*fmt) {
		const char *percent = strchr(fmt, '%');
		const char *p;

		if (!percent) {
			put_bytes(s, fmt, strlen(fmt));
			return;
		}
		put_bytes(s, fmt, (size_t)(percent - fmt));
		p = percent + 1;
		if (!convert(s, &p, ap)) {
			put_bytes(s, percent, strlen(percent));
			return;
		}
		fmt = p;
	}
}

/*
 * A copy of @ap: where va_list is an array the parameter is a pointer, whose
 * address is of another type than format() wants (the host's x86-64).
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = { buf, size, 0 };
	va_list args;

	va_copy(args, ap);
	format(&s, fmt, &args);
	va_end(args);
	if (size)
		buf[min(s.len, size - 1)] = '\0';
	return (int)s.len;
}
EXPORT_SYMBOL(vsnprintf);

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
EXPORT_SYMBOL(snprintf);
