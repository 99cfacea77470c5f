// sources: kernel/fs/path.c kernel/lib/cmdline.c kernel/lib/json.c kernel/lib/kstrto.c kernel/lib/string.c kernel/lib/errno.c
/*
 * Text from outside in small buffers: paths, the kernel's command line,
 * numbers, strings for a report.  The first byte says which, the second how
 * large the buffer is.
 */
#include "fuzz.h"
#include <kernel/string.h>
#include <fs/path.h>
#include <lib/cmdline.h>
#include <lib/json.h>

/* No ".", "..", "//", nor a slash at the end. */
static void check_path(const char *path, size_t room)
{
	size_t n = strnlen(path, room);

	assert(n < room && path[0] == '/');
	if (n == 1)
		return;
	while (*path) {
		size_t len = strcspn(++path, "/");

		assert(len && strncmp(path, "./", 2) && strcmp(path, "."));
		assert(strncmp(path, "../", 3) && strcmp(path, ".."));
		path += len;
	}
}

static void join_paths(const char *text, size_t room)
{
	char *out = malloc(room), *again = malloc(room);

	if (!path_join("/a/b", text, out, room)) {
		check_path(out, room);
		assert(!path_join("/", out, again, room));
		assert(!strcmp(out, again));
	}
	free(out);
	free(again);
}

static void read_options(const char *text, size_t room)
{
	char *out = malloc(room);

	memset(out, 0x55, room);
	if (cmdline_get(text, "key", out, room)) {
		assert(strnlen(out, room) < room);
		assert(strstr(text, "key"));
	}
	free(out);
}

/* The host's own library takes more; what ours takes is the same there. */
static void read_numbers(const char *text, unsigned int base)
{
	unsigned int u = 77;
	int i = 77, rc = kstrtoint(text, base, &i);

	assert(rc == 0 || rc == -EINVAL || rc == -ERANGE);
	assert(!rc ? strtoll(text, NULL, (int)base) == i : i == 77);
	rc = kstrtouint(text, base, &u);
	assert(!rc ? strtoull(text, NULL, (int)base) == u : u == 77);
}

/* A character of UTF-8 (RFC 3629, 3); returns how many bytes it has. */
static size_t check_character(const uint8_t *p)
{
	static const uint32_t smallest[] = { 0, 0x20, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? *p : *p & (0x7fu >> n);

	assert(n == 1 || (*p & 0xc0) == 0xc0);
	for (size_t i = 1; i < n; i++) {
		assert((p[i] & 0xc0) == 0x80);
		c = c << 6 | (p[i] & 0x3f);
	}
	assert(c >= smallest[n] && c <= 0x10ffff && c >> 11 != 0x1b);
	return n;
}

static void write_json(const char *text, size_t room)
{
	char *out = malloc(room);
	struct json_writer w;
	ssize_t n;

	json_init(&w, out, room);
	json_object_begin(&w, NULL);
	json_string(&w, "key", text);
	json_array_begin(&w, "list");
	json_string(&w, NULL, text);
	json_array_end(&w);
	json_object_end(&w);
	n = json_finish(&w);
	assert(strnlen(out, room) < room);
	assert(n == -E2BIG || (size_t)n == strlen(out));
	for (const uint8_t *p = (uint8_t *)out; *p; p += check_character(p))
		;
	assert(n < 0 || (out[0] == '{' && out[n - 1] == '}'));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int bases[] = { 0, 2, 8, 10, 16 };
	struct input in = { data, size };
	uint8_t which = take8(&in);
	size_t room = 1 + take8(&in);
	char *text = exact_string(in.p, in.left);

	switch (which % 4) {
	case 0:
		join_paths(text, room + 1);
		break;
	case 1:
		read_options(text, room);
		break;
	case 2:
		read_numbers(text, bases[room % ARRAY_SIZE(bases)]);
		break;
	default:
		write_json(text, room);
		break;
	}
	free(text);
	return 0;
}
