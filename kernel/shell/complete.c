/*
 * Completion: what the word at the end of a line may go on with.  Which words
 * fit depends on the command that the word belongs to.
 */
#include <kernel/slab.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <sched/owner.h>
#include "shell.h"

struct completer {
	struct line_completion	*c;
	const char		*prefix;	/* the word, or its last part */
};

static bool offer_command(const char *name, const char *brief, void *arg)
{
	struct completer *k = arg;

	(void)brief;
	line_candidate(k->c, k->prefix, name, " ");
	return true;
}

/* Without module_lock: at worst a name is offered that has just gone. */
static void offer_module(struct completer *k, module_id_t id)
{
	enum module_state s = owner_state(id);

	if (s != MODULE_FREE && s != MODULE_GONE)
		line_candidate(k->c, k->prefix, owner_of(id)->name, " ");
}

static void offer_loaded(struct completer *k)
{
	for (module_id_t id = 1; id < MAX_MODULES; id++)
		offer_module(k, id);
}

/* foo.ko is offered as foo. */
static bool offer_module_file(const struct dir_entry *e, void *arg)
{
	struct completer *k = arg;
	char name[OWNER_NAME_LEN];
	size_t n = strlen(e->name);

	if (n <= 3 || n >= sizeof(name) || strcmp(e->name + n - 3, ".ko") != 0)
		return true;
	memcpy(name, e->name, n - 3);
	name[n - 3] = '\0';
	line_candidate(k->c, k->prefix, name, " ");
	return true;
}

static bool offer_file(const struct dir_entry *e, void *arg)
{
	struct completer *k = arg;
	bool dir = (e->mode & S_IFMT) == S_IFDIR;

	line_candidate(k->c, k->prefix, e->name, dir ? "/" : " ");
	return true;
}

/* A command of the same name is offered already. */
static bool offer_program(const struct dir_entry *e, void *arg)
{
	return command_find(e->name) ? true : offer_file(e, arg);
}

/* A folder that is not there has no candidates. */
static void offer_from(struct completer *k, const char *path, dir_emit_fn emit)
{
	struct inode *inode;

	if (fs_lookup(path, &inode))
		return;
	if (inode_is(inode, S_IFDIR))
		fs_read_dir(inode, 0, emit, k);
	inode_put(inode);
}

/* The folder is what stands before the last slash. */
static void offer_path(struct completer *k)
{
	const char *slash = strrchr(k->prefix, '/');
	char *dir;

	if (!slash) {
		offer_from(k, "/", offer_file);
		return;
	}
	dir = kstrdup(k->prefix, GFP_KERNEL | GFP_DATA);
	if (!dir)
		return;
	dir[slash - k->prefix + 1] = '\0';
	/* Candidates are names: they are compared with the last part only. */
	k->prefix = slash + 1;
	offer_from(k, dir, offer_file);
	kfree(dir);
}

/* ---- what the line says ---- */

/* Where the command begins that the end of @line belongs to. */
/*
 * Quotes are not looked at: a ";" in them gives candidates for another command,
 * and nothing worse.
 */
static const char *last_command(const char *line)
{
	const char *start = line;

	for (; *line; line++) {
		if (*line == ';' || *line == '&')
			start = line + 1;
	}
	return start;
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

static const char *skip_word(const char *s)
{
	while (*s && *s != ' ')
		s++;
	return s;
}

static bool word_is(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncmp(s, word, n) == 0 && (s[n] == ' ' || !s[n]);
}

/*
 * Behind what a command may have in front: ! and repeat N and time.  With
 * nothing behind it, a word like that is what is to be completed.
 */
static const char *skip_prefixes(const char *s)
{
	for (;;) {
		s = skip_blanks(s);
		if (word_is(s, "!") && s[1])
			s++;
		else if (word_is(s, "time") && s[4])
			s += 4;
		else if (word_is(s, "repeat") && s[6])
			s = skip_word(skip_blanks(s + 6));
		else
			return s;
	}
}

static void complete_argument(struct completer *k, const char *command)
{
	if (word_is(command, "load") || word_is(command, "insmod"))
		offer_from(k, "/lib/modules", offer_module_file);
	else if (word_is(command, "modinfo"))
		offer_from(k, "/lib/modules", offer_module_file);
	else if (word_is(command, "unload") || word_is(command, "rmmod"))
		offer_loaded(k);
	else if (word_is(command, "help"))
		command_for_each(offer_command, k);
	else if (word_is(command, "run") || word_is(command, "spawn"))
		offer_from(k, "/bin", offer_file);
	else
		offer_path(k);
}

/*
 * In the shell's own thread, so it opens no file: that could run a driver's
 * code.  Names only are read.
 */
void shell_complete(void *shell, const char *line, struct line_completion *c)
{
	const char *command = skip_prefixes(last_command(line));
	const char *blank = strrchr(command, ' ');
	struct completer k = { .c = c };

	(void)shell;
	k.prefix = blank ? blank + 1 : command;
	if (strchr(k.prefix, '/')) {
		offer_path(&k);
	} else if (blank) {
		complete_argument(&k, command);
	} else {
		command_for_each(offer_command, &k);
		offer_from(&k, "/bin", offer_program);
	}
}
