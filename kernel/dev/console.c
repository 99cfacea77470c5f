/*
 * Consoles: where the shell and the log meet a person.  Console 1 is COM1 and
 * the screen together, typed at from the line and from the keyboard; console 2
 * is COM3.
 *
 * Output goes through a queue (outqueue.h), one piece whole; what takes several
 * pieces is kept together by a mutex, so that only lines of the log come
 * between.  Input comes by interrupt into a ring, which sleepers empty.
 */
#include <kernel/errno.h>
#include <kernel/mutex.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/wait.h>
#include "debug/dmesg.h"
#include "dev/console.h"
#include "dev/internal.h"
#include "dev/keyboard.h"
#include "dev/outqueue.h"
#include "dev/serial8250.h"
#include "dev/vga.h"
#include "x86/trap.h"

#define COM1		0x3f8
#define COM3		0x3e8
#define COM1_3_IRQ	4	/* shared by both */

#define INPUT_SIZE	4096u	/* a power of two */
#define CTRL_C		3
#define QUEUE_SIZE	8192u
#define PIECE		512u	/* of a long write; the queue takes it whole */

/*
 * Lock key: (c) constant after boot  (i) input_lock
 *
 * @out has its own lock, @writer is held across the pieces of one write.  Both
 * rings hold what a user typed or wrote only until it has passed: this memory
 * is searched (H09).
 */
struct console {
	struct uart		uart;		/* (c) */
	bool			has_screen;	/* (c) */
	struct outqueue		out;
	char			out_bytes[QUEUE_SIZE];	/* out.lock */
	struct mutex		writer;

	struct raw_lock		input_lock;
	uint32_t		input_head, input_tail;	/* (i) */
	uint8_t			input[INPUT_SIZE];	/* (i) */
	bool			paused;		/* (i) the line must wait */
	void			(*interrupt)(void *arg); /* (i) */
	void			*interrupt_arg;		/* (i) */
	struct wait_queue_head	readers;
};

static size_t console_put(struct outqueue *q, const char *s, size_t n);

#define CONSOLE(i, port, screen) {					\
	.uart = { .base = (port) },					\
	.has_screen = (screen),						\
	.out = {							\
		.bytes = consoles[i].out_bytes,				\
		.size = QUEUE_SIZE,					\
		.crlf = true,						\
		.put = console_put,					\
	},								\
}

static struct console consoles[2] = {
	CONSOLE(0, COM1, true),
	CONSOLE(1, COM3, false),
};

/*
 * The screen shows what the line has taken.  out.lock is held, which serialises
 * the port and the screen alike.
 */
static size_t console_put(struct outqueue *q, const char *s, size_t n)
{
	struct console *c = container_of(q, struct console, out);

	n = serial_put(&c->uart, s, n);
	if (c->has_screen)
		vga_write(s, n);
	return n;
}

struct console *console_get(unsigned int n)
{
	if (n < 1 || n > ARRAY_SIZE(consoles))
		return NULL;
	if (n > 1 && !consoles[n - 1].uart.present)
		return NULL;
	return &consoles[n - 1];
}

/* Up to the end of the last line that fits, or all that fits of a long one. */
static size_t piece_length(const char *s, size_t n)
{
	if (n <= PIECE)
		return n;
	for (size_t len = PIECE; len; len--) {
		if (s[len - 1] == '\n')
			return len;
	}
	return PIECE;
}

void console_write(struct console *c, const char *s, size_t n)
{
	mutex_lock(&c->writer);
	while (n) {
		size_t piece = piece_length(s, n);

		outqueue_write(&c->out, s, piece, 0);
		s += piece;
		n -= piece;
	}
	mutex_unlock(&c->writer);
}

void console_emit(const char *s, size_t n)
{
	outqueue_write(&consoles[0].out, s, n, OUTQUEUE_OWN_LINE);
}

/*
 * Nothing that comes by the line is dropped: when the ring is full the port
 * keeps what it has, and who sends waits.  So no sender keeps the handler
 * busy for ever, either.  Under input_lock.
 */
static void pause_or_resume(struct console *c)
{
	uint32_t n = c->input_tail - c->input_head;

	if (!c->paused && n == INPUT_SIZE) {
		c->paused = true;
		serial_disable_input(&c->uart);
	} else if (c->paused && n <= INPUT_SIZE / 2) {
		c->paused = false;
		serial_enable_input(&c->uart);
	}
}

/* False: the ring is empty.  What was read is wiped (H09). */
static bool take_input(struct console *c, int *byte)
{
	uint32_t flags = raw_lock(&c->input_lock);
	bool found = c->input_head != c->input_tail;

	if (found) {
		uint8_t *place = &c->input[c->input_head++ % INPUT_SIZE];

		*byte = *place;
		*place = 0;
		pause_or_resume(c);
	}
	raw_unlock(&c->input_lock, flags);
	return found;
}

/* The condition takes the byte: of several readers one gets it. */
int console_getc(struct console *c, struct stamp deadline)
{
	int byte = 0, err;

	err = wait_event_mode(c->readers, take_input(c, &byte), WAIT_KILLABLE,
			      deadline);
	return err ? err : byte;
}

void console_set_interrupt(struct console *c, void (*fn)(void *arg), void *arg)
{
	uint32_t flags = raw_lock(&c->input_lock);

	c->interrupt = fn;
	c->interrupt_arg = arg;
	raw_unlock(&c->input_lock, flags);
}

/*
 * Interrupt context.  Ctrl-C is heeded at once, however much was typed before
 * it.  Of the keyboard, which cannot wait, what finds the ring full is lost.
 */
static void console_input(struct console *c, uint8_t byte)
{
	uint32_t flags = raw_lock(&c->input_lock);
	void (*interrupt)(void *) = byte == CTRL_C ? c->interrupt : NULL;
	void *arg = c->interrupt_arg;

	if (!interrupt && c->input_tail - c->input_head < INPUT_SIZE)
		c->input[c->input_tail++ % INPUT_SIZE] = byte;
	pause_or_resume(c);
	raw_unlock(&c->input_lock, flags);
	if (interrupt)
		interrupt(arg);
	else
		wake_up(&c->readers);
}

static void keyboard_input(const char *s, size_t n)
{
	for (; n; n--, s++)
		console_input(&consoles[0], (uint8_t)*s);
}

/*
 * The line is shared and signals edges: one that comes while the other port
 * holds the line up is lost, so both are asked until a whole pass has found
 * nothing.  One that is resumed meanwhile is asked in the next pass, or finds
 * the line down and signals.
 */
static void serial_interrupt(uint32_t gsi)
{
	bool found;

	(void)gsi;
	do {
		found = false;
		for (size_t i = 0; i < ARRAY_SIZE(consoles); i++) {
			int byte;

			if (READ_ONCE(consoles[i].paused))
				continue;
			byte = serial_get(&consoles[i].uart);
			if (byte < 0)
				continue;
			console_input(&consoles[i], (uint8_t)byte);
			found = true;
		}
	} while (found);
}

void console_init_early(void)
{
	static const struct log_sink sink = {
		.emit = console_emit,
		.control = control_write,
	};

	vga_init();
	control_init();
	for (size_t i = 0; i < ARRAY_SIZE(consoles); i++) {
		mutex_init(&consoles[i].writer, "console");
		init_waitqueue_head(&consoles[i].readers);
		serial_init(&consoles[i].uart);
	}
	printk_set_sink(&sink);
}

void console_init(void)
{
	uint32_t gsi = irq_isa_to_gsi(COM1_3_IRQ);
	int err = irq_set_entry(gsi, serial_interrupt);

	if (err) {
		pr_err("console: no interrupt, %s", errno_name(err));
		return;
	}
	irq_unmask(gsi);
	for (size_t i = 0; i < ARRAY_SIZE(consoles); i++) {
		struct uart *u = &consoles[i].uart;

		/* Before its line is on: in the order in which it was typed. */
		for (uint32_t n = 0; n < u->nr_early; n++)
			console_input(&consoles[i], u->early[n]);
		serial_enable_input(u);
	}
	keyboard_init(keyboard_input);
}
