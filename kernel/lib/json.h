/*
 * A JSON text written straight into the caller's buffer: no allocation, any
 * context.  What does not fit is not half written: from the first piece that
 * does not fit nothing more is taken, and json_finish() says so.
 *
 * The text is valid UTF-8 (RFC 8259), whatever bytes the strings hold.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <kernel/types.h>

struct json_writer {
	char	*buf;		/* the caller's; always terminated */
	size_t	size, len;
	uint32_t depth;		/* objects and arrays open */
	bool	comma;		/* one is due before the next value */
	bool	truncated;
};

/* @size is at least 1. */
void json_init(struct json_writer *w, char *buf, size_t size);

/* @key: NULL inside an array and at the top. */
void json_object_begin(struct json_writer *w, const char *key);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w, const char *key);
void json_array_end(struct json_writer *w);

/* @s NULL: null.  Its bytes from 0x80 on are taken as U+0080 to U+00FF. */
void json_string(struct json_writer *w, const char *key, const char *s);
void json_u64(struct json_writer *w, const char *key, uint64_t value);
void json_i64(struct json_writer *w, const char *key, int64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
/* An address, as the string "0xc0123456". */
void json_address(struct json_writer *w, const char *key, uintptr_t addr);

/*
 * The length; -E2BIG: cut, do not send; -EINVAL: something was left open, or
 * closed once too often.
 */
ssize_t json_finish(struct json_writer *w);

#endif
