/*
 * The text screen as a terminal: what the line editor and the log need of one.
 *
 * All state is the screen's one cursor and the sequence being parsed; who calls
 * serialises (the console's output lock).
 */
#include <kernel/io.h>
#include <kernel/string.h>
#include "dev/vga.h"
#include "x86/paging.h"

#define COLUMNS		80u
#define ROWS		25u
#define TEXT_MEMORY	0xb8000u	/* colour text modes */
#define CRTC_INDEX	0x3d4
#define CRTC_DATA	0x3d5
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW	0x0f

#define DEFAULT_COLOUR	0x07		/* light grey on black */
#define BRIGHT		0x08
#define MAX_PARAMS	4

enum parse_state { PLAIN, ESCAPE, SEQUENCE };

static struct {
	uint16_t	*cells;		/* NULL: no screen */
	uint32_t	row;
	uint32_t	column;		/* COLUMNS: the next one wraps */
	uint8_t		colour;
	enum parse_state state;
	/* nr_params is MAX_PARAMS + 1 while there are more than fit. */
	uint32_t	params[MAX_PARAMS], nr_params;
} vga;

/*
 * A cell is two bytes: the character, and above it the attribute (IBM VGA, text
 * modes).
 */
static uint16_t blank(void)
{
	return (uint16_t)(vga.colour << 8 | ' ');
}

/*
 * [@from, @to) in cells, in the colours of now: a background spreads, as on
 * terminals that erase with it.
 */
static void clear(uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		vga.cells[from] = blank();
}

/* Where it is shown: the last column, while a wrap is pending. */
static uint32_t cursor_column(void)
{
	return min(vga.column, COLUMNS - 1);
}

static uint32_t cursor_cell(void)
{
	return vga.row * COLUMNS + cursor_column();
}

/* Index and data are two ports: the caller's lock keeps them together. */
static void show_cursor(void)
{
	uint32_t cell = cursor_cell();

	outb(CRTC_CURSOR_HIGH, CRTC_INDEX);
	outb((uint8_t)(cell >> 8), CRTC_DATA);
	outb(CRTC_CURSOR_LOW, CRTC_INDEX);
	outb((uint8_t)cell, CRTC_DATA);
}

/*
 * The column stays: who means the beginning of the line sends "\r", too (the
 * console's crlf).
 */
static void line_feed(void)
{
	if (vga.row + 1 < ROWS) {
		vga.row++;
		return;
	}
	memmove(vga.cells, vga.cells + COLUMNS,
		(ROWS - 1) * COLUMNS * sizeof(*vga.cells));
	clear((ROWS - 1) * COLUMNS, ROWS * COLUMNS);
}

/*
 * The last column holds the cursor until there is something to wrap, as on a
 * VT100: a line of just 80 characters has no empty one behind it.
 */
static void put_glyph(char c)
{
	if (vga.column == COLUMNS) {
		vga.column = 0;
		line_feed();
	}
	vga.cells[vga.row * COLUMNS + vga.column++] =
		(uint16_t)(vga.colour << 8 | (uint8_t)c);
}

/* A parameter left out, or 0, means @preset (X3.64). */
static uint32_t param(uint32_t i, uint32_t preset)
{
	return i < vga.nr_params && vga.params[i] ? vga.params[i] : preset;
}

/*
 * 0: from the cursor on, 1: up to the cursor, 2: all of it.  The cursor stays.
 */
static void erase(uint32_t start, uint32_t end)
{
	uint32_t how = param(0, 0);
	uint32_t cursor = cursor_cell();

	if (how == 0)
		clear(cursor, end);
	else if (how == 1)
		clear(start, cursor + 1);
	else if (how == 2)
		clear(start, end);
}

/* ANSI counts colours red, green, blue from bit 0; VGA blue, green, red. */
static uint8_t vga_colour(uint32_t ansi)
{
	return (uint8_t)((ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2);
}

static void set_foreground(uint8_t colour)
{
	vga.colour = (uint8_t)((vga.colour & 0xf0) | colour);
}

/* Never bright: bit 7 would make it blink. */
static void set_background(uint8_t colour)
{
	vga.colour = (uint8_t)((vga.colour & 0x0f) | colour << 4);
}

/*
 * Reverse swaps what is there and is not remembered; brightness does not fit
 * into a background and is lost.  What is not known changes nothing.
 */
static void select_rendition(uint32_t p)
{
	if (p == 0)
		vga.colour = DEFAULT_COLOUR;
	else if (p == 1)
		vga.colour |= BRIGHT;
	else if (p == 7)
		vga.colour = (uint8_t)(vga.colour << 4 | vga.colour >> 4) &
			     0x7f;
	else if (p >= 30 && p <= 37)
		set_foreground((vga.colour & BRIGHT) | vga_colour(p - 30));
	else if (p >= 90 && p <= 97)
		set_foreground(BRIGHT | vga_colour(p - 90));
	else if (p >= 40 && p <= 47)
		set_background(vga_colour(p - 40));
	else if (p == 39)
		set_foreground(DEFAULT_COLOUR);
	else if (p == 49)
		set_background(0);
}

/* Moves stop at the edges.  X3.64 counts rows and columns from 1. */
static void run_sequence(char command)
{
	uint32_t line = vga.row * COLUMNS;
	/* Cut, lest row + n wrap. */
	uint32_t n = min(param(0, 1), ROWS * COLUMNS);

	switch (command) {
	case 'A':
		vga.row -= min(n, vga.row);
		break;
	case 'B':
		vga.row = min(vga.row + n, ROWS - 1);
		break;
	case 'C':
		vga.column = min(vga.column + n, COLUMNS - 1);
		break;
	case 'D':
		vga.column = cursor_column() - min(n, cursor_column());
		break;
	case 'G':
		vga.column = min(n, COLUMNS) - 1;
		break;
	case 'H':
	case 'f':
		vga.row = min(n, ROWS) - 1;
		vga.column = min(param(1, 1), COLUMNS) - 1;
		break;
	case 'J':
		erase(0, ROWS * COLUMNS);
		break;
	case 'K':
		erase(line, line + COLUMNS);
		break;
	case 'm':
		for (uint32_t i = 0; i < max(vga.nr_params, 1u); i++)
			select_rendition(param(i, 0));
		break;
	default:
		break;
	}
}

/* Cut at 9999, lest it wrap; parameters beyond the last are dropped. */
static void take_digit(uint32_t digit)
{
	uint32_t *p;

	if (!vga.nr_params)
		vga.nr_params = 1;
	if (vga.nr_params > MAX_PARAMS)
		return;
	p = &vga.params[vga.nr_params - 1];
	*p = min(*p * 10 + digit, 9999u);
}

/*
 * Inside of ESC [: parameters, then one byte from 0x40 on that ends it.  What
 * else is below that ('?', blanks, control characters) is passed over, and so
 * is what lies beyond ASCII: as a char it is negative.
 */
static void take_sequence(char c)
{
	if (c >= '0' && c <= '9') {
		take_digit((uint32_t)(c - '0'));
	} else if (c == ';') {
		vga.nr_params = min(max(vga.nr_params, 1u) + 1,
				    MAX_PARAMS + 1u);
	} else if (c >= 0x40) {
		vga.nr_params = min(vga.nr_params, (uint32_t)MAX_PARAMS);
		run_sequence(c);
		vga.state = PLAIN;
	}
}

/* ESC and anything but [ is a sequence of two, and swallowed. */
static void begin_sequence(char c)
{
	vga.state = c == '[' ? SEQUENCE : PLAIN;
	vga.nr_params = 0;
	memset(vga.params, 0, sizeof(vga.params));
}

static void take_plain(char c)
{
	switch (c) {
	case '\033':
		vga.state = ESCAPE;
		break;
	case '\n':
		line_feed();
		break;
	case '\r':
		vga.column = 0;
		break;
	case '\b':
		vga.column = cursor_column() - min(1u, cursor_column());
		break;
	case '\t':
		vga.column = min((vga.column | 7) + 1, COLUMNS - 1);
		break;
	default:
		/*
		 * One '?' for a character of UTF-8: its first byte.  The others
		 * are negative, and below a blank.
		 */
		if ((uint8_t)c >= 0xc0)
			put_glyph('?');
		else if (c >= ' ' && c != 0x7f)
			put_glyph(c);
		break;
	}
}

void vga_init(void)
{
	/* Video memory keeps what is written; a bus without it does not. */
	volatile uint16_t *probe = phys_to_virt(TEXT_MEMORY);

	*probe = 0x5aa5;
	if (*probe != 0x5aa5)
		return;
	vga.cells = phys_to_virt(TEXT_MEMORY);
	vga.colour = DEFAULT_COLOUR;
	clear(0, ROWS * COLUMNS);
	show_cursor();
}

/*
 * The cursor is moved once for all of @s: ports are slow, above all where a
 * hypervisor stands behind them.
 */
void vga_write(const char *s, size_t n)
{
	if (!vga.cells)
		return;
	for (; n; n--, s++) {
		if (vga.state == SEQUENCE)
			take_sequence(*s);
		else if (vga.state == ESCAPE)
			begin_sequence(*s);
		else
			take_plain(*s);
	}
	show_cursor();
}
