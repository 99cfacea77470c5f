// sources: kernel/shell/lineedit.c kernel/lib/string.c
/*
 * The line editor against a model of a terminal: whatever is typed, the screen
 * shows the prompt and the line, with the cursor where it belongs.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <shell/lineedit.h>
#include <kernel/string.h>

static struct line_edit edit;

/* One row; CR, LF, backspace and the clearing sequence. */
static char row[LINE_COLUMNS + 1];
static size_t column;
static unsigned int wraps;
static char transcript[1 << 16];

static void clear_row(void)
{
	memset(row, ' ', LINE_COLUMNS);
	column = 0;
}

/* No key but ^C may come so far. */
static void wrap(void)
{
	wraps++;
	clear_row();
}

static void terminal(void *arg, const char *s, size_t n)
{
	(void)arg;
	if (strlen(transcript) + n < sizeof(transcript))
		strncat(transcript, s, n);
	if (n > 6 && memcmp(s, "\033[H\033[2J", 7) == 0) {
		clear_row();
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\r') {
			column = 0;
		} else if (s[i] == '\n') {	/* the console adds the CR */
			clear_row();
		} else if (s[i] == '\b') {
			assert(column > 0);
			column--;
		} else if (s[i] != '\a') {
			if (column == LINE_COLUMNS - 1)
				wrap();
			row[column++] = s[i];
		}
	}
}

static void completer(void *arg, const char *line, struct line_completion *c)
{
	const char *word = strrchr(line, ' ');

	(void)arg;
	word = word ? word + 1 : line;
	line_candidate(c, word, "load", " ");
	line_candidate(c, word, "lsmod", " ");
	line_candidate(c, word, "unload", " ");
}

static const struct line_ops ops = { terminal, completer };

/* The screen tells the truth. */
static void check_screen(void)
{
	char want[LINE_COLUMNS + 1];
	size_t room = LINE_COLUMNS - 1 - strlen(edit.prompt);
	size_t n = min(edit.len - edit.scroll, room);

	assert(wraps == 0);
	memset(want, ' ', LINE_COLUMNS);
	want[LINE_COLUMNS] = '\0';
	memcpy(want, edit.prompt, strlen(edit.prompt));
	memcpy(want + strlen(edit.prompt), edit.line + edit.scroll, n);
	if (memcmp(row, want, LINE_COLUMNS) != 0) {
		printf("screen <%s>\nwanted <%s>\n", row, want);
		exit(1);
	}
	assert(edit.cursor >= edit.scroll && edit.cursor <= edit.len);
	assert(column == strlen(edit.prompt) + edit.cursor - edit.scroll);
}

static void start(void)
{
	clear_row();
	wraps = 0;
	transcript[0] = '\0';
	line_start(&edit, "icebox> ", &ops, NULL);
	check_screen();
}

static enum line_event type(const char *keys)
{
	enum line_event event = LINE_MORE;

	for (; *keys && event == LINE_MORE; keys++) {
		event = line_feed(&edit, (uint8_t)*keys, &ops, NULL);
		if (event == LINE_MORE)
			check_screen();
	}
	assert(*keys == '\0');
	return event;
}

static void expect(const char *keys, const char *line)
{
	start();
	assert(type(keys) == LINE_DONE);
	if (strcmp(edit.line, line) != 0) {
		printf("<%s>, not <%s>\n", edit.line, line);
		exit(1);
	}
}

static void editing(void)
{
	expect("help\r", "help");
	expect("hp\033[Del\r", "help");
	expect("elp\001h\005!\r", "help!");
	expect("heeelp\033[D\033[D\b\b\r", "help");
	expect("xhelp\001\004\r", "help");
	expect("xhelp\033[H\033[3~\033[F!\r", "help!");
	expect("help me\033[D\033[D\013\r", "help ");
	expect("foo help\033[D\033[D\033[D\033[D\025\r", "help");
	expect("load one two  \027\027x\r", "load x");
	expect("\004\004a\r", "a");
	expect("a\014b\r", "ab");
	expect("a\033[1;5Cb\033OHc\r", "cab");
	expect("ab\033[D\033[5;3~c\r", "acb");	/* Alt-PageUp: nothing */
	expect("ab\033[D\033[3;5~c\r", "ac");		/* Ctrl-Delete */
	start();
	assert(type("abc\033[D\003") == LINE_ABORTED);
}

/* CR LF is one end of line. */
static void line_ends(void)
{
	expect("a\r", "a");
	expect("\nb\n", "b");
	expect("\n", "");
}

static void history(void)
{
	line_init(&edit);
	expect("one\r", "one");
	expect("two\r", "two");
	expect("two\r", "two");
	expect("\033[A\033[A\r", "one");
	expect("dra\033[A\033[A\033[B\033[Bft\r", "draft");
	expect("\020\020\020\020\020\r", "one");
	for (int i = 0; i < 3 * LINE_HISTORY; i++) {
		char keys[16];

		sprintf(keys, "n%d\r", i);
		start();
		type(keys);
	}
	start();
	for (int i = 0; i < 2 * LINE_HISTORY; i++)
		type("\033[A");
	type("\r");
	assert(strcmp(edit.line, "n128") == 0);
}

static void completion(void)
{
	expect("lo\t\r", "load ");
	expect("l\tx\r", "lx");
	expect("u\tfoo\033[D\r", "unload foo");
	expect("help ls\t\r", "help lsmod ");
	start();
	type("l\t");
	assert(strstr(transcript, "load  lsmod"));
	start();
	type("z\t");
	assert(strchr(transcript, '\a'));
}

/* A list that is wider than the screen breaks between names. */
static void long_list(void)
{
	static const char *const names[] = {
		"reregister_fails", "sleeps_uncounted", "thread_never_stops",
		"unregister_hangs", "work_hangs", "overcounts", "restless",
	};
	struct line_completion c = { .count = 0 };
	size_t width = 0;

	for (unsigned int i = 0; i < 70; i++)
		line_candidate(&c, "", names[i % 7], " ");
	assert(c.count == 70 && strlen(c.list) > 10 * LINE_COLUMNS);
	for (const char *s = c.list; *s; s++) {
		width = *s == '\n' ? 0 : width + 1;
		assert(width < LINE_COLUMNS);
		assert(*s != '\n' || (s[-1] != ' ' && s[1] != ' '));
	}
}

/* A name that nobody can type would command the terminal. */
static void no_control_characters(void)
{
	struct line_completion c = { .count = 0 };

	line_candidate(&c, "f", "f\033[2J", " ");
	line_candidate(&c, "f", "fifo", " ");
	assert(c.count == 1 && strcmp(c.insert, "ifo ") == 0);
	assert(!strchr(c.list, '\033'));
}

/* Nor is a file's name a command, or two words, by being completed. */
static void nothing_for_the_parser(void)
{
	static const char *const names[] = {
		"f;poweroff", "f&", "f|f", "f>f", "f<f", "f f", "f'", "f\"",
		"f\\f", "f#",
	};
	struct line_completion c = { .count = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		line_candidate(&c, "f", names[i], " ");
	assert(c.count == 0 && !c.list[0]);
	line_candidate(&c, "f", "f-1.k_o", " ");
	assert(c.count == 1 && strcmp(c.insert, "-1.k_o ") == 0);
}

static void long_lines(void)
{
	start();
	for (int i = 0; i < LINE_SIZE + 20; i++)
		type(i % 10 ? "." : "#");
	assert(edit.len == LINE_SIZE - 1);
	for (int i = 0; i < LINE_SIZE + 20; i++)
		type("\033[D");
	assert(edit.cursor == 0);
	type("\005\001\013");
	assert(edit.len == 0);
}

static void random_keys(void)
{
	static const char *const keys[] = {
		"a", "b", " ", "word ", "a long piece of text, pasted ",
		"\033[A", "\033[B", "\033[C", "\033[D", "\033[H", "\033[F",
		"\033[3~", "\001", "\002", "\004", "\005", "\006", "\b",
		"\013", "\014", "\020", "\016", "\025", "\027", "\t", "\033",
		"\x7f", "\xe4", "l\t", "\r", "\003",
	};

	srand(1);
	start();
	for (int i = 0; i < 300000; i++) {
		if (type(keys[(size_t)rand() % ARRAY_SIZE(keys)]) != LINE_MORE)
			start();
	}
}

int main(void)
{
	line_init(&edit);
	editing();
	line_ends();
	history();
	completion();
	long_list();
	no_control_characters();
	nothing_for_the_parser();
	long_lines();
	random_keys();
	printf("test_lineedit: all is well\n");
	return 0;
}
