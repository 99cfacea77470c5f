/*
 * Wrong: puts a count that it never got (H35).
 *
 * A count below 0 would be a count of 0 after the next get.  It stays at 0,
 * the log names the module and the place, and counts that the kernel holds, of
 * open files, are not touched by it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>

static int underflow_command(struct command_call *call)
{
	(void)call;
	module_put(THIS_MODULE);
	return 0;
}

static int underflows_init(void)
{
	return 0;
}

static int underflows_register(void)
{
	return register_command("underflow", underflow_command,
				"put a count that was not taken");
}

static void underflows_unregister(void)
{
	unregister_command("underflow");
}

module_init(underflows_init);
module_register(underflows_register);
module_unregister(underflows_unregister);
MODULE_DESCRIPTION("puts what it never got");
MODULE_LICENSE("MIT");
