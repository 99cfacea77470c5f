/*
 * Text from outside as numbers: the whole of it, or an error and nothing.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/string.h>

/* 99 for what is none: above every base. */
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return 99;
}

/*
 * Base 0 is settled by the prefix, and a prefix that @base allows skipped.
 * "0x" alone leaves nothing, which is refused; of "08" the 8 is.
 */
static unsigned int take_prefix(const char **s, unsigned int base)
{
	const char *p = *s;

	if (p[0] == '0' && (p[1] | 0x20) == 'x' && (base == 0 || base == 16)) {
		*s += 2;
		return 16;
	}
	if (base)
		return base;
	return p[0] == '0' ? 8 : 10;
}

/*
 * A number that is too large is read to its end: rubbish behind it is -EINVAL,
 * not -ERANGE.  Up to there 64 bits are enough, as 2^32 * 36 is.
 */
static int parse_magnitude(const char *s, unsigned int base, uint32_t *out)
{
	uint64_t value = 0;
	bool too_big = false;

	if (base == 1 || base > 36)
		return -EINVAL;
	base = take_prefix(&s, base);
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned int digit = (unsigned int)digit_value(*s);

		if (digit >= base)
			return -EINVAL;
		if (!too_big)
			value = value * base + digit;
		too_big = value > UINT32_MAX;
	}
	if (too_big)
		return -ERANGE;
	*out = (uint32_t)value;
	return 0;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *out)
{
	if (*s == '+')
		s++;
	return parse_magnitude(s, base, out);
}
EXPORT_SYMBOL(kstrtouint);

/* There is one more negative number than positive ones. */
int kstrtoint(const char *s, unsigned int base, int *out)
{
	bool negative = *s == '-';
	uint32_t value;
	int err;

	if (*s == '-' || *s == '+')
		s++;
	err = parse_magnitude(s, base, &value);
	if (err)
		return err;
	if (value > (uint32_t)INT32_MAX + negative)
		return -ERANGE;
	*out = (int)(negative ? 0 - value : value);
	return 0;
}
EXPORT_SYMBOL(kstrtoint);
