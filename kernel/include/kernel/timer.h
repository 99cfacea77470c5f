/*
 * Timers for modules.  The timer is the kernel's object, not a field of the
 * module's: the kernel's queues hold no pointer into the module.
 *
 * A timer's function runs with interrupts off, on one CPU at a time.  It takes
 * no mutex and does not sleep.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include <kernel/ktime.h>
#include <kernel/module_id.h>

struct timer;
typedef void (*timer_fn)(void *arg);

/*
 * A timer, not armed, that calls @fn(@arg) in interrupt context.  @name is
 * copied and tells it apart in reports.  NULL without memory, in module_init(),
 * or after the verdict.  Several may have one name.  Where register is called
 * again, the n-th of a name is the n-th that there is already (a reactivation).
 * The module's until timer_destroy(); the kernel takes it
 * back with the module.  Process context, may sleep.
 */
struct timer *timer_create_owner(const char *name, timer_fn fn, void *arg,
				 module_id_t owner);
#define timer_create(name, fn, arg) \
	timer_create_owner(name, fn, arg, THIS_MODULE)

/*
 * Arms it for @expires (ktime_get_ns() time; a past one: at once), or moves it.
 * True: it was armed.  Armed while its function runs it runs again after that,
 * never beside it, whichever CPU arms it.  Any context, @fn itself included.
 * While the module is held the arming is noted, fires after a reactivation and
 * vanishes at the commit (H11); after the verdict it is refused.
 */
bool mod_timer(struct timer *t, uint64_t expires);

/*
 * Disarms; on return it does not run on any CPU (H10), and is not armed unless
 * somebody else has done so meanwhile.  True: it was armed.  Spins while @fn
 * runs: not from @fn, with no lock held that @fn takes, interrupts on.
 */
bool timer_delete_sync(struct timer *t);

/* Disarms it as above and gives it back.  Process context; may sleep. */
void timer_destroy(struct timer *t);

#endif
