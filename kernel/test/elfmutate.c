/*
 * Damage to module files: see elfmutate.h.
 *
 * Bytes that are flipped blindly are mostly refused at the first check that
 * meets them.  A field that is changed for a value which such a field may have
 * gets further, so most changes go where a reader of the file looks, and most
 * values are near a bound, an index, or what stood there before.  Nothing of
 * the file is believed here either: it was damaged before.
 */
#include <kernel/string.h>
#include <module/elf32.h>
#include <test/elfmutate.h>

#define MAX_CHANGES	6u
#define TRIES		16u	/* to meet a section of some sort */

/* Marsaglia, "Xorshift RNGs", 2003: period 2^32 - 1. */
uint32_t elf_chance(struct elf_chance *c, uint32_t n)
{
	c->state ^= c->state << 13;
	c->state ^= c->state >> 17;
	c->state ^= c->state << 5;
	return c->state % n;
}

/* The file under change; every offset is checked against @size. */
struct victim {
	struct elf_chance	*c;
	uint8_t			*file;
	size_t			size;
	uint32_t		shoff, shnum;	/* 0: no table in the file */
};

static uint32_t get(const struct victim *v, size_t at, size_t width)
{
	uint32_t value = 0;

	if (at <= v->size && width <= v->size - at)
		memcpy(&value, v->file + at, width);
	return value;
}

static void put(struct victim *v, size_t at, size_t width, uint32_t value)
{
	if (at <= v->size && width <= v->size - at)
		memcpy(v->file + at, &value, width);
}

static void find_sections(struct victim *v)
{
	v->shoff = get(v, offsetof(struct elf32_ehdr, e_shoff), 4);
	v->shnum = get(v, offsetof(struct elf32_ehdr, e_shnum), 2);
	if (v->shoff > v->size ||
	    v->shnum > (v->size - v->shoff) / sizeof(struct elf32_shdr))
		v->shnum = 0;
}

static size_t section_at(const struct victim *v, uint32_t i)
{
	return v->shoff + i * sizeof(struct elf32_shdr);
}

static uint32_t section_field(const struct victim *v, uint32_t i, size_t field)
{
	return get(v, section_at(v, i) + field, 4);
}

/* A number that somebody may have forgotten, or one like the old. */
static uint32_t some_value(const struct victim *v, uint32_t old)
{
	static const uint32_t edges[] = {
		0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff, 0x100, 0xfff, 0x1000,
		0x1001, 0x2000, 0xfff1, 0xfff2, 0xffff, 0x10000, 0x00ffffff,
		0x01000000, 0x01000001, 0x7fffffff, 0x80000000, 0xfffffff0,
		0xfffffffc, 0xffffffff,
	};

	switch (elf_chance(v->c, 8)) {
	case 0:
		return old ^ 1u << elf_chance(v->c, 32);
	case 1:
		return edges[elf_chance(v->c, ARRAY_SIZE(edges))];
	case 2:
		return elf_chance(v->c, 64);
	case 3:
		return (uint32_t)v->size + elf_chance(v->c, 9) - 4;
	case 4:
		return elf_chance(v->c, (uint32_t)v->size + 1);
	case 5:
		return old + (elf_chance(v->c, 2) ? 4 : -4u) *
		       elf_chance(v->c, 64);
	default:
		return old + elf_chance(v->c, 9) - 4;
	}
}

static void change(struct victim *v, size_t at, size_t width)
{
	put(v, at, width, some_value(v, get(v, at, width)));
}

static void change_header(struct victim *v)
{
	static const struct {
		uint8_t at, width;
	} fields[] = {
		{ EI_CLASS, 1 }, { EI_DATA, 1 }, { EI_OSABI, 1 },
		{ offsetof(struct elf32_ehdr, e_type), 2 },
		{ offsetof(struct elf32_ehdr, e_machine), 2 },
		{ offsetof(struct elf32_ehdr, e_version), 4 },
		{ offsetof(struct elf32_ehdr, e_shoff), 4 },
		{ offsetof(struct elf32_ehdr, e_flags), 4 },
		{ offsetof(struct elf32_ehdr, e_ehsize), 2 },
		{ offsetof(struct elf32_ehdr, e_phnum), 2 },
		{ offsetof(struct elf32_ehdr, e_shentsize), 2 },
		{ offsetof(struct elf32_ehdr, e_shnum), 2 },
		{ offsetof(struct elf32_ehdr, e_shstrndx), 2 },
	};
	uint32_t i = elf_chance(v->c, ARRAY_SIZE(fields));

	change(v, fields[i].at, fields[i].width);
}

static void change_section(struct victim *v)
{
	static const uint32_t types[] = {
		SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA,
		SHT_NOTE, SHT_NOBITS, SHT_REL, SHT_INIT_ARRAY, SHT_GROUP,
		SHT_SYMTAB_SHNDX, 0x6ffffff6,
	};
	size_t at = section_at(v, elf_chance(v->c, v->shnum));
	size_t field = 4 * elf_chance(v->c, sizeof(struct elf32_shdr) / 4);
	uint32_t old = get(v, at + field, 4);

	if (field == offsetof(struct elf32_shdr, sh_type))
		put(v, at + field, 4,
		    types[elf_chance(v->c, ARRAY_SIZE(types))]);
	else if (field == offsetof(struct elf32_shdr, sh_flags))
		put(v, at + field, 4, old ^ 1u << elf_chance(v->c, 12));
	else if (field == offsetof(struct elf32_shdr, sh_addralign))
		put(v, at + field, 4, 1u << elf_chance(v->c, 15));
	else
		change(v, at + field, 4);
}

/* One section becomes the copy of another, or they change places. */
static void confuse_sections(struct victim *v)
{
	size_t a = section_at(v, elf_chance(v->c, v->shnum));
	size_t b = section_at(v, elf_chance(v->c, v->shnum));
	bool swap = elf_chance(v->c, 2);

	for (size_t i = 0; i < sizeof(struct elf32_shdr); i += 4) {
		uint32_t x = get(v, a + i, 4), y = get(v, b + i, 4);

		put(v, b + i, 4, x);
		if (swap)
			put(v, a + i, 4, y);
	}
}

/* An entry of @entry bytes in some section of @type; 0: none was met. */
static size_t some_entry(struct victim *v, uint32_t type, uint32_t entry)
{
	for (uint32_t n = 0; n < TRIES; n++) {
		uint32_t i = elf_chance(v->c, v->shnum);
		uint32_t size = section_field(v, i, offsetof(struct elf32_shdr,
							     sh_size));

		if (section_field(v, i, offsetof(struct elf32_shdr,
						 sh_type)) == type &&
		    size >= entry)
			return section_field(v, i, offsetof(struct elf32_shdr,
							    sh_offset)) +
			       elf_chance(v->c, size / entry) * entry;
	}
	return 0;
}

static void change_symbol(struct victim *v)
{
	size_t at = some_entry(v, SHT_SYMTAB, sizeof(struct elf32_sym));

	switch (at ? elf_chance(v->c, 6) : 6) {
	case 0:
		change(v, at + offsetof(struct elf32_sym, st_name), 4);
		break;
	case 1:
		change(v, at + offsetof(struct elf32_sym, st_value), 4);
		break;
	case 2:
		change(v, at + offsetof(struct elf32_sym, st_size), 4);
		break;
	case 3:
		put(v, at + offsetof(struct elf32_sym, st_info), 1,
		    elf_chance(v->c, 3) << 4 | elf_chance(v->c, 7));
		break;
	case 4:
		put(v, at + offsetof(struct elf32_sym, st_shndx), 2,
		    elf_chance(v->c, v->shnum + 1));
		break;
	case 5:
		change(v, at + offsetof(struct elf32_sym, st_shndx), 2);
		break;
	}
}

static void change_relocation(struct victim *v)
{
	static const uint8_t types[] = {
		R_386_NONE, R_386_32, R_386_PC32, R_386_GOT32, R_386_PLT32,
		R_386_GOTOFF, R_386_GOTPC, R_386_GOT32X, 8, 20, 42, 255,
	};
	size_t at = some_entry(v, SHT_REL, sizeof(struct elf32_rel));
	size_t info = at + offsetof(struct elf32_rel, r_info);

	switch (at ? elf_chance(v->c, 4) : 4) {
	case 0:
		change(v, at, 4);		/* r_offset */
		break;
	case 1:
		put(v, at, 4, elf_chance(v->c, 0x400));
		break;
	case 2:
		put(v, info, 1, types[elf_chance(v->c, ARRAY_SIZE(types))]);
		break;
	case 3:
		put(v, info + 1, 2, some_value(v, get(v, info + 1, 2)));
		break;
	}
}

/* A byte of what a section holds; small tables as often as large text. */
static void change_content(struct victim *v)
{
	uint32_t i = elf_chance(v->c, v->shnum);
	uint32_t size = section_field(v, i, offsetof(struct elf32_shdr,
						     sh_size));
	size_t at = section_field(v, i, offsetof(struct elf32_shdr,
						 sh_offset));

	if (!size)
		return;
	if (elf_chance(v->c, 2))
		change(v, at + (elf_chance(v->c, size) & ~3u), 4);
	else
		change(v, at + elf_chance(v->c, size), 1);
}

static void change_anything(struct victim *v)
{
	change(v, elf_chance(v->c, (uint32_t)v->size), 1);
}

size_t elf_mutate(struct elf_chance *c, uint8_t *file, size_t size)
{
	struct victim v = { .c = c, .file = file, .size = size };
	uint32_t changes = 1 + elf_chance(c, 1 + elf_chance(c, MAX_CHANGES));

	if (!size)
		return 0;
	if (elf_chance(c, 64) == 0)
		v.size = 1 + elf_chance(c, (uint32_t)size);
	while (changes--) {
		static void (*const kinds[])(struct victim *v) = {
			change_header, change_section, change_section,
			change_section, change_symbol, change_symbol,
			change_relocation, change_relocation,
			change_relocation, confuse_sections, change_content,
			change_content,
		};

		find_sections(&v);
		if (v.shnum)
			kinds[elf_chance(c, ARRAY_SIZE(kinds))](&v);
		else
			change_anything(&v);
	}
	return v.size;
}

/* init_module, register_module, unregister_module, cleanup_module. */
void elf_disarm(uint8_t *file, size_t size)
{
	static const char *const entries[] = {
		"init_module", "register_module", "cleanup_module",
	};

	for (size_t at = 0; at < size; at++)
		for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
			size_t n = strlen(entries[i]);

			if (file[at] == entries[i][0] && n <= size - at &&
			    !memcmp(file + at, entries[i], n))
				file[at + n - 1] = 'X';
		}
}
