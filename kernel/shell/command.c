/*
 * The table of commands: the kernel's own, constant, and the modules', each a
 * slot.  A call of a module's command loads the binding once, and whoever is
 * inside is evidence by himself; it is counted beside that so that a command
 * that takes its time is a use like an open file, for which -w and -d wait.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/module.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <sched/sched.h>
#include <sched/slot.h>
#include "shell.h"

extern const struct command __cmdtab_start[], __cmdtab_end[];

/* ---- the kernel's own ---- */

const struct command *command_find(const char *name)
{
	for (const struct command *c = __cmdtab_start; c < __cmdtab_end; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

const struct command *command_at(size_t n, bool for_tests)
{
	for (const struct command *c = __cmdtab_start; c < __cmdtab_end; c++) {
		if (c->for_tests == for_tests && n-- == 0)
			return c;
	}
	return NULL;
}

/* ---- modules' commands ---- */

#define MODULE_HELP	80

/*
 * Lock key: (l) list_lock  (c) constant
 */
struct module_command {
	struct slot		slot;
	struct list_head	link;		/* (l) in module_commands */
	char			help[MODULE_HELP];	/* (c) */
};

static DEFINE_SPINLOCK(list_lock);
static LIST_HEAD(module_commands);	/* (l) */

/*
 * The last reference is gone.  module_command_at() may find the record until it
 * is off the list: it copies under the lock, and takes no reference.
 */
static void module_command_destroy(struct slot *s)
{
	struct module_command *mc = container_of(s, struct module_command,
						 slot);

	spin_lock(&list_lock);
	list_del_init(&mc->link);
	spin_unlock(&list_lock);
	kfree(mc);
}

static void module_command_describe(struct slot *s, char *buf, size_t size)
{
	struct module_command *mc = container_of(s, struct module_command,
						 slot);

	strscpy(buf, mc->help, size);
}

static const struct slot_ops module_command_ops = {
	.kind		= "command",
	.destroy	= module_command_destroy,
	.describe	= module_command_describe,
};

/* What can be typed as one word, and is no path: those are programs. */
static bool command_name_ok(const char *name)
{
	size_t n = strnlen(name, SLOT_NAME_LEN);

	return n > 0 && n < SLOT_NAME_LEN && !strchr(name, '/') &&
	       !strchr(name, ' ');
}

int register_command_owner(const char *name, command_fn fn, const char *help,
			   module_id_t owner)
{
	struct slot_registration reg = {
		.fn	= (void (*)(void))fn,
		.site	= (uintptr_t)__builtin_return_address(0),
	};
	struct slot *existing = NULL;
	struct module_command *mc;
	int err;

	if (!command_name_ok(name))
		return -EINVAL;
	if (command_find(name)) {
		slot_name_taken("command", name, owner);
		return -EEXIST;
	}
	/*
	 * The kernel's: a caller of the command may hold the slot when the
	 * module has gone.
	 */
	mc = kmalloc_owner(sizeof(*mc), __GFP_ZERO, MODULE_NONE);
	if (!mc)
		return -ENOMEM;
	slot_setup(&mc->slot, &module_command_ops, name, owner);
	strscpy(mc->help, help ? help : "", sizeof(mc->help));
	INIT_LIST_HEAD(&mc->link);
	spin_lock(&list_lock);
	list_add_tail(&mc->link, &module_commands);
	spin_unlock(&list_lock);
	/*
	 * Ours is one too many where the ledger had the command already, or it
	 * failed; else the binding has a reference.
	 */
	err = slot_register(&mc->slot, &reg, &existing);
	if (existing)
		slot_put(existing);
	slot_put(&mc->slot);
	return err;
}
EXPORT_SYMBOL(register_command_owner);

/* Another module's is left alone, as is what is not there. */
void unregister_command_owner(const char *name, module_id_t owner)
{
	struct slot *slot = slot_find(&module_command_ops, name);

	if (!slot)
		return;
	if (slot->owner == owner)
		slot_withdraw(slot);
	slot_put(slot);
}
EXPORT_SYMBOL(unregister_command_owner);

/*
 * The call, again after each unload of the module that was refused meanwhile.
 * While the outcome is open this task holds nothing but the slot.
 */
static int module_command_call(struct slot *slot, struct command_call *call)
{
	for (;;) {
		struct binding *b = slot_binding(slot);
		int err;

		if (b && try_module_get_from(slot->owner, (uintptr_t)b->fn)) {
			err = ((command_fn)b->fn)(call);
			module_put_from(slot->owner, (uintptr_t)b->fn);
			return err;
		}
		err = slot_closed(slot);
		if (err != -ERESTARTSYS)
			return err;
		if (!slot_wait_outcome())
			return -EINTR;
	}
}

bool command_module_help(const char *name, char *buf, size_t size)
{
	struct slot *slot = slot_find(&module_command_ops, name);

	if (!slot)
		return false;
	module_command_describe(slot, buf, size);
	slot_put(slot);
	return true;
}

/* ---- all of them ---- */

/*
 * The @n-th command of a module, copied.  The list may change between two
 * calls: a command may then be listed twice, or not at all.
 */
static bool module_command_at(size_t n, char *name, char *help)
{
	struct module_command *mc;
	bool found = false;

	spin_lock(&list_lock);
	list_for_each_entry(mc, &module_commands, link) {
		if (mc->slot.phase == SLOT_VOID || n--)
			continue;
		strscpy(name, mc->slot.name, SLOT_NAME_LEN);
		strscpy(help, mc->help, sizeof(mc->help));
		found = true;
		break;
	}
	spin_unlock(&list_lock);
	return found;
}

bool command_for_each_of_modules(bool (*fn)(const char *name,
					    const char *brief, void *arg),
				 void *arg)
{
	char name[SLOT_NAME_LEN], help[MODULE_HELP];

	for (size_t n = 0; module_command_at(n, name, help); n++) {
		if (!fn(name, help, arg))
			return false;
	}
	return true;
}

bool command_for_each(bool (*fn)(const char *name, const char *brief,
				 void *arg), void *arg)
{
	for (const struct command *c = __cmdtab_start; c < __cmdtab_end; c++) {
		if (!fn(c->name, c->brief, arg))
			return false;
	}
	return command_for_each_of_modules(fn, arg);
}

/* False: there is no such program.  Else *status is how it ended, or why it
 * could not be looked for. */
static bool run_program(struct command_call *call, int *status)
{
	char *path;
	int err = program_path(call->argv[0], &path);

	if (err == -ENOENT)
		return false;
	*status = err;
	if (err)
		return true;
	*status = program_run(call, path, call->argc, call->argv);
	kfree(path);
	return true;
}

static int no_such_command(struct command_call *call)
{
	char near[SLOT_NAME_LEN];
	const char *name = call->argv[0];
	const char *other = command_suggest(name, near, sizeof(near));

	if (other)
		command_printf(call, "%s: no such command; did you mean %s? "
			       "Try help\n", name, other);
	else
		command_printf(call, "%s: no such command; try help\n", name);
	return -ENOENT;
}

/*
 * A driver takes its data from user memory and puts it there.  So where a
 * file of the call is such a device, the program of that name does the work if
 * there is one: echo and cat are both.
 */
int command_dispatch(struct command_call *call)
{
	const struct command *c = command_find(call->argv[0]);
	struct slot *slot;
	int ret;

	if (io_needs_program(io_of(call)) && run_program(call, &ret))
		return ret;
	if (c)
		return c->fn(call);
	slot = slot_find(&module_command_ops, call->argv[0]);
	if (slot) {
		ret = module_command_call(slot, call);
		if (ret == -ENODEV)
			command_printf(call, "%s: its module has gone\n",
				       call->argv[0]);
		slot_put(slot);
		return ret;
	}
	return run_program(call, &ret) ? ret : no_such_command(call);
}

/* ---- arguments ---- */

int command_usage(struct command_call *call, const char *fmt, ...)
{
	const struct command *c = command_find(call->argv[0]);
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vscnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	command_printf(call, "%s: %s\n", call->argv[0], text);
	if (c)
		command_printf(call, "usage: %s%s%s\n", c->name,
			       c->args[0] ? " " : "", c->args);
	return -EINVAL;
}

int command_number(struct command_call *call, const char *word,
		   const char *what, unsigned int *out)
{
	int err = kstrtouint(word, 0, out);

	if (err == -ERANGE)
		return command_usage(call, "%s: too large", word);
	if (err)
		return command_usage(call, "%s: not %s", word, what);
	return 0;
}

/* ---- "did you mean" ---- */

#define NEAR_MAX	16

/*
 * Letters to insert, delete, change or swap with a neighbour to make @b of @a
 * (the optimal string alignment distance); large for long words.
 */
static unsigned int word_distance(const char *a, const char *b)
{
	uint8_t d[3][NEAR_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_MAX || lb > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= la; i++) {
		uint8_t *row = d[i % 3], *above = d[(i + 2) % 3];

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int n = above[j - 1] + (a[i - 1] != b[j - 1]);

			n = min(n, above[j] + 1u);
			n = min(n, row[j - 1] + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				n = min(n, d[(i + 1) % 3][j - 2] + 1u);
			row[j] = (uint8_t)n;
		}
	}
	return d[la % 3][lb];
}

struct suggestion {
	const char	*wanted;
	unsigned int	distance;
	char		*buf;
	size_t		size;
};

static bool suggest_one(const char *name, const char *brief, void *arg)
{
	struct suggestion *s = arg;
	unsigned int d = word_distance(s->wanted, name);

	(void)brief;
	if (d < s->distance) {
		s->distance = d;
		strscpy(s->buf, name, s->size);
	}
	return true;
}

/* Less than half of a word may be wrong: "exit" is not meant to be wait. */
const char *command_suggest(const char *name, char *buf, size_t size)
{
	unsigned int len = (unsigned int)strlen(name);
	struct suggestion s = { name, min((len + 1) / 2, 3u), buf, size };

	buf[0] = '\0';
	command_for_each(suggest_one, &s);
	return buf[0] ? buf : NULL;
}
