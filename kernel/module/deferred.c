/*
 * DEFERRED modules: their doors are shut for good, and they go when their last
 * user has left.
 *
 * The last put of a count happens inside the module, so it only wakes the
 * undertaker (H49), who makes an attempt like any other.  Where something
 * uncounted keeps the module he tries again, less and less often: each attempt
 * freezes the world a few times.
 */
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <module/attempt.h>

/* A DEFERRED module that something keeps is tried after this, then 2, 4 ..
 * times that, 6.4 s at the most. */
#define RETRY_FIRST_NS		(50 * NSEC_PER_MSEC)

/* DEFERRED, and nobody is counted: only evidence keeps it. */
static bool waits_for_retry(module_id_t id)
{
	return owner_state(id) == MODULE_DEFERRED && !owner_count(id);
}

uint64_t attempt_deferred_next(void)
{
	uint64_t next = UINT64_MAX;

	for (module_id_t id = 1; id < MAX_MODULES; id++)
		if (waits_for_retry(id))
			next = min(next, stamp_ns(owners[id].retry_at));
	return next == UINT64_MAX ? 0 : max(next, (uint64_t)1);
}

bool attempt_deferred_is_due(void)
{
	uint64_t next = attempt_deferred_next();

	return next && next <= ktime_get_ns();
}

/* Each attempt freezes the world a few times: they become rare. */
static void put_off(module_id_t id)
{
	struct owner *o = &owners[id];
	uint64_t wait = RETRY_FIRST_NS << min(o->retries, 7u);

	o->retries++;
	o->retry_at = stamp_of(ktime_get_ns() + wait);
}

static void retry_deferred(module_id_t id)
{
	struct attempt *a = attempt_new();

	if (!a)
		return put_off(id);
	a->req.nr_names = 1;
	strscpy(a->req.names[0], owners[id].name, OWNER_NAME_LEN);
	strscpy(a->report->names, owners[id].name, sizeof(a->report->names));
	attempt_run(a);
	if (owner_state(id) != MODULE_DEFERRED || !owners[id].retries)
		report_log(a->report);
	if (owner_state(id) == MODULE_DEFERRED)
		put_off(id);
	attempt_put(a);
}

void attempt_deferred(void)
{
	for (module_id_t id = 1; id < MAX_MODULES; id++)
		if (waits_for_retry(id) &&
		    stamp_ns(owners[id].retry_at) <= ktime_get_ns())
			retry_deferred(id);
}
