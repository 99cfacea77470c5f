/*
 * A command that adds to module counter's number.
 *
 * It shows a module that uses another one: loading it without counter fails,
 * counter does not go while it is there, and `unload tally counter` takes both
 * as one territory, in the right order.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include "counter.h"

static int tally_command(struct command_call *call)
{
	int n = 0;

	if (call->argc > 1 && kstrtoint(call->argv[1], 0, &n))
		return -EINVAL;
	if (call->argc > 1)
		counter_add(n);
	command_printf(call, "tally: %d\n", counter_read());
	return 0;
}

static int tally_init(void)
{
	return 0;
}

static int tally_register(void)
{
	return register_command("tally", tally_command,
				"[N]: add N, print the sum");
}

static void tally_unregister(void)
{
	unregister_command("tally");
}

module_init(tally_init);
module_register(tally_register);
module_unregister(tally_unregister);
MODULE_DESCRIPTION("a command that uses counter");
MODULE_LICENSE("MIT");
