/*
 * Broken invariants of the kernel's own.  Data from outside never asserts.
 */
#ifndef KERNEL_BUG_H
#define KERNEL_BUG_H

#include <kernel/types.h>

/* Stops the machine with the backtraces of all CPUs.  Any context. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* Logs the line and a backtrace, and goes on.  Any context. */
void warn_at(const char *file, int line, const char *what);

#define BUG_ON(cond) do {						\
	if (unlikely(cond))						\
		panic("BUG: %s at %s:%d", #cond, __FILE__, __LINE__);	\
} while (0)
#define BUG()	panic("BUG at %s:%d", __FILE__, __LINE__)

#define WARN_ON(cond) ({						\
	bool warn_cond = !!(cond);					\
	if (unlikely(warn_cond))					\
		warn_at(__FILE__, __LINE__, #cond);			\
	unlikely(warn_cond); })

/* Called out loud what must be true here; stays in every build. */
#define assert(cond)	BUG_ON(!(cond))

#endif
