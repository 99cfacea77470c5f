// sources: kernel/shell/parse.c
/*
 * The shell's language: what the words of a line are, and where a wrong line
 * goes wrong.  The last part feeds it pseudo-random lines, so that the
 * sanitizers see every path.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <shell/parse.h>
#include <kernel/string.h>

static struct simple_command cmd;
static struct parse_error error;

/* The line's commands as "word|word <in >out & !", joined by ";". */
static void render(const char *line, char *out, size_t size)
{
	size_t pos = 0, n = 0;

	out[0] = '\0';
	while (parse_command(line, &pos, &cmd, &error) > 0) {
		if (n)
			n += snprintf(out + n, size - n, ";");
		for (int i = 0; i < cmd.argc; i++)
			n += snprintf(out + n, size - n, "%s%s", i ? "|" : "",
				      cmd.argv[i]);
		assert(cmd.argv[cmd.argc] == NULL);
		if (cmd.input)
			n += snprintf(out + n, size - n, " <%s", cmd.input);
		if (cmd.output)
			n += snprintf(out + n, size - n, " %s%s",
				      cmd.append ? ">>" : ">", cmd.output);
		if (cmd.invert)
			n += snprintf(out + n, size - n, " !");
		if (cmd.background)
			n += snprintf(out + n, size - n, " &");
	}
}

static void expect(const char *line, const char *want)
{
	char got[512];

	cmd.text = malloc(parse_text_size(line));
	assert(parse_check(line, &cmd, &error) == 0);
	render(line, got, sizeof(got));
	if (strcmp(got, want) != 0) {
		printf("%s: got <%s>, not <%s>\n", line, got, want);
		exit(1);
	}
	free(cmd.text);
}

static void expect_error(const char *line, size_t column, const char *what)
{
	cmd.text = malloc(parse_text_size(line));
	if (parse_check(line, &cmd, &error) != -EINVAL ||
	    error.column != column || !strstr(error.what, what)) {
		printf("%s: column %zu, %s\n", line, error.column, error.what);
		exit(1);
	}
	free(cmd.text);
}

static void words(void)
{
	expect("", "");
	expect("   # nothing", "");
	expect("help", "help");
	expect("  load  hello\tname=x ", "load|hello|name=x");
	expect("echo 'a  b' \"c d\" e\\ f", "echo|a  b|c d|e f");
	expect("echo a'b'\"c\"d", "echo|abcd");
	expect("echo '' \"\"", "echo||");
	expect("echo 'a\\b' \"\\\"\\\\\\n\"", "echo|a\\b|\"\\\\n");
	expect("echo a#b # c; d", "echo|a#b");
	expect("echo \\; \\& \\#", "echo|;|&|#");
	expect("echo ';' \"&\" '<'", "echo|;|&|<");
}

static void sequences(void)
{
	expect("a;b ; c;", "a;b;c");
	expect("a & b&", "a &;b &");
	expect("a &; b & ; c", "a &;b &;c");
	expect("a\nb\n\n# c\n d", "a;b;d");
	expect("! a b", "a|b !");
	expect("! ! a", "a");
	expect("!a ! b", "!a|!|b");
	expect("a; ! b & c", "a;b ! &;c");
}

static void redirections(void)
{
	expect("cat <in >out", "cat <in >out");
	expect("cat>out<in", "cat <in >out");
	expect("echo x >> 'a b' y", "echo|x|y >>a b");
}

static void errors(void)
{
	expect_error("echo 'abc", 5, "not closed");
	expect_error("echo \"abc\\\"", 5, "not closed");
	expect_error("echo \\", 5, "backslash");
	expect_error("a > ", 2, "name of a file");
	expect_error("a > ; b", 2, "name of a file");
	expect_error("a > x > y", 6, "second redirection");
	expect_error("a | b", 2, "no pipes");
	expect_error("; a", 0, "missing");
	expect_error("a ;; b", 3, "missing");
	expect_error("a && b", 2, "neither && nor ||");
	expect_error("a || b", 2, "neither && nor ||");
	expect_error("&& b", 0, "neither && nor ||");
	expect_error("a & & b", 4, "missing");
	expect_error("!", 1, "missing");
	expect_error("> x", 3, "missing");
}

static void positions(void)
{
	const char *line = "  ! a b & c";
	size_t pos = 0;

	cmd.text = malloc(parse_text_size(line));
	assert(parse_command(line, &pos, &cmd, &error) == 1);
	assert(cmd.start == 2 && cmd.end == 7);
	assert(parse_command(line, &pos, &cmd, &error) == 1);
	assert(cmd.start == 10 && cmd.end == 11 && pos == 11);
	assert(parse_command(line, &pos, &cmd, &error) == 0);
	free(cmd.text);
}

static void too_many_words(void)
{
	char line[4 * PARSE_MAX_ARGS];
	size_t n = 0;

	for (int i = 0; i < PARSE_MAX_ARGS; i++)
		n += (size_t)sprintf(line + n, "w ");
	cmd.text = malloc(parse_text_size(line));
	assert(parse_check(line, &cmd, &error) == 0);
	free(cmd.text);
	sprintf(line + n, "w");
	expect_error(line, n, "too many");
}

/* The buffer is exactly what parse_text_size() asks for: ASan is the judge. */
static void random_lines(void)
{
	static const char letters[] = "ab '\"\\;&<>|!#\n\t";
	char line[40];

	srand(1);
	for (int i = 0; i < 200000; i++) {
		size_t n = (size_t)rand() % sizeof(line);

		for (size_t k = 0; k < n; k++)
			line[k] = letters[(size_t)rand() %
					  (sizeof(letters) - 1)];
		line[n ? n - 1 : 0] = '\0';
		cmd.text = malloc(parse_text_size(line));
		if (parse_check(line, &cmd, &error) < 0)
			assert(error.column <= strlen(line));
		free(cmd.text);
	}
}

int main(void)
{
	words();
	sequences();
	redirections();
	errors();
	positions();
	too_many_words();
	random_lines();
	printf("test_parse: all is well\n");
	return 0;
}
