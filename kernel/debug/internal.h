/*
 * Between the files of the debug room.
 */
#ifndef DEBUG_INTERNAL_H
#define DEBUG_INTERNAL_H

#include "debug/dmesg.h"

struct backtrace;

#define STACK_SPAN	12288u	/* no kernel stack, with its guard, is larger */

/*
 * The first half of a death: claims it for this CPU, stops the others, opens
 * the log's locks.  Returns at most once in the life of the machine; a CPU that
 * comes second, or dies again while dying, ends in here.  Any context.
 */
void panic_begin(void);

/*
 * The second half: the backtraces, @bt being this CPU's, the word to the host,
 * who runs where, the end.
 */
void panic_end(const char *message, const struct backtrace *bt) __noreturn;

/* Every CPU's lock of log and consoles opens for good. */
void log_open_locks(void);
/* One line to the host, if somebody listens. */
void log_control(const char *json, size_t n);

/*
 * [@addr, @addr + 4) may be read: aligned and mapped.  Any context; the map
 * may change behind the answer, which only a dying kernel can live with.
 */
bool word_readable(uintptr_t addr);

#endif
