/*
 * What a module file says about itself.  The loader acts on one entry only,
 * the ABI stamp: a module that was compiled against other headers would take
 * the kernel's structures for something else, and is kept out here.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "modinfo.h"

#define ABI_KEY "abi"

const char *modinfo_next(const struct modinfo *info, const char *entry)
{
	const char *end = info->text + info->size;
	const char *p = entry ? entry + strlen(entry) + 1 : info->text;

	/*
	 * Linkers pad with NULs.  The last byte is one: every entry ends
	 * inside.
	 */
	while (p < end && !*p)
		p++;
	return p < end ? p : NULL;
}

/*
 * entry[len] is looked at only where @len letters before it are the key's: it
 * lies inside, and may be the NUL.
 */
static const char *entry_value(const char *entry, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(entry, key, len) || entry[len] != '=')
		return NULL;
	return entry + len + 1;
}

const char *modinfo_get(const struct modinfo *info, const char *key)
{
	const char *entry = NULL;
	const char *value;

	while ((entry = modinfo_next(info, entry))) {
		value = entry_value(entry, key);
		if (value)
			return value;
	}
	return NULL;
}

/*
 * The command modinfo prints entries as they are: no byte of them may move a
 * cursor.
 */
static int check_entry(const struct elf_file *elf, uint32_t section,
		       const char *entry, struct elf_error *err)
{
	const char *p;

	for (p = entry; *p; p++)
		if (*p < ' ' || *p > '~')
			return elf_fail_section(elf, section, err, "\"%.40s\" "
				"has a byte that is not printable", entry);
	p = strchr(entry, '=');
	if (!p || p == entry)
		return elf_fail_section(elf, section, err, "\"%.40s\" is not "
					"of the form key=value", entry);
	return 0;
}

/*
 * Each object of a module brings a stamp of its own.  @first is NULL only where
 * no entry has that key, and is not compared then.
 */
static int check_stamps(const struct modinfo *info, struct elf_error *err)
{
	const char *first = modinfo_get(info, ABI_KEY);
	const char *entry = NULL;
	const char *value;

	while ((entry = modinfo_next(info, entry))) {
		value = entry_value(entry, ABI_KEY);
		if (value && strcmp(value, first))
			return elf_fail(err, -ENOEXEC, "linked from objects "
				"of different builds (ABI %.40s and %.40s)",
				first, value);
	}
	return 0;
}

int modinfo_check(const struct elf_file *elf, struct modinfo *info,
		  struct elf_error *err)
{
	int section = elf_find_section(elf, ".modinfo", err);
	const struct elf32_shdr *sec;
	const char *entry = NULL;
	int rc;

	info->text = "";
	info->size = 0;
	if (section <= 0)
		return section;
	sec = &elf->section[section];
	if (sec->sh_type != SHT_PROGBITS || (sec->sh_flags & SHF_COMPRESSED))
		return elf_fail_section(elf, section, err, "is not text");
	if (!sec->sh_size)
		return 0;
	if (sec->sh_size > MODINFO_MAX)
		return elf_fail_section(elf, section, err, "has 0x%x bytes, "
					"more than 0x%x", sec->sh_size,
					MODINFO_MAX);
	info->text = elf_section_data(elf, section);
	info->size = sec->sh_size;
	if (info->text[info->size - 1])
		return elf_fail_section(elf, section, err, "the last entry has "
					"no terminating NUL");
	while ((entry = modinfo_next(info, entry))) {
		rc = check_entry(elf, section, entry, err);
		if (rc)
			return rc;
	}
	return check_stamps(info, err);
}

/*
 * Not part of modinfo_check(): the command modinfo shows a module that was
 * built for another kernel too.
 */
int modinfo_check_abi(const struct modinfo *info, const char *abi,
		      struct elf_error *err)
{
	const char *stamp = modinfo_get(info, ABI_KEY);

	if (!stamp)
		return elf_fail(err, -ENOEXEC, "no ABI stamp: not an Icebox "
				"module (include <kernel/init.h>, compile "
				"without -flto)");
	if (strcmp(stamp, abi))
		return elf_fail(err, -ENOEXEC, "compiled for ABI %.40s, this "
				"kernel has %.40s: rebuild the module", stamp,
				abi);
	return 0;
}
