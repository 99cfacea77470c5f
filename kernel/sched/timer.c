/*
 * Timers of modules: a slot around a kernel timer.
 *
 * Held, a timer is off the kernel's heap and keeps the time it had left; what
 * is armed meanwhile replaces that.  slot_lock guards the change from one to
 * the other, so that an arming is either in the heap or noted, never neither.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <sched/ktimer.h>
#include <sched/sched.h>
#include <sched/owner.h>
#include <sched/slot.h>

/*
 * Lock key: (s) slot_lock
 */
struct timer {
	struct slot	slot;
	struct ktimer	ktimer;
	bool		pending;	/* (s) armed while held */
	struct stamp	remaining;	/* (s) from the moment it is let go */
};

static struct timer *timer_of(struct slot *s)
{
	return container_of(s, struct timer, slot);
}

/*
 * The kernel's timer is marked running before this load and until after the
 * call: who takes the binding away, and then finds it running nowhere, knows
 * that nobody has the binding any more (H10).
 */
static noinline void call_function(struct timer *t)
{
	struct binding *b = slot_binding(&t->slot);

	if (b)
		((timer_fn)b->fn)(b->arg);
}

static void timer_fired(struct ktimer *k)
{
	call_function(container_of(k, struct timer, ktimer));
	stack_wipe_dead();
}

static uint64_t time_left(uint64_t expires)
{
	uint64_t now = ktime_get_ns();

	return expires > now ? expires - now : 0;
}

/*
 * From here on an arming is noted, also by the function if it is running; so
 * once it does not run it will not run again.
 */
static int timer_hold(struct slot *s, struct binding *b)
{
	struct timer *t = timer_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	uint64_t expires = stamp_ns(t->ktimer.expires);

	(void)b;
	s->held = true;
	if (ktimer_cancel(&t->ktimer)) {
		t->pending = true;
		t->remaining = stamp_of(time_left(expires));
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return ktimer_running(&t->ktimer) ? -EAGAIN : 0;
}

/* Time stands still for a timer that is held: late by that, never early. */
static void timer_let_go(struct slot *s, struct binding *b)
{
	struct timer *t = timer_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	(void)b;
	s->held = false;
	if (t->pending)
		ktimer_start(&t->ktimer, ktime_get_ns() +
			     stamp_ns(t->remaining));
	t->pending = false;
	spin_unlock_irqrestore(&slot_lock, flags);
}

static void timer_bury(struct slot *s, struct binding *b)
{
	(void)b;
	timer_of(s)->pending = false;
}

/* Somebody may have armed it once more after it was deleted. */
static void timer_free(struct slot *s)
{
	ktimer_cancel_sync(&timer_of(s)->ktimer);
	kfree(timer_of(s));
}

static void timer_describe(struct slot *s, char *buf, size_t size)
{
	snprintf(buf, size, "%s", ktimer_running(&timer_of(s)->ktimer) ?
		 "its function is running" : "not armed");
}

static const struct slot_ops timer_ops = {
	.kind = "timer",
	.engine = true,
	.hold = timer_hold,
	.let_go = timer_let_go,
	.bury = timer_bury,
	.destroy = timer_free,
	.describe = timer_describe,
};

struct timer *timer_create_owner(const char *name, timer_fn fn, void *arg,
				 module_id_t owner)
{
	struct slot_registration reg = {
		.fn = (void (*)(void))fn,
		.arg = arg,
		.site = (uintptr_t)__builtin_return_address(0),
	};
	struct timer *t = kmalloc_owner(sizeof(*t), __GFP_ZERO, MODULE_NONE);
	struct slot *existing;
	int err;

	if (!t)
		return NULL;
	slot_setup(&t->slot, &timer_ops, name, owner);
	ktimer_init(&t->ktimer, timer_fired);
	err = slot_register(&t->slot, &reg, &existing);
	slot_put(&t->slot);		/* else the ledger keeps it */
	if (err)
		return NULL;
	if (!existing)
		return t;
	slot_put(existing);
	return timer_of(existing);
}
EXPORT_SYMBOL(timer_create_owner);

/*
 * Armed or noted is decided under slot_lock, as is holding and letting go: an
 * arming is never lost between the two, and never in both places.
 */
bool mod_timer(struct timer *t, uint64_t expires)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool armed = false;

	if (owner_is_dead(t->slot.owner)) {
		owner_report_late(t->slot.owner, "arms timer", t->slot.name);
	} else if (t->slot.phase == SLOT_VOID) {
		;
	} else if (t->slot.held) {
		armed = t->pending;
		t->pending = true;
		t->remaining = stamp_of(time_left(expires));
	} else {
		/* Let go a moment ago: this arming is the later one. */
		armed = ktimer_cancel(&t->ktimer) || t->pending;
		t->pending = false;
		ktimer_start(&t->ktimer, expires);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return armed;
}
EXPORT_SYMBOL(mod_timer);

/*
 * Its function may arm it until it is over, and one that is noted may be let
 * go: neither while slot_lock is held.  So the last look finds it nowhere.
 */
bool timer_delete_sync(struct timer *t)
{
	bool armed = false, running;

	do {
		uint32_t flags = spin_lock_irqsave(&slot_lock);

		armed |= ktimer_cancel(&t->ktimer) || t->pending;
		t->pending = false;
		running = ktimer_running(&t->ktimer);
		spin_unlock_irqrestore(&slot_lock, flags);
		if (running)
			cpu_relax();
	} while (running);
	return armed;
}
EXPORT_SYMBOL(timer_delete_sync);

void timer_destroy(struct timer *t)
{
	timer_delete_sync(t);
	slot_forget(&t->slot);
}
EXPORT_SYMBOL(timer_destroy);
