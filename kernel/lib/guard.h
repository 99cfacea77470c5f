/*
 * guard(NAME): a precaution of the protocol.
 *
 * In the ordinary kernel it is the constant true and leaves no trace.  The lab
 * build (make LAB=1) can take each away by name at boot, guard_off=NAME,NAME,
 * to show what goes wrong without it.  guards.def lists them all.
 */
#ifndef LIB_GUARD_H
#define LIB_GUARD_H

#include <kernel/types.h>

enum guard {
#define GUARD(name, hazards, what) GUARD_##name,
#include <lib/guards.def>
#undef GUARD
	NR_GUARDS
};

#ifdef CONFIG_LAB
/* Any context. */
bool guard_is_on(enum guard g);
/*
 * Boot, once: takes away what @cmdline names, and says so in the log; an
 * unknown name is said, too, and changes nothing.
 */
void guards_init(const char *cmdline);
#define guard(name)	guard_is_on(GUARD_##name)
/*
 * A strategy (module/strategy.h) has who opens a device loaded its binding and
 * counted him in one step, under slot_lock.  Constant after boot.
 */
extern bool lab_counts_at_the_door;
/* The protocol is not what it should be: a test judges by harm alone. */
bool lab_is_altered(void);
void lab_set_altered(void);
#else
#define lab_counts_at_the_door	false
#define lab_is_altered()	false
static inline void guards_init(const char *cmdline)
{
	(void)cmdline;
}
#define guard(name)	((void)GUARD_##name, true)
#endif

#endif
