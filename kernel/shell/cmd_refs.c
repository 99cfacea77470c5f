/*
 * refs: who has taken each count of a module (sched/refs.h).  A command of the
 * debug build.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <module/module.h>
#include <sched/refs.h>
#include "shell.h"

#ifdef CONFIG_DEBUG

/* Data: what is known of a module is no use of it. */
struct refs {
	struct module_info	info;
	struct ref		ref;
};

/* The place is not kept in a frame while output may sleep. */
static noinline void print_ref(struct command_call *call, const struct ref *r)
{
	unsigned int ms = stamp_age_ms(r->since);

	command_printf(call, "%5d %-15s %s at %pS, %u.%u s ago\n", r->pid,
		       r->comm, r->kind == REF_OPEN ? "opened it" : "took it",
		       (void *)ref_pc(r), ms / 1000, ms % 1000 / 100);
}

static int list_refs(struct command_call *call, struct refs *refs)
{
	if (!module_find(call->argv[1], &refs->info)) {
		command_printf(call, "refs: there is no module %s\n",
			       call->argv[1]);
		return -ENOENT;
	}
	for (uint32_t n = 0; ref_nth(refs->info.id, n, &refs->ref); n++)
		print_ref(call, &refs->ref);
	if (refs_lost())
		command_printf(call, "since boot there was no room for %u\n",
			       refs_lost());
	return 0;
}

static int cmd_refs(struct command_call *call)
{
	struct refs *refs;
	int err;

	if (call->argc != 2)
		return command_usage(call, "which module?");
	refs = kzalloc(sizeof(*refs), GFP_KERNEL | GFP_DATA);
	if (!refs)
		return -ENOMEM;
	err = list_refs(call, refs);
	kfree(refs);
	return err;
}
TEST_COMMAND(refs, "MODULE", "who has taken each count of a module",
	"Open files and what the module took itself: pid and name, as they\n"
	"were then, the place, and how long ago (make DEBUG=1).\n", cmd_refs);

#endif
