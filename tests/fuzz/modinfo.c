// sources: kernel/module/elf.c kernel/module/modinfo.c
/*
 * The text of .modinfo: entries of what was accepted are strings within it, and
 * the stamp is found where there is one.
 */
#include "build.h"
#include "loader.h"

static void check_entries_of(const struct modinfo *info)
{
	const char *entry = NULL, *last = NULL, *stamp;

	while ((entry = modinfo_next(info, entry))) {
		assert(entry >= info->text && entry < info->text + info->size);
		assert(!last || entry > last + strlen(last));
		assert(strchr(entry, '=') > entry);
		for (const char *p = entry; *p; p++)
			assert(*p >= ' ' && *p <= '~');
		last = entry;
	}
	stamp = modinfo_get(info, "abi");
	assert(!stamp || !memcmp(stamp - 4, "abi=", 4));
}

static void check_file(const void *file, size_t size)
{
	struct elf_error err = { "" };
	struct modinfo info;
	struct elf_file elf;
	int rc = elf_check(file, size, &elf, &err);

	assert(!rc);
	memset(&err, 0xff, sizeof(err));
	rc = modinfo_check(&elf, &info, &err);
	if (!rc) {
		check_entries_of(&info);
		rc = modinfo_check_abi(&info, "00000000", &err);
	}
	if (rc)
		check_text(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct elf32_sym null_symbol;
	struct part part[] = {
		{ ".modinfo", SHT_PROGBITS, SHF_ALLOC, 0, 0, 1, 0,
		  (uint32_t)size, data },
		{ ".symtab", SHT_SYMTAB, 0, 3, 1, 4, sizeof(null_symbol),
		  sizeof(null_symbol), &null_symbol },
		{ ".strtab", SHT_STRTAB, 0, 0, 0, 1, 0, 1, "" },
	};
	void *file, *copy;

	if (size > 0x10000)
		return 0;
	file = build_file(part, ARRAY_SIZE(part), &size);
	copy = exact_copy(file, size);
	free(file);
	check_file(copy, size);
	free(copy);
	return 0;
}
