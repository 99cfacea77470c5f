/*
 * The shell's language: from a line of text to the words of one command, in
 * one pass and into memory of the caller's.  A wrong line is told with the
 * column where it goes wrong, before anything of it has been executed.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include "parse.h"

struct parser {
	const char		*line;
	size_t			pos;
	char			*out;	/* for the next letter */
	struct simple_command	*cmd;
	struct parse_error	*err;
};

/* A word may be empty (''), but ends with a NUL beside its letters. */
size_t parse_text_size(const char *line)
{
	return 2 * strlen(line) + 2;
}

static const char no_conditions[] = "there is neither && nor ||: use ;";

static int fail(struct parser *p, size_t column, const char *what)
{
	p->err->column = column;
	p->err->what = what;
	return -EINVAL;
}

static bool ends_command(char c)
{
	return c == '\0' || c == ';' || c == '&' || c == '\n';
}

/*
 * A "|" ends a word so that it is told to be no pipe, and is not part of a
 * name.
 */
static bool ends_word(char c)
{
	return ends_command(c) || c == ' ' || c == '\t' || c == '\r' ||
		c == '<' || c == '>' || c == '|';
}

/* A comment counts as a blank, up to the newline, which ends a command. */
static void skip_blanks(struct parser *p)
{
	while (p->line[p->pos] == ' ' || p->line[p->pos] == '\t' ||
	       p->line[p->pos] == '\r')
		p->pos++;
	if (p->line[p->pos] != '#')
		return;
	while (p->line[p->pos] && p->line[p->pos] != '\n')
		p->pos++;
}

/*
 * From behind the opening quote to behind the closing one.  As in POSIX (Shell,
 * 2.2.2 and 2.2.3) a backslash is itself in single quotes, and in double quotes
 * unless it stands before one of the two that it can quote.
 */
static int parse_quoted(struct parser *p, char quote)
{
	size_t opened = p->pos - 1;

	for (;;) {
		char c = p->line[p->pos++];

		if (c == quote)
			return 0;
		if (c == '\\' && quote == '"' &&
		    (p->line[p->pos] == '"' || p->line[p->pos] == '\\'))
			c = p->line[p->pos++];
		if (c == '\0') {
			p->pos--;
			return fail(p, opened, "this quote is not closed");
		}
		*p->out++ = c;
	}
}

/*
 * There is a word at the place; *@word is set to it.  Letters go to @out, of
 * which parse_text_size() has enough: none is made longer.
 */
static int parse_word(struct parser *p, char **word)
{
	int err = 0;

	*word = p->out;
	while (!err && !ends_word(p->line[p->pos])) {
		char c = p->line[p->pos++];

		if (c == '\'' || c == '"') {
			err = parse_quoted(p, c);
			continue;
		}
		if (c == '\\') {
			c = p->line[p->pos];
			if (c == '\0')
				return fail(p, p->pos - 1,
					    "nothing behind this backslash");
			p->pos++;
		}
		*p->out++ = c;
	}
	*p->out++ = '\0';
	return err;
}

static int parse_redirection(struct parser *p)
{
	struct simple_command *cmd = p->cmd;
	size_t at = p->pos;
	bool input = p->line[p->pos++] == '<';
	char *word;
	int err;

	if ((input ? cmd->input : cmd->output) != NULL)
		return fail(p, at, "a second redirection of the same kind");
	if (!input && p->line[p->pos] == '>') {
		cmd->append = true;
		p->pos++;
	}
	skip_blanks(p);
	if (ends_word(p->line[p->pos]))
		return fail(p, at, "a redirection needs the name of a file");
	err = parse_word(p, &word);
	if (err)
		return err;
	if (input)
		cmd->input = word;
	else
		cmd->output = word;
	return 0;
}

static int parse_argument(struct parser *p)
{
	struct simple_command *cmd = p->cmd;

	if (strncmp(p->line + p->pos, "||", 2) == 0)
		return fail(p, p->pos, no_conditions);
	if (p->line[p->pos] == '|')
		return fail(p, p->pos, "there are no pipes: use a file");
	if (cmd->argc == PARSE_MAX_ARGS)
		return fail(p, p->pos, "too many words");
	return parse_word(p, &cmd->argv[cmd->argc++]);
}

/* "!x" is a word: only a "!" by itself turns the status round. */
static void parse_inversions(struct parser *p)
{
	while (p->line[p->pos] == '!' && ends_word(p->line[p->pos + 1])) {
		p->cmd->invert = !p->cmd->invert;
		p->pos++;
		skip_blanks(p);
	}
}

/* The separator belongs to the command before it; "a &; b" is "a & b". */
static void parse_separator(struct parser *p)
{
	p->cmd->background = p->line[p->pos] == '&';
	if (p->line[p->pos])
		p->pos++;
	if (!p->cmd->background)
		return;
	skip_blanks(p);
	if (p->line[p->pos] == ';')
		p->pos++;
}

/*
 * start and end span what event_status() tells as the command: the "!" is part
 * of it, blanks and separators behind it are not.
 */
static int parse_words(struct parser *p)
{
	int err = 0;

	p->cmd->start = p->pos;
	parse_inversions(p);
	while (!err && !ends_command(p->line[p->pos])) {
		char c = p->line[p->pos];

		if (c == '<' || c == '>')
			err = parse_redirection(p);
		else
			err = parse_argument(p);
		p->cmd->end = p->pos;
		skip_blanks(p);
	}
	if (err)
		return err;
	if (strncmp(p->line + p->pos, "&&", 2) == 0)
		return fail(p, p->pos, no_conditions);
	if (p->cmd->argc == 0)
		return fail(p, p->pos, "a command is missing here");
	p->cmd->argv[p->cmd->argc] = NULL;
	parse_separator(p);
	return 0;
}

/* An empty line is no command; an empty command between two ";" is an error. */
static void skip_empty_lines(struct parser *p)
{
	skip_blanks(p);
	while (p->line[p->pos] == '\n') {
		p->pos++;
		skip_blanks(p);
	}
}

/* The words overwrite those of the command before: a job has copies by then. */
int parse_command(const char *line, size_t *pos, struct simple_command *cmd,
		  struct parse_error *err)
{
	struct parser p = { line, *pos, cmd->text, cmd, err };
	int ret;

	cmd->argc = 0;
	cmd->input = NULL;
	cmd->output = NULL;
	cmd->append = false;
	cmd->background = false;
	cmd->invert = false;
	skip_empty_lines(&p);
	if (line[p.pos] == '\0') {
		*pos = p.pos;
		return 0;
	}
	ret = parse_words(&p);
	*pos = p.pos;
	return ret ? ret : 1;
}

int parse_check(const char *line, struct simple_command *scratch,
		struct parse_error *err)
{
	size_t pos = 0;
	int ret;

	do {
		ret = parse_command(line, &pos, scratch, err);
	} while (ret > 0);
	return ret;
}
