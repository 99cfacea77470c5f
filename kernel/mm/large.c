/*
 * Objects too large for a slab: page runs of the kernel's heap, with size and
 * place of the allocation in the frame's record; of a module's heap, ranges of
 * the window with a record in a slab of the same heap.
 */
#include <kernel/string.h>
#include <mm/heap_internal.h>

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

void *kernel_large_alloc(size_t size, gfp_t gfp, phys_t bound, uintptr_t site)
{
	bool data = gfp & GFP_DATA;
	unsigned int order = order_of(size + HEAP_REDZONE_MIN);
	phys_t pa = page_alloc_below(order, data ? PAGE_SLAB_DATA : PAGE_SLAB,
				     bound);
	uint8_t *p;

	if (!pa)
		return NULL;
	/* Poison, for what stood here before may look like evidence. */
	p = phys_to_virt(pa);
	memset(p, FREE_POISON, PAGE_SIZE << order);
	write_redzone(p, size, PAGE_SIZE << order);
	page_set_note(pa, size, site);
	return p;
}

/*
 * Free runs, which a kfree in any context could not give back to the window.
 * Process context.
 */
static void release_free_runs(struct heap *heap)
{
	struct run *run, *found;
	uint32_t flags;

	do {
		found = NULL;
		flags = spin_lock_irqsave(&heap->lock);
		list_for_each_entry(run, &heap->runs, link) {
			if (run->size)
				continue;
			list_del(&run->link);
			found = run;
			break;
		}
		spin_unlock_irqrestore(&heap->lock, flags);
		if (found) {
			window_free((void *)found->start, heap->owner);
			kfree(found);
		}
	} while (found);
}

/*
 * Without sleep a free run of the same room serves, and nothing else does.  It
 * comes off the list and is the caller's: a wrong kfree of it finds no object.
 */
static struct run *reuse_run(struct heap *heap, size_t room, phys_t bound)
{
	struct run *run, *found = NULL;
	uint32_t flags;

	flags = spin_lock_irqsave(&heap->lock);
	list_for_each_entry(run, &heap->runs, link) {
		if (run->size || run->room != room ||
		    !window_is_below(run->start, room, bound))
			continue;
		list_del(&run->link);
		found = run;
		break;
	}
	spin_unlock_irqrestore(&heap->lock, flags);
	return found;
}

static struct run *create_run(struct heap *heap, size_t room, phys_t bound)
{
	struct run *run;

	/* Who may sleep pays for those frees that could not. */
	release_free_runs(heap);
	run = slab_alloc(heap, sizeof(*run), GFP_KERNEL, SITE_INTERNAL);
	if (!run)
		return NULL;
	heap_account(1, sizeof(*run));
	INIT_LIST_HEAD(&run->link);
	run->room = room;
	run->start = (uintptr_t)window_alloc_below(room, heap->owner,
						     bound);
	if (run->start)
		return run;
	kfree(run);
	return NULL;
}

void *module_large_alloc(struct heap *heap, size_t size, gfp_t gfp,
			 phys_t bound, uintptr_t site)
{
	size_t room = ALIGN_UP(size + HEAP_REDZONE_MIN, PAGE_SIZE);
	struct run *run = reuse_run(heap, room, bound);
	uint32_t flags;

	if (!run && heap_may_sleep(gfp))
		run = create_run(heap, room, bound);
	if (!run)
		return NULL;
	write_redzone((uint8_t *)run->start, size, room);
	run->size = size;
	run->site = site;

	flags = spin_lock_irqsave(&heap->lock);
	window_set_searched(run->start, room, !(gfp & GFP_DATA));
	window_set_block(run->start, room, WINDOW_BLOCK_RUN);
	list_add(&run->link, &heap->runs);
	spin_unlock_irqrestore(&heap->lock, flags);
	return (void *)run->start;
}

struct run *run_find_locked(struct heap *heap, uintptr_t start)
{
	struct run *run;

	list_for_each_entry(run, &heap->runs, link) {
		if (run->start == start)
			return run;
	}
	return NULL;
}

void keep_free_run(struct heap *heap, struct run *run, uintptr_t site)
{
	uint32_t flags;

	/* Up to 1 MiB: longer than interrupts may be off. */
	memset((void *)run->start, FREE_POISON, run->room);
	run->size = 0;
	run->site = site;
	flags = spin_lock_irqsave(&heap->lock);
	list_add(&run->link, &heap->runs);
	spin_unlock_irqrestore(&heap->lock, flags);
}
