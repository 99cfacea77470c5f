/*
 * Consoles: a line of characters in and out.  COM1 is the first console and
 * has the kernel's log; the screen with the keyboard shows the same.  COM3 is
 * the second console; COM2 carries the control channel (JSON Lines) to the
 * host.
 */
#ifndef DEV_CONSOLE_H
#define DEV_CONSOLE_H

#include <kernel/ktime.h>

struct console;

/*
 * COM1 set 8N1, polled; screen cleared; what the log holds so far is shown.
 * After the kernel's map, and before anything else on a console.
 */
void console_init_early(void);
/* Interrupt-driven input.  After interrupts and the scheduler are there. */
void console_init(void);

/* @n: 1 (COM1 and the screen) or 2 (COM3); NULL where there is none. */
struct console *console_get(unsigned int n);

/*
 * Process context, as it takes a mutex; returns when all is out.  "\n" becomes
 * "\r\n"; each call comes out whole, but for lines of the log.
 */
void console_write(struct console *c, const char *s, size_t n);

/*
 * One byte of input.  Sleeps until @deadline (-ETIMEDOUT); process context,
 * killable: -ERESTARTSYS.
 */
int console_getc(struct console *c, struct stamp deadline);

/*
 * Called, in interrupt context, for each Ctrl-C (and with it no byte is
 * queued); NULL: Ctrl-C is a byte like any other.  A call that is under way on
 * another CPU is not waited for.  @fn takes no sleeping lock.  Any context.
 */
void console_set_interrupt(struct console *c, void (*fn)(void *arg), void *arg);

/*
 * To console 1, on a line of its own.  From the log and from a panic: any
 * context, takes no sleeping lock.
 */
void console_emit(const char *s, size_t n);

/*
 * One JSON line to the control channel (COM2), newline added.  Any context.
 * A longer line than CONTROL_LINE is not sent: {"event":"lost"} stands for it.
 */
#define CONTROL_LINE	32768u
void control_write(const char *json, size_t n);

#endif
