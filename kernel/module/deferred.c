/*
 * What the undertaker has put off.
 *
 * DEFERRED modules: their doors are shut for good, and they go when the last
 * user has left; those that one unload has deferred go together.  The last put
 * of a count happens inside the module, so it only wakes the undertaker (H49),
 * who makes an attempt like any other.
 *
 * DEAD modules, whose second verdict could not be passed in their caller's
 * time: the attempt itself is kept, as it alone knows who went together.  So is
 * that of a load that failed, where its verdict could not be passed.
 *
 * Where something uncounted keeps a module, or the machine is too busy, he
 * tries again, less and less often: each attempt freezes the world a few times.
 */
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <module/attempt.h>

/* Tried again after this, then 2, 4 .. times that, 6.4 s at the most. */
#define RETRY_FIRST_MS		50u

static LIST_HEAD(kept);			/* the undertaker only */

static struct stamp retry_time(uint32_t retries)
{
	return stamp_in_ms(RETRY_FIRST_MS << min(retries, 7u));
}

/* Those that were one territory are so still, but who was loaded again. */
static bool goes_with(module_id_t id, module_id_t other)
{
	return owner_state(other) == MODULE_DEFERRED &&
	       owners[other].deferred_by == owners[id].deferred_by;
}

static bool one_is_counted(module_id_t id)
{
	for (module_id_t other = 1; other < MAX_MODULES; other++)
		if (goes_with(id, other) && owner_count(other))
			return true;
	return false;
}

/* DEFERRED, and nobody is counted: only evidence keeps them. */
static bool waits_for_retry(module_id_t id)
{
	return owner_state(id) == MODULE_DEFERRED && !one_is_counted(id);
}

uint64_t attempt_deferred_next(void)
{
	uint64_t next = UINT64_MAX;
	const struct attempt *a;

	list_for_each_entry(a, &kept, kept)
		next = min(next, stamp_ns(a->retry_at));
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

static void put_off(module_id_t id)
{
	struct owner *o = &owners[id];

	o->retry_at = retry_time(o->retries++);
}

static void put_off_kept(struct attempt *a)
{
	a->retry_at = retry_time(a->retries++);
}

void attempt_keep(struct attempt *a)
{
	put_off_kept(a);
	list_add_tail(&a->kept, &kept);
}

/*
 * While its caller has not taken his answer the report is his to read, and the
 * other reference his.
 */
static void retry_kept(struct attempt *a)
{
	if (atomic_read(&a->refs) == 1)
		attempt_run_again(a);
	if (a->report->outcome == UNLOAD_UNFINISHED)
		return put_off_kept(a);
	if (a->report->outcome == UNLOAD_GONE)
		pr_notice("unload: %s: examined at last, and gone",
			  a->report->names);
	else
		report_log(a->report);
	list_del_init(&a->kept);
	attempt_put(a);
}

/* They were named in one request, so there is room. */
static void request_all_that_go_with(struct unload_request *req, module_id_t id)
{
	for (module_id_t other = 1; other < MAX_MODULES; other++)
		if (goes_with(id, other) && req->nr_names < UNLOAD_MAX_NAMES)
			strscpy(req->names[req->nr_names++],
				owners[other].name, OWNER_NAME_LEN);
}

static void put_off_all_that_go_with(module_id_t id)
{
	for (module_id_t other = 1; other < MAX_MODULES; other++)
		if (goes_with(id, other))
			put_off(other);
}

static void retry_deferred(module_id_t id)
{
	struct attempt *a = attempt_new();

	if (!a)
		return put_off_all_that_go_with(id);
	a->retry = true;
	request_all_that_go_with(&a->req, id);
	if (!a->req.nr_names)		/* revived meanwhile */
		return attempt_put(a);
	attempt_join_names(&a->req, a->report->names, sizeof(a->report->names));
	attempt_run(a);
	if (owner_state(id) != MODULE_DEFERRED || !owners[id].retries)
		report_log(a->report);
	if (owner_state(id) == MODULE_DEFERRED)
		put_off_all_that_go_with(id);
	attempt_put(a);
}

void attempt_deferred(void)
{
	struct attempt *a, *next;

	list_for_each_entry_safe(a, next, &kept, kept)
		if (stamp_passed(a->retry_at))
			retry_kept(a);
	for (module_id_t id = 1; id < MAX_MODULES; id++)
		if (waits_for_retry(id) &&
		    stamp_passed(owners[id].retry_at))
			retry_deferred(id);
}
