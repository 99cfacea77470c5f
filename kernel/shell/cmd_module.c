/*
 * The commands for which there is a shell at all: load, unload, and what is
 * loaded.
 */
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <dev/console.h>
#include <fs/file.h>
#include <mm/mm.h>
#include <module/modinfo.h>
#include <module/module.h>
#include "shell.h"

/* ---- load ---- */

#define ERROR_TEXT	200u

/*
 * "a=1 b=x" of the words from @first on; data, the caller's; or NULL.  Three
 * letters beside each word are room for two quotes and a blank.
 */
static char *join_words(struct command_call *call, int first)
{
	size_t size = 1, n = 0;
	char *text;

	for (int i = first; i < call->argc; i++)
		size += strlen(call->argv[i]) + 3;
	text = kmalloc(size, GFP_KERNEL | GFP_DATA);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (int i = first; i < call->argc; i++) {
		const char *word = call->argv[i];
		const char *value = strchr(word, '=');

		/* The shell's quotes are gone: a value with blanks gets its
		 * own. */
		if (value && strchr(value, ' ') && value[1] != '"')
			n += (size_t)scnprintf(text + n, size - n,
					       "%.*s=\"%s\" ",
					       (int)(value - word), word,
					       value + 1);
		else
			n += (size_t)scnprintf(text + n, size - n, "%s ",
					       word);
	}
	return text;
}

/* A module's name is an identifier: "-" in it counts as "_". */
static void name_module(char *name)
{
	for (; *name; name++) {
		if (*name == '-')
			*name = '_';
	}
}

/*
 * A look after the fact: where somebody was quicker to unload it, or memory is
 * short, nothing is printed, and the load has succeeded all the same.
 */
static void print_loaded(struct command_call *call, const char *path)
{
	struct module_info *info = kmalloc(sizeof(*info), GFP_DATA);
	char name[OWNER_NAME_LEN];

	if (info && !module_name_from_path(path, name, sizeof(name)) &&
	    module_find(name, info))
		command_printf(call, "%s: loaded, %u KiB\n", info->name,
			       info->size / 1024);
	kfree(info);
}

/* Some of the loader's texts end with the name of the error as it is. */
static void print_load_error(struct command_call *call, const char *text,
			     int err)
{
	const char *name = errno_name(err);
	size_t len = strlen(text), n = strlen(name);
	bool told = len >= n && strcmp(text + len - n, name) == 0;

	command_printf(call, told ? "%s: %s: %s\n" : "%s: %s: %s (%s)\n",
		       call->argv[0], call->argv[1], text, name);
}

/*
 * Both buffers are data: what the user typed, and what the loader says of it.
 */
static int cmd_load(struct command_call *call)
{
	char *text, *args;
	int err = -ENOMEM;

	if (call->argc < 2)
		return command_usage(call, "which module?");
	text = kzalloc(ERROR_TEXT, GFP_KERNEL | GFP_DATA);
	args = join_words(call, 2);
	if (text && args)
		err = module_load(call->argv[1], args, text, ERROR_TEXT);
	if (err)
		print_load_error(call, text && text[0] ? text : "no memory",
				 err);
	else
		print_loaded(call, call->argv[1]);
	kfree(args);
	kfree(text);
	return err;
}

#define LOAD_HELP \
	"NAME is that of a file /lib/modules/NAME.ko, or a path. The file\n" \
	"is checked, linked to the kernel and to the modules it needs, and\n" \
	"its init and register functions run. `modinfo NAME` lists its\n" \
	"parameters: load fifo size=4096. If it fails nothing remains.\n"
COMMAND(load, "NAME [PARAM=VALUE...]", "put a module into the kernel",
	LOAD_HELP, cmd_load);
COMMAND(insmod, "NAME [PARAM=VALUE...]", "the same as load", LOAD_HELP,
	cmd_load);

/* ---- unload ---- */

struct unload_options {
	struct unload_request	req;
	bool			verbose, json;
};

/* The next word, which *@i then stands on. */
static int unload_number(struct command_call *call, int *i, uint32_t *out)
{
	unsigned int ms;

	if (*i + 1 >= call->argc)
		return command_usage(call, "%s: how many milliseconds?",
				     call->argv[*i]);
	++*i;
	if (command_number(call, call->argv[*i], "a number of milliseconds",
			   &ms))
		return -EINVAL;
	*out = ms;
	return 0;
}

/* One letter, -w and -t with the next word. */
static int unload_letter(struct command_call *call, char letter, int *i,
			 struct unload_options *o)
{
	switch (letter) {
	case 'n':
		o->req.dry_run = true;
		return 0;
	case 'd':
		o->req.defer = true;
		return 0;
	case 'f':
		o->req.force = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'w':
		return unload_number(call, i, &o->req.wait_ms);
	case 't':
		return unload_number(call, i, &o->req.budget_ms);
	default:
		return command_usage(call, "-%c: no such option", letter);
	}
}

/* strscpy() says what would have been cut: no module has a longer name. */
static int unload_name(struct command_call *call, const char *word,
		       struct unload_request *req)
{
	if (req->nr_names == UNLOAD_MAX_NAMES)
		return command_usage(call, "%u modules at a time",
				     UNLOAD_MAX_NAMES);
	if (strscpy(req->names[req->nr_names], word, OWNER_NAME_LEN) < 0)
		return command_usage(call, "%s: no name of a module", word);
	name_module(req->names[req->nr_names]);
	req->nr_names++;
	return 0;
}

/*
 * Letters may stand together, "-nv".  After "-w" the rest of the word is read
 * on; a second letter with a number takes the word after that.
 */
static int unload_word(struct command_call *call, int *i,
		       struct unload_options *o)
{
	const char *word = call->argv[*i];
	int err = 0;

	if (strcmp(word, "--json") == 0) {
		o->json = true;
		return 0;
	}
	if (word[0] != '-' || !word[1])
		return unload_name(call, word, &o->req);
	if (word[1] == '-')
		return command_usage(call, "%s: no such option", word);
	for (word++; *word && !err; word++)
		err = unload_letter(call, *word, i, o);
	return err;
}

static int unload_parse(struct command_call *call, struct unload_options *o)
{
	int err = 0;

	o->req.budget_ms = UNLOAD_DEFAULT_MS;
	for (int i = 1; i < call->argc && !err; i++)
		err = unload_word(call, &i, o);
	if (err)
		return err;
	if (!o->req.nr_names)
		return command_usage(call, "which module?");
	if (o->req.defer && o->req.wait_ms)
		return command_usage(call, "-d or -w, not both");
	return 0;
}

static void print_report_text(void *arg, const char *text)
{
	struct command_call *call = arg;

	io_write(io_of(call), text, strlen(text));
}

/*
 * The console gets all of it; the host gets no line longer than CONTROL_LINE.
 */
#define JSON_MAX	(96u * 1024)

/* The same line goes to the host: a test reads it there. */
static void send_report(struct command_call *call,
			const struct unload_report *r, bool print)
{
	char *buf = kmalloc(JSON_MAX, GFP_KERNEL | GFP_DATA);
	int n = buf ? report_json(r, buf, JSON_MAX - 1) : -ENOMEM;

	if (n > 0) {
		control_write(buf, (size_t)n);
		if (print) {
			buf[n++] = '\n';
			io_write(io_of(call), buf, (size_t)n);
		}
	} else if (print) {
		command_printf(call, "%s: no memory for the report\n",
			       call->argv[0]);
	}
	kfree(buf);
}

/* Data: the report holds names that modules and users chose, as text. */
static int unload_and_report(struct command_call *call,
			     const struct unload_options *o)
{
	struct unload_report *r = kzalloc(sizeof(*r), GFP_KERNEL | GFP_DATA);
	int err;

	if (!r) {
		command_printf(call, "%s: no memory, nothing was changed\n",
			       call->argv[0]);
		return -ENOMEM;
	}
	err = module_unload(&o->req, r);
	if (!o->json)
		report_text(r, o->verbose, print_report_text, call);
	send_report(call, r, o->json);
	kfree(r);
	return err;
}

static int cmd_unload(struct command_call *call)
{
	struct unload_options *o = kzalloc(sizeof(*o), GFP_KERNEL | GFP_DATA);
	int err;

	if (!o)
		return -ENOMEM;
	err = unload_parse(call, o);
	if (!err)
		err = unload_and_report(call, o);
	kfree(o);
	return err;
}

#define UNLOAD_ARGS "[-n] [-d] [-w MS] [-t MS] [-f] [-v] [--json] NAME..."
#define UNLOAD_HELP \
	"The module goes when nothing in the machine can reach it any more;\n" \
	"else everything is as it was, and the report names who is in the\n" \
	"way. Several names go together or not at all.\n" \
	"-n      look only, and predict whether it would go; without -d, -f\n" \
	"-d      if it is in use, let it go when its last user has left\n" \
	"-w MS   if it is in use, wait so long for its users to leave\n" \
	"-t MS   time for everything else; 1000 unless told otherwise\n" \
	"-f      take its interfaces away in any case, and keep its memory\n" \
	"        for ever if it is in use\n" \
	"-v      tell more; --json: tell it as one line of JSON\n" \
	"^C gives up, with everything as it was. Status: -EBUSY in use,\n" \
	"-ETIMEDOUT out of time, -EDEADLK by the module itself, -ENOENT no\n" \
	"such module, -EAGAIN somebody else is at it.\n"
COMMAND(unload, UNLOAD_ARGS, "take a module out again", UNLOAD_HELP,
	cmd_unload);
COMMAND(rmmod, UNLOAD_ARGS, "the same as unload", UNLOAD_HELP, cmd_unload);

/* ---- lsmod ---- */

static void print_module(struct command_call *call,
			 const struct module_info *m)
{
	command_printf(call, "%-16s %6u KiB %5d  %-9s %s\n", m->name,
		       m->size / 1024, m->users, owner_state_name(m->state),
		       m->used_by);
	if (m->blocked_by[0])
		command_printf(call, "%16s goes when they have left: %s\n", "",
			       m->blocked_by);
}

/*
 * By id, as each look takes the lock anew: a module may go or come between two
 * lines, and no id is shown twice.
 */
static int cmd_lsmod(struct command_call *call)
{
	struct module_info *m;
	module_id_t id = 0;

	if (call->argc > 1)
		return command_usage(call, "it takes no arguments");
	m = kmalloc(sizeof(*m), GFP_KERNEL | GFP_DATA);
	if (!m)
		return -ENOMEM;
	command_printf(call, "%-16s %10s %5s  %-9s %s\n", "MODULE", "SIZE",
		       "USERS", "STATE", "USED BY");
	while (module_next(id, m)) {
		id = m->id;
		print_module(call, m);
	}
	kfree(m);
	return 0;
}
COMMAND(lsmod, "", "list the loaded modules",
	"Name, size, use count, state, and the modules that are linked to it.\n"
	"Of one that is to go when its last user has left: who that is.\n",
	cmd_lsmod);

/* ---- modinfo ---- */

/* Everything a module says of itself but the types of its parameters. */
static void print_modinfo(struct command_call *call,
			  const struct modinfo *info)
{
	const char *entry = NULL;

	while ((entry = modinfo_next(info, entry)) != NULL) {
		const char *value = strchr(entry, '=');

		if (value && strncmp(entry, "parmtype=", 9) != 0 &&
		    strncmp(entry, "parm=", 5) != 0)
			command_printf(call, "%-12.*s %s\n",
				       (int)(value - entry), entry, value + 1);
	}
}

/* The text of "parm=NAME:text" for "NAME:..". */
/* @param has a colon; the caller has seen it. */
static const char *param_text(const struct modinfo *info, const char *param)
{
	size_t n = (size_t)(strchr(param, ':') - param) + 1;
	const char *entry = NULL;

	while ((entry = modinfo_next(info, entry)) != NULL) {
		if (strncmp(entry, "parm=", 5) == 0 &&
		    strncmp(entry + 5, param, n) == 0)
			return entry + 5 + n;
	}
	return "";
}

static void print_params(struct command_call *call,
			 const struct modinfo *info)
{
	const char *entry = NULL;

	while ((entry = modinfo_next(info, entry)) != NULL) {
		const char *param = entry + strlen("parmtype=");
		const char *type;

		if (strncmp(entry, "parmtype=", 9) != 0)
			continue;
		type = strchr(param, ':');
		if (type)
			command_printf(call, "parameter    %.*s (%s) %s\n",
				       (int)(type - param), param, type + 1,
				       param_text(info, param));
	}
}

/*
 * The loader's own checks of a file, but for the ABI: it may be meant for
 * another kernel.
 */
static int modinfo_of_file(struct command_call *call, const void *data,
			   size_t size)
{
	struct elf_file *elf = kmalloc(sizeof(*elf), GFP_KERNEL);
	struct elf_error *error = kzalloc(sizeof(*error), GFP_DATA);
	struct modinfo info;
	int err = -ENOMEM;

	if (elf && error) {
		err = elf_check(data, size, elf, error);
		if (!err)
			err = modinfo_check(elf, &info, error);
		if (err) {
			command_printf(call, "modinfo: %s\n", error->text);
		} else {
			print_modinfo(call, &info);
			print_params(call, &info);
		}
	}
	kfree(error);
	kfree(elf);
	return err;
}

/* As module_load() understands its name.  0 with *@path, to be kfree()d. */
static int module_path(const char *name, char **path)
{
	size_t n, size = strlen(name) + sizeof("/lib/modules/.ko");

	if (strchr(name, '/'))
		return io_path(name, path);
	*path = kmalloc(size, GFP_KERNEL | GFP_DATA);
	if (!*path)
		return -ENOMEM;
	n = (size_t)snprintf(*path, size, "/lib/modules/%s", name);
	name_module(*path);
	if (strcmp(*path + n - 3, ".ko") != 0)
		strscpy(*path + n, ".ko", size - n);
	return 0;
}

static int cmd_modinfo(struct command_call *call)
{
	char *path;
	void *data;
	size_t size;
	int err;

	if (call->argc != 2)
		return command_usage(call, "which module?");
	err = module_path(call->argv[1], &path);
	if (err)
		return err;
	err = fs_read_file(path, &data, &size);
	if (err) {
		command_printf(call, "modinfo: %s: %s\n", path,
			       errno_name(err));
	} else {
		command_printf(call, "%-12s %s\n", "file", path);
		err = modinfo_of_file(call, data, size);
		vfree(data);
	}
	kfree(path);
	return err;
}
COMMAND(modinfo, "NAME", "what a module file tells",
	"Description, licence, the ABI stamp of the headers it was built\n"
	"with, and its parameters with their types. It need not be loaded.\n",
	cmd_modinfo);
