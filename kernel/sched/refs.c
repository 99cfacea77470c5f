/*
 * Who has taken each count of a module, where, and when: one record a count,
 * so that a count which stays has a name even if its task has ended, and
 * although many are held.  Built with DEBUG=1 only.
 *
 * It is for reports, and decides nothing: a record may be missing where the
 * table is full, and a count that is handed on stays under the name of who took
 * it.  It holds no address of a module.
 */
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <sched/refs.h>
#include <sched/sched.h>

#ifdef CONFIG_DEBUG

#define NR_REFS		512

static DEFINE_SPINLOCK(refs_lock);		/* interrupts off */
static struct ref refs[NR_REFS] __no_pointers;	/* refs_lock */
static uint32_t lost;				/* refs_lock */

static uint32_t encode(uintptr_t site)
{
	return in_window(site) ? site - WINDOW_BASE : site;
}

uintptr_t ref_pc(const struct ref *r)
{
	return r->site < WINDOW_SIZE ? WINDOW_BASE + r->site : r->site;
}

static struct ref *find_free(void)
{
	for (size_t i = 0; i < NR_REFS; i++)
		if (refs[i].id == MODULE_NONE)
			return &refs[i];
	return NULL;
}

static noinline void fill(struct ref *r, module_id_t id, uintptr_t site,
			  const struct file *file)
{
	r->id = id;
	r->kind = file ? REF_OPEN : REF_TAKEN;
	r->site = encode(site);
	r->file = (uint32_t)(uintptr_t)file;
	r->pid = current->pid;
	strscpy(r->comm, current->comm, sizeof(r->comm));
	r->since = stamp_of(ktime_get_ns());
}

void ref_note(module_id_t id, uintptr_t site, const struct file *file)
{
	uint32_t flags = spin_lock_irqsave(&refs_lock);
	struct ref *r = find_free();

	if (r)
		fill(r, id, site, file);
	else
		lost++;
	spin_unlock_irqrestore(&refs_lock, flags);
}

static bool is_before(const struct ref *a, const struct ref *b)
{
	return stamp_ns(a->since) < stamp_ns(b->since);
}

/*
 * How sure it is that the caller puts this one: his own of this place, his own,
 * anybody's.  The places that a refusal names go by the same (owner.c).
 */
static int nearness(const struct ref *r, uint32_t code)
{
	if (r->pid != current->pid)
		return 0;
	return r->site == code ? 2 : 1;
}

/* Of those as near, one's own the last, others' the first. */
static bool is_better(const struct ref *a, const struct ref *b, uint32_t code)
{
	int near = nearness(a, code);

	if (near != nearness(b, code))
		return near > nearness(b, code);
	return near ? is_before(b, a) : is_before(a, b);
}

static bool is_meant(const struct ref *r, module_id_t id,
		     const struct file *file)
{
	return r->id == id && r->kind == (file ? REF_OPEN : REF_TAKEN) &&
	       r->file == (uint32_t)(uintptr_t)file;
}

void ref_forget(module_id_t id, uintptr_t site, const struct file *file)
{
	uint32_t flags = spin_lock_irqsave(&refs_lock);
	uint32_t code = encode(site);
	struct ref *best = NULL;

	for (size_t i = 0; i < NR_REFS; i++)
		if (is_meant(&refs[i], id, file) &&
		    (!best || is_better(&refs[i], best, code)))
			best = &refs[i];
	if (best)
		memset(best, 0, sizeof(*best));
	spin_unlock_irqrestore(&refs_lock, flags);
}

bool ref_nth(module_id_t id, uint32_t n, struct ref *out)
{
	uint32_t flags = spin_lock_irqsave(&refs_lock);
	bool found = false;

	for (size_t i = 0; i < NR_REFS && !found; i++) {
		if (refs[i].id != id || n-- > 0)
			continue;
		*out = refs[i];
		found = true;
	}
	spin_unlock_irqrestore(&refs_lock, flags);
	return found;
}

uint32_t refs_lost(void)
{
	return READ_ONCE(lost);
}

#endif
