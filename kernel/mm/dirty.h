/*
 * The searched memory, and which pages of it were written since a moment.
 *
 * Searched is: the kernel's .data and .bss, every PAGE_SLAB page, the page
 * tables (for frames: page_is_table()), and every mapped page of the module
 * window that is not set unsearched, whoever owns it: the caller skips its own
 * territory with window_owner().  Not searched
 * are stacks (searched word by word from ESP, by who knows the task), GFP_DATA
 * and PAGE_KERNEL pages, which hold no pointers into the window.
 */
#ifndef MM_DIRTY_H
#define MM_DIRTY_H

#include <kernel/types.h>

/*
 * Forgets all dirty bits of the searched memory; every CPU has acknowledged on
 * return (H51).  What is written *before* the return may be missed, so a
 * search that relies on dirty_for_each() starts after it.  Process context,
 * interrupts on.
 */
void dirty_clear(void);
/*
 * dirty_clear() again, which calls @fn for each page that was written since
 * the last one.  The calls come after the acknowledgement of all CPUs, so a
 * write that @fn misses has set the bit anew.  At most DIRTY_HARVEST pages;
 * -E2BIG if there were more: then @fn saw some of them, and only those are
 * forgotten.  One caller at a time; context as above.
 */
#define DIRTY_HARVEST	4096u
int dirty_harvest(bool (*fn)(uintptr_t page, void *arg), void *arg);
/*
 * For each searched page written since dirty_clear(), or become searched since
 * then; until @fn returns false.  Exact while the world stands still, a
 * preparation otherwise.  No locks, any context.  False: @fn ended it.
 */
bool dirty_for_each(bool (*fn)(uintptr_t page, void *arg), void *arg);
/* For each page of searched memory; the same otherwise. */
bool searched_for_each(bool (*fn)(uintptr_t page, void *arg), void *arg);

/*
 * Who *reads* the pages of a walk while others run does so between these two:
 * no page of the heap or the window loses its mapping meanwhile, and who wants
 * to take or give window pages waits.  At the verdict nobody can, and the lock
 * is not taken.  Process context; a sleeping lock.
 */
void searched_pin(void);
/* The same without a wait: for who has frozen whoever might hold the lock. */
bool searched_trypin(void);
void searched_unpin(void);

#endif
