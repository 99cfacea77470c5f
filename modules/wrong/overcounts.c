/*
 * Wrong: takes a count and does not put it (H35).
 *
 * Nobody is inside, but the module said that it is in use; that is believed.
 * The refusal says where the count was taken, by whom and when.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/string.h>

static int overcount_command(struct command_call *call)
{
	if (call->argc > 1 && strcmp(call->argv[1], "put") == 0)
		module_put(THIS_MODULE);
	else if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	return 0;
}

static int overcounts_init(void)
{
	return 0;
}

static int overcounts_register(void)
{
	return register_command("overcount", overcount_command,
				"take a count; `overcount put` puts it");
}

static void overcounts_unregister(void)
{
	unregister_command("overcount");
}

module_init(overcounts_init);
module_register(overcounts_register);
module_unregister(overcounts_unregister);
MODULE_DESCRIPTION("takes a count for ever");
MODULE_LICENSE("MIT");
