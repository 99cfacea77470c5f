/*
 * Wrong: leaves its address with somebody else and does not take it back (H37).
 *
 * Nobody is inside, nothing is registered, nothing counted, and yet a call may
 * come at any time.  The search of memory finds the word; the report says who
 * holds it: another module's variable, or a heap object and who allocated it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "keeper.h"

static char where[8] = "keeper";
module_param_string(where, where, sizeof(where), 0444);
MODULE_PARM_DESC(where, "keeper, or heap: an object in the kernel's name");

struct note {
	void	*callback;
};

static struct note *note;

static int callback(void)
{
	return 0;
}

static int unleak_command(struct command_call *call)
{
	(void)call;
	keeper_keep(NULL);
	kfree(note);
	note = NULL;
	return 0;
}

static int leaks_pointer_init(void)
{
	return 0;
}

static int leaks_pointer_register(void)
{
	if (strcmp(where, "heap")) {
		keeper_keep((void *)callback);
	} else if (!note) {
		note = kmalloc_owner(sizeof(*note), GFP_KERNEL, MODULE_NONE);
		if (!note)
			return -ENOMEM;
		note->callback = (void *)callback;
	}
	return register_command("unleak", unleak_command,
				"take the pointer back");
}

static void leaks_pointer_unregister(void)
{
	unregister_command("unleak");
}

module_init(leaks_pointer_init);
module_register(leaks_pointer_register);
module_unregister(leaks_pointer_unregister);
MODULE_DESCRIPTION("leaves a pointer to itself behind");
MODULE_LICENSE("MIT");
