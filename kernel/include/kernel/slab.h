/*
 * The heap.  What a module allocates belongs to the module, lies in the module
 * window, is accounted to the line that asked for it, and is reclaimed, with a
 * report, if cleanup forgets it (H38).
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include <kernel/module_id.h>

typedef uint32_t gfp_t;
#define GFP_KERNEL	0x0u	/* may sleep: process context, no spinlock */
#define GFP_ATOMIC	0x1u	/* never sleeps: any context */
#define __GFP_ZERO	0x2u
/*
 * The object will never hold a pointer into the kernel: it is left out of the
 * search of memory for pointers into a module.  For bytes that users choose.
 */
#define GFP_DATA	0x4u

/*
 * @owner: whose memory this is; the object is reclaimed when that module goes.
 * Aligned to 8 bytes, to @size where that is a power of two up to a page.
 * NULL without memory, or for size 0 or above 1 MiB, or where @owner has no
 * heap.  Without __GFP_ZERO the content is undefined, and nobody's.  GFP_ATOMIC
 * takes what the heap has: for objects above 2 KiB a module is mostly refused.
 */
void *kmalloc_owner(size_t size, gfp_t flags, module_id_t owner);

#define kmalloc(size, flags)	kmalloc_owner(size, flags, THIS_MODULE)
#define kzalloc(size, flags) \
	kmalloc_owner(size, (flags) | __GFP_ZERO, THIS_MODULE)

/*
 * NULL is fine.  Any context.  A wrong or freed pointer stops the machine, and
 * so does an object that was written past its end.  No search of memory finds
 * what it held any more.
 */
void kfree(const void *p);
/*
 * The size that was asked for.  @p is a live object's first byte; any context.
 */
size_t ksize(const void *p);
/*
 * NULL without memory.  The copy is @owner's; kstrdup()'s is THIS_MODULE's.
 * Context as kmalloc_owner().
 */
char *kstrdup_owner(const char *s, gfp_t flags, module_id_t owner);
#define kstrdup(s, flags)	kstrdup_owner(s, flags, THIS_MODULE)

#endif
