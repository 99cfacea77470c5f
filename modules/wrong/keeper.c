/*
 * Keeps a callback for others, and calls it when told to; has others wait.
 *
 * Nothing is wrong with it: it stands for whoever is given a pointer and not
 * told that its module goes.  Others in this folder abuse it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include <kernel/wait.h>
#include "keeper.h"

static void *kept;
static bool holding;
static DECLARE_WAIT_QUEUE_HEAD(release_wait);

void keeper_keep(void *p)
{
	WRITE_ONCE(kept, p);
}
EXPORT_SYMBOL(keeper_keep);

void keeper_wait(void)
{
	wait_event(release_wait, !READ_ONCE(holding));
}
EXPORT_SYMBOL(keeper_wait);

static void keeper_hold(bool hold)
{
	WRITE_ONCE(holding, hold);
	wake_up(&release_wait);
}

/* The call holds what it calls on this stack only. */
static int keeper_call(void)
{
	int (*fn)(void) = (int (*)(void))READ_ONCE(kept);

	keeper_keep(NULL);
	return fn ? fn() : -ENOENT;
}

static int keeper_command(struct command_call *call)
{
	const char *word = call->argc > 1 ? call->argv[1] : "";

	if (strcmp(word, "call") == 0)
		return keeper_call();
	if (strcmp(word, "drop") == 0)
		keeper_keep(NULL);
	else if (strcmp(word, "hold") == 0)
		keeper_hold(true);
	else if (strcmp(word, "release") == 0)
		keeper_hold(false);
	else
		return -EINVAL;
	return 0;
}

static int keeper_init(void)
{
	return 0;
}

static int keeper_register(void)
{
	return register_command("keeper", keeper_command,
				"drop | call: forget, or call, what it keeps; "
				"hold | release: who waits");
}

static void keeper_unregister(void)
{
	unregister_command("keeper");
}

module_init(keeper_init);
module_register(keeper_register);
module_unregister(keeper_unregister);
MODULE_DESCRIPTION("keeps a callback for others");
MODULE_LICENSE("MIT");
