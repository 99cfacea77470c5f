// sources: kernel/shell/lineedit.c kernel/lib/string.c
/*
 * Bytes of a terminal for the line editor: the line stays a string within its
 * bounds, and nothing but printable bytes gets into it.
 */
#include "fuzz.h"
#include <kernel/types.h>
#include <shell/lineedit.h>

static void show(void *arg, const char *s, size_t n)
{
	size_t *shown = arg;

	for (size_t i = 0; i < n; i++)
		*shown += s[i] != '\0';
}

static void complete(void *arg, const char *line, struct line_completion *c)
{
	const char *word = strrchr(line, ' ');

	(void)arg;
	word = word ? word + 1 : line;
	line_candidate(c, word, "load", " ");
	line_candidate(c, word, "lsmod", " ");
	line_candidate(c, word, "loading", "/");
	assert(c->count <= 3);
	assert(strnlen(c->insert, sizeof(c->insert)) < sizeof(c->insert));
	assert(strnlen(c->list, sizeof(c->list)) < sizeof(c->list));
}

static void check_line(const struct line_edit *e)
{
	assert(e->len < LINE_SIZE && e->cursor <= e->len);
	assert(e->scroll <= e->cursor);
	assert(e->shown_len <= LINE_COLUMNS && e->column < LINE_COLUMNS);
	assert(e->browsing <= LINE_HISTORY);
	for (size_t i = 0; i < e->len; i++)
		assert((uint8_t)e->line[i] >= ' ' && e->line[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct line_ops ops = { show, complete };
	struct line_edit *e = malloc(sizeof(*e));
	size_t shown = 0;

	line_init(e);
	line_start(e, "icebox> ", &ops, &shown);
	for (size_t i = 0; i < size; i++) {
		enum line_event event = line_feed(e, data[i], &ops, &shown);

		check_line(e);
		if (event == LINE_DONE)
			assert(strlen(e->line) == e->len);
		if (event != LINE_MORE)
			line_start(e, i % 2 ? "> " : "icebox> ", &ops, &shown);
	}
	free(e);
	return 0;
}
