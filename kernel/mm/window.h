/*
 * The module window: whose page an address belongs to, now and before.
 */
#ifndef MM_WINDOW_H
#define MM_WINDOW_H

#include <kernel/module_id.h>
#include <x86/paging.h>

/* Boot, after page_init(). */
void window_init(void);

/*
 * @size bytes (rounded up to pages) for @owner at a random place of the
 * window, with an unmapped page of margin on either side that belongs to
 * @owner as well (H45).  Zeroed, RW NX.  The frames leave the direct map on
 * all CPUs before this returns (H46).  Ranges freed longest ago are reused
 * first, and only when no unused one fits (H33).  NULL without memory or
 * room.  Process context, interrupts on.
 */
void *window_alloc(size_t size, module_id_t owner);
/* The same, in frames that have no byte above @bound. */
void *window_alloc_below(size_t size, module_id_t owner, phys_t bound);
/* Whether they have, from @va on; mapped, the caller's.  Any context. */
bool window_is_below(uintptr_t va, size_t size, phys_t bound);
/*
 * The whole of an allocation, @p as window_alloc() returned it: unmaps, tells
 * every CPU (H32), gives the frames back; the range becomes the tombstone of
 * @owner.  NULL is fine.  Process context, interrupts on.
 */
void window_free(void *p, module_id_t owner);
/*
 * The number of the unload under which @owner's ranges are buried from here
 * on; 0, as at first: freed while the module lives.
 */
void window_set_unload_number(module_id_t owner, uint32_t number);
/*
 * Rights of whole pages inside an allocation: PROT_KERNEL_*.  Tells all CPUs.
 * Never both writable and executable.  Process context, interrupts on.
 */
void window_protect(void *p, size_t size, uint64_t prot);
/*
 * Gives the frames of a part of an allocation back early (init sections).
 * The addresses stay @owner's until window_free().  As window_free().
 */
void window_trim(void *p, size_t size, module_id_t owner);

/*
 * Whose page @addr of the window is, margins included; 0: nobody's, or not in
 * the window.  Any context, no lock: one load.
 */
module_id_t window_owner(uintptr_t addr);
/*
 * Who was buried there last; 0: nobody, or somebody lives there.  Any context,
 * no lock; *unload_number may be NULL.
 */
module_id_t window_tombstone(uintptr_t addr, uint32_t *unload_number);
/* Pages that @owner has mapped in the window.  Any context, no lock. */
uint32_t window_pages(module_id_t owner);

/*
 * What a module keeps where no pointer is looked for: stacks, which are
 * searched as stacks, and GFP_DATA.  Whole pages inside an allocation.  Any
 * context, no lock; window_free() makes an end of it.
 */
void window_set_unsearched(void *p, size_t size);
/*
 * Calls @fn for each mapped page of the window, whoever owns it, until it
 * returns false: then so does this.  No locks; while others run it sees a page
 * before or after.
 */
bool window_for_each_mapped(bool (*fn)(uintptr_t page, void *arg), void *arg);

static inline bool in_window(uintptr_t addr)
{
	return addr - WINDOW_BASE < WINDOW_SIZE;
}

#endif
