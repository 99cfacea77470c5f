/*
 * Wrong: register fails when it is called again (H30).
 *
 * An unload was refused (keeper has a pointer), the interfaces are to come
 * back, and this one does not ask for them.  They were never given up: that
 * register failed is reported, and the doors open all the same.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include "keeper.h"

static unsigned int calls;

static int callback(void)
{
	return 0;
}

static int still_here_command(struct command_call *call)
{
	command_printf(call, "still_here: register was called %u times\n",
		       calls);
	return 0;
}

static int reregister_fails_init(void)
{
	keeper_keep((void *)callback);
	return 0;
}

static int reregister_fails_register(void)
{
	if (calls++)
		return -EIO;
	return register_command("still_here", still_here_command,
				"print how often register was called");
}

static void reregister_fails_unregister(void)
{
	unregister_command("still_here");
}

module_init(reregister_fails_init);
module_register(reregister_fails_register);
module_unregister(reregister_fails_unregister);
MODULE_DESCRIPTION("register fails the second time");
MODULE_LICENSE("MIT");
