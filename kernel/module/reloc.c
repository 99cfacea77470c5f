/*
 * The relocations of a module, as gcc and clang write them by default for the
 * i386: position-dependent code (R_386_32, PC32), calls (PLT32, bound directly
 * as PC32), and position-independent code, which Debian's gcc makes unless it
 * is told otherwise (GOTPC, GOTOFF, GOT32, GOT32X), through a small global
 * offset table of the module's own.  All others are refused by name.
 *
 * Names below are those of the psABI: S the symbol's value, A the addend (in
 * the field itself), P the address of the field, GOT the address of the table,
 * G the symbol's entry in it.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "reloc.h"

/* psABI table 4.9; indexed by type. */
static const char *const reloc_names[] = {
	"R_386_NONE", "R_386_32", "R_386_PC32", "R_386_GOT32", "R_386_PLT32",
	"R_386_COPY", "R_386_GLOB_DAT", "R_386_JUMP_SLOT", "R_386_RELATIVE",
	"R_386_GOTOFF", "R_386_GOTPC", "R_386_32PLT", NULL, NULL,
	"R_386_TLS_TPOFF", "R_386_TLS_IE", "R_386_TLS_GOTIE", "R_386_TLS_LE",
	"R_386_TLS_GD", "R_386_TLS_LDM", "R_386_16", "R_386_PC16", "R_386_8",
	"R_386_PC8", "R_386_TLS_GD_32", "R_386_TLS_GD_PUSH",
	"R_386_TLS_GD_CALL", "R_386_TLS_GD_POP", "R_386_TLS_LDM_32",
	"R_386_TLS_LDM_PUSH", "R_386_TLS_LDM_CALL", "R_386_TLS_LDM_POP",
	"R_386_TLS_LDO_32", "R_386_TLS_IE_32", "R_386_TLS_LE_32",
	"R_386_TLS_DTPMOD32", "R_386_TLS_DTPOFF32", "R_386_TLS_TPOFF32",
	"R_386_SIZE32", "R_386_TLS_GOTDESC", "R_386_TLS_DESC_CALL",
	"R_386_TLS_DESC", "R_386_IRELATIVE", "R_386_GOT32X",
};

/* One relocation and where it is: all that the steps below work on. */
struct site {
	struct image *image;
	const struct symbol_resolver *resolver;	/* NULL while checking */
	uint32_t section;	/* that it writes to */
	uint32_t offset;	/* in that section */
	uint32_t symbol;
	uint8_t type;
};

typedef int site_fn(const struct site *site, struct elf_error *err);

static const char *site_section_name(const struct site *site)
{
	return elf_section_name(site->image->elf, site->section);
}

static const char *site_symbol_name(const struct site *site)
{
	return elf_symbol_name(site->image->elf, site->symbol);
}

/*
 * Calls @fn for each relocation of each loaded section, until one fails.  elf.c
 * has seen to it that the symbol exists and, as the section is loaded, so do
 * the four bytes of the field.
 */
static int for_each_site(struct image *image, site_fn *fn,
			 const struct symbol_resolver *resolver,
			 struct elf_error *err)
{
	const struct elf_file *elf = image->elf;
	const struct elf32_rel *rel;
	uint32_t i, n;
	int rc = 0;

	for (i = 1; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];

		if (sec->sh_type != SHT_REL ||
		    image->section[sec->sh_info].region == REGION_NONE)
			continue;
		rel = elf_section_data(elf, i);
		for (n = 0; n < sec->sh_size / sizeof(*rel) && !rc; n++) {
			struct site site = {
				.image = image,
				.resolver = resolver,
				.section = sec->sh_info,
				.offset = rel[n].r_offset,
				.symbol = ELF32_R_SYM(rel[n].r_info),
				.type = ELF32_R_TYPE(rel[n].r_info),
			};
			rc = fn(&site, err);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int fail_type(const struct site *site, struct elf_error *err)
{
	char number[16];
	const char *name = number;

	snprintf(number, sizeof(number), "type %u", site->type);
	if (site->type < ARRAY_SIZE(reloc_names) && reloc_names[site->type])
		name = reloc_names[site->type];
	return elf_fail(err, -ENOEXEC, "relocation %s at %.32s+0x%x against "
			"%.48s is not supported", name,
			site_section_name(site), site->offset,
			site_symbol_name(site));
}

/*
 * Kept code that calls what is freed after load would run whatever lies there
 * next.  Constant data may refer to it: the compiler puts the jump tables of
 * an init function into .rodata.
 */
static int check_target(const struct site *site, struct elf_error *err)
{
	const struct image *image = site->image;
	uint32_t to = image->elf->symbol[site->symbol].st_shndx;
	enum region_id from = image->section[site->section].region;

	if (!elf_symbol_in_section(&image->elf->symbol[site->symbol]))
		return 0;
	if (image->section[to].region == REGION_NONE)
		return elf_fail(err, -ENOEXEC, "%.32s+0x%x refers to %.48s in "
				"%.32s, which is not loaded",
				site_section_name(site), site->offset,
				site_symbol_name(site),
				elf_section_name(image->elf, to));
	if (region_is_init(image->section[to].region) &&
	    !region_is_init(from) && from != REGION_RODATA)
		return elf_fail(err, -ENOEXEC, "%.32s+0x%x refers to %.48s in "
				"%.32s, which is freed after load",
				site_section_name(site), site->offset,
				site_symbol_name(site),
				elf_section_name(image->elf, to));
	return 0;
}

static int check_site(const struct site *site, struct elf_error *err)
{
	struct symbol_slot *slot = &site->image->symbol[site->symbol];

	switch (site->type) {
	case R_386_NONE:
		return 0;
	case R_386_GOT32:
	case R_386_GOT32X:
		/* The byte before the field is looked at: see got_value(). */
		if (!site->offset)
			return fail_type(site, err);
		if (!slot->got)
			slot->got = ++site->image->got_count;
		break;
	case R_386_32:
	case R_386_PC32:
	case R_386_PLT32:
	case R_386_GOTOFF:
	case R_386_GOTPC:
		break;
	default:
		return fail_type(site, err);
	}
	return check_target(site, err);
}

int reloc_check(struct image *image, struct elf_error *err)
{
	return for_each_site(image, check_site, NULL, err);
}

static uint32_t got_addr(const struct image *image)
{
	return image->region[REGION_RODATA].addr + image->got_offset;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static void store32(uint8_t *p, uint32_t value)
{
	memcpy(p, &value, sizeof(value));
}

/*
 * A weak symbol that nobody defines is 0 (gABI 4, "Symbol Binding"), and stays
 * so when a module that exports it is loaded later.  _GLOBAL_OFFSET_TABLE_ is
 * the assembler's name for the table (psABI 4.4, R_386_GOTPC), and nobody's to
 * export.
 */
static int resolve_undefined(const struct site *site, uint32_t *value,
			     struct elf_error *err)
{
	const struct elf32_sym *sym = &site->image->elf->symbol[site->symbol];
	const char *name = site_symbol_name(site);
	int rc;

	if (!site->symbol)
		return 0;	/* gABI: index 0 has the value 0 */
	if (!strcmp(name, "_GLOBAL_OFFSET_TABLE_")) {
		*value = got_addr(site->image);
		return 0;
	}
	rc = site->resolver->resolve(site->resolver->ctx, name, value, err);
	if (rc != -ENOENT)
		return rc;
	*value = 0;
	if (ELF32_ST_BIND(sym->st_info) == STB_WEAK)
		return 0;
	return elf_fail(err, -ENOENT, "undefined symbol: %.64s (needed by "
			"%.32s+0x%x)", name, site_section_name(site),
			site->offset);
}

/*
 * Finds S.  The first site that names a symbol, whatever its type, fills the
 * entry in the GOT; so resolve() is called once for each.
 */
static int symbol_value(const struct site *site, uint32_t *value,
			struct elf_error *err)
{
	const struct image *image = site->image;
	const struct elf32_sym *sym = &image->elf->symbol[site->symbol];
	struct symbol_slot *slot = &image->symbol[site->symbol];
	int rc = 0;

	*value = 0;
	if (sym->st_shndx == SHN_ABS)
		*value = sym->st_value;
	else if (sym->st_shndx != SHN_UNDEF)
		*value = image_symbol_addr(image, site->symbol);
	else if (slot->resolved)
		*value = slot->value;
	else
		rc = resolve_undefined(site, value, err);
	if (rc || slot->resolved)
		return rc;
	slot->resolved = true;
	/* Of COMMON the slot keeps the offset: see layout.h. */
	if (sym->st_shndx == SHN_UNDEF)
		slot->value = *value;
	if (slot->got)
		store32(image->region[REGION_RODATA].mem + image->got_offset +
			(slot->got - 1) * 4, *value);
	return 0;
}

/*
 * An instruction that names no base register (ModRM mod 00, r/m 101: Intel SDM
 * vol. 2, table 2-2) wants the entry's address, any other its distance from
 * the GOT (psABI 4.4, notes to table 4.9).  Data always holds the distance.
 */
static uint32_t got_value(const struct site *site, const uint8_t *field)
{
	const struct image *image = site->image;
	uint32_t entry = (image->symbol[site->symbol].got - 1) * 4;
	uint32_t flags = image->elf->section[site->section].sh_flags;

	if ((flags & SHF_EXECINSTR) && (field[-1] & 0xc7) == 0x05)
		entry += got_addr(image);
	return entry;
}

static int apply_site(const struct site *site, struct elf_error *err)
{
	const struct image *image = site->image;
	const struct placement *place = &image->section[site->section];
	uint32_t p = image_section_addr(image, site->section) + site->offset;
	uint8_t *field = image->region[place->region].mem + place->offset +
			 site->offset;
	uint32_t a = load32(field);
	uint32_t s;
	int rc;

	if (site->type == R_386_NONE)
		return 0;
	rc = symbol_value(site, &s, err);
	if (rc)
		return rc;
	/*
	 * Modulo 2^32 throughout: a displacement of 32 bits reaches every
	 * address of the i386, so no distance is too great.  PLT32 needs no
	 * PLT, as nothing is bound lazily.
	 */
	switch (site->type) {
	case R_386_32:
		store32(field, s + a);
		break;
	case R_386_PC32:
	case R_386_PLT32:
		store32(field, s + a - p);
		break;
	case R_386_GOTPC:
		store32(field, got_addr(image) + a - p);
		break;
	case R_386_GOTOFF:
		store32(field, s + a - got_addr(image));
		break;
	default:	/* GOT32, GOT32X: reloc_check() let no other pass */
		store32(field, got_value(site, field) + a);
		break;
	}
	return 0;
}

int reloc_apply(struct image *image, const struct symbol_resolver *resolver,
		struct elf_error *err)
{
	return for_each_site(image, apply_site, resolver, err);
}
