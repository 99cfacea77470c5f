/*
 * The steps of kernel/module/load.c, one after the other and with real memory
 * behind the image, and what has to hold after each of them.
 */
#ifndef TESTS_FUZZ_LOADER_H
#define TESTS_FUZZ_LOADER_H

#include "fuzz.h"
#include <module/elf.h>
#include <module/exports.h>
#include <module/layout.h>
#include <module/modinfo.h>
#include <module/params.h>
#include <module/reloc.h>
#include <module/symbols.h>

#define IMAGE_ADDR	0xe0000000u
#define STORE_ADDR	0xe7000000u
#define OTHER_ADDR	0x00100000u	/* where all that is resolved lies */
#define LARGE_IMAGE	(1u << 18)	/* costs time, and shows no more */

/* One line, printable, not empty. */
static inline void check_text(const struct elf_error *err)
{
	size_t n = strnlen(err->text, sizeof(err->text));

	assert(n > 0 && n < sizeof(err->text));
	for (size_t i = 0; i < n; i++)
		assert(err->text[i] >= ' ' && err->text[i] <= '~');
}

/* ---- elf_check() ---- */

static inline void check_string(const char *s, const char *table, uint32_t size)
{
	assert(s >= table && s < table + size);
	assert(memchr(s, 0, size - (size_t)(s - table)));
}

static inline bool sections_have_bytes(const struct elf32_shdr *sec)
{
	return sec->sh_type != SHT_NULL && sec->sh_type != SHT_NOBITS;
}

static inline void check_section_bytes(const struct elf_file *elf, uint32_t i)
{
	const struct elf32_shdr *sec = &elf->section[i];

	check_string(elf_section_name(elf, i), elf->section_names,
		     elf->section_names_size);
	if (!i || !sections_have_bytes(sec))
		return;
	assert(sec->sh_offset <= elf->size);
	assert(sec->sh_size <= elf->size - sec->sh_offset);
	if (sec->sh_type != SHT_REL ||
	    !elf_section_is_loaded(elf, sec->sh_info))
		return;
	for (uint32_t n = 0; n < sec->sh_size / sizeof(struct elf32_rel); n++) {
		const struct elf32_rel *rel = elf_section_data(elf, i);
		uint32_t size = elf->section[sec->sh_info].sh_size;

		assert(size >= 4 && rel[n].r_offset <= size - 4);
		assert(ELF32_R_SYM(rel[n].r_info) < elf->symbol_count);
	}
}

static inline void check_symbol(const struct elf_file *elf, uint32_t i)
{
	const struct elf32_sym *sym = &elf->symbol[i];

	assert(sym->st_name < elf->symbol_names_size);
	check_string(elf->symbol_names + sym->st_name, elf->symbol_names,
		     elf->symbol_names_size);
	assert(strlen(elf->symbol_names + sym->st_name) <= ELF_MAX_NAME);
	if (!elf_symbol_in_section(sym))
		return;
	assert(sym->st_shndx < elf->section_count);
	assert(sym->st_value <= elf->section[sym->st_shndx].sh_size);
	assert(sym->st_size <= elf->section[sym->st_shndx].sh_size -
	       sym->st_value);
}

/* Whatever may be followed leads to a place within the file. */
static inline void check_elf(const struct elf_file *elf, const void *file,
			     size_t size)
{
	const uint8_t *end = (const uint8_t *)file + size;

	assert(elf->bytes == file && elf->size == size);
	assert((const uint8_t *)elf->section >= elf->bytes);
	assert((const uint8_t *)(elf->section + elf->section_count) <= end);
	assert((const uint8_t *)elf->symbol >= elf->bytes);
	assert((const uint8_t *)(elf->symbol + elf->symbol_count) <= end);
	for (uint32_t i = 0; i < elf->section_count; i++)
		check_section_bytes(elf, i);
	for (uint32_t i = 0; i < elf->symbol_count; i++)
		check_symbol(elf, i);
}

/* ---- layout_plan() ---- */

struct piece {
	uint32_t region, offset, size;
};

static inline int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

static inline void add_piece(const struct image *image, struct piece *p,
			     uint32_t *n, struct piece piece)
{
	assert(piece.region < REGION_COUNT);
	assert(piece.offset <= image->region[piece.region].used);
	assert(piece.size <= image->region[piece.region].used - piece.offset);
	if (piece.size)
		p[(*n)++] = piece;
}

static inline void add_sections(const struct image *image, struct piece *p,
				uint32_t *n)
{
	const struct elf_file *elf = image->elf;

	for (uint32_t i = 0; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];
		const struct placement *at = &image->section[i];
		bool text = at->region == REGION_TEXT ||
			    at->region == REGION_INIT_TEXT;

		if (at->region == REGION_NONE)
			continue;
		assert(!!(sec->sh_flags & SHF_EXECINSTR) == text);
		assert(!sec->sh_addralign ||
		       at->offset % sec->sh_addralign == 0);
		add_piece(image, p, n, (struct piece) {
			at->region, at->offset, sec->sh_size,
		});
	}
}

static inline void add_symbols(const struct image *image, struct piece *p,
			       uint32_t *n)
{
	const struct elf_file *elf = image->elf;

	for (uint32_t i = 0; i < elf->symbol_count; i++)
		if (elf->symbol[i].st_shndx == SHN_COMMON)
			add_piece(image, p, n, (struct piece) {
				REGION_DATA, image->symbol[i].value,
				elf->symbol[i].st_size,
			});
	add_piece(image, p, n, (struct piece) {
		REGION_RODATA, image->got_offset, image->got_count * 4,
	});
}

/* Nothing overlaps, and no region is smaller than what lies in it. */
static inline void check_plan(const struct image *image)
{
	const struct elf_file *elf = image->elf;
	struct piece *p = calloc(elf->section_count + elf->symbol_count + 1,
				 sizeof(*p));
	uint32_t n = 0, total = 0;

	add_sections(image, p, &n);
	add_symbols(image, p, &n);
	qsort(p, n, sizeof(*p), compare_pieces);
	for (uint32_t i = 1; i < n; i++)
		assert(p[i].region != p[i - 1].region ||
		       p[i - 1].offset + p[i - 1].size <= p[i].offset);
	free(p);
	for (int r = 0; r < REGION_COUNT; r++) {
		assert(image->region[r].used <= image->region[r].size);
		assert(image->region[r].size - image->region[r].used <
		       PAGE_SIZE);
		assert(image->region[r].size % PAGE_SIZE == 0);
		total += image->region[r].size;
	}
	assert(total <= IMAGE_MAX_SIZE);
}

static inline uint32_t image_size(const struct image *image)
{
	uint32_t size = 0;

	for (int r = 0; r < REGION_COUNT; r++)
		size += image->region[r].size;
	return size;
}

/* ---- memory ---- */

/* A block for each region, so that none may be left into the next. */
static inline void give_memory(struct image *image)
{
	uint32_t addr = IMAGE_ADDR;

	for (int r = 0; r < REGION_COUNT; r++) {
		struct region *region = &image->region[r];

		region->mem = malloc(region->size ? region->size : 1);
		region->addr = addr;
		addr += region->size;
	}
}

static inline void free_memory(struct image *image)
{
	for (int r = 0; r < REGION_COUNT; r++)
		free(image->region[r].mem);
}

/* Copies of all regions, to see what a step has written. */
struct before {
	uint8_t *mem[REGION_COUNT];
	uint8_t *may[REGION_COUNT];	/* how often it may be written */
};

static inline void remember(struct before *b, const struct image *image)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		uint32_t size = image->region[r].size;

		b->mem[r] = exact_copy(image->region[r].mem, size);
		b->may[r] = calloc(1, size ? size : 1);
	}
}

static inline void forget(struct before *b)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		free(b->mem[r]);
		free(b->may[r]);
	}
}

UNCOVERED
static inline void allow(struct before *b, const struct image *image,
			 uint32_t region, uint32_t offset, uint32_t size)
{
	assert(offset <= image->region[region].size &&
	       size <= image->region[region].size - offset);
	for (uint32_t i = offset; i < offset + size; i++)
		b->may[region][i] += b->may[region][i] < 2;
}

UNCOVERED
static inline void check_written(const struct before *b,
				 const struct image *image)
{
	for (int r = 0; r < REGION_COUNT; r++)
		for (uint32_t i = 0; i < image->region[r].size; i++)
			assert(b->may[r][i] ||
			       b->mem[r][i] == image->region[r].mem[i]);
}

/* ---- reloc_apply() ---- */

static inline void allow_fields(struct before *b, const struct image *image)
{
	const struct elf_file *elf = image->elf;

	for (uint32_t i = 1; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];
		const struct elf32_rel *rel = elf_section_data(elf, i);
		const struct placement *at;

		if (sec->sh_type != SHT_REL)
			continue;
		at = &image->section[sec->sh_info];
		if (at->region == REGION_NONE)
			continue;
		for (uint32_t n = 0; n < sec->sh_size / sizeof(*rel); n++)
			allow(b, image, at->region,
			      at->offset + rel[n].r_offset, 4);
	}
	allow(b, image, REGION_RODATA, image->got_offset,
	      image->got_count * 4);
}

/* Every name that a kernel could know; some are not there. */
static inline int resolve_name(void *ctx, const char *name, uint32_t *value,
			       struct elf_error *err)
{
	(void)ctx;
	assert(strlen(name) <= ELF_MAX_NAME);
	if (name[0] == '?')
		return -ENOENT;
	if (name[0] == '!')
		return elf_fail(err, -ENOEXEC, "no more dependencies");
	*value = OTHER_ADDR + (uint8_t)name[0];
	return 0;
}

static inline uint32_t word_at(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* S of the psABI. */
static inline uint32_t value_of(const struct image *image, uint32_t symbol)
{
	const struct elf32_sym *sym = &image->elf->symbol[symbol];
	const char *name = elf_symbol_name(image->elf, symbol);

	if (sym->st_shndx == SHN_ABS || !symbol)
		return sym->st_value;
	if (sym->st_shndx != SHN_UNDEF)
		return image_symbol_addr(image, symbol);
	if (!strcmp(name, "_GLOBAL_OFFSET_TABLE_"))
		return image->region[REGION_RODATA].addr + image->got_offset;
	return name[0] == '?' ? 0 : OTHER_ADDR + (uint8_t)name[0];
}

/* psABI, table 4.9, with A the word there before and P its address. */
static inline uint32_t field_value(const struct image *image, uint32_t info,
				   uint32_t a, uint32_t p, uint8_t modrm)
{
	const struct region *rodata = &image->region[REGION_RODATA];
	uint32_t got = rodata->addr + image->got_offset;
	uint32_t g = (image->symbol[ELF32_R_SYM(info)].got - 1) * 4;
	uint32_t s;

	if (ELF32_R_TYPE(info) == R_386_NONE)	/* against anything */
		return a;
	s = value_of(image, ELF32_R_SYM(info));
	switch (ELF32_R_TYPE(info)) {
	case R_386_32:
		return s + a;
	case R_386_PC32:
	case R_386_PLT32:
		return s + a - p;
	case R_386_GOTOFF:
		return s + a - got;
	case R_386_GOTPC:
		return got + a - p;
	case R_386_GOT32:
	case R_386_GOT32X:
		assert(g < image->got_count * 4);
		assert(word_at(rodata->mem + image->got_offset + g) == s);
		return g + a + ((modrm & 0xc7) == 0x05 ? got : 0);
	}
	assert(!"a relocation that nobody knows");
	return 0;
}

/* A field that no other relocation touches, nor the byte before it. */
static inline void check_field(const struct before *b,
			       const struct image *image, uint32_t section,
			       const struct elf32_rel *rel)
{
	const struct placement *at = &image->section[section];
	const struct region *region = &image->region[at->region];
	uint32_t offset = at->offset + rel->r_offset;
	const uint8_t *may = b->may[at->region] + offset;
	bool code = image->elf->section[section].sh_flags & SHF_EXECINSTR;
	uint8_t modrm = 0;

	for (int i = 0; i < 4; i++)
		if (may[i] != 1)
			return;
	if (rel->r_offset && code) {
		if (may[-1])
			return;
		modrm = region->mem[offset - 1];
	}
	assert(word_at(region->mem + offset) ==
	       field_value(image, rel->r_info,
			   word_at(b->mem[at->region] + offset),
			   region->addr + offset, modrm));
}

static inline void check_fields(const struct before *b,
				const struct image *image)
{
	const struct elf_file *elf = image->elf;

	for (uint32_t i = 1; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];
		const struct elf32_rel *rel = elf_section_data(elf, i);

		if (sec->sh_type != SHT_REL ||
		    image->section[sec->sh_info].region == REGION_NONE)
			continue;
		for (uint32_t n = 0; n < sec->sh_size / sizeof(*rel); n++)
			check_field(b, image, sec->sh_info, &rel[n]);
	}
}

static inline int relocate(struct image *image, struct elf_error *err)
{
	struct symbol_resolver resolver = { resolve_name, NULL };
	struct before b;
	int rc;

	remember(&b, image);
	allow_fields(&b, image);
	rc = reloc_apply(image, &resolver, err);
	check_written(&b, image);
	if (!rc)
		check_fields(&b, image);
	forget(&b);
	return rc;
}

/* ---- entry points, exports, parameters ---- */

static inline int find_entries(const struct image *image, struct elf_error *err)
{
	static const char *const names[] = {
		"init_module", "register_module", "unregister_module",
		"cleanup_module",
	};
	uint32_t addr;
	int rc = 0;

	for (int i = 0; i < 4 && !rc; i++) {
		rc = symbols_entry_point(image, names[i], !i, &addr, err);
		assert(rc || !addr || image_at(image, addr, 1, 1u <<
		       REGION_TEXT | (i ? 0u : 1u << REGION_INIT_TEXT)));
	}
	return rc;
}

static inline int find_exports(const struct image *image,
			       struct elf_error *err)
{
	struct exports exports;
	int rc = exports_check(image, &exports, err);

	if (rc)
		return rc;
	assert(exports.count <= EXPORTS_MAX);
	for (uint32_t i = 0; i < exports.count; i++) {
		struct export e = exports_get(&exports, i);

		assert(e.name && e.name[0]);
		assert(strlen(e.name) <= EXPORTS_NAME_MAX);
		assert(image_at(image, e.value, 1, REGIONS_KEPT));
	}
	return 0;
}

static inline void allow_variables(struct before *b, const struct image *image,
				   const struct params *params)
{
	for (uint32_t i = 0; i < params->count; i++) {
		struct param p = params_get(params, i);
		int r = REGION_COUNT;

		assert(p.arg && p.name && p.size);
		while (r--) {
			const struct region *region = &image->region[r];

			if (p.arg >= region->mem &&
			    p.arg < region->mem + region->size)
				break;
		}
		assert(r == REGION_DATA || r == REGION_INIT_DATA);
		allow(b, image, (uint32_t)r,
		      (uint32_t)(p.arg - image->region[r].mem), p.size);
	}
}

static inline int apply_params(const struct image *image,
			       const struct params *params, const char *args,
			       struct elf_error *err)
{
	struct param_store store = {
		.size = (uint32_t)params_store_size(args),
		.addr = STORE_ADDR,
	};
	struct before b;
	int rc;

	store.mem = malloc(store.size);
	remember(&b, image);
	allow_variables(&b, image, params);
	rc = params_apply(params, args, &store, err);
	if (rc)		/* all of them, or none */
		for (int r = 0; r < REGION_COUNT; r++)
			assert(!memcmp(b.mem[r], image->region[r].mem,
				       image->region[r].size));
	check_written(&b, image);
	assert(store.used <= store.size);
	forget(&b);
	free(store.mem);
	return rc;
}

/* Where @args are not for this module, there is nothing against none. */
static inline int set_params(const struct image *image, const char *args,
			     struct elf_error *err)
{
	struct params params;
	int rc = params_check(image, &params, err);

	if (rc || !apply_params(image, &params, args, err))
		return rc;
	check_text(err);
	rc = apply_params(image, &params, "", err);
	assert(!rc);
	return 0;
}

/* ---- symbols ---- */

static inline bool is_in_a_section(const struct symbols *s, uint32_t addr)
{
	for (uint32_t i = 0; i < s->section_count; i++)
		if (addr - s->section[i].addr < s->section[i].size)
			return true;
	return false;
}

static inline void look_up(const struct symbols *s, uint32_t addr)
{
	struct symbols_hit hit;
	bool found = symbols_lookup(s, addr, &hit);

	assert(found == is_in_a_section(s, addr));
	if (!found)
		return;
	assert(strlen(hit.name) <= ELF_MAX_NAME);
	assert(!hit.file || hit.file[0]);
	assert(!hit.size || hit.offset < hit.size);
}

static inline void look_around(const struct symbols *s)
{
	for (uint32_t i = 0; i < s->section_count; i++) {
		look_up(s, s->section[i].addr - 1);
		look_up(s, s->section[i].addr);
		look_up(s, s->section[i].addr + s->section[i].size / 2);
		look_up(s, s->section[i].addr + s->section[i].size);
	}
	for (uint32_t i = 0; i < s->entry_count; i++) {
		look_up(s, s->entry[i].addr);
		look_up(s, s->entry[i].addr + s->entry[i].size);
	}
}

/* Sorted, and each can be asked for by its name. */
static inline void check_entries(const struct symbols *s)
{
	uint32_t addr, step = s->entry_count / 64 + 1;

	for (uint32_t i = 1; i < s->entry_count; i++)
		assert(s->entry[i - 1].addr <= s->entry[i].addr);
	for (uint32_t i = 0; i < s->entry_count; i += step) {
		const char *name = s->strings + s->entry[i].name;

		assert(name[0]);
		if (is_in_a_section(s, s->entry[i].addr))
			assert(symbols_find(s, name, &addr));
	}
}

static inline void build_symbols(const struct image *image)
{
	size_t size = symbols_size(image);
	void *mem = malloc(size);
	struct symbols *s = symbols_build(image, mem);
	uint32_t init = image->region[REGION_INIT_TEXT].addr;

	check_entries(s);
	look_around(s);
	symbols_forget(s, init, IMAGE_ADDR + image_size(image) - init);
	look_around(s);
	if (image_size(image) > init - IMAGE_ADDR)
		assert(!is_in_a_section(s, init));
	free(mem);
}

/* ---- all of it ---- */

static inline int link_image(struct image *image, const char *args,
			     struct elf_error *err)
{
	int rc;

	layout_copy(image);
	rc = relocate(image, err);
	if (!rc)
		rc = find_entries(image, err);
	if (!rc)
		rc = find_exports(image, err);
	if (!rc)
		rc = set_params(image, args, err);
	if (!rc)
		build_symbols(image);
	return rc;
}

/* @file is a block of exactly @size bytes. */
static inline int load_module(const void *file, size_t size, const char *args,
			      struct elf_error *err)
{
	struct elf_file elf;
	struct modinfo info;
	struct image image;
	void *scratch;
	int rc;

	memset(err, 0xff, sizeof(*err));
	rc = elf_check(file, size, &elf, err);
	if (rc)
		return rc;
	check_elf(&elf, file, size);
	rc = modinfo_check(&elf, &info, err);
	if (rc)
		return rc;
	scratch = malloc(layout_scratch_size(&elf));
	rc = layout_plan(&elf, scratch, &image, err);
	if (!rc) {
		check_plan(&image);
		if (image_size(&image) <= LARGE_IMAGE) {
			give_memory(&image);
			rc = link_image(&image, args, err);
			free_memory(&image);
		}
	}
	free(scratch);
	return rc;
}

static inline void load_and_check(const void *file, size_t size,
				  const char *args)
{
	void *copy = exact_copy(file, size);
	struct elf_error err;

	if (load_module(copy, size, args, &err))
		check_text(&err);
	free(copy);
}

#endif
