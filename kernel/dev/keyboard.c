/*
 * The PS/2 keyboard behind an 8042: scan codes of set 1 (the controller
 * translates) become the bytes that a terminal sends, US layout.  All state
 * belongs to the interrupt handler, which is on one CPU at a time.
 */
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "dev/keyboard.h"
#include "lib/ctype.h"
#include "x86/trap.h"

#define DATA_PORT	0x60
#define STATUS_PORT	0x64
#define COMMAND_PORT	0x64

#define STATUS_OUTPUT	0x01	/* a byte for us */
#define STATUS_INPUT	0x02	/* ours is not taken yet */
#define STATUS_MOUSE	0x20
#define NO_CONTROLLER	0xff

#define READ_CONFIG	0x20
#define WRITE_CONFIG	0x60
#define ENABLE_KEYBOARD	0xae
#define CONFIG_IRQ	0x01
#define CONFIG_DISABLED	0x10
#define CONFIG_SET_1	0x40	/* translate to scan code set 1 */

#define MAX_POLLS	10000
#define MAX_BYTES	64	/* in one interrupt */

#define KEYBOARD_IRQ	1

/* Scan codes; on release with RELEASED, the grey keys behind a PREFIX. */
#define RELEASED	0x80
#define SCAN_CODE	0x7f
#define PREFIX		0xe0
#define PAUSE_PREFIX	0xe1	/* two codes follow */
#define KEY_CTRL	0x1d
#define KEY_LEFT_SHIFT	0x2a
#define KEY_RIGHT_SHIFT	0x36
#define KEY_CAPS_LOCK	0x3a

/*
 * By scan code; 0 types nothing, and so does what lies behind (F keys, keypad).
 * Backspace sends DEL, as terminals do.
 */
static const char plain[] =
	"\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./"
	"\0*\0 ";
static const char shifted[] =
	"\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?"
	"\0*\0 ";

/* What xterm sends; of the keypad, Enter and the slash have the prefix too. */
static const struct {
	uint8_t		code;
	const char	*text;
} grey_keys[] = {
	{ 0x48, "\033[A" }, { 0x50, "\033[B" }, { 0x4d, "\033[C" },
	{ 0x4b, "\033[D" }, { 0x47, "\033[H" }, { 0x4f, "\033[F" },
	{ 0x49, "\033[5~" }, { 0x51, "\033[6~" }, { 0x52, "\033[2~" },
	{ 0x53, "\033[3~" }, { 0x1c, "\r" }, { 0x35, "/" },
};

static struct {
	bool	shift, ctrl, caps, prefixed;
	uint8_t	skip;
} keys;

/* Set before the line is unmasked, and constant from then on: no lock. */
static void (*deliver)(const char *s, size_t n);

static void type_grey_key(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(grey_keys); i++) {
		const char *text = grey_keys[i].text;

		if (grey_keys[i].code == code)
			deliver(text, strlen(text));
	}
}

/*
 * Shift and Caps Lock cancel each other, of letters.  Control takes two bits
 * off '@' to '~', as on a terminal, and does nothing to other keys.
 */
static void type_key(uint8_t code)
{
	char c;

	if (code >= sizeof(plain) - 1)
		return;
	c = plain[code];
	if (keys.shift != (keys.caps && isalpha(c)))
		c = shifted[code];
	if (keys.ctrl && c >= '@' && c < 0x7f)
		c &= 0x1f;
	else if (!c)
		return;
	deliver(&c, 1);
}

/*
 * True: @code was one of the keys that change what others mean.  Of two keys
 * that mean the same the first to be released ends it for both.
 */
static bool take_modifier(uint8_t code, bool pressed)
{
	switch (code) {
	case KEY_LEFT_SHIFT:
	case KEY_RIGHT_SHIFT:
		keys.shift = pressed;
		return true;
	case KEY_CTRL:
		keys.ctrl = pressed;
		return true;
	case KEY_CAPS_LOCK:
		keys.caps ^= pressed;
		return true;
	default:
		return false;
	}
}

static void take_scan_code(uint8_t scan)
{
	uint8_t code = scan & SCAN_CODE;
	bool pressed = !(scan & RELEASED);
	bool grey = keys.prefixed;

	if (keys.skip) {
		keys.skip--;
		return;
	}
	if (scan == PAUSE_PREFIX) {
		keys.skip = 2;
		return;
	}
	keys.prefixed = scan == PREFIX;
	if (keys.prefixed)
		return;
	/* Around some grey keys the keyboard feigns shifts. */
	if (grey && (code == KEY_LEFT_SHIFT || code == KEY_RIGHT_SHIFT))
		return;
	if (take_modifier(code, pressed) || !pressed)
		return;
	if (grey)
		type_grey_key(code);
	else
		type_key(code);
}

/*
 * All that there is: the line signals edges.  The status tells whose byte it
 * is, and is read before the byte; a mouse's is read and dropped, as it would
 * be in the way.  Bounded, as a controller that has gone reads as 0xff for
 * ever.
 */
static void keyboard_interrupt(uint32_t gsi)
{
	(void)gsi;
	for (int i = 0; i < MAX_BYTES; i++) {
		uint8_t status = inb(STATUS_PORT);
		uint8_t data;

		if (!(status & STATUS_OUTPUT))
			break;
		data = inb(DATA_PORT);
		if (!(status & STATUS_MOUSE))
			take_scan_code(data);
	}
}

/* By counting: this is boot, and a controller that is there answers soon. */
static bool wait_status(uint8_t mask, uint8_t value)
{
	for (int i = 0; i < MAX_POLLS; i++) {
		if ((inb(STATUS_PORT) & mask) == value)
			return true;
	}
	return false;
}

static bool send_command(uint8_t command)
{
	if (!wait_status(STATUS_INPUT, 0))
		return false;
	outb(command, COMMAND_PORT);
	return true;
}

/*
 * A byte that waits keeps the controller from answering, and its line up: no
 * edge would come.
 */
static void discard_input(void)
{
	for (int i = 0; i < MAX_BYTES; i++) {
		if (!(inb(STATUS_PORT) & STATUS_OUTPUT))
			break;
		(void)inb(DATA_PORT);
	}
}

/*
 * The keyboard's interrupt on, its codes in set 1.  The other bits of the
 * configuration, the mouse's and the firmware's, stay as they are; no answer
 * within the patience means that there is no controller.
 */
static bool configure(void)
{
	uint8_t config;

	if (inb(STATUS_PORT) == NO_CONTROLLER || !send_command(ENABLE_KEYBOARD))
		return false;
	discard_input();
	if (!send_command(READ_CONFIG) ||
	    !wait_status(STATUS_OUTPUT, STATUS_OUTPUT))
		return false;
	config = inb(DATA_PORT);
	config |= CONFIG_IRQ | CONFIG_SET_1;
	config &= 0xff - CONFIG_DISABLED;
	if (!send_command(WRITE_CONFIG) || !wait_status(STATUS_INPUT, 0))
		return false;
	outb(config, DATA_PORT);
	return wait_status(STATUS_INPUT, 0);
}

void keyboard_init(void (*input)(const char *s, size_t n))
{
	uint32_t gsi = irq_isa_to_gsi(KEYBOARD_IRQ);
	int err;

	if (!configure()) {
		pr_info("keyboard: none");
		return;
	}
	deliver = input;
	err = irq_set_entry(gsi, keyboard_interrupt);
	if (err) {
		pr_err("keyboard: no interrupt, %s", errno_name(err));
		return;
	}
	irq_unmask(gsi);
}
