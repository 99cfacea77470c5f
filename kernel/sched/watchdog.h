/*
 * The watchdog of the debug build (watchdog.c): who is stuck, and where.  In
 * the ordinary kernel everything here is empty.
 */
#ifndef SCHED_WATCHDOG_H
#define SCHED_WATCHDOG_H

#include <kernel/ktime.h>

struct trap_frame;

#ifdef CONFIG_DEBUG

/*
 * What it knows of a task.  Its own, without a lock: the task is pinned while
 * it looks.
 */
struct watched {
	uint64_t	switches;	/* to the task, at the last look */
	struct stamp	since;		/* that it waits, with as many */
	uint32_t	thaws;		/* by hand, until then */
	bool		told;
};

/*
 * Boot, process context, with all CPUs up.  "watchdog=SECONDS" on @cmdline is
 * how long a task or a CPU may be stuck, 0: for ever; "watchdog_panic=1": the
 * first one is the end.
 */
void watchdog_init(const char *cmdline);
/*
 * This CPU has come to where it may take another task.  Interrupts off; @now
 * is the time.
 */
void watchdog_pass(uint64_t now);

#else

static inline void watchdog_init(const char *cmdline)
{
	(void)cmdline;
}

static inline void watchdog_pass(uint64_t now)
{
	(void)now;
}

#endif
#endif
