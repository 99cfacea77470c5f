/*
 * The line editor.  Editing changes the line only; refresh() then compares
 * what the terminal shows with what it should show and sends the difference,
 * so that no edit can forget a part of the screen.
 */
#include <kernel/string.h>
#include <lib/ctype.h>
#include "lineedit.h"

#define CTRL(c)		((c) & 0x1f)
#define KEY_ESCAPE	0x1b
#define KEY_DELETE	0x7f

/* The states of an escape sequence. */
enum {
	ESC_NONE,
	ESC_SEEN,		/* ESC */
	ESC_BRACKET,		/* ESC [ or ESC O */
	ESC_MODIFIER,		/* ESC [ NUMBER ;  and what is left out */
};

struct edit {
	struct line_edit	*e;
	const struct line_ops	*ops;
	void			*arg;
};

static void put(const struct edit *d, const char *s, size_t n)
{
	if (n)
		d->ops->write(d->arg, s, n);
}

static void put_text(const struct edit *d, const char *s)
{
	put(d, s, strlen(s));
}

static void beep(const struct edit *d)
{
	put_text(d, "\a");
}

static void put_times(const struct edit *d, char c, size_t n)
{
	while (n--)
		put(d, &c, 1);
}

/* ---- the screen ---- */

/* One column stays free: a terminal may wrap when the last one is written. */
static size_t visible_width(const struct line_edit *e)
{
	return LINE_COLUMNS - 1 - strlen(e->prompt);
}

/*
 * The cursor may stand behind the last letter shown, hence width + 1 columns.
 */
static void scroll_to_cursor(struct line_edit *e)
{
	size_t width = visible_width(e);

	if (e->cursor < e->scroll)
		e->scroll = e->cursor > width / 2 ? e->cursor - width / 2 : 0;
	if (e->cursor > e->scroll + width)
		e->scroll = e->cursor - width / 2;
	if (e->len <= width)
		e->scroll = 0;
}

/* Forward by writing what is there already: no terminal gets that wrong. */
static void go_to_column(const struct edit *d, size_t column)
{
	struct line_edit *e = d->e;

	if (column < e->column)
		put_times(d, '\b', e->column - column);
	else
		put(d, e->shown + e->column, column - e->column);
	e->column = column;
}

/*
 * Afterwards @shown is what the terminal has behind the prompt and @column
 * where its cursor stands, whatever was done to line, len and cursor before.
 */
static void refresh(const struct edit *d)
{
	struct line_edit *e = d->e;
	const char *want;
	size_t n, same = 0, old = e->shown_len;

	scroll_to_cursor(e);
	want = e->line + e->scroll;
	n = min(e->len - e->scroll, visible_width(e));
	while (same < n && same < old && e->shown[same] == want[same])
		same++;
	if (same < n || same < old)
		go_to_column(d, same);
	memcpy(e->shown + same, want + same, n - same);
	put(d, want + same, n - same);
	if (old > n)
		put_times(d, ' ', old - n);
	if (same < n || same < old)
		e->column = max(n, old);
	/* What was blanked is shown as blanks, for the way back. */
	if (old > n)
		memset(e->shown + n, ' ', old - n);
	e->shown_len = n;
	go_to_column(d, e->cursor - e->scroll);
}

/* On a fresh line of the terminal. */
static void draw_all(const struct edit *d)
{
	struct line_edit *e = d->e;

	put_text(d, e->prompt);
	e->shown_len = 0;
	e->column = 0;
	refresh(d);
}

/* What the command prints begins below the line, wherever the cursor was. */
static void leave_line(const struct edit *d)
{
	d->e->cursor = d->e->len;
	refresh(d);
	put_text(d, "\n");
}

/* ---- editing ---- */

/* As much of it as there is room for, the NUL that finish() adds included. */
static void insert(struct line_edit *e, const char *s, size_t n)
{
	n = min(n, sizeof(e->line) - 1 - e->len);
	memmove(e->line + e->cursor + n, e->line + e->cursor,
		e->len - e->cursor);
	memcpy(e->line + e->cursor, s, n);
	e->cursor += n;
	e->len += n;
}

/*
 * The letters from @from up to @to, which is len at most.  The cursor goes
 * there.
 */
static void erase(struct line_edit *e, size_t from, size_t to)
{
	memmove(e->line + from, e->line + to, e->len - to);
	e->len -= to - from;
	e->cursor = from;
}

static size_t word_start(const struct line_edit *e)
{
	size_t i = e->cursor;

	while (i > 0 && e->line[i - 1] == ' ')
		i--;
	while (i > 0 && e->line[i - 1] != ' ')
		i--;
	return i;
}

static void set_line(struct line_edit *e, const char *s)
{
	e->len = (size_t)max(strscpy(e->line, s, sizeof(e->line)), (ssize_t)0);
	e->cursor = e->len;
}

/* ---- history ---- */

/*
 * @n is 1 to LINE_HISTORY and not beyond what was added: the oldest line is in
 * the place that the next one gets.
 */
static char *history_back(struct line_edit *e, size_t n)
{
	return e->history[(e->history_count - n) % LINE_HISTORY];
}

/* Neither empty nor twice in a row.  The line ends in a NUL: finish(). */
static void history_add(struct line_edit *e)
{
	if (e->len == 0)
		return;
	if (e->history_count && strcmp(history_back(e, 1), e->line) == 0)
		return;
	memcpy(e->history[e->history_count % LINE_HISTORY], e->line,
	       e->len + 1);
	e->history_count++;
}

/* @n lines back; 0 is the line that was being written. */
static void history_show(const struct edit *d, size_t n)
{
	struct line_edit *e = d->e;

	if (n > min(e->history_count, (size_t)LINE_HISTORY)) {
		beep(d);
		return;
	}
	e->line[e->len] = '\0';
	if (e->browsing == 0)
		memcpy(e->draft, e->line, e->len + 1);
	e->browsing = n;
	set_line(e, n ? history_back(e, n) : e->draft);
}

/* ---- completion ---- */

/*
 * Of one candidate the suffix is part of it: what cannot go on otherwise is
 * finished.  Of several it stays only if all have it.
 */
static void note_common(struct line_completion *c, const char *rest,
			const char *suffix)
{
	char whole[sizeof(c->insert)];
	size_t i = 0;

	scnprintf(whole, sizeof(whole), "%s%s", rest, suffix);
	if (c->count == 0) {
		strscpy(c->insert, whole, sizeof(c->insert));
		return;
	}
	while (c->insert[i] && c->insert[i] == whole[i])
		i++;
	c->insert[i] = '\0';
}

/* What separates @name from the candidates before it; no row breaks a name. */
static const char *list_separator(const struct line_completion *c,
				  const char *name)
{
	const char *row = strrchr(c->list, '\n');

	row = row ? row + 1 : c->list;
	if (!*row)
		return "";
	return strlen(row) + 2 + strlen(name) < LINE_COLUMNS ? "  " : "\n";
}

/*
 * As it stands: what the parser takes for more than a letter (parse.c) would
 * make another command of it.
 */
static bool can_be_typed(const char *name)
{
	while (isprint(*name) && !strchr(" ;&|<>'\"\\#", *name))
		name++;
	return !*name;
}

void line_candidate(struct line_completion *c, const char *prefix,
		    const char *name, const char *suffix)
{
	size_t n = strlen(prefix), used = strlen(c->list);

	if (strncmp(name, prefix, n) != 0 || !can_be_typed(name))
		return;
	note_common(c, name + n, suffix);
	c->count++;
	scnprintf(c->list + used, sizeof(c->list) - used, "%s%s",
		  list_separator(c, name), name);
}

/*
 * The callback sees the line up to the cursor as a string; the letter that the
 * NUL stands for comes back afterwards.
 */
static void complete(const struct edit *d)
{
	struct line_edit *e = d->e;
	struct line_completion *c = &e->completion;
	char rest;

	c->count = 0;
	c->insert[0] = '\0';
	c->list[0] = '\0';
	e->line[e->len] = '\0';
	rest = e->line[e->cursor];
	e->line[e->cursor] = '\0';
	d->ops->complete(d->arg, e->line, c);
	e->line[e->cursor] = rest;
	if (c->count == 0) {
		beep(d);
	} else if (c->insert[0]) {
		insert(e, c->insert, strlen(c->insert));
	} else if (c->count > 1) {
		put_text(d, "\n");
		put_text(d, c->list);
		put_text(d, "\n");
		draw_all(d);
	}
}

/* ---- keys ---- */

static void move_to(const struct edit *d, size_t cursor, bool possible)
{
	if (possible)
		d->e->cursor = cursor;
	else
		beep(d);
}

static void delete_forward(const struct edit *d)
{
	struct line_edit *e = d->e;

	if (e->cursor < e->len)
		erase(e, e->cursor, e->cursor + 1);
}

/* The last byte of ESC [ .. and ESC O .. */
/*
 * Terminals differ in Home and End (a letter, or a number and "~"): all forms
 * are taken.  What is not known is swallowed.
 */
static void escape_final(const struct edit *d, uint8_t byte)
{
	struct line_edit *e = d->e;
	uint8_t n = e->escape_number;

	if (byte == 'A')
		history_show(d, e->browsing + 1);
	else if (byte == 'B' && e->browsing)
		history_show(d, e->browsing - 1);
	else if (byte == 'C')
		move_to(d, e->cursor + 1, e->cursor < e->len);
	else if (byte == 'D')
		move_to(d, e->cursor - 1, e->cursor > 0);
	else if (byte == 'H' || (byte == '~' && (n == 1 || n == 7)))
		e->cursor = 0;
	else if (byte == 'F' || (byte == '~' && (n == 4 || n == 8)))
		e->cursor = e->len;
	else if (byte == '~' && n == 3)
		delete_forward(d);
}

static void escape_feed(const struct edit *d, uint8_t byte)
{
	struct line_edit *e = d->e;

	if (e->escape == ESC_SEEN) {
		e->escape = byte == '[' || byte == 'O' ? ESC_BRACKET : ESC_NONE;
		e->escape_number = 0;
	} else if (byte >= '0' && byte <= '9') {
		if (e->escape == ESC_BRACKET)
			e->escape_number = (uint8_t)(10 * e->escape_number +
						     (byte - '0'));
	} else if (byte == ';') {
		e->escape = ESC_MODIFIER;
	} else {
		e->escape = ESC_NONE;
		escape_final(d, byte);
	}
}

static void control_erase(const struct edit *d, uint8_t byte)
{
	struct line_edit *e = d->e;

	switch (byte) {
	case '\b':
	case KEY_DELETE:
		if (e->cursor)
			erase(e, e->cursor - 1, e->cursor);
		break;
	case CTRL('D'):
		delete_forward(d);
		break;
	case CTRL('K'):
		e->len = e->cursor;
		break;
	case CTRL('U'):
		erase(e, 0, e->cursor);
		break;
	case CTRL('W'):
		erase(e, word_start(e), e->cursor);
		break;
	}
}

static void control_feed(const struct edit *d, uint8_t byte)
{
	struct line_edit *e = d->e;

	switch (byte) {
	case CTRL('A'):
		e->cursor = 0;
		break;
	case CTRL('E'):
		e->cursor = e->len;
		break;
	case CTRL('B'):
		escape_final(d, 'D');
		break;
	case CTRL('F'):
		escape_final(d, 'C');
		break;
	case CTRL('P'):
		escape_final(d, 'A');
		break;
	case CTRL('N'):
		escape_final(d, 'B');
		break;
	case CTRL('L'):
		put_text(d, "\033[H\033[2J");
		draw_all(d);
		break;
	case '\t':
		complete(d);
		break;
	case KEY_ESCAPE:
		e->escape = ESC_SEEN;
		break;
	default:
		control_erase(d, byte);
		break;
	}
}

static enum line_event finish(const struct edit *d)
{
	leave_line(d);
	d->e->line[d->e->len] = '\0';
	history_add(d->e);
	return LINE_DONE;
}

/* It stays on the screen, and does not become part of the history. */
static enum line_event give_up(const struct edit *d)
{
	d->e->cursor = d->e->len;
	refresh(d);
	put_text(d, "^C\n");
	return LINE_ABORTED;
}

/* ASCII: a letter is one byte and one column, on which refresh() rests. */
static void type(const struct edit *d, uint8_t byte)
{
	char c = (char)byte;

	if (byte >= 0x80 || d->e->len == sizeof(d->e->line) - 1)
		beep(d);
	else
		insert(d->e, &c, 1);
}

enum line_event line_feed(struct line_edit *e, uint8_t byte,
			  const struct line_ops *ops, void *arg)
{
	struct edit d = { e, ops, arg };
	/*
	 * CR LF is one end of a line, also where the LF comes as the first byte
	 * of the next: last_cr outlives line_start().
	 */
	bool second_half = byte == '\n' && e->last_cr;

	e->last_cr = byte == '\r';
	if (second_half)
		return LINE_MORE;
	if (byte == CTRL('C'))
		return give_up(&d);
	if (byte == '\r' || byte == '\n')
		return finish(&d);
	if (e->escape)
		escape_feed(&d, byte);
	else if (byte < ' ' || byte == KEY_DELETE)
		control_feed(&d, byte);
	else
		type(&d, byte);
	refresh(&d);
	return LINE_MORE;
}

void line_init(struct line_edit *e)
{
	memset(e, 0, sizeof(*e));
}

void line_start(struct line_edit *e, const char *prompt,
		const struct line_ops *ops, void *arg)
{
	struct edit d = { e, ops, arg };

	strscpy(e->prompt, prompt, sizeof(e->prompt));
	e->len = 0;
	e->cursor = 0;
	e->scroll = 0;
	e->escape = ESC_NONE;
	e->browsing = 0;
	draw_all(&d);
}
