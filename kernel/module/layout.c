/*
 * The plan of a module in memory: which section goes into which region, at
 * which offset, and how large the regions become.  It protects W^X (nothing
 * writable is ever executable) and the bound on a module's size, and it is
 * where each byte of a module's pages gets a value.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "layout.h"
#include "reloc.h"
#include "table.h"

/* int3: a jump into the gap between two functions must not go unseen. */
#define TEXT_FILLER	0xcc

static bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/*
 * Constant data that only the relocations write.  -fPIE, the default of
 * Debian's gcc, calls it writable, as a dynamic linker would have to.
 */
static bool is_constant(const char *name)
{
	return has_prefix(name, ".data.rel.ro") || !strcmp(name, ".ksymtab") ||
	       !strcmp(name, "__param");
}

/*
 * check_flags() of elf.c has let nothing pass that is both writable and
 * executable.  What begins with ".init." goes after load, whoever named it so.
 */
static enum region_id section_region(const struct elf_file *elf, uint32_t i)
{
	const char *name = elf_section_name(elf, i);
	uint32_t flags = elf->section[i].sh_flags;
	bool init = has_prefix(name, ".init.");

	if (!elf_section_is_loaded(elf, i))
		return REGION_NONE;
	if (flags & SHF_EXECINSTR)
		return init ? REGION_INIT_TEXT : REGION_TEXT;
	if (!(flags & SHF_WRITE))
		return init ? REGION_INIT_RODATA : REGION_RODATA;
	if (is_constant(name))
		return REGION_RODATA;
	return init ? REGION_INIT_DATA : REGION_DATA;
}

static int fail_size(struct elf_error *err, const char *what)
{
	return elf_fail(err, -ENOEXEC, "%.64s: the module is larger than %u "
			"KiB, the limit", what, IMAGE_MAX_SIZE >> 10);
}

/*
 * Takes @size bytes of the region; no sum here can overflow, as both terms are
 * bounded by IMAGE_MAX_SIZE.  @align is 0 or a power of two up to a page.
 */
static bool region_take(struct region *region, uint32_t size, uint32_t align,
			uint32_t *offset)
{
	uint32_t start = ALIGN_UP(region->used, align ? align : 1);

	if (size > IMAGE_MAX_SIZE || start + size > IMAGE_MAX_SIZE)
		return false;
	*offset = start;
	region->used = start + size;
	return true;
}

/* Section 0 is none, whatever its header says (gABI 4, "Sections"). */
static int place_sections(struct image *image, struct elf_error *err)
{
	const struct elf_file *elf = image->elf;
	uint32_t i;

	for (i = 0; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];
		struct placement *place = &image->section[i];

		place->region = i ? section_region(elf, i) : REGION_NONE;
		if (place->region == REGION_NONE)
			continue;
		if (!region_take(&image->region[place->region], sec->sh_size,
				 sec->sh_addralign, &place->offset))
			return fail_size(err, elf_section_name(elf, i));
	}
	return 0;
}

/*
 * Nobody has linked the module: memory for COMMON is found here.  It is kept
 * data even where only init uses it, as nothing says who does.
 */
static int place_common(struct image *image, struct elf_error *err)
{
	const struct elf_file *elf = image->elf;
	struct region *data = &image->region[REGION_DATA];
	uint32_t i;

	image->common_offset = data->used;
	for (i = 0; i < elf->symbol_count; i++) {
		const struct elf32_sym *sym = &elf->symbol[i];

		if (sym->st_shndx != SHN_COMMON)
			continue;
		if (!region_take(data, sym->st_size, sym->st_value,
				 &image->symbol[i].value))
			return fail_size(err, elf_symbol_name(elf, i));
	}
	image->common_size = data->used - image->common_offset;
	return 0;
}

/*
 * Constant data: the relocations fill the table before the region becomes
 * read-only, and nobody can redirect a call of the module's by writing to it
 * later.  One entry for each symbol that needs one, so the product is small.
 */
static int place_got(struct image *image, struct elf_error *err)
{
	if (!region_take(&image->region[REGION_RODATA], image->got_count * 4,
			 4, &image->got_offset))
		return fail_size(err, "global offset table");
	return 0;
}

/*
 * Regions have their rights page by page, so each begins on one.  No sum
 * overflows: there are six terms of at most IMAGE_MAX_SIZE each.
 */
static int round_regions(struct image *image, struct elf_error *err)
{
	uint32_t total = 0;
	int i;

	for (i = 0; i < REGION_COUNT; i++) {
		struct region *region = &image->region[i];

		region->size = ALIGN_UP(region->used, PAGE_SIZE);
		total += region->size;
	}
	if (total > IMAGE_MAX_SIZE)
		return fail_size(err, "all sections together");
	return 0;
}

size_t layout_scratch_size(const struct elf_file *elf)
{
	return elf->section_count * sizeof(struct placement) +
	       elf->symbol_count * sizeof(struct symbol_slot);
}

int layout_plan(const struct elf_file *elf, void *scratch,
		struct image *image, struct elf_error *err)
{
	int rc;

	memset(image, 0, sizeof(*image));
	memset(scratch, 0, layout_scratch_size(elf));
	image->elf = elf;
	image->section = scratch;
	image->symbol = (void *)(image->section + elf->section_count);

	/*
	 * The relocations ask in which region a section is, and count the
	 * entries of the GOT, which is placed last for that reason.
	 */
	rc = place_sections(image, err);
	if (!rc)
		rc = place_common(image, err);
	if (!rc)
		rc = reloc_check(image, err);
	if (!rc)
		rc = place_got(image, err);
	if (!rc)
		rc = round_regions(image, err);
	return rc;
}

/*
 * The gaps too, as the caller promises nothing of what is in the memory: it
 * would be read as data, or taken for a pointer.
 */
void layout_copy(const struct image *image)
{
	const struct elf_file *elf = image->elf;
	uint32_t i;

	for (i = 0; i < REGION_COUNT; i++) {
		const struct region *region = &image->region[i];
		bool text = i == REGION_TEXT || i == REGION_INIT_TEXT;

		if (region->size)
			memset(region->mem, text ? TEXT_FILLER : 0,
			       region->size);
	}
	for (i = 0; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];
		const struct placement *place = &image->section[i];
		uint8_t *to;

		if (place->region == REGION_NONE || !sec->sh_size)
			continue;
		to = image->region[place->region].mem + place->offset;
		if (sec->sh_type == SHT_NOBITS)
			memset(to, 0, sec->sh_size);
		else
			memcpy(to, elf_section_data(elf, i), sec->sh_size);
	}
}

/*
 * Not for a section of REGION_NONE, which has no region to look up: reloc.c and
 * symbols.c have tested that before they ask.
 */
uint32_t image_section_addr(const struct image *image, uint32_t section)
{
	const struct placement *place = &image->section[section];

	return image->region[place->region].addr + place->offset;
}

uint32_t image_symbol_addr(const struct image *image, uint32_t symbol)
{
	const struct elf32_sym *sym = &image->elf->symbol[symbol];

	if (sym->st_shndx == SHN_COMMON)
		return image->region[REGION_DATA].addr +
		       image->symbol[symbol].value;
	return image_section_addr(image, sym->st_shndx) + sym->st_value;
}

/*
 * The region of @regions that holds @addr, or NULL.  One compare for both ends,
 * as an address below the region wraps; @used and not @size, since the rest of
 * the last page is no part of the module.
 */
static const struct region *find_region(const struct image *image,
					uint32_t addr, uint32_t regions)
{
	int i;

	for (i = 0; i < REGION_COUNT; i++)
		if ((regions & (1u << i)) &&
		    addr - image->region[i].addr < image->region[i].used)
			return &image->region[i];
	return NULL;
}

uint8_t *image_at(const struct image *image, uint32_t addr, uint32_t len,
		  uint32_t regions)
{
	const struct region *region = find_region(image, addr, regions);

	if (!region || len > region->used - (addr - region->addr))
		return NULL;
	return region->mem + (addr - region->addr);
}

/*
 * A string may run on into the next section of its region, if that is where its
 * NUL is; it may not leave the region.
 */
const char *image_string(const struct image *image, uint32_t addr,
			 uint32_t regions)
{
	const struct region *region = find_region(image, addr, regions);
	uint32_t offset;

	if (!region)
		return NULL;
	offset = addr - region->addr;
	if (!memchr(region->mem + offset, 0, region->used - offset))
		return NULL;
	return (const char *)region->mem + offset;
}

int table_find(const struct image *image, const char *name, uint32_t entry,
	       struct table *table, struct elf_error *err)
{
	const struct elf_file *elf = image->elf;
	int i = elf_find_section(elf, name, err);
	uint32_t size;

	table->mem = NULL;
	table->count = 0;
	if (i <= 0)
		return i;
	size = elf->section[i].sh_size;
	/*
	 * Read-only from the end of the load on: what was checked of a table
	 * stays so.
	 */
	if (image->section[i].region != REGION_RODATA)
		return elf_fail_section(elf, i, err, "is not constant data");
	if (size % entry)
		return elf_fail_section(elf, i, err, "size 0x%x is no multiple "
					"of %u", size, entry);
	table->count = size / entry;
	if (size)
		table->mem = image->region[REGION_RODATA].mem +
			     image->section[i].offset;
	return 0;
}
