/*
 * The line editor: bytes of a terminal in, bytes for a terminal out.  Pure: no
 * allocation, no locks, also built on the host.
 *
 * It uses nothing of the terminal but newline, backspace and, for ^L alone, the
 * ANSI sequence that clears.  A line longer than the screen scrolls sideways.
 *
 *	left right ^B ^F   home end ^A ^E   backspace delete ^D   ^K ^U ^W
 *	up down ^P ^N: history   tab: completion   ^L: clear   ^C: give up
 */
#ifndef SHELL_LINEEDIT_H
#define SHELL_LINEEDIT_H

#include <kernel/types.h>

#define LINE_SIZE	512	/* with the NUL */
#define LINE_HISTORY	64
#define LINE_COLUMNS	80	/* of the terminal */

/* What may stand at the cursor; lies on the heap. */
struct line_completion {
	char	insert[64];	/* what all candidates go on with */
	char	list[2048];	/* the candidates, where there are several */
	size_t	count;		/* of candidates */
};

struct line_ops {
	void (*write)(void *arg, const char *s, size_t n);
	/* @line up to its end is what stands before the cursor. */
	void (*complete)(void *arg, const char *line,
			 struct line_completion *c);
};

/* Letters and numbers only, no pointer: GFP_DATA will do. */
struct line_edit {
	char	line[LINE_SIZE];
	size_t	len, cursor;
	char	prompt[32];

	/* What the terminal shows behind the prompt. */
	char	shown[LINE_COLUMNS];
	size_t	shown_len, column;
	size_t	scroll;			/* first letter shown */

	uint8_t	escape;			/* where in an escape sequence */
	uint8_t	escape_number;
	bool	last_cr;

	char	history[LINE_HISTORY][LINE_SIZE];
	size_t	history_count;		/* ever added */
	size_t	browsing;		/* 0: the line itself, n: n back */
	char	draft[LINE_SIZE];	/* the line while browsing */
	struct line_completion completion;
};

enum line_event {
	LINE_MORE,		/* not done */
	LINE_DONE,		/* line[] holds it; added to the history */
	LINE_ABORTED,		/* ^C */
};

void line_init(struct line_edit *e);
/* Prints @prompt and begins an empty line. */
void line_start(struct line_edit *e, const char *prompt,
		const struct line_ops *ops, void *arg);
enum line_event line_feed(struct line_edit *e, uint8_t byte,
			  const struct line_ops *ops, void *arg);

/*
 * For line_ops.complete: takes @name, with @suffix behind it, as a candidate
 * if it begins with @prefix.  The first call of a completion comes with
 * c->count 0.
 */
void line_candidate(struct line_completion *c, const char *prefix,
		    const char *name, const char *suffix);

#endif
