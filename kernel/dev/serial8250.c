/*
 * Serial ports of the 8250 family: bytes out by polling, a FIFO's worth at a
 * time, and bytes in by interrupt.
 */
#include <kernel/io.h>
#include "dev/serial8250.h"

/* Offsets from the base; the divisor shows in the first two while LCR_DLAB. */
#define DATA		0
#define DIVISOR_LOW	0
#define IER		1
#define DIVISOR_HIGH	1
#define IIR		2	/* read */
#define FCR		2	/* write */
#define LCR		3
#define MCR		4
#define LSR		5
#define MSR		6
#define SCRATCH		7

#define IER_RECEIVED	0x01
#define IIR_NONE	0x01
#define IIR_FIFO	0xc0	/* both: a FIFO that works, 16550A */
#define FCR_ENABLE	0x07	/* on, both emptied, interrupt at each byte */
#define LCR_8N1		0x03
#define LCR_DLAB	0x80
#define MCR_READY	0x0b	/* DTR, RTS, and OUT2: the gate of the line */
#define LSR_DATA	0x01
#define LSR_THR_EMPTY	0x20

#define FIFO_SIZE	16
#define MAX_REFUSALS	4000000u	/* seconds, a port read being 1 us */
#define MAX_STALE	16

/* The 8250 without an A has no scratch register; nobody emulates that one. */
static bool probe(uint16_t base)
{
	outb(0x5a, base + SCRATCH);
	if (inb(base + SCRATCH) != 0x5a)
		return false;
	outb(0xa5, base + SCRATCH);
	return inb(base + SCRATCH) == 0xa5;
}

void serial_init(struct uart *u)
{
	uint16_t base = u->base;

	u->present = probe(base);
	if (!u->present)
		return;
	/* Switching the FIFO on empties it: what was typed comes out first. */
	u->nr_early = 0;
	while (u->nr_early < SERIAL_EARLY && inb(base + LSR) & LSR_DATA)
		u->early[u->nr_early++] = inb(base);
	outb(0, base + IER);
	outb(LCR_DLAB, base + LCR);
	/* 1.8432 MHz / 16 / 1: 115200 baud. */
	outb(1, base + DIVISOR_LOW);
	outb(0, base + DIVISOR_HIGH);
	outb(LCR_8N1, base + LCR);
	outb(FCR_ENABLE, base + FCR);
	outb(MCR_READY, base + MCR);
	u->fifo = (inb(base + IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
}

/*
 * With the FIFO on, LSR tells only of all of it being empty: then there is room
 * for @u->fifo bytes.
 */
size_t serial_put(struct uart *u, const char *s, size_t n)
{
	if (!u->present)
		return n;
	if (!(inb(u->base + LSR) & LSR_THR_EMPTY)) {
		/*
		 * Given up until a look finds it empty: a drop costs one read.
		 */
		if (u->refusals == MAX_REFUSALS)
			return n;
		u->refusals++;
		return 0;
	}
	u->refusals = 0;
	n = min(n, (size_t)u->fifo);
	for (size_t i = 0; i < n; i++)
		outb((uint8_t)s[i], u->base + DATA);
	return n;
}

/* A byte that is there already raises the line now. */
void serial_enable_input(struct uart *u)
{
	if (!u->present)
		return;
	outb(IER_RECEIVED, u->base + IER);
}

void serial_disable_input(struct uart *u)
{
	if (u->present)
		outb(0, u->base + IER);
}

int serial_get(struct uart *u)
{
	if (!u->present)
		return -1;
	if (inb(u->base + LSR) & LSR_DATA)
		return inb(u->base + DATA);
	/*
	 * Whatever else it wants, told off: no other cause is enabled.  It may
	 * also be a byte that came since the look above, so DATA is read only
	 * where LSR says that there is one.
	 */
	for (int i = 0; i < MAX_STALE; i++) {
		if (inb(u->base + IIR) & IIR_NONE)
			break;
		if (inb(u->base + LSR) & LSR_DATA)
			return inb(u->base + DATA);
		(void)inb(u->base + MSR);
	}
	return -1;
}
