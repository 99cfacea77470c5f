/*
 * The vmalloc area: memory that is contiguous in addresses only, device
 * registers, kernel stacks with their guards.
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include <kernel/module_id.h>
#include <x86/paging.h>

/* Boot, after page_init(). */
void vmalloc_init(void);

/*
 * @size bytes rounded up to pages, zeroed, RW NX, with an unmapped page below
 * and above.  For data and tables: this memory is not searched, so it never
 * holds a pointer into the module window.  NULL without memory or room.
 * Process context, interrupts on.
 */
void *vmalloc(size_t size);
/* NULL is fine.  Process context, interrupts on. */
void vfree(void *p);

/*
 * Device registers at @pa, uncached; whole pages around them are mapped.  NULL
 * without room, and where RAM is that page_alloc() gives out: a second name of
 * a frame would outlive its owner (H46), and hide writes (H51).  As vmalloc().
 */
void *ioremap(phys_t pa, size_t size);
/* What ioremap() returned; the frames are nobody's to free.  As vfree(). */
void iounmap(void *va);

/*
 * Kernel stacks: KERNEL_STACK_SIZE bytes, zeroed, a guard page that is never
 * mapped below and above.  A module's lie in the window.  Returns the lowest
 * byte, NULL without memory.  Process context, interrupts on.
 */
#define KERNEL_STACK_SIZE	8192u
void *stack_alloc(module_id_t owner);
/* Nobody stands on it any more; @owner as it was allocated.  As vfree(). */
void stack_free(void *stack, module_id_t owner);

#endif
