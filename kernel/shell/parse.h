/*
 * The shell's language, one simple command at a time.  Pure: no allocation, no
 * locks, also built on the host.
 *
 *	line	 = { command ( ";" | "&" | newline ) }
 *	command	 = { "!" } word { word | "<" word | ">" word | ">>" word }
 *	word	 = letters, 'as they are', "with \" and \\", \c ; # to the end
 */
#ifndef SHELL_PARSE_H
#define SHELL_PARSE_H

#include <kernel/types.h>

#define PARSE_MAX_ARGS	128

/* The words lie in the caller's text buffer, and are the caller's to change. */
struct simple_command {
	int		argc;
	char		*argv[PARSE_MAX_ARGS + 1];	/* NULL at the end */
	const char	*input, *output;		/* or NULL */
	bool		append, background, invert;
	size_t		start, end;	/* of it in the line, "&" left out */
	char		*text;	/* the caller's, parse_text_size() */
};

struct parse_error {
	size_t		column;		/* index in the line */
	const char	*what;
};

/* How large the buffer for the words of any command of @line is at most. */
size_t parse_text_size(const char *line);

/*
 * The next command of @line from *@pos on, which goes behind it.  @cmd->text
 * is set by the caller.  1: there is one; 0: the line is at its end; -EINVAL
 * with @err filled.
 */
int parse_command(const char *line, size_t *pos, struct simple_command *cmd,
		  struct parse_error *err);

/* The whole line, so that nothing of a wrong one is executed: 0 or -EINVAL. */
int parse_check(const char *line, struct simple_command *scratch,
		struct parse_error *err);

#endif
