/*
 * Counting what there is: see census.h.
 *
 * Free pages are compared with some slack, as slabs and page tables that were
 * set up stay; heap objects, which slots, tasks' records and dossiers are,
 * tasks, modules and pages of the module window are compared exactly.
 */
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <test/census.h>

#define SETTLE_MS	5000
#define PAGES_SLACK	16u

/* A tomb stays, and is no leak of the test that made it. */
static unsigned int count_modules(void)
{
	unsigned int n = 0;

	for (module_id_t id = 1; id < MAX_MODULES; id++) {
		enum module_state s = owner_state(id);

		n += s != MODULE_FREE && s != MODULE_GONE &&
		     s != MODULE_ENTOMBED;
	}
	return n;
}

/* What the page allocator keeps in hand counts as free once it is drained. */
void census_take(struct census *c)
{
	struct mm_stats s;

	mm_drain_caches();
	mm_get_stats(&s);
	c->pages_free = s.pages_free;
	c->heap_objects = s.heap_objects;
	c->window_pages = s.by_kind[PAGE_WINDOW];
	c->tasks = task_count();
	c->modules = count_modules();
}

/* Less than before is fine: somebody else's may have come to its end. */
static bool no_more_than(const struct census *a, const struct census *b)
{
	return b->pages_free + PAGES_SLACK >= a->pages_free &&
	       b->heap_objects <= a->heap_objects &&
	       b->window_pages <= a->window_pages && b->tasks <= a->tasks &&
	       b->modules <= a->modules;
}

bool census_settle(const struct census *before, struct census *after)
{
	struct stamp end = stamp_in_ms(SETTLE_MS);

	census_take(after);
	while (!no_more_than(before, after) && !stamp_passed(end)) {
		msleep(1);
		census_take(after);
	}
	return no_more_than(before, after);
}

void census_describe(const struct census *a, const struct census *b, char *buf,
		     size_t size)
{
	scnprintf(buf, size, "left behind: %d pages, %d of them of modules, "
		  "%d objects, %d tasks, %d modules",
		  (int)(a->pages_free - b->pages_free),
		  (int)(b->window_pages - a->window_pages),
		  (int)(b->heap_objects - a->heap_objects),
		  (int)(b->tasks - a->tasks), (int)(b->modules - a->modules));
}
