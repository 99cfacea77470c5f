/*
 * mutate: damaged module files, one after the other, given to the kernel that
 * runs; those that load are unloaded.
 *
 * A mutated module that runs its code may do anything, and proves nothing about
 * the loader.  So none of its code runs: the names of its entry points are
 * taken out of the file (elf_disarm()), and a module without them is one that
 * registers nothing.  It goes all the way, by the calls and the checks of any
 * other: relocated, exported, protected, its init regions freed, LIVE, and out
 * again by the whole protocol with what a mutated file has left in its data.
 * What is not reached thus is the look for entry points, which the fuzz target
 * `load' has.
 */
#include <kernel/errno.h>
#include <kernel/random.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <fs/file.h>
#include <mm/mm.h>
#include <module/module.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include <shell/shell.h>
#include <test/census.h>
#include <test/elfmutate.h>

#define MUTANT		"mutant"
#define MUTANT_FILE	"/tmp/" MUTANT ".ko"
#define PATIENCE_MS	20000u
#define AT_A_TIME	100u	/* mutations between two censuses */
#define NR_ERRORS	48u	/* error numbers that are counted apart */

/*
 * On the heap, and data: what it holds of a module is text; and a number got by
 * chance may look like an address (H09), so none is left on the stack.
 */
struct mutation {
	struct command_call	*call;
	const char		*file;		/* as it was named */
	const char		*args;		/* that it takes */
	uint8_t			*good, *bad;	/* of @size bytes */
	size_t			size;
	uint32_t		seed, index;
	struct elf_chance	chance;
	uint32_t		loaded, refused[NR_ERRORS];
	struct unload_request	req;
	struct unload_report	report;
	struct module_info	info;
	struct symbol_info	symbol;
	struct census		before, after;
	char			text[200];
};

static int fail(struct mutation *m, const char *why)
{
	command_printf(m->call, "mutate: %s\nmutate: again with: mutate %s 1 "
		       "%u %u\n", why, m->file, m->seed, m->index);
	return -EIO;
}

/* Neighbours differ in all bits: splitmix32's last steps. */
static uint32_t scatter(uint32_t seed, uint32_t index)
{
	uint32_t z = seed + index * 0x9e3779b9u;

	z = (z ^ z >> 16) * 0x21f0aaadu;
	z = (z ^ z >> 15) * 0x735a2d97u;
	z ^= z >> 15;
	return z ? z : 1;
}

static int write_mutant(const struct mutation *m, size_t size)
{
	struct file *file;
	int err = file_open_kernel(MUTANT_FILE, O_WRONLY | O_CREAT | O_TRUNC,
				   0644, &file);
	ssize_t n;

	if (err)
		return err;
	n = file_write_kernel(file, m->bad, size);
	file_put(file);
	return n == (ssize_t)size ? 0 : n < 0 ? (int)n : -EIO;
}

/* Each name of it that a backtrace could ask for; no address stays here. */
static noinline void ask_for_names(struct mutation *m)
{
	uint32_t size = m->info.size;

	for (uint32_t at = 0; at < size; at += size / 16 + 1)
		kallsyms_lookup(m->info.text + at, &m->symbol);
	module_symbol(MUTANT, "init_module");
}

static int unload_mutant(struct mutation *m)
{
	int err;

	m->loaded++;
	if (!module_find(MUTANT, &m->info))
		return fail(m, "it is loaded, and not there");
	ask_for_names(m);
	stack_wipe_dead();
	memset(&m->req, 0, sizeof(m->req));
	m->req.nr_names = 1;
	m->req.budget_ms = PATIENCE_MS;
	strscpy(m->req.names[0], MUTANT, OWNER_NAME_LEN);
	err = module_unload(&m->req, &m->report);
	if (err)
		return fail(m, m->report.message);
	return 0;
}

static int note_refusal(struct mutation *m, int err)
{
	if (!m->text[0])
		return fail(m, "refused without a word");
	if (module_find(MUTANT, &m->info))
		return fail(m, "refused, and there");
	m->refused[min((uint32_t)-err, NR_ERRORS - 1)]++;
	return 0;
}

static bool has_string(const struct mutation *m, const char *s)
{
	size_t n = strlen(s) + 1;

	for (size_t at = 0; at + n <= m->size; at++)
		if (!memcmp(m->good + at, s, n))
			return true;
	return false;
}

/* A word for each sort of parameter that some module has. */
static void find_args(struct mutation *m)
{
	static const struct {
		const char *name, *args;
	} known[] = {
		{ "depth", "depth=16" },
		{ "whom", "whom=\"a b\"" },
		{ "period_ms", "period_ms=0x10 period_ms=5" },
		{ "where", "where=nowhere" },
		{ "leave", "leave" },
	};

	m->args = "";
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (has_string(m, known[i].name))
			m->args = known[i].args;
}

static int try_one(struct mutation *m)
{
	size_t size;
	int err;

	m->chance.state = scatter(m->seed, m->index);
	memcpy(m->bad, m->good, m->size);
	size = elf_mutate(&m->chance, m->bad, m->size);
	elf_disarm(m->bad, size);
	if (write_mutant(m, size))
		return fail(m, "no room for the file");
	m->text[0] = '\0';
	err = module_load(MUTANT_FILE, elf_chance(&m->chance, 2) ? m->args : "",
			  m->text, sizeof(m->text));
	return err ? note_refusal(m, err) : unload_mutant(m);
}

/* What is left behind is told of the last one, whichever of them it was. */
static int check_leaks(struct mutation *m)
{
	if (census_settle(&m->before, &m->after))
		return 0;
	census_describe(&m->before, &m->after, m->text, sizeof(m->text));
	return fail(m, m->text);
}

/* Where the machine dies, the last line tells from where to look for it. */
static int try_some(struct mutation *m, uint32_t n)
{
	int err = 0;

	command_printf(m->call, "mutate: %s %u %u %u\n", m->file, n, m->seed,
		       m->index);
	for (; n && !err; n--) {
		err = try_one(m);
		if (!err && signal_pending(current))
			err = -EINTR;
		m->index++;
	}
	return err ? err : check_leaks(m);
}

static int try_all(struct mutation *m, uint32_t n)
{
	uint32_t all = n;
	int err;

	memcpy(m->bad, m->good, m->size);
	err = write_mutant(m, m->size);		/* no later one is larger */
	census_take(&m->before);
	while (n && !err) {
		uint32_t some = min(n, AT_A_TIME);

		err = try_some(m, some);
		n -= some;
	}
	command_printf(m->call, "mutate: %s: %u of %u loaded", m->file,
		       m->loaded, all - n);
	for (int i = 0; i < (int)NR_ERRORS; i++)
		if (m->refused[i])
			command_printf(m->call, ", %u %s", m->refused[i],
				       errno_name(-i));
	command_printf(m->call, "\n");
	return err;
}

static int read_good(struct mutation *m)
{
	char path[128];
	void *data;
	int err;

	if (strchr(m->file, '/'))
		strscpy(path, m->file, sizeof(path));
	else
		snprintf(path, sizeof(path), "/lib/modules/%s.ko", m->file);
	err = fs_read_file(path, &data, &m->size);
	if (err)
		return err;
	m->good = data;
	m->bad = vmalloc(m->size);
	return m->bad ? 0 : -ENOMEM;
}

static int mutate(struct mutation *m, uint32_t n)
{
	int err = read_good(m);

	if (err)
		command_printf(m->call, "mutate: %s: %s\n", m->file,
			       errno_name(err));
	else
		find_args(m);
	if (!err)
		err = try_all(m, n);
	vfree(m->bad);
	vfree(m->good);
	fs_unlink(MUTANT_FILE);
	return err;
}

static int cmd_mutate(struct command_call *call)
{
	struct mutation *m;
	unsigned int n;
	int err;

	if (call->argc < 3 || call->argc > 5)
		return command_usage(call, "which module, and how often?");
	m = kzalloc(sizeof(*m), GFP_KERNEL | GFP_DATA);
	if (!m)
		return -ENOMEM;
	m->call = call;
	m->file = call->argv[1];
	m->seed = prandom_get_seed();
	if (command_number(call, call->argv[2], "a number of mutations", &n) ||
	    (call->argc > 3 &&
	     command_number(call, call->argv[3], "a seed", &m->seed)) ||
	    (call->argc > 4 &&
	     command_number(call, call->argv[4], "an index", &m->index)))
		err = -EINVAL;
	else
		err = mutate(m, n);
	kfree(m);
	return err;
}
TEST_COMMAND(mutate, "FILE N [SEED [FROM]]",
	"load N damaged copies of a module",
	"Each differs by chance, of SEED (that of the machine) and of its\n"
	"number, from FROM up. None of their code runs. Those that load are\n"
	"unloaded; it fails where one stays, or leaves something behind.\n",
	cmd_mutate);
