/*
 * Bytes on their way out of a slow port, from any context.  The lock is held
 * for one piece or one burst; head and tail wrap at 2^32, of which the size is
 * a divisor.
 */
#include <kernel/string.h>
#include "dev/outqueue.h"

static uint32_t queue_room(const struct outqueue *q)
{
	return q->size - (q->tail - q->head);
}

static void append_byte(struct outqueue *q, char c)
{
	q->bytes[q->tail++ % q->size] = c;
}

static uint32_t length_out(const struct outqueue *q, const char *s, size_t n)
{
	uint32_t len = (uint32_t)n;

	for (size_t i = 0; q->crlf && i < n; i++)
		len += s[i] == '\n';
	return len;
}

static void append(struct outqueue *q, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (q->crlf && s[i] == '\n')
			append_byte(q, '\r');
		append_byte(q, s[i]);
	}
	if (n)
		q->mid_line = s[n - 1] != '\n';
}

/*
 * One burst.  False: the port is busy.  What has left is wiped: text that a
 * user chose must not be taken for an address when memory is searched (H09).
 */
static bool drain_burst(struct outqueue *q)
{
	uint32_t start = q->head % q->size;
	uint32_t n = min(q->tail - q->head, OUTQUEUE_BURST);

	n = min(n, q->size - start);
	n = (uint32_t)q->put(q, q->bytes + start, n);
	memset(q->bytes + start, 0, n);
	q->head += n;
	return n != 0;
}

/* False: there is no room yet. */
static bool append_piece(struct outqueue *q, const char *s, size_t n,
			 uint32_t how)
{
	/* 4: a line may be ended before it and after it. */
	if (queue_room(q) < length_out(q, s, n) + 4)
		return false;
	if ((how & OUTQUEUE_OWN_LINE) && q->mid_line)
		append(q, "\n", 1);
	append(q, s, n);
	if ((how & OUTQUEUE_END_LINE) && q->mid_line)
		append(q, "\n", 1);
	return true;
}

void outqueue_write(struct outqueue *q, const char *s, size_t n, uint32_t how)
{
	bool queued = false, moved;
	uint32_t flags, end = 0;

	/* With each "\n" doubled it fits into the queue once that is empty. */
	n = min(n, (size_t)q->size / (q->crlf ? 4 : 2));
	for (;;) {
		flags = raw_lock(&q->lock);
		if (!queued && append_piece(q, s, n, how)) {
			end = q->tail;
			queued = true;
		}
		/* Others may have carried our bytes out. */
		if (queued && (int32_t)(end - q->head) <= 0)
			break;
		moved = drain_burst(q);
		/* Interrupts on between bursts, and others have their turn. */
		raw_unlock(&q->lock, flags);
		if (!moved)
			cpu_relax();
	}
	raw_unlock(&q->lock, flags);
}
