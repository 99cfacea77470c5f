/*
 * Wrong: cleanup forgets what was allocated (H38).
 *
 * The heap knows whose each object is and which line asked for it.  The unload
 * succeeds, the objects are reclaimed, and the report has their sites.
 */
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/slab.h>

static unsigned int objects = 3;
module_param(objects, uint, 0444);
MODULE_PARM_DESC(objects, "of 100 bytes, to forget");

static void *last;

static int leaks_init(void)
{
	for (unsigned int i = 0; i < objects; i++) {
		last = kmalloc(100, GFP_KERNEL);
		if (!last)
			return -ENOMEM;
	}
	return 0;
}

module_init(leaks_init);
MODULE_DESCRIPTION("forgets its memory");
MODULE_LICENSE("MIT");
