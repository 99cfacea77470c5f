/*
 * Bytes on their way out of a slow port, from any context.
 *
 * A writer puts its bytes into the queue in one piece, so that lines of several
 * CPUs do not mix, and then carries the queue's head to the port, a FIFO's
 * worth at a time with interrupts off no longer than that takes, until its own
 * bytes are out.  Whoever is interrupted or preempted meanwhile has left
 * nothing behind that another could not go on with.
 */
#ifndef DEV_OUTQUEUE_H
#define DEV_OUTQUEUE_H

#include "debug/rawlock.h"

#define OUTQUEUE_BURST	16u

/* Lock key: (l) lock  (c) constant */
struct outqueue {
	struct raw_lock	lock;
	uint32_t	head, tail;	/* (l) count on; modulo the size */
	char		*bytes;		/* (c) where they wait, @size of them */
	uint32_t	size;		/* (c) a power of two */
	bool		crlf;		/* (c) "\n" goes out as "\r\n" */
	bool		mid_line;	/* (l) the last byte in was no "\n" */
	/* (c) Under the lock: how much of @s the port took; 0: busy. */
	size_t		(*put)(struct outqueue *q, const char *s, size_t n);
};

/* How a piece stands to what was written before and after it. */
#define OUTQUEUE_OWN_LINE	1u	/* begins at the beginning of a line */
#define OUTQUEUE_END_LINE	2u	/* ends with a newline in any case */

/*
 * @s in one piece, cut to what half of the queue holds.  Any context.  Returns
 * when it is out.
 */
void outqueue_write(struct outqueue *q, const char *s, size_t n, uint32_t how);

#endif
