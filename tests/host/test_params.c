// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * Module parameters and .modinfo: what users may type after `load NAME`, what
 * they read when it is wrong, and that a wrong line changes nothing.
 */
#include "loader.h"

static const char *path;

static struct param find(const struct loaded *l, const char *name)
{
	uint32_t i;

	for (i = 0; i < l->params.count; i++)
		if (!strcmp(params_get(&l->params, i).name, name))
			return params_get(&l->params, i);
	printf("Bail out! no parameter %s\n", name);
	exit(1);
}

static uint32_t number(const struct loaded *l, const char *name)
{
	struct param param = find(l, name);
	uint32_t value = 0;

	memcpy(&value, param.arg, param.size);
	return value;
}

/* A charp points into the store, which has an address of the target's. */
static const char *text(const struct loaded *l, const char *name)
{
	struct param param = find(l, name);
	uint32_t addr;

	if (param.type == PARAM_STRING)
		return (const char *)param.arg;
	addr = number(l, name);
	if (addr - DOSSIER_ADDR < l->store.size)
		return l->store.mem + (addr - DOSSIER_ADDR);
	return image_string(&l->image, addr, REGIONS_ALL);
}

static int load_with(struct loaded *l, const char *args)
{
	size_t size;
	void *bytes = read_file(path, &size);

	return load(l, bytes, size, args);
}

static int defaults_are_kept(const struct loaded *l)
{
	return number(l, "limit") == 10 && number(l, "mask") == 3 &&
	       number(l, "loud") == 0 && !strcmp(text(l, "tag"), "none") &&
	       !strcmp(text(l, "title"), "untitled");
}

static void no_arguments_keep_defaults(void)
{
	struct loaded l;

	ok(!load_with(&l, "") && defaults_are_kept(&l), "%s",
	   "no_arguments_keep_defaults");
	unload(&l);
	ok(!load_with(&l, " \t ") && defaults_are_kept(&l), "%s",
	   "blanks_keep_defaults");
	unload(&l);
}

static void values_are_stored(void)
{
	struct loaded l;
	int rc = load_with(&l, "limit=-7 mask=0xfffffff0  loud "
			   "tag=\"two words\" title=fifteen_letters");

	ok(!rc && (int)number(&l, "limit") == -7 &&
	   number(&l, "mask") == 0xfffffff0 && number(&l, "loud") == 1 &&
	   !strcmp(text(&l, "tag"), "two words") &&
	   !strcmp(text(&l, "title"), "fifteen_letters"), "%s",
	   "values_are_stored");
	unload(&l);
	rc = load_with(&l, "limit=1 limit=2 title= tag=\"\" loud=off");
	ok(!rc && number(&l, "limit") == 2 && !*text(&l, "title") &&
	   !*text(&l, "tag"), "%s", "last_of_a_name_counts");
	unload(&l);
}

static void booleans_are_read(void)
{
	static const char *const words[] = {
		"n", "y", "no", "yes", "0", "1", "false", "true", "off", "on",
	};
	struct loaded l;
	char args[32];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(args, sizeof(args), "loud=%s", words[i]);
		ok(!load_with(&l, args) && number(&l, "loud") == i % 2,
		   "boolean_is_read: %s", words[i]);
		unload(&l);
	}
}

/* A good value before a wrong one is not stored either. */
static void wrong_arguments_change_nothing(void)
{
	static const struct {
		const char *args;
		int code;
		const char *text;
	} wrong[] = {
		{ "limit=1 speed=3", -ENOENT, "no parameter speed: there are" },
		{ "speed", -ENOENT, "no parameter speed" },
		{ "mask=1 limit=xyz", -EINVAL,
		  "parameter limit: \"xyz\" is not an integer" },
		{ "mask=1 limit=12x", -EINVAL, "\"12x\" is not an integer" },
		{ "mask=1 limit=", -EINVAL, "\"\" is not an integer" },
		{ "limit=2147483648", -ERANGE, "parameter limit: "
		  "\"2147483648\" is not in -2147483648 to 2147483647" },
		{ "limit=00000000000000000000000000000000000000000000000001",
		  -EINVAL, "is not an integer" },
		{ "mask=-1", -EINVAL, "\"-1\" is not an unsigned integer" },
		{ "mask=4294967296", -ERANGE, "is not in 0 to 4294967295" },
		{ "limit=5 loud=maybe", -EINVAL, "parameter loud: \"maybe\" is "
		  "not one of y n yes no 1 0 true false on off" },
		{ "limit=5 loud=", -EINVAL, "\"\" is not one of" },
		{ "tag=x title=sixteen_letters_", -ERANGE,
		  "parameter title: 16 characters, the limit is 15" },
		{ "limit=5 limit", -EINVAL,
		  "parameter limit needs a value: limit=..." },
		{ "limit=5 tag", -EINVAL, "parameter tag needs a value" },
		{ "limit=5 =7", -EINVAL, "\"=7\": a value without a name" },
		{ "limit=5 tag=\"open", -EINVAL,
		  "parameter tag: the quote is not closed" },
		{ "limit=5 tag=\"a\"b", -EINVAL,
		  "parameter tag: text after the closing quote" },
		{ "limit=5 tag=\"a\" ti\x1btle=1", -ENOENT,
		  "no parameter ti?tle" },
	};
	struct loaded l;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		rc = load_with(&l, wrong[i].args);
		if (rc != wrong[i].code || !strstr(l.err.text, wrong[i].text))
			printf("# %d %s\n", rc, l.err.text);
		ok(rc == wrong[i].code && defaults_are_kept(&l) &&
		   strstr(l.err.text, wrong[i].text),
		   "wrong_arguments_change_nothing: %s", wrong[i].text);
		unload(&l);
	}
}

static void modinfo_is_read(void)
{
	static const char *const pairs[][2] = {
		{ "license", "MIT" }, { "version", "1.2" },
		{ "description", "shapes of code and data" },
		{ "author", "Icebox" }, { "abi", "host-test" },
		{ "parm", "limit:entries kept at most" },
	};
	const char *entry = NULL, *value;
	struct loaded l;
	int types = 0;
	size_t i;

	load_with(&l, "");
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		value = modinfo_get(&l.info, pairs[i][0]);
		ok(value && !strcmp(value, pairs[i][1]), "modinfo_is_read: %s",
		   pairs[i][0]);
	}
	while ((entry = modinfo_next(&l.info, entry)))
		types += !strcmp(entry, "parmtype=limit:int") ||
			 !strcmp(entry, "parmtype=mask:uint") ||
			 !strcmp(entry, "parmtype=loud:bool") ||
			 !strcmp(entry, "parmtype=tag:charp") ||
			 !strcmp(entry, "parmtype=title:string");
	ok(types == 5, "%s", "modinfo_is_iterated");
	ok(!modinfo_get(&l.info, "licens") && !modinfo_get(&l.info, "none") &&
	   !modinfo_get(&l.info, ""), "%s", "modinfo_keys_are_whole");
	ok(!modinfo_check_abi(&l.info, "host-test", &l.err) &&
	   modinfo_check_abi(&l.info, "host-test2", &l.err) == -ENOEXEC &&
	   strstr(l.err.text, "compiled for ABI host-test, this kernel has "
		  "host-test2"), "%s", "abi_is_compared_whole");
	unload(&l);
}

int main(void)
{
	glob_t files;
	size_t i;

	make_modules(&files);
	for (i = 0; i < files.gl_pathc; i++)
		if (strstr(files.gl_pathv[i], "/gcc-kernel.ko"))
			path = files.gl_pathv[i];
	no_arguments_keep_defaults();
	values_are_stored();
	booleans_are_read();
	wrong_arguments_change_nothing();
	modinfo_is_read();
	remove_modules(&files);
	return finish();
}
