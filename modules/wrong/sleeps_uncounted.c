/*
 * Wrong: sleeps inside itself while nobody counts it (H25).
 *
 * The kernel counts open files and calls of commands.  This one is entered
 * through a callback that keeper holds, so the task asleep in it is counted
 * for keeper.  Its stack tells: the unload is refused and names it, whatever
 * the count says.  With count=1 it counts itself when it wakes, and leaves:
 * from then on nothing but the count tells (H01).  With sums=N it computes when
 * it wakes: nobody who stays, but on a crowded machine long on his way (H03).
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/module.h>
#include <kernel/string.h>
#include <kernel/wait.h>
#include "keeper.h"

static DECLARE_WAIT_QUEUE_HEAD(nap_wait);
static DECLARE_WAIT_QUEUE_HEAD(ready_wait);
static bool asleep, woken;
static uint32_t total;
static bool count;
module_param(count, bool, 0444);
MODULE_PARM_DESC(count, "count itself on the way out");

static int sums;
module_param(sums, int, 0444);
MODULE_PARM_DESC(sums, "thousands of additions on the way out");

static noinline void add_up(void)
{
	for (int n = 0; n < sums * 1000; n++)
		WRITE_ONCE(total, READ_ONCE(total) + (uint32_t)n);
}

static int nap(void)
{
	WRITE_ONCE(asleep, true);
	wake_up(&ready_wait);
	wait_event(nap_wait, READ_ONCE(woken));
	add_up();
	return count && !try_module_get(THIS_MODULE) ? -ENODEV : 0;
}

static noinline int end_nap(void)
{
	WRITE_ONCE(woken, true);
	wake_up(&nap_wait);
	return 0;
}

/* `nap ready` returns when somebody naps; `nap wake` ends that. */
static int nap_command(struct command_call *call)
{
	const char *word = call->argc > 1 ? call->argv[1] : "";

	if (strcmp(word, "ready") == 0)
		return wait_event_interruptible(ready_wait, READ_ONCE(asleep));
	if (strcmp(word, "wake"))
		return -EINVAL;
	return end_nap();
}

static int sleeps_uncounted_init(void)
{
	keeper_keep((void *)nap);
	return 0;
}

static int sleeps_uncounted_register(void)
{
	return register_command("nap", nap_command,
				"ready | wake: wait for the nap, end it");
}

static void sleeps_uncounted_unregister(void)
{
	unregister_command("nap");
}

module_init(sleeps_uncounted_init);
module_register(sleeps_uncounted_register);
module_unregister(sleeps_uncounted_unregister);
MODULE_DESCRIPTION("sleeps inside itself, not counted");
MODULE_LICENSE("MIT");
