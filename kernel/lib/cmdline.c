/*
 * Options of the kernel's command line, looked up where they stand: nothing is
 * kept, so that it serves before there is memory to keep anything in.
 */
#include <kernel/string.h>
#include "lib/cmdline.h"

/*
 * The end of the word at @p: the first blank outside of quotes.  A quote that
 * nobody closes takes the rest of the line.
 */
static const char *word_end(const char *p)
{
	bool quoted = false;

	for (; *p && (quoted || *p != ' '); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p[1])
			p++;
	}
	return p;
}

/*
 * What does not fit is read on and dropped; always terminated, where there is
 * room for that.
 */
static void copy_unquoted(const char *p, const char *end, char *out, size_t n)
{
	bool quoted = false;
	size_t len = 0;

	for (; p < end; p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (*p == '\\' && quoted && p + 1 < end)
			p++;
		if (len + 1 < n)
			out[len++] = *p;
	}
	if (n)
		out[len] = '\0';
}

bool cmdline_get(const char *cmdline, const char *key, char *out, size_t n)
{
	size_t len = strlen(key);
	bool found = false;
	const char *p = cmdline;

	while (*p) {
		const char *end = word_end(p);
		size_t size = (size_t)(end - p);

		if (size >= len && !strncmp(p, key, len) &&
		    (size == len || p[len] == '=')) {
			copy_unquoted(size == len ? end : p + len + 1, end,
				      out, n);
			found = true;
		}
		p = *end ? end + 1 : end;
	}
	return found;
}
