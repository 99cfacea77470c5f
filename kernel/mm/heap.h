/*
 * The heap beyond <kernel/slab.h>: what is known of an object, and the heap of
 * a module from its birth to its end.
 */
#ifndef MM_HEAP_H
#define MM_HEAP_H

#include <kernel/slab.h>
#include <x86/paging.h>

/* The kernel's heap.  Boot, after page_init(). */
void slab_init(void);

/* What is known of a heap object, for reports. */
struct heap_object {
	uintptr_t	start;
	size_t		size;		/* as asked for */
	uintptr_t	site;		/* return address of the allocation; of
					 * the kfree() where it is not live */
	module_id_t	owner;
	bool		live;
};
/*
 * The object around @addr, of the kernel or a module; false: no object there.
 * Any context, the verdict's rendezvous too: the heap's locks are held with
 * interrupts off only, so that nobody has been caught holding one.  Not in a
 * panic, where other CPUs stop anywhere.
 */
bool heap_find_object(uintptr_t addr, struct heap_object *obj);

/*
 * kmalloc_owner() with @site recorded as the place that asked.
 * kmalloc_owner() records its own caller.  For an object of the kernel's own a
 * site in the module window is not recorded: it would be a pointer to there.
 */
void *kmalloc_site(size_t size, gfp_t flags, module_id_t owner, uintptr_t site);
/* The same of a page or more, in frames that have no byte above @bound. */
void *kmalloc_below(size_t size, gfp_t flags, phys_t bound, module_id_t owner,
		    uintptr_t site);

/* A module's heap: set up before its first allocation, -ENOMEM.  Process
 * context. */
int heap_create(module_id_t owner);
/*
 * Calls @leak (NULL: nobody) for each live object of @owner, then gives all
 * its heap pages back with window_free().  Nobody of the module runs any
 * more.  Process context; without a heap it does nothing.
 */
void heap_destroy(module_id_t owner,
		  void (*leak)(const struct heap_object *obj, void *arg),
		  void *arg);

#endif
