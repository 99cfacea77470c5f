/*
 * Serial ports of the 8250 family (National PC16550D data sheet), 115200 8N1.
 * No locks in here: the caller serialises output, the interrupt line input.
 */
#ifndef DEV_SERIAL8250_H
#define DEV_SERIAL8250_H

#include <kernel/types.h>

#define SERIAL_EARLY	64u

/*
 * No lock of its own: see above.  Constant after serial_init(), but @refusals.
 */
struct uart {
	uint16_t	base;		/* first I/O port */
	bool		present;
	uint8_t		fifo;		/* bytes it takes at once */
	uint32_t	refusals;	/* polls in a row that found it busy */
	uint32_t	nr_early;	/* typed while we booted */
	uint8_t		early[SERIAL_EARLY];
};

/* Finds out whether there is one at @u->base.  Any context. */
void serial_init(struct uart *u);

/*
 * Hands it up to a FIFO's worth of @s and returns how much that was: 0 while it
 * is busy, all of @n where there is no port.  A port that stays busy for
 * seconds has nobody at its other end, and what goes to it is dropped until
 * it moves again.  Any context.
 */
size_t serial_put(struct uart *u, const char *s, size_t n);

/* From here on it interrupts for each byte that comes in, or is there. */
void serial_enable_input(struct uart *u);
/* No more: what comes stays in the port, and who sends waits. */
void serial_disable_input(struct uart *u);

/*
 * A byte that has come in, or -1.  After -1 the port does not hold its
 * interrupt line.
 */
int serial_get(struct uart *u);

#endif
