/*
 * Functions that walk memory by a pointer, for the hypothesis that until the
 * last access a word near that memory is in a register or on the stack (H45).
 * They are written as people write them; walk.h has what each is given.
 *
 * Compiled with the kernel's flags, each is stepped through by step.c; included
 * there once more, it says what each has to return.
 */
#include "walk.h"

#ifndef WALK_NAME
#define WALK_NAME(name)	walk_##name
#endif

CORPUS(WALK_DECLARE)
CONTROL(WALK_DECLARE)

#define WALK(name) \
	u32 __attribute__((regparm(3))) WALK_NAME(name) WALK_ARGS
#define UNUSED(x)	((void)(x))

WALK(forwards)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n; i++)
		sum = sum * 3 + p[i];
	return sum;
}

WALK(backwards)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	while (n--)
		sum = sum * 3 + p[n];
	return sum;
}

WALK(down_from_end)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (; n; n--)
		sum = sum * 3 + *--p;
	return sum;
}

WALK(negative_index)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (int i = -(int)n; i < 0; i++)
		sum = sum * 3 + p[i];
	return sum;
}

WALK(until_end)
{
	const u32 *p = t, *end = p + n;
	u32 sum = 0;

	UNUSED(o);
	do
		sum += *p++ ^ n;
	while (p != end);
	return sum;
}

WALK(strided)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n; i += 7)
		sum = sum * 5 + p[i];
	return sum;
}

WALK(unrolled)
{
	const u32 *p = t;
	u32 a = 0, b = 0, c = 0, d = 0;

	UNUSED(o);
	for (u32 i = 0; i + 4 <= n; i += 4) {
		a += p[i];
		b ^= p[i + 1];
		c -= p[i + 2];
		d += p[i + 3] * 3;
	}
	return a + b * 3 + c * 5 + d;
}

WALK(two_ends)
{
	const u32 *low = t, *high = low + n - 1;
	u32 sum = 0;

	UNUSED(o);
	while (low < high)
		sum = sum * 3 + *low++ * *high--;
	return sum;
}

WALK(reverse)
{
	u32 *p = t;

	UNUSED(o);
	for (u32 i = 0; i < n / 2; i++) {
		u32 x = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = x;
	}
	return p[0];
}

/* Two pointers into it, and their difference. */
WALK(difference)
{
	const u32 *a = t, *b = a + n / 2;
	u32 distance = (u32)(b - a), sum = 0;

	UNUSED(o);
	for (; a < b; a++)
		sum = sum * 3 + a[0] - a[distance];
	return sum;
}

WALK(fixed_offset)
{
	const u32 *p = (const u32 *)t + 3;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 3; i < n; i++, p++)
		sum = sum * 3 + p[0] * 2 + p[-1] + p[-3];
	return sum;
}

WALK(copy_out)
{
	const u32 *from = t;
	u32 *to = o;

	while (n--)
		*to++ = *from++ + 1;
	return ((u32 *)o)[2];
}

WALK(copy_in)
{
	const u32 *from = o;
	u32 *to = t;

	while (n--)
		*to++ = *from++ + 1;
	return ((u32 *)t)[2];
}

WALK(copy_out_by_index)
{
	const u32 *from = t;
	u32 *to = o;

	for (u32 i = 0; i < n; i++)
		to[i] = from[i] * 3;
	return to[n - 1];
}

WALK(copy_in_by_index)
{
	const u32 *from = o;
	u32 *to = t;

	for (u32 i = 0; i < n; i++)
		to[i] = from[i] * 3;
	return to[n - 1];
}

/* As memmove() was once written: one pointer, and what leads to the other. */
WALK(copy_by_difference)
{
	const char *from = t;
	char *to = o;

	for (u32 i = 0; i < n * 4; i++)
		to[i] = (char)(from[i] + (from < to));
	return *(u32 *)o;
}

WALK(add_both)
{
	const u32 *a = t, *b = o;
	u32 sum = 0;

	for (u32 i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

WALK(three_arrays)
{
	u32 *a = t, *b = (u32 *)t + n / 2, *c = o;

	for (u32 i = 0; i < n / 2; i++)
		c[i] = a[i] + b[i];
	return c[n / 2 - 1];
}

/* More pointers than registers; all but one could be differences. */
WALK(pressure)
{
	const u32 *a = t, *b = o, *c = b + n, *d = c + n / 3, *e = d + n / 5;
	u32 sum = 0, x = n, y = 1;

	for (u32 i = 0; i < n; i++) {
		sum += a[i] * x + b[i];
		x ^= c[i] + y;
		y = y * 3 + d[i] - e[i];
	}
	return sum + x + y;
}

WALK(gather)
{
	const u32 *p = t, *index = o;
	u32 sum = 0;

	for (u32 i = 0; i < n; i++)
		sum = sum * 3 + p[index[i] % n];
	return sum;
}

WALK(bytes)
{
	const u8 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	return sum;
}

WALK(length)
{
	const char *s = t, *p = s;

	UNUSED(o);
	UNUSED(n);
	while (*p)
		p++;
	return (u32)(p - s);
}

WALK(compare)
{
	const u8 *a = t, *b = o;

	UNUSED(n);
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u32)(*a - *b);
}

WALK(copy_string)
{
	const char *from = t;
	char *to = o;

	UNUSED(n);
	while ((*to++ = *from++))
		;
	return (u32)(to - (char *)o);
}

WALK(find_last)
{
	const char *s = t, *found = 0;

	UNUSED(o);
	UNUSED(n);
	for (; *s; s++)
		if (*s == 'c')
			found = s;
	return found ? (u32)(found - (const char *)t) + (u8)*found : 0;
}

WALK(checksum)
{
	const u8 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (; n >= 2; n -= 2, p += 2)
		sum += (u32)p[0] << 8 | p[1];
	if (n)
		sum += *p;
	return sum;
}

WALK(list_sum)
{
	u32 sum = 0;

	UNUSED(o);
	UNUSED(n);
	for (const struct node *p = t; p; p = p->next)
		sum = sum * 3 + p->key;
	return sum;
}

WALK(list_find)
{
	const struct node *p = t;

	UNUSED(n);
	while (p && p->key != *(const u32 *)o)
		p = p->next;
	return p ? p->key + p->prev->key : 0;
}

WALK(list_back)
{
	const struct node *p = t;
	u32 sum = 0;

	UNUSED(o);
	UNUSED(n);
	while (p->next)
		p = p->next;
	for (; p; p = p->prev)
		sum = sum * 3 + p->key;
	return sum;
}

WALK(list_reverse)
{
	struct node *p = t, *done = 0;

	UNUSED(o);
	UNUSED(n);
	while (p) {
		struct node *next = p->next;

		p->next = done;
		done = p;
		p = next;
	}
	return done->key;
}

WALK(search)
{
	const u32 *p = t;
	u32 low = 0, high = n, key = ((const u32 *)o)[n / 3];

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (p[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low + p[low];
}

WALK(hash)
{
	u32 *p = t, probes = 0;

	for (u32 i = 0; i < 8; i++) {
		u32 at = ((const u32 *)o)[i] * 2654435761u % n;

		for (u32 k = 0; k < 4 && p[at] % 3; k++, probes++)
			at = at + 1 < n ? at + 1 : 0;
		p[at] += probes;
	}
	return probes + p[0];
}

WALK(rows)
{
	const u32 (*m)[8] = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n / 8; i++)
		for (u32 k = 0; k < 8; k++)
			sum = sum * 3 + m[i][k];
	return sum;
}

WALK(columns)
{
	const u32 (*m)[8] = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 k = 0; k < 8; k++)
		for (u32 i = 0; i < n / 8; i++)
			sum = sum * 3 + m[i][k];
	return sum;
}

WALK(sort)
{
	u32 *p = t;

	UNUSED(o);
	for (u32 i = 1; i < n; i++) {
		u32 x = p[i], k = i;

		for (; k && p[k - 1] > x / 2; k--)
			p[k] = p[k - 1];
		p[k] = x;
	}
	return p[n / 2];
}

/* Now this one and now that one; the choice is made without a jump. */
WALK(select)
{
	const u32 *a = t, *b = o;
	u32 sum = 0;

	for (u32 i = 0; i < n; i++) {
		const u32 *p = sum & 1 ? a : b;

		sum = sum * 3 + p[i];
	}
	return sum + a[0];
}

union word {
	u32		*p;
	unsigned long	bits;
};

WALK(in_union)
{
	union word w = { .p = t };
	u32 sum = 0;

	UNUSED(o);
	while (n--) {
		sum = sum * 3 + *w.p;
		w.bits += sizeof(u32);
	}
	return sum;
}

#define record_of(p) ((struct record *)((char *)(p) - \
		      __builtin_offsetof(struct record, member)))

WALK(container)
{
	struct record *r = record_of(t);

	UNUSED(o);
	UNUSED(n);
	r->before[0] += r->after[3];
	return r->before[0] + r->before[2] + r->member;
}

WALK(containers)
{
	u32 *member = t, sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n; i++, member += sizeof(struct record) / 4)
		sum = sum * 3 + record_of(member)->before[1] +
		      record_of(member)->after[3];
	return sum;
}

WALK(last_at_end)
{
	const u32 *p = t;
	u32 sum = 0;

	for (u32 i = 0; i < 16; i++)
		sum = sum * 3 + ((const u32 *)o)[i];
	return sum + p[n - 1];
}

/* An index that does not begin at 0: the base may be taken from before it. */
WALK(far_bias)
{
	const u32 *p = t;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 1000; i < 1000 + n; i++)
		sum = sum * 3 + p[i - 1000] * i;
	return sum;
}

WALK(switch_on)
{
	const char *p = t;
	u32 sum = 0;

	UNUSED(o);
	UNUSED(n);
	for (;;) {
		switch (*p++) {
		case '\0':
			return sum;
		case 'a':
			sum += 3;
			break;
		case 'b':
			sum *= 5;
			break;
		case 'c':
			sum ^= (u32)*p;
			break;
		case 'd':
			sum -= 7;
			break;
		default:
			sum++;
		}
	}
}

static __attribute__((noinline)) u32 depth(const struct node *p)
{
	return p->next ? depth(p->next) * 3 + p->key : p->key;
}

WALK(recurse)
{
	UNUSED(o);
	UNUSED(n);
	return depth(t);
}

static __attribute__((noinline)) u32 mix(u32 a, const u32 *p)
{
	return a * 3 + *p;
}

WALK(callback)
{
	u32 (*volatile call)(u32, const u32 *) = mix;
	u32 sum = 0;

	UNUSED(o);
	for (u32 i = 0; i < n; i++)
		sum = call(sum, (const u32 *)t + i);
	return sum;
}

WALK(disguised)
{
	u32 key = 0x5a5a5a5a, hidden = (u32)(unsigned long)t ^ key, sum = 0;

	UNUSED(o);
	t = 0;
	for (u32 i = 0; i < n; i++) {
		/* Not seen through: the compiler may not undo it. */
		__asm__ volatile("" : "+r" (hidden), "+r" (key));
		sum = sum * 3 + ((const u32 *)(unsigned long)(hidden ^ key))[i];
	}
	return sum;
}
