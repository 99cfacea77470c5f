/*
 * What a module's addresses are called.  The table is made once at load, from
 * the file's symbols that a person would want to read in a backtrace, and is
 * constant afterwards, but for the init sections that symbols_forget() blanks.
 */
#include <kernel/compiler.h>
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "symbols.h"

/* Symbols to step back over when the nearest one does not cover the address. */
#define MAX_STEPS_BACK	64

/*
 * Fills a table, or with entry == NULL only counts.  strings begins with an
 * empty one, so that offset 0 can mean "none".
 */
struct builder {
	struct symbols table;
	uint32_t strings_used;
	const char *file_name;	/* of the STT_FILE last seen */
	uint32_t file;		/* its offset in strings, 0: not yet there */
};

/* Nothing is stored while counting: the arrays are not there yet. */
static bool is_counting(const struct builder *b)
{
	return !b->table.strings;
}

/*
 * Counting and filling meet the same strings in the same order: the sizes
 * agree, and so do the offsets.  ELF_MAX_SYMBOLS and ELF_MAX_NAME bound the
 * sum.
 */
static uint32_t add_string(struct builder *b, const char *s)
{
	uint32_t offset = b->strings_used;
	size_t len = strlen(s) + 1;

	if (!is_counting(b))
		memcpy(b->table.strings + offset, s, len);
	b->strings_used += len;
	return offset;
}

static void add_section(struct builder *b, const char *name, uint32_t addr,
			uint32_t size)
{
	uint32_t offset = add_string(b, name);
	uint32_t i = b->table.section_count++;

	if (!is_counting(b))
		b->table.section[i] = (struct symbols_section) {
			.addr = addr, .size = size, .name = offset,
		};
}

/* COMMON and the GOT are in no section of the file. */
static void add_sections(struct builder *b, const struct image *image)
{
	const struct elf_file *elf = image->elf;
	uint32_t i;

	for (i = 0; i < elf->section_count; i++)
		if (image->section[i].region != REGION_NONE &&
		    elf->section[i].sh_size)
			add_section(b, elf_section_name(elf, i),
				    image_section_addr(image, i),
				    elf->section[i].sh_size);
	if (image->common_size)
		add_section(b, "COMMON", image->region[REGION_DATA].addr +
			    image->common_offset, image->common_size);
	if (image->got_count)
		add_section(b, ".got", image->region[REGION_RODATA].addr +
			    image->got_offset, image->got_count * 4);
}

/*
 * The names that kernel/init.h gives the entry points, beside the author's own.
 */
static bool is_entry_alias(const char *name)
{
	return !strcmp(name, "init_module") ||
	       !strcmp(name, "register_module") ||
	       !strcmp(name, "unregister_module") ||
	       !strcmp(name, "cleanup_module");
}

/*
 * Names for a person: no section symbols, no labels that the assembler made up
 * (".L1"), nothing without an address in the module.
 */
static bool is_kept(const struct image *image, uint32_t i)
{
	const struct elf32_sym *sym = &image->elf->symbol[i];
	uint8_t type = ELF32_ST_TYPE(sym->st_info);
	const char *name = elf_symbol_name(image->elf, i);

	if (sym->st_shndx != SHN_COMMON &&
	    (!elf_symbol_in_section(sym) ||
	     image->section[sym->st_shndx].region == REGION_NONE))
		return false;
	if (type == STT_SECTION || type == STT_FILE)
		return false;
	return name[0] && strncmp(name, ".L", 2);
}

/*
 * foo_init is what the author wrote, init_module what the macro made of it.  A
 * symbol without a type is a label of assembly.
 */
static uint32_t symbol_rank(const struct image *image, uint32_t i)
{
	const struct elf32_sym *sym = &image->elf->symbol[i];

	if (ELF32_ST_TYPE(sym->st_info) == STT_NOTYPE)
		return 0;
	return is_entry_alias(elf_symbol_name(image->elf, i)) ? 1 : 2;
}

/*
 * Only when the first symbol of it is kept: a source without any costs nothing.
 */
static uint32_t add_file(struct builder *b)
{
	if (b->file_name && !b->file)
		b->file = add_string(b, b->file_name);
	return b->file;
}

/* The one source file of the module, or NULL where it has several or none. */
static const char *only_file(const struct elf_file *elf)
{
	const char *found = NULL;
	const char *name;
	uint32_t i;

	for (i = 1; i < elf->symbol_count; i++) {
		name = elf_symbol_name(elf, i);
		if (ELF32_ST_TYPE(elf->symbol[i].st_info) != STT_FILE ||
		    !name[0])
			continue;
		if (found)
			return NULL;
		found = name;
	}
	return found;
}

/*
 * Local symbols follow the STT_FILE of their source (gABI 4, "Symbol Table");
 * globals come after all of them and have lost theirs, unless there is only
 * one it can be.
 */
static void enter_file(struct builder *b, const char *name)
{
	if (b->file_name && name && !strcmp(b->file_name, name))
		return;
	b->file_name = name && name[0] ? name : NULL;
	b->file = 0;
}

static void add_symbol(struct builder *b, const struct image *image,
		       uint32_t i)
{
	uint32_t file = add_file(b);
	uint32_t name = add_string(b, elf_symbol_name(image->elf, i));
	uint32_t n = b->table.entry_count++;

	if (!is_counting(b))
		b->table.entry[n] = (struct symbols_entry) {
			.addr = image_symbol_addr(image, i),
			.size = image->elf->symbol[i].st_size,
			.name = name,
			.file = file,
			.rank = symbol_rank(image, i),
		};
}

static void add_symbols(struct builder *b, const struct image *image)
{
	const struct elf_file *elf = image->elf;
	uint32_t globals = elf->section[elf->symbol_section].sh_info;
	uint32_t i;

	for (i = 1; i < elf->symbol_count; i++) {
		if (i == globals)
			enter_file(b, only_file(elf));
		if (ELF32_ST_TYPE(elf->symbol[i].st_info) == STT_FILE)
			enter_file(b, elf_symbol_name(elf, i));
		else if (is_kept(image, i))
			add_symbol(b, image, i);
	}
}

static void build(struct builder *b, const struct image *image)
{
	add_string(b, "");
	add_sections(b, image);
	add_symbols(b, image);
}

/* Addresses need not be set: nothing that is counted depends on one. */
size_t symbols_size(const struct image *image)
{
	struct builder b = { .strings_used = 0 };

	build(&b, image);
	return sizeof(struct symbols) +
	       b.table.section_count * sizeof(struct symbols_section) +
	       b.table.entry_count * sizeof(struct symbols_entry) +
	       b.strings_used;
}

/*
 * A total order, as no two entries have their names at one offset: heap sort is
 * not stable, and of several at one address the same is to win each time.
 */
static bool is_before(const struct symbols_entry *a,
		      const struct symbols_entry *b)
{
	if (a->addr != b->addr)
		return a->addr < b->addr;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->name < b->name;
}

static void sift_down(struct symbols_entry *entry, uint32_t root,
		      uint32_t count)
{
	struct symbols_entry moved = entry[root];
	uint32_t child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count &&
		    is_before(&entry[child], &entry[child + 1]))
			child++;
		if (!is_before(&moved, &entry[child]))
			break;
		entry[root] = entry[child];
		root = child;
	}
	entry[root] = moved;
}

/* Heap sort: no memory, and no order of a hostile file makes it slow. */
static void sort_entries(struct symbols_entry *entry, uint32_t count)
{
	struct symbols_entry last;
	uint32_t i;

	for (i = count / 2; i > 0; i--)
		sift_down(entry, i - 1, count);
	for (i = count; i > 1; i--) {
		last = entry[i - 1];
		entry[i - 1] = entry[0];
		entry[0] = last;
		sift_down(entry, 0, i - 1);
	}
}

struct symbols *symbols_build(const struct image *image, void *mem)
{
	struct symbols *symbols = mem;
	struct builder count = { .strings_used = 0 };
	struct builder b = { .strings_used = 0 };

	build(&count, image);
	b.table.section = (void *)(symbols + 1);
	b.table.entry = (void *)(b.table.section + count.table.section_count);
	b.table.strings = (char *)(b.table.entry + count.table.entry_count);
	build(&b, image);
	sort_entries(b.table.entry, b.table.entry_count);
	*symbols = b.table;
	return symbols;
}

/*
 * Tested before any entry, so that an address in init code that has gone, or in
 * a gap between sections, is not given the name of a neighbour.  The size is
 * one word and only ever becomes 0: whoever comes in the middle of
 * symbols_forget() finds the section or does not.
 */
static const struct symbols_section *
find_section(const struct symbols *symbols, uint32_t addr)
{
	uint32_t i;

	for (i = 0; i < symbols->section_count; i++) {
		const struct symbols_section *sec = &symbols->section[i];

		if (addr - sec->addr < READ_ONCE(sec->size))
			return sec;
	}
	return NULL;
}

/* How many entries begin at or below @addr. */
static uint32_t count_up_to(const struct symbols *symbols, uint32_t addr)
{
	uint32_t low = 0;
	uint32_t high = symbols->entry_count;
	uint32_t mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (symbols->entry[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * The nearest symbol below whose size covers @addr; else the nearest label of
 * unknown size; NULL where the section has neither.
 */
static const struct symbols_entry *
find_entry(const struct symbols *symbols, const struct symbols_section *sec,
	   uint32_t addr)
{
	const struct symbols_entry *label = NULL;
	uint32_t i = count_up_to(symbols, addr);
	uint32_t steps;

	for (steps = 0; i > 0 && steps < MAX_STEPS_BACK; steps++) {
		const struct symbols_entry *entry = &symbols->entry[--i];

		if (entry->addr < sec->addr)
			break;
		if (addr - entry->addr < entry->size)
			return entry;
		if (!entry->size && !label)
			label = entry;
	}
	return label;
}

bool symbols_lookup(const struct symbols *symbols, uint32_t addr,
		    struct symbols_hit *info)
{
	const struct symbols_section *sec = find_section(symbols, addr);
	const struct symbols_entry *entry;

	if (!sec)
		return false;
	entry = find_entry(symbols, sec, addr);
	if (!entry) {
		info->name = symbols->strings + sec->name;
		info->file = NULL;
		info->offset = addr - sec->addr;
		info->size = sec->size;
		return true;
	}
	info->name = symbols->strings + entry->name;
	info->file = entry->file ? symbols->strings + entry->file : NULL;
	info->offset = addr - entry->addr;
	info->size = entry->size;
	return true;
}

/*
 * What lies in init code that has gone is not found: its section is none any
 * more.
 */
bool symbols_find(const struct symbols *symbols, const char *name,
		  uint32_t *addr)
{
	uint32_t i;

	for (i = 0; i < symbols->entry_count; i++) {
		const struct symbols_entry *entry = &symbols->entry[i];

		if (strcmp(symbols->strings + entry->name, name) ||
		    !find_section(symbols, entry->addr))
			continue;
		*addr = entry->addr;
		return true;
	}
	return false;
}

/*
 * Entries and strings stay: who looks up an address on another CPU may have
 * found one already.
 */
void symbols_forget(struct symbols *symbols, uint32_t addr, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < symbols->section_count; i++)
		if (symbols->section[i].addr - addr < size)
			WRITE_ONCE(symbols->section[i].size, 0);
}

int symbols_entry_point(const struct image *image, const char *name,
			bool may_be_init, uint32_t *addr,
			struct elf_error *err)
{
	const struct elf_file *elf = image->elf;
	uint32_t i = elf_find_symbol(elf, name);
	const struct elf32_sym *sym = &elf->symbol[i];
	enum region_id region = REGION_NONE;

	*addr = 0;
	if (!i)
		return 0;
	if (elf_symbol_in_section(sym))
		region = image->section[sym->st_shndx].region;
	if (region != REGION_TEXT && region != REGION_INIT_TEXT)
		return elf_fail_symbol(elf, i, err, "entry point is not in an "
				       "executable section");
	/* Allowed for a symbol, but there is nothing to call. */
	if (sym->st_value >= elf->section[sym->st_shndx].sh_size)
		return elf_fail_symbol(elf, i, err, "entry point lies at the "
				       "end of %.32s",
				       elf_section_name(elf, sym->st_shndx));
	if (region == REGION_INIT_TEXT && !may_be_init)
		return elf_fail_symbol(elf, i, err, "entry point lies in "
				       "%.32s, which is freed after load",
				       elf_section_name(elf, sym->st_shndx));
	*addr = image_symbol_addr(image, i);
	return 0;
}
