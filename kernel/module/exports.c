/*
 * The export table of a module.  Its entries were written by whoever made the
 * file and by the relocations: each pointer is checked before the kernel hands
 * it to another module.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "exports.h"
#include "table.h"

/* struct kernel_symbol as it lies in the image, also on a 64-bit host. */
struct raw_symbol {
	uint32_t value;
	uint32_t name;
};

_Static_assert(sizeof(void *) != 4 ||
	       sizeof(struct raw_symbol) == sizeof(struct kernel_symbol),
	       "one layout");

/* Copied, as the alignment of the table is what the file says it is. */
static struct raw_symbol raw_get(const struct exports *exports, uint32_t index)
{
	struct raw_symbol raw;

	memcpy(&raw, exports->table + index * sizeof(raw), sizeof(raw));
	return raw;
}

/*
 * For the user of a checked table: the name is not NULL then.  It stays valid
 * for as long as the module's constant data does.
 */
struct export exports_get(const struct exports *exports, uint32_t index)
{
	struct raw_symbol raw = raw_get(exports, index);

	return (struct export) {
		.name = image_string(exports->image, raw.name,
				     1u << REGION_RODATA),
		.value = raw.value,
	};
}

/*
 * Quadratic, and bounded by EXPORTS_MAX.  Compared with those before @index
 * only, whose names have been checked.
 */
static int check_unique(const struct exports *exports, uint32_t index,
			struct elf_error *err)
{
	struct export sym = exports_get(exports, index);
	uint32_t i;

	for (i = 0; i < index; i++)
		if (!strcmp(exports_get(exports, i).name, sym.name))
			return elf_fail(err, -ENOEXEC, "export %u: %.64s is "
					"exported twice", index, sym.name);
	return 0;
}

/*
 * After relocation, so what is judged is the address itself, and not how the
 * file came by it.  An absolute symbol, or one of another module, is refused
 * like any number: the exporter would vouch for what is not his, and
 * dependencies would not be seen.
 */
static int check_export(const struct exports *exports, uint32_t index,
			struct elf_error *err)
{
	struct raw_symbol raw = raw_get(exports, index);
	const char *name = image_string(exports->image, raw.name,
					1u << REGION_RODATA);

	if (!name)
		return elf_fail(err, -ENOEXEC, "export %u: the name is no "
				"constant string of the module", index);
	if (!name[0] || strnlen(name, EXPORTS_NAME_MAX + 1) > EXPORTS_NAME_MAX)
		return elf_fail(err, -ENOEXEC, "export %u: the name has to "
				"have 1 to %u characters", index,
				EXPORTS_NAME_MAX);
	if (image_at(exports->image, raw.value, 1, REGIONS_KEPT))
		return check_unique(exports, index, err);
	if (image_at(exports->image, raw.value, 1, REGIONS_ALL))
		return elf_fail(err, -ENOEXEC, "export %u: %.64s is freed "
				"after load", index, name);
	return elf_fail(err, -ENOEXEC, "export %u: %.64s does not lie in the "
			"module", index, name);
}

int exports_check(const struct image *image, struct exports *exports,
		  struct elf_error *err)
{
	struct table table;
	uint32_t i;
	int rc;

	/* The count comes last: on failure the table is empty. */
	exports->image = image;
	exports->count = 0;
	rc = table_find(image, ".ksymtab", sizeof(struct raw_symbol), &table,
			err);
	if (rc)
		return rc;
	if (table.count > EXPORTS_MAX)
		return elf_fail(err, -ENOEXEC, "%u exports, the limit is %u",
				table.count, EXPORTS_MAX);
	exports->table = table.mem;
	for (i = 0; i < table.count; i++) {
		rc = check_export(exports, i, err);
		if (rc)
			return rc;
	}
	exports->count = table.count;
	return 0;
}
