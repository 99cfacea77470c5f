/*
 * A JSON text written straight into the caller's buffer.  One flag is enough
 * for the commas: a value is followed by one unless it is the last, and after
 * an opening bracket none is due.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include "lib/json.h"

/*
 * All of it or nothing, and after nothing never again: what was written stays
 * terminated, and no later piece stands where one is missing.  len < size.
 */
static void put(struct json_writer *w, const char *s, size_t n)
{
	if (w->truncated || n >= w->size - w->len) {
		w->truncated = true;
		return;
	}
	memcpy(w->buf + w->len, s, n);
	w->len += n;
	w->buf[w->len] = '\0';
}

static void put_char(struct json_writer *w, char c)
{
	put(w, &c, 1);
}

/*
 * RFC 8259, 7: what has no short form goes as \u00XX, bytes from 0x80 on as
 * Latin-1.
 */
static void put_escaped(struct json_writer *w, uint8_t c)
{
	static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	char text[8];

	for (const char *p = named; *p; p += 2) {
		if (c == (uint8_t)p[0]) {
			text[0] = '\\';
			text[1] = p[1];
			put(w, text, 2);
			return;
		}
	}
	if (c >= 0x20 && c < 0x7f)
		put_char(w, (char)c);
	else
		put(w, text, (size_t)scnprintf(text, sizeof(text), "\\u%04x",
					       (unsigned int)c));
}

/*
 * Bytes of the UTF-8 sequence at @s, 0 if it is none (RFC 3629: the shortest
 * form, no surrogates, up to U+10FFFF).
 */
static size_t utf8_length(const char *s)
{
	const uint8_t *u = (const uint8_t *)s;
	size_t n = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 :
		   u[0] < 0xf5 ? 4 : 0;

	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* What is no UTF-8 is taken for Latin-1: a reader gets something, always. */
static void put_quoted(struct json_writer *w, const char *s)
{
	put_char(w, '"');
	while (*s && !w->truncated) {
		size_t n = utf8_length(s);

		if (n)
			put(w, s, n);
		else
			put_escaped(w, (uint8_t)*s);
		s += n ? n : 1;
	}
	put_char(w, '"');
}

static void begin_value(struct json_writer *w, const char *key)
{
	if (w->comma)
		put_char(w, ',');
	if (key) {
		put_quoted(w, key);
		put_char(w, ':');
	}
	w->comma = true;
}

static void open_bracket(struct json_writer *w, const char *key, char c)
{
	begin_value(w, key);
	put_char(w, c);
	w->depth++;
	w->comma = false;
}

/* An object or array that is closed was itself a value. */
static void close_bracket(struct json_writer *w, char c)
{
	put_char(w, c);
	w->depth--;
	w->comma = true;
}

void json_init(struct json_writer *w, char *buf, size_t size)
{
	*w = (struct json_writer){ .buf = buf, .size = size };
	buf[0] = '\0';
}

void json_object_begin(struct json_writer *w, const char *key)
{
	open_bracket(w, key, '{');
}

void json_object_end(struct json_writer *w)
{
	close_bracket(w, '}');
}

void json_array_begin(struct json_writer *w, const char *key)
{
	open_bracket(w, key, '[');
}

void json_array_end(struct json_writer *w)
{
	close_bracket(w, ']');
}

/* NULL is a value like others (what is not known), and no empty string. */
void json_string(struct json_writer *w, const char *key, const char *s)
{
	begin_value(w, key);
	if (s)
		put_quoted(w, s);
	else
		put(w, "null", 4);
}

void json_u64(struct json_writer *w, const char *key, uint64_t value)
{
	char text[24];
	int n = scnprintf(text, sizeof(text), "%llu",
			  (unsigned long long)value);

	begin_value(w, key);
	put(w, text, (size_t)n);
}

void json_i64(struct json_writer *w, const char *key, int64_t value)
{
	char text[24];
	int n = scnprintf(text, sizeof(text), "%lld", (long long)value);

	begin_value(w, key);
	put(w, text, (size_t)n);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	begin_value(w, key);
	put(w, value ? "true" : "false", value ? 4 : 5);
}

/* A string, as JSON has no hexadecimal numbers. */
void json_address(struct json_writer *w, const char *key, uintptr_t addr)
{
	char text[24];

	scnprintf(text, sizeof(text), "0x%08lx", (unsigned long)addr);
	json_string(w, key, text);
}

/* Closed once too often, @depth has wrapped and is not 0. */
ssize_t json_finish(struct json_writer *w)
{
	if (w->truncated)
		return -E2BIG;
	return w->depth ? -EINVAL : (ssize_t)w->len;
}
