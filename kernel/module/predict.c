/*
 * The dry run: what would come of an unload, found out without changing a
 * thing.
 *
 * Neither are doors closed nor engines held.  So what that would have taken
 * away is left out of the account: the module's own threads, the slots'
 * pointers to its bindings.  What is left out is a guess, and so the outcome
 * is a prediction; nothing here has a part in a verdict that commits.
 */
#include <mm/mm.h>
#include <module/attempt.h>

/* ---- what is expected to be found ---- */

struct thread_search {
	const struct territory	*terr;
	uintptr_t		at;
	bool			found;
};

static bool match_thread(struct task *t, void *arg)
{
	struct thread_search *s = arg;

	if (s->terr->member[t->owner] && s->at - (uintptr_t)t < sizeof(*t))
		s->found = true;
	return !s->found;
}

/* In the record of one of its own threads, which move_out() would clear. */
static bool hit_is_thread(const struct territory *terr, uintptr_t at)
{
	struct thread_search s = { terr, at, false };

	task_for_each(match_thread, &s);
	return s.found;
}

static bool hit_is_binding(uintptr_t at)
{
	uintptr_t word = *(const uintptr_t *)at;
	module_id_t owner = window_owner(word);
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	const struct ledger *l = owner ? ledger_of(owner) : NULL;
	const struct binding *b;
	bool found = false;

	if (l)
		list_for_each_entry(b, &l->bindings, ledger)
			if ((uintptr_t)&b->slot->binding == at)
				found = true;
	spin_unlock_irqrestore(&slot_lock, flags);
	return found;
}

bool predict_expects(const struct territory *terr, uintptr_t at)
{
	return hit_is_binding(at) || hit_is_thread(terr, at);
}

/* ---- the run ---- */

/* H15 holds here too: they are not held, so a freeze must not catch them. */
static bool spare_engine(struct task *t, void *arg)
{
	const struct attempt *a = arg;

	if (a->terr.member[t->owner])
		task_spare(t, SPARE_ENGINE);
	return true;
}

static bool unspare_engine(struct task *t, void *arg)
{
	(void)arg;
	if (t->spared & SPARE_ENGINE)
		task_unspare(t, SPARE_ENGINE);
	return true;
}

int predict(struct attempt *a)
{
	int err;

	task_for_each(spare_engine, a);
	err = attempt_examine(a);
	task_for_each(unspare_engine, a);
	if (!err)
		a->report->outcome = UNLOAD_WOULD_GO;
	return err;
}
