/*
 * The control channel: JSON Lines to the host on COM2, apart from the console
 * so that the latter stays as a person sees it.  Output only.
 */
#include "dev/console.h"
#include "dev/internal.h"
#include "dev/outqueue.h"
#include "dev/serial8250.h"

#define COM2	0x2f8

static struct uart com2 = { .base = COM2 };

static size_t control_put(struct outqueue *q, const char *s, size_t n)
{
	(void)q;
	return serial_put(&com2, s, n);
}

/* Not searched: JSON has what users typed.  A line takes half at most. */
static char queue_bytes[2 * CONTROL_LINE] __no_pointers;
static struct outqueue queue = {
	.bytes = queue_bytes,
	.size = sizeof(queue_bytes),
	.put = control_put,
};

void control_init(void)
{
	serial_init(&com2);
}

void control_write(const char *json, size_t n)
{
	static const char too_long[] = "{\"event\":\"lost\"}";

	if (n > CONTROL_LINE) {
		json = too_long;
		n = sizeof(too_long) - 1;
	}
	outqueue_write(&queue, json, n, OUTQUEUE_OWN_LINE | OUTQUEUE_END_LINE);
}
