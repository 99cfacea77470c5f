/*
 * The record of each module that the lower rooms see, and its use counts.
 *
 * A count is never trusted alone: it makes the common refusal cheap, and a
 * wrong one delays an unload or is caught by evidence.  Dropping the last count
 * happens *inside* the module most of the time (H49), so all that it does is to
 * wake the undertaker.
 */
#include <kernel/bug.h>
#include <kernel/export.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/printk.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <sched/owner.h>
#include <sched/refs.h>
#include <sched/sched.h>

struct owner owners[MAX_MODULES];
DECLARE_WAIT_QUEUE_HEAD(undertaker_wait);

enum module_state owner_state(module_id_t id)
{
	return (enum module_state)smp_load_acquire(&owners[id].state);
}

const char *owner_state_name(enum module_state s)
{
	static const char *const names[] = {
		[MODULE_FREE] = "free",
		[MODULE_LOADING] = "loading",
		[MODULE_LIVE] = "live",
		[MODULE_CLOSED] = "closed",
		[MODULE_HELD] = "held",
		[MODULE_DEFERRED] = "deferred",
		[MODULE_DEAD] = "dead",
		[MODULE_ENTOMBED] = "entombed",
		[MODULE_GONE] = "gone",
	};

	return s < ARRAY_SIZE(names) ? names[s] : "?";
}

void owner_report_late(module_id_t id, const char *does, const char *name)
{
	pr_err("%s: %s %s after its verdict; refused", owners[id].name, does,
	       name);
}

int owner_count(module_id_t id)
{
	const struct owner *o = &owners[id];

	return atomic_read(&o->opens) + atomic_read(&o->refs);
}

/*
 * Who drops the last count may be inside the module: he wakes, and goes on.
 * Two who drop theirs at once may both see 0; one of them does, as each looks
 * after his own decrement.
 */
static void count_dropped(struct owner *o)
{
	if (READ_ONCE(o->wake_undertaker) &&
	    atomic_read(&o->opens) + atomic_read(&o->refs) == 0)
		wake_up(&undertaker_wait);
}

void owner_open_get(module_id_t id)
{
	atomic_inc(&owners[id].opens);
}

void owner_open_put(module_id_t id)
{
	int left = atomic_add_return(-1, &owners[id].opens);

	assert(left >= 0);
	count_dropped(&owners[id]);
}

/* ---- counts that the module takes itself ---- */

/* The place of a caller, in a form that is no address (see struct exam). */
static uint32_t site_code(uintptr_t site)
{
	return in_window(site) ? site - WINDOW_BASE + 1 : 1;
}

/* Which place took how many is for reports; with all in use it is no place. */
static void site_note(struct owner *o, uint32_t code)
{
	uint32_t flags = spin_lock_irqsave(&o->sites_lock);
	struct owner_site *free = NULL;

	for (size_t i = 0; i < OWNER_SITES; i++) {
		struct owner_site *s = &o->sites[i];

		if (s->window_offset == code && s->pid == current->pid) {
			s->count++;
			goto out;
		}
		if (!s->window_offset && !free)
			free = s;
	}
	if (free)
		*free = (struct owner_site){ code, current->pid, 1,
					     stamp_of(ktime_get_ns()) };
	else
		o->elsewhere++;
out:
	spin_unlock_irqrestore(&o->sites_lock, flags);
}

/*
 * The one the caller took at this place, else any of his own: that is his.
 * Else one of no place, then any, as counts may be handed on.
 */
static void site_forget(struct owner *o, uint32_t code)
{
	uint32_t flags = spin_lock_irqsave(&o->sites_lock);
	struct owner_site *own = NULL, *any = NULL, *victim;

	for (size_t i = 0; i < OWNER_SITES; i++) {
		struct owner_site *s = &o->sites[i];

		if (!s->window_offset)
			continue;
		any = s;
		if (s->pid == current->pid &&
		    (!own || s->window_offset == code))
			own = s;
	}
	victim = own ?: any;
	if (o->elsewhere && !own)
		o->elsewhere--;
	else if (victim && --victim->count == 0)
		victim->window_offset = 0;
	spin_unlock_irqrestore(&o->sites_lock, flags);
}

int owner_counts_elsewhere(module_id_t id)
{
	return READ_ONCE(owners[id].elsewhere);
}

struct owner_site owner_site(module_id_t id, size_t i)
{
	struct owner *o = &owners[id];
	uint32_t flags = spin_lock_irqsave(&o->sites_lock);
	struct owner_site site = o->sites[i];

	spin_unlock_irqrestore(&o->sites_lock, flags);
	return site;
}

/* A count at the limit sticks there: such a module is never unloaded (H35). */
#define REFS_SATURATED	INT32_MAX

/*
 * The count, then the state; the verdict reads the count and stores the state
 * while every CPU stands still.  So either it has seen the count, or the state
 * is seen here and the count taken back.
 */
bool try_module_get_from(module_id_t id, uintptr_t site)
{
	struct owner *o = &owners[id];
	int refs = atomic_read(&o->refs);
	enum module_state s = owner_state(id);

	if (id == MODULE_NONE)
		return true;
	if (s >= MODULE_DEAD || s == MODULE_FREE)
		return false;
	while (refs != REFS_SATURATED &&
	       !atomic_try_cmpxchg(&o->refs, &refs, refs + 1))
		;
	if (owner_state(id) >= MODULE_DEAD) {
		atomic_dec(&o->refs);
		return false;
	}
	site_note(o, site_code(site));
	ref_note(id, site, NULL);
	return true;
}
EXPORT_SYMBOL(try_module_get_from);

void module_put_from(module_id_t id, uintptr_t site)
{
	struct owner *o = &owners[id];
	int refs = atomic_read(&o->refs);

	if (id == MODULE_NONE)
		return;
	do {
		if (refs == REFS_SATURATED)
			return;
		if (refs == 0 && guard(COUNT_FLOOR)) {
			atomic_inc(&o->underflows);
			pr_err("%s: module_put() without a get at %pS; ignored",
			       o->name, (void *)site);
			return;
		}
	} while (!atomic_try_cmpxchg(&o->refs, &refs, refs - 1));
	site_forget(o, site_code(site));
	ref_forget(id, site, NULL);
	count_dropped(o);
}
EXPORT_SYMBOL(module_put_from);
