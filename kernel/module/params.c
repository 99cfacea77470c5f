/*
 * Module parameters.  Two sides are not trusted: the table, whose pointers
 * come from the module file and tell the kernel where to write; and the text,
 * which a user typed.  Both are checked in full before a variable changes.
 * Table and names lie in constant regions, the variables in none, so that no
 * value stored can undo what was checked.
 */
#include <kernel/errno.h>
#include <kernel/moduleparam.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "params.h"
#include "table.h"

/* "-0x" and all digits fit, or a sign and 11 octal ones, and some zeros. */
#define NUMBER_MAX	40

/* struct kernel_param as it lies in the image, also on a 64-bit host. */
struct raw_param {
	uint32_t name;
	uint32_t arg;
	uint32_t type;
	uint32_t size;
	uint32_t perm;
};

_Static_assert(sizeof(void *) != 4 ||
	       sizeof(struct raw_param) == sizeof(struct kernel_param),
	       "one layout");

/* One word of the text; neither part ends in a NUL. */
struct word {
	const char *name;
	const char *value;	/* NULL where there is no '=' */
	uint32_t name_len;
	uint32_t value_len;
};

/* Copied, as the alignment of the table is what the file says it is. */
static struct raw_param raw_get(const struct params *params, uint32_t index)
{
	struct raw_param raw;

	memcpy(&raw, params->table + index * sizeof(raw), sizeof(raw));
	return raw;
}

/* Of a checked entry neither the name nor the variable is NULL. */
struct param params_get(const struct params *params, uint32_t index)
{
	struct raw_param raw = raw_get(params, index);

	return (struct param) {
		.name = image_string(params->image, raw.name, REGIONS_CONST),
		.type = raw.type,
		.arg = image_at(params->image, raw.arg, raw.size, REGIONS_DATA),
		.size = raw.size,
		.perm = raw.perm,
	};
}

/* No letter that next_word(), or a terminal, would take for something else. */
static bool is_name(const char *s)
{
	uint32_t len = 0;

	for (; s[len]; len++) {
		char c = s[len];

		if (!(c >= '0' && c <= '9') && c != '_' &&
		    !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return false;
		if (len == PARAMS_NAME_MAX)
			return false;
	}
	return len > 0;
}

/*
 * @type is one that is known.  The size is the module's sizeof: it has to be
 * what store_value() is going to write.
 */
static bool size_fits_type(const struct raw_param *raw)
{
	switch (raw->type) {
	case PARAM_BOOL:
		return raw->size == 1;
	case PARAM_STRING:
		return raw->size >= 1 && raw->size <= PARAMS_STRING_MAX;
	default:
		return raw->size == 4;
	}
}

static int check_param(const struct params *params, uint32_t index,
		       struct elf_error *err)
{
	struct raw_param raw = raw_get(params, index);
	const char *name = image_string(params->image, raw.name, REGIONS_CONST);
	uint32_t i;

	if (!name || !is_name(name))
		return elf_fail(err, -ENOEXEC, "parameter %u: the name is %s",
				index, name ? "not of letters, digits and _, "
				"1 to 63 of them" : "no constant string of the "
				"module");
	if (raw.type >= PARAM_TYPE_COUNT)
		return elf_fail(err, -ENOEXEC, "parameter %s: type %u is not "
				"known", name, raw.type);
	if (!size_fits_type(&raw))
		return elf_fail(err, -ENOEXEC, "parameter %s: size %u does "
				"not fit its type", name, raw.size);
	if (raw.perm & ~0777u)
		return elf_fail(err, -ENOEXEC, "parameter %s: 0x%x is no file "
				"mode", name, raw.perm);
	if (!image_at(params->image, raw.arg, raw.size, REGIONS_DATA))
		return elf_fail(err, -ENOEXEC, "parameter %s: the variable "
				"(%u bytes at 0x%x) does not lie in the "
				"module's data", name, raw.size, raw.arg);
	for (i = 0; i < index; i++)
		if (!strcmp(params_get(params, i).name, name))
			return elf_fail(err, -ENOEXEC, "parameter %s: is "
					"declared twice", name);
	return 0;
}

int params_check(const struct image *image, struct params *params,
		 struct elf_error *err)
{
	struct table table;
	uint32_t i;
	int rc;

	params->image = image;
	params->count = 0;
	rc = table_find(image, "__param", sizeof(struct raw_param), &table,
			err);
	if (rc)
		return rc;
	if (table.count > PARAMS_MAX)
		return elf_fail(err, -ENOEXEC, "%u parameters, the limit is "
				"%u", table.count, PARAMS_MAX);
	params->table = table.mem;
	for (i = 0; i < table.count; i++) {
		rc = check_param(params, i, err);
		if (rc)
			return rc;
	}
	params->count = table.count;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Between the quotes all is taken as it is, so a value with a quote in it
 * cannot be written.
 */
static int take_quoted(const char **text, struct word *word,
		       struct elf_error *err)
{
	const char *p = *text + 1;
	const char *end = strchr(p, '"');

	if (!end)
		return elf_fail(err, -EINVAL, "parameter %.*s: the quote is "
				"not closed", (int)min(word->name_len, 32u),
				word->name);
	if (end[1] && !is_space(end[1]))
		return elf_fail(err, -EINVAL, "parameter %.*s: text after the "
				"closing quote",
				(int)min(word->name_len, 32u), word->name);
	word->value = p;
	word->value_len = end - p;
	*text = end + 1;
	return 0;
}

/*
 * Takes the next word off *text; name_len is 0 at the end.  Blanks around "="
 * are not part of the grammar: "a = 1" is three words, the second one without a
 * name.
 */
static int next_word(const char **text, struct word *word,
		     struct elf_error *err)
{
	const char *p = *text;

	while (is_space(*p))
		p++;
	memset(word, 0, sizeof(*word));
	word->name = p;
	while (*p && *p != '=' && !is_space(*p))
		p++;
	word->name_len = p - word->name;
	*text = p;
	if (!word->name_len && *p)
		return elf_fail(err, -EINVAL, "\"%.32s\": a value without a "
				"name", p);
	if (*p != '=')
		return 0;
	*text = ++p;
	if (*p == '"')
		return take_quoted(text, word, err);
	word->value = p;
	while (*p && !is_space(*p))
		p++;
	word->value_len = p - word->value;
	*text = p;
	return 0;
}

/* As many names as have room: the text of an error is one line. */
static int fail_unknown(const struct params *params, const struct word *word,
			struct elf_error *err)
{
	char list[96] = "";
	size_t used = 0;
	uint32_t i;

	for (i = 0; i < params->count && used < sizeof(list); i++)
		used += snprintf(list + used, sizeof(list) - used, "%s%s",
				 i ? ", " : "", params_get(params, i).name);
	if (!params->count)
		return elf_fail(err, -ENOENT, "no parameter %.*s: the module "
				"has none", (int)min(word->name_len, 32u),
				word->name);
	return elf_fail(err, -ENOENT, "no parameter %.*s: there are %s%s",
			(int)min(word->name_len, 32u), word->name, list,
			used < sizeof(list) ? "" : "...");
}

static int find_param(const struct params *params, const struct word *word,
		      struct param *param, struct elf_error *err)
{
	uint32_t i;

	for (i = 0; i < params->count; i++) {
		*param = params_get(params, i);
		if (strlen(param->name) == word->name_len &&
		    !memcmp(param->name, word->name, word->name_len))
			return 0;
	}
	return fail_unknown(params, word, err);
}

/* "parameter limit: "xyz" is not ...", @what being the rest. */
static int fail_value(const struct param *param, const struct word *word,
		      int code, const char *what, struct elf_error *err)
{
	return elf_fail(err, code, "parameter %s: \"%.*s\" %s", param->name,
			(int)min(word->value_len, 24u), word->value, what);
}

/*
 * A negative number goes out in two's complement: store_value() copies the word
 * as it is.
 */
static int parse_number(const struct param *param, const struct word *word,
			uint32_t *out, struct elf_error *err)
{
	bool is_signed = param->type == PARAM_INT;
	char text[NUMBER_MAX + 1];
	int rc = -EINVAL;

	if (word->value_len <= NUMBER_MAX) {
		memcpy(text, word->value, word->value_len);
		text[word->value_len] = '\0';
		rc = is_signed ? kstrtoint(text, 0, (int *)out) :
				 kstrtouint(text, 0, out);
	}
	if (rc == -ERANGE)
		return fail_value(param, word, rc, is_signed ? "is not in "
				  "-2147483648 to 2147483647" :
				  "is not in 0 to 4294967295", err);
	if (rc)
		return fail_value(param, word, rc, is_signed ?
				  "is not an integer" :
				  "is not an unsigned integer", err);
	return 0;
}

static bool word_is(const struct word *word, const char *text)
{
	return strlen(text) == word->value_len &&
	       !memcmp(word->value, text, word->value_len);
}

static int parse_bool(const struct param *param, const struct word *word,
		      uint32_t *out, struct elf_error *err)
{
	static const char *const words[] = {
		"n", "y", "no", "yes", "0", "1", "false", "true", "off", "on",
	};
	uint32_t i;

	*out = 1;
	if (!word->value)
		return 0;
	/* No and yes in turn: the lowest bit of the index tells. */
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!word_is(word, words[i]))
			continue;
		*out = i % 2;
		return 0;
	}
	return fail_value(param, word, -EINVAL, "is not one of y n yes no 1 0 "
			  "true false on off", err);
}

static int check_length(const struct param *param, const struct word *word,
			uint32_t limit, struct elf_error *err)
{
	if (word->value_len <= limit)
		return 0;
	return elf_fail(err, -ERANGE, "parameter %s: %u characters, the limit "
			"is %u", param->name, word->value_len, limit);
}

/* Checks the value; *out is what to store, where that is a number. */
static int parse_value(const struct param *param, const struct word *word,
		       const struct param_store *store, uint32_t *out,
		       struct elf_error *err)
{
	if (!word->value && param->type != PARAM_BOOL)
		return elf_fail(err, -EINVAL, "parameter %s needs a value: "
				"%s=...", param->name, param->name);
	switch (param->type) {
	case PARAM_BOOL:
		return parse_bool(param, word, out, err);
	case PARAM_CHARP:
		return check_length(param, word, store->size - 1, err);
	case PARAM_STRING:
		return check_length(param, word, param->size - 1, err);
	default:
		return parse_number(param, word, out, err);
	}
}

/*
 * Space was bounded by params_store_size(): with its name and "=" a word is
 * longer than its value with a NUL, and the store is as large as the text.  Of
 * a name given twice the first string stays there, unused.
 */
static uint32_t store_string(struct param_store *store, const struct word *word)
{
	uint32_t addr = store->addr + store->used;
	char *to = store->mem + store->used;

	memcpy(to, word->value, word->value_len);
	to[word->value_len] = '\0';
	store->used += word->value_len + 1;
	return addr;
}

static void store_value(const struct param *param, const struct word *word,
			struct param_store *store, uint32_t number)
{
	if (param->type == PARAM_STRING) {
		memcpy(param->arg, word->value, word->value_len);
		memset(param->arg + word->value_len, 0,
		       param->size - word->value_len);
		return;
	}
	if (param->type == PARAM_CHARP)
		number = store_string(store, word);
	/* The bool of C: one byte, 0 or 1. */
	if (param->type == PARAM_BOOL)
		*param->arg = (uint8_t)number;
	else
		memcpy(param->arg, &number, sizeof(number));
}

size_t params_store_size(const char *args)
{
	return strlen(args) + 1;
}

/*
 * Both passes: with @commit every value is stored, and nothing fails, as the
 * same words have passed before.  The text is kernel memory that nobody writes
 * to in between.
 */
static int walk(const struct params *params, const char *args,
		struct param_store *store, bool commit, struct elf_error *err)
{
	struct param param = { .size = 0 };
	struct word word;
	uint32_t number;
	int rc;

	for (;;) {
		number = 0;
		rc = next_word(&args, &word, err);
		if (rc || !word.name_len)
			return rc;
		rc = find_param(params, &word, &param, err);
		if (!rc)
			rc = parse_value(&param, &word, store, &number, err);
		if (rc)
			return rc;
		if (commit)
			store_value(&param, &word, store, number);
	}
}

int params_apply(const struct params *params, const char *args,
		 struct param_store *store, struct elf_error *err)
{
	int rc;

	store->used = 0;
	if (store->size < params_store_size(args))
		return elf_fail(err, -ENOMEM, "no room for the parameters' "
				"strings");
	rc = walk(params, args, store, false, err);
	if (rc)
		return rc;
	return walk(params, args, store, true, err);
}
