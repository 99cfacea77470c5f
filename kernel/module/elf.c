/*
 * The door of the module loader: is this file a sound ELF32 i386 relocatable
 * object?  A module file may be damaged, truncated, hostile or for another
 * machine.  What passes here is believed by all the rest of the loader, so
 * every offset, size, index, name and flag that anyone uses is checked here,
 * in an order in which each check rests on those before it only.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/types.h>
#include "elf.h"

/*
 * All texts about a file go through here: what a hostile name or string holds
 * must not reach a terminal as an escape sequence.  A text that is too long is
 * cut; it always ends in a NUL.
 */
static void fail_text(struct elf_error *err, const char *prefix,
		      const char *fmt, va_list ap)
{
	size_t used = strnlen(prefix, sizeof(err->text) - 1);
	char *p;

	memcpy(err->text, prefix, used);
	vsnprintf(err->text + used, sizeof(err->text) - used, fmt, ap);
	for (p = err->text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

int elf_fail(struct elf_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_text(err, "", fmt, ap);
	va_end(ap);
	return code;
}

/* The name is cut so that the reason behind it has room. */
int elf_fail_section(const struct elf_file *elf, uint32_t index,
		     struct elf_error *err, const char *fmt, ...)
{
	char prefix[80];
	va_list ap;

	snprintf(prefix, sizeof(prefix), "section %u (%.40s): ", index,
		 elf_section_name(elf, index));
	va_start(ap, fmt);
	fail_text(err, prefix, fmt, ap);
	va_end(ap);
	return -ENOEXEC;
}

int elf_fail_symbol(const struct elf_file *elf, uint32_t index,
		    struct elf_error *err, const char *fmt, ...)
{
	char prefix[80];
	va_list ap;

	snprintf(prefix, sizeof(prefix), "symbol %u (%.40s): ", index,
		 elf_symbol_name(elf, index));
	va_start(ap, fmt);
	fail_text(err, prefix, fmt, ap);
	va_end(ap);
	return -ENOEXEC;
}

/* Also serves the texts about a file whose names are not yet checked. */
const char *elf_section_name(const struct elf_file *elf, uint32_t index)
{
	uint32_t name = elf->section[index].sh_name;

	if (name >= elf->section_names_size)
		return "name unknown";
	return elf->section_names + name;
}

/*
 * Called for symbols that are not checked yet as well, to name the culprit: so
 * both indices are judged here and not taken on trust.
 */
const char *elf_symbol_name(const struct elf_file *elf, uint32_t index)
{
	const struct elf32_sym *sym = &elf->symbol[index];

	if (sym->st_name >= elf->symbol_names_size)
		return "name unknown";
	if (ELF32_ST_TYPE(sym->st_info) == STT_SECTION &&
	    sym->st_shndx < elf->section_count)
		return elf_section_name(elf, sym->st_shndx);
	return elf->symbol_names + sym->st_name;
}

/*
 * SHF_ALLOC alone does not decide: .note.gnu.property and .eh_frame have it
 * too.  What is left out has no address, and check_target() of reloc.c refuses
 * whatever is loaded and refers to it.
 */
bool elf_section_is_loaded(const struct elf_file *elf, uint32_t index)
{
	const struct elf32_shdr *sec = &elf->section[index];
	const char *name = elf_section_name(elf, index);

	if (!(sec->sh_flags & SHF_ALLOC))
		return false;
	if (sec->sh_type != SHT_PROGBITS && sec->sh_type != SHT_NOBITS)
		return false;
	return strcmp(name, ".eh_frame") && strcmp(name, ".modinfo");
}

/*
 * Linear, as it is asked for three names a load.  The result fits an int:
 * ELF_MAX_SECTIONS bounds it.
 */
int elf_find_section(const struct elf_file *elf, const char *name,
		     struct elf_error *err)
{
	uint32_t found = 0;
	uint32_t i;

	for (i = 1; i < elf->section_count; i++) {
		if (strcmp(elf_section_name(elf, i), name))
			continue;
		if (found)
			return elf_fail_section(elf, i, err,
				"section %u has the same name", found);
		found = i;
	}
	return (int)found;
}

/*
 * Locals are not searched: two files of a module may each have one.  sh_info
 * is 1 at least, so that 0, the null symbol, is free to mean "none".
 */
uint32_t elf_find_symbol(const struct elf_file *elf, const char *name)
{
	uint32_t i = elf->section[elf->symbol_section].sh_info;

	for (; i < elf->symbol_count; i++)
		if (elf->symbol[i].st_shndx != SHN_UNDEF &&
		    !strcmp(elf_symbol_name(elf, i), name))
			return i;
	return 0;
}

static const char *object_type_name(uint16_t type)
{
	switch (type) {
	case ET_EXEC:
		return "an executable";
	case ET_DYN:
		return "a shared object";
	case ET_CORE:
		return "a core dump";
	default:
		return "not a relocatable object";
	}
}

/* What a toolchain makes beside object files. */
static const char *other_file(const uint8_t *id)
{
	if (!memcmp(id, "!<arch>\n", 8))
		return ": an archive; `ld -r` joins its objects to one";
	if (!memcmp(id, "BC\xc0\xde", 4))
		return ": LLVM bitcode; compile without -flto";
	return "";
}

/* The machine first: a file for another one is told so, not called damaged. */
static int check_ident(const struct elf32_ehdr *eh, struct elf_error *err)
{
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F' };
	const uint8_t *id = eh->e_ident;

	if (memcmp(id, magic, sizeof(magic)))
		return elf_fail(err, -ENOEXEC, "not an ELF file%s",
				other_file(id));
	if (id[EI_CLASS] == ELFCLASS64)
		return elf_fail(err, -ENOEXEC, "a 64-bit ELF file: modules "
				"are 32-bit (i386)");
	if (id[EI_CLASS] != ELFCLASS32)
		return elf_fail(err, -ENOEXEC, "ELF class %u is not known",
				id[EI_CLASS]);
	if (id[EI_DATA] != ELFDATA2LSB)
		return elf_fail(err, -ENOEXEC, "ELF data encoding %u is not "
				"little-endian", id[EI_DATA]);
	if (id[EI_VERSION] != EV_CURRENT || eh->e_version != EV_CURRENT)
		return elf_fail(err, -ENOEXEC, "ELF version %u/%u is not "
				"known", id[EI_VERSION], eh->e_version);
	/*
	 * binutils writes ELFOSABI_GNU where a section is marked `retain' too,
	 * which asks nothing of a loader; IFUNC and UNIQUE symbols, which do,
	 * are refused one by one.
	 */
	if (id[EI_OSABI] != ELFOSABI_NONE && id[EI_OSABI] != ELFOSABI_GNU)
		return elf_fail(err, -ENOEXEC, "made for another system (OS "
				"ABI %u)", id[EI_OSABI]);
	return 0;
}

/*
 * e_entry, e_phoff and the program headers mean nothing in an ET_REL (gABI 4,
 * "ELF Header") and are not looked at.  The i386 defines no e_flags.
 */
static int check_header(const struct elf32_ehdr *eh, struct elf_error *err)
{
	int rc = check_ident(eh, err);

	if (rc)
		return rc;
	if (eh->e_machine != EM_386)
		return elf_fail(err, -ENOEXEC, "made for machine %u, not for "
				"the Intel 80386 (3)", eh->e_machine);
	if (eh->e_type != ET_REL)
		return elf_fail(err, -ENOEXEC, "ELF type %u: %s; a module is "
				"a relocatable object (ET_REL)", eh->e_type,
				object_type_name(eh->e_type));
	if (eh->e_flags)
		return elf_fail(err, -ENOEXEC, "processor flags 0x%x are not "
				"known", eh->e_flags);
	if (eh->e_ehsize != sizeof(*eh))
		return elf_fail(err, -ENOEXEC, "ELF header of %u bytes, "
				"should be 52", eh->e_ehsize);
	return 0;
}

/*
 * Afterwards every section header may be read.  No sum is formed before its
 * terms are known to be small: offset + size of a hostile file wraps.
 */
static int check_section_table(const struct elf32_ehdr *eh,
			       struct elf_file *elf, struct elf_error *err)
{
	uint32_t end;

	/*
	 * With 0xff00 sections or more e_shnum is 0 and the number is in
	 * section 0 (gABI 4, "e_shnum"): far above the limit.
	 */
	if (!eh->e_shoff || !eh->e_shnum)
		return elf_fail(err, -ENOEXEC, "no section table%s",
				eh->e_shoff ? " (or one of more than 65279 "
				"sections)" : "");
	if (eh->e_shentsize != sizeof(struct elf32_shdr))
		return elf_fail(err, -ENOEXEC, "section headers of %u bytes, "
				"should be 40", eh->e_shentsize);
	if (eh->e_shnum > ELF_MAX_SECTIONS)
		return elf_fail(err, -ENOEXEC, "%u sections, the limit is %u",
				eh->e_shnum, ELF_MAX_SECTIONS);
	if (!IS_ALIGNED(eh->e_shoff, 4))
		return elf_fail(err, -ENOEXEC, "section table at offset 0x%x "
				"is not aligned to 4", eh->e_shoff);
	end = eh->e_shnum * (uint32_t)sizeof(struct elf32_shdr);
	if (eh->e_shoff > elf->size || end > elf->size - eh->e_shoff)
		return elf_fail(err, -ENOEXEC, "section table: offset 0x%x + "
				"size 0x%x lies outside the file (0x%x bytes):"
				" truncated?", eh->e_shoff, end, elf->size);
	/* Read in place: the buffer and the offset are both aligned. */
	elf->section = (const void *)(elf->bytes + eh->e_shoff);
	elf->section_count = eh->e_shnum;
	return 0;
}

/* sh_offset of the others means nothing (gABI 4, "sh_offset"). */
static bool has_bytes(const struct elf32_shdr *sec)
{
	return sec->sh_type != SHT_NOBITS && sec->sh_type != SHT_NULL;
}

/* Afterwards elf_section_data() may be read for sh_size bytes. */
static int check_extent(const struct elf_file *elf, uint32_t i,
			struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];

	if (!has_bytes(sec))
		return 0;
	if (sec->sh_offset > elf->size ||
	    sec->sh_size > elf->size - sec->sh_offset)
		return elf_fail_section(elf, i, err, "offset 0x%x + size 0x%x "
				"lies outside the file (0x%x bytes)",
				sec->sh_offset, sec->sh_size, elf->size);
	return 0;
}

/* A NUL at the very end makes every name that starts inside end inside. */
static int check_string_table(const struct elf_file *elf, uint32_t i,
			      struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	const char *text = elf_section_data(elf, i);

	if (!sec->sh_size)
		return elf_fail_section(elf, i, err, "string table is empty");
	if (text[0])
		return elf_fail_section(elf, i, err, "string table does not "
					"begin with a NUL");
	if (text[sec->sh_size - 1])
		return elf_fail_section(elf, i, err, "string table does not "
					"end with a NUL");
	return 0;
}

/* The bound keeps what copies names, and compares them, in bounds too. */
static int check_section_name(const struct elf_file *elf, uint32_t i,
			      struct elf_error *err)
{
	uint32_t name = elf->section[i].sh_name;

	if (name >= elf->section_names_size)
		return elf_fail(err, -ENOEXEC, "section %u: name offset 0x%x "
				"lies outside the name table (0x%x bytes)", i,
				name, elf->section_names_size);
	if (strnlen(elf->section_names + name, ELF_MAX_NAME + 1) >
	    ELF_MAX_NAME)
		return elf_fail_section(elf, i, err, "name is longer than %u",
					ELF_MAX_NAME);
	return 0;
}

/* Afterwards elf_section_name() gives a string for every section. */
static int check_section_names(const struct elf32_ehdr *eh,
			       struct elf_file *elf, struct elf_error *err)
{
	uint32_t names = eh->e_shstrndx;
	uint32_t i;
	int rc;

	if (!names || names >= elf->section_count)
		return elf_fail(err, -ENOEXEC, "section names are said to be "
				"in section %u of %u", names,
				elf->section_count);
	if (elf->section[names].sh_type != SHT_STRTAB)
		return elf_fail(err, -ENOEXEC, "section names: section %u is "
				"not a string table", names);
	rc = check_extent(elf, names, err);
	if (!rc)
		rc = check_string_table(elf, names, err);
	if (rc)
		return rc;
	elf->section_names = elf_section_data(elf, names);
	elf->section_names_size = elf->section[names].sh_size;
	for (i = 0; i < elf->section_count && !rc; i++)
		rc = check_section_name(elf, i, err);
	return rc;
}

/* W^X is the module's own duty: the loader does not split such a section. */
static int check_flags(const struct elf_file *elf, uint32_t i,
		       struct elf_error *err)
{
	uint32_t flags = elf->section[i].sh_flags;
	const char *what = NULL;

	if (!(flags & SHF_ALLOC))
		return 0;
	if ((flags & SHF_WRITE) && (flags & SHF_EXECINSTR))
		what = "both writable and executable";
	else if (flags & SHF_TLS)
		what = "thread-local storage (SHF_TLS) is not supported";
	else if (flags & SHF_COMPRESSED)
		what = "compressed (SHF_COMPRESSED) and allocated";
	else if (flags & SHF_OS_NONCONFORMING)
		what = "needs treatment that is not known "
		       "(SHF_OS_NONCONFORMING)";
	if (what)
		return elf_fail_section(elf, i, err, "%s", what);
	return 0;
}

/*
 * By name, as compilers differ in the type (.ctors is SHT_PROGBITS).  A module
 * whose constructors silently did not run would start half-made.
 */
static bool is_constructor(const struct elf_file *elf, uint32_t i)
{
	static const char *const names[] = {
		".init_array", ".fini_array", ".preinit_array", ".ctors",
		".dtors",
	};
	const char *name = elf_section_name(elf, i);
	size_t n, len;

	for (n = 0; n < ARRAY_SIZE(names); n++) {
		len = strlen(names[n]);
		if (!strncmp(name, names[n], len) &&
		    (!name[len] || name[len] == '.'))
			return true;
	}
	return false;
}

/*
 * What is not loaded may be of any type: debuggers and compilers invent some
 * (.llvm_addrsig).  What is loaded must be of one that the loader understands.
 */
static int check_type(const struct elf_file *elf, uint32_t i,
		      struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	bool alloc = sec->sh_flags & SHF_ALLOC;

	if (alloc && is_constructor(elf, i))
		return elf_fail_section(elf, i, err, "constructors and "
				"destructors are not run: use module_init()");
	switch (sec->sh_type) {
	case SHT_PROGBITS:
	case SHT_NOBITS:
	case SHT_NOTE:
		return 0;
	case SHT_RELA:
		return elf_fail_section(elf, i, err, "relocations with addend "
				"(SHT_RELA) do not occur on the i386");
	case SHT_SYMTAB_SHNDX:
		return elf_fail_section(elf, i, err, "extended section "
				"indices (SHT_SYMTAB_SHNDX) are not supported");
	default:
		if (alloc)
			return elf_fail_section(elf, i, err, "allocated, of "
					"type 0x%x, which has no place in a "
					"module", sec->sh_type);
		return 0;
	}
}

/*
 * A larger alignment than a page could not be kept: regions begin on a page.
 * sh_info is judged where it is used; sh_addr means nothing in an ET_REL.
 */
static int check_section(const struct elf_file *elf, uint32_t i,
			 struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	uint32_t align = sec->sh_addralign;
	int rc;

	rc = check_extent(elf, i, err);
	if (!rc)
		rc = check_flags(elf, i, err);
	if (!rc)
		rc = check_type(elf, i, err);
	if (rc)
		return rc;
	if (align & (align - 1))
		return elf_fail_section(elf, i, err, "alignment %u is not a "
					"power of two", align);
	if (align > PAGE_SIZE)
		return elf_fail_section(elf, i, err, "alignment %u, the limit "
					"is %u", align, PAGE_SIZE);
	if (sec->sh_link >= elf->section_count)
		return elf_fail_section(elf, i, err, "linked to section %u of "
					"%u", sec->sh_link, elf->section_count);
	if (sec->sh_type == SHT_STRTAB)
		return check_string_table(elf, i, err);
	return 0;
}

/*
 * Sections that shared bytes could make a small file cost time without bound:
 * thousands of relocation sections over the same megabyte.
 */
static int check_overlap(const struct elf_file *elf, struct elf_error *err)
{
	uint32_t room = elf->size;
	uint32_t i;

	for (i = 1; i < elf->section_count; i++) {
		const struct elf32_shdr *sec = &elf->section[i];

		if (!has_bytes(sec))
			continue;
		if (sec->sh_size > room)
			return elf_fail_section(elf, i, err, "overlaps another:"
				" the sections up to here hold more bytes than "
				"the file (0x%x)", elf->size);
		room -= sec->sh_size;
	}
	return 0;
}

/* A table: entries of @entry bytes, aligned so that they are read in place. */
static int check_table(const struct elf_file *elf, uint32_t i, uint32_t entry,
		       struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];

	if (sec->sh_entsize != entry)
		return elf_fail_section(elf, i, err, "entries of %u bytes, "
					"should be %u", sec->sh_entsize, entry);
	if (sec->sh_size % entry)
		return elf_fail_section(elf, i, err, "size 0x%x is no multiple "
					"of %u", sec->sh_size, entry);
	if (!IS_ALIGNED(sec->sh_offset, 4))
		return elf_fail_section(elf, i, err, "offset 0x%x is not "
					"aligned to 4", sec->sh_offset);
	return 0;
}

/* gABI 4: at most one today; which of two relocations meant is unknowable. */
static int find_symbol_table(struct elf_file *elf, struct elf_error *err)
{
	uint32_t i;

	for (i = 1; i < elf->section_count; i++) {
		if (elf->section[i].sh_type != SHT_SYMTAB)
			continue;
		if (elf->symbol_section)
			return elf_fail_section(elf, i, err, "a second symbol "
						"table (the first is section "
						"%u)", elf->symbol_section);
		elf->symbol_section = i;
	}
	if (!elf->symbol_section)
		return elf_fail(err, -ENOEXEC, "no symbol table: stripped?");
	return 0;
}

/* Afterwards every symbol may be read, and its name once st_name is checked. */
static int check_symbol_table(struct elf_file *elf, struct elf_error *err)
{
	uint32_t i = elf->symbol_section;
	const struct elf32_shdr *sec = &elf->section[i];
	uint32_t count = sec->sh_size / sizeof(struct elf32_sym);
	int rc = check_table(elf, i, sizeof(struct elf32_sym), err);

	if (rc)
		return rc;
	if (!count)
		return elf_fail_section(elf, i, err, "symbol table is empty");
	if (count > ELF_MAX_SYMBOLS)
		return elf_fail_section(elf, i, err, "%u symbols, the limit is "
					"%u", count, ELF_MAX_SYMBOLS);
	/* The null symbol is a local one, so there is one at least. */
	if (!sec->sh_info || sec->sh_info > count)
		return elf_fail_section(elf, i, err, "first global symbol is "
					"said to be %u of %u", sec->sh_info,
					count);
	if (elf->section[sec->sh_link].sh_type != SHT_STRTAB)
		return elf_fail_section(elf, i, err, "section %u, for the "
					"names, is not a string table",
					sec->sh_link);
	elf->symbol = elf_section_data(elf, i);
	elf->symbol_count = count;
	elf->symbol_names = elf_section_data(elf, sec->sh_link);
	elf->symbol_names_size = elf->section[sec->sh_link].sh_size;
	return 0;
}

/*
 * Afterwards elf_symbol_name() gives a string of bounded length.  Only a local
 * may be nameless: by its name is how a global is found.
 */
static int check_symbol_name(const struct elf_file *elf, uint32_t i,
			     struct elf_error *err)
{
	const struct elf32_sym *sym = &elf->symbol[i];
	const char *name;

	if (sym->st_name >= elf->symbol_names_size)
		return elf_fail_symbol(elf, i, err, "name offset 0x%x lies "
				"outside the string table (0x%x bytes)",
				sym->st_name, elf->symbol_names_size);
	name = elf->symbol_names + sym->st_name;
	if (strnlen(name, ELF_MAX_NAME + 1) > ELF_MAX_NAME)
		return elf_fail_symbol(elf, i, err, "name is longer than %u",
				       ELF_MAX_NAME);
	if (!name[0] && ELF32_ST_BIND(sym->st_info) != STB_LOCAL)
		return elf_fail_symbol(elf, i, err, "global without a name");
	return 0;
}

/*
 * Locals come first, sh_info says how many (gABI 4, "sh_link and sh_info"):
 * look-ups by name rest on it and skip them.
 */
static int check_symbol_kind(const struct elf_file *elf, uint32_t i,
			     struct elf_error *err)
{
	const struct elf32_sym *sym = &elf->symbol[i];
	uint8_t type = ELF32_ST_TYPE(sym->st_info);
	uint8_t bind = ELF32_ST_BIND(sym->st_info);
	bool local = i < elf->section[elf->symbol_section].sh_info;

	if (type == STT_TLS)
		return elf_fail_symbol(elf, i, err, "thread-local symbols "
				       "(STT_TLS) are not supported");
	if (type == STT_GNU_IFUNC)
		return elf_fail_symbol(elf, i, err, "indirect functions "
				       "(STT_GNU_IFUNC) are not supported");
	if (type > STT_COMMON)
		return elf_fail_symbol(elf, i, err, "symbol type %u is not "
				       "known", type);
	if (bind > STB_WEAK)
		return elf_fail_symbol(elf, i, err, "symbol binding %u is not "
				       "supported", bind);
	if (local != (bind == STB_LOCAL))
		return elf_fail_symbol(elf, i, err, "a %s symbol among the %s",
				       local ? "global" : "local",
				       local ? "local" : "global");
	return 0;
}

/* COMMON keeps its alignment in st_value (gABI 4, "Symbol Values"). */
static int check_common(const struct elf_file *elf, uint32_t i,
			struct elf_error *err)
{
	uint32_t align = elf->symbol[i].st_value;

	if (!align || (align & (align - 1)) || align > PAGE_SIZE)
		return elf_fail_symbol(elf, i, err, "COMMON with alignment %u, "
				       "which is no power of two up to %u",
				       align, PAGE_SIZE);
	return 0;
}

/*
 * Afterwards a symbol of a section lies in it, its size included; the end of
 * the section is a place too (end labels).
 */
static int check_symbol_place(const struct elf_file *elf, uint32_t i,
			      struct elf_error *err)
{
	const struct elf32_sym *sym = &elf->symbol[i];
	uint32_t index = sym->st_shndx;
	uint32_t size;

	if (index == SHN_UNDEF || index == SHN_ABS)
		return 0;
	if (index == SHN_COMMON)
		return check_common(elf, i, err);
	if (index == SHN_XINDEX)
		return elf_fail_symbol(elf, i, err, "extended section index "
				       "(SHN_XINDEX) is not supported");
	/* The reserved indices not named above lie beyond any count. */
	if (index >= elf->section_count)
		return elf_fail_symbol(elf, i, err, "in section 0x%x of %u",
				       index, elf->section_count);
	size = elf->section[index].sh_size;
	if (sym->st_value > size || sym->st_size > size - sym->st_value)
		return elf_fail_symbol(elf, i, err, "value 0x%x + size 0x%x "
				"lies outside section %u (%.32s, 0x%x bytes)",
				sym->st_value, sym->st_size, index,
				elf_section_name(elf, index), size);
	return 0;
}

/*
 * Symbol 0 is what relocations without a symbol name.  Its value is 0 (gABI 4,
 * "Symbol Table"), which resolve_undefined() of reloc.c takes for granted.
 */
static int check_symbols(const struct elf_file *elf, struct elf_error *err)
{
	uint32_t i;
	int rc;

	if (elf->symbol[0].st_name || elf->symbol[0].st_shndx ||
	    elf->symbol[0].st_value || elf->symbol[0].st_info)
		return elf_fail(err, -ENOEXEC, "symbol 0 is not the null "
				"symbol");
	for (i = 1; i < elf->symbol_count; i++) {
		rc = check_symbol_name(elf, i, err);
		if (!rc)
			rc = check_symbol_kind(elf, i, err);
		if (!rc)
			rc = check_symbol_place(elf, i, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Afterwards the four bytes of every field, and every symbol, exist. */
static int check_rel_entries(const struct elf_file *elf, uint32_t i,
			     struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	const struct elf32_shdr *target = &elf->section[sec->sh_info];
	const struct elf32_rel *rel = elf_section_data(elf, i);
	uint32_t n;

	for (n = 0; n < sec->sh_size / sizeof(*rel); n++) {
		if (target->sh_size < 4 ||
		    rel[n].r_offset > target->sh_size - 4)
			return elf_fail_section(elf, i, err, "relocation %u: "
				"offset 0x%x lies outside %.32s (0x%x bytes)",
				n, rel[n].r_offset,
				elf_section_name(elf, sec->sh_info),
				target->sh_size);
		if (ELF32_R_SYM(rel[n].r_info) >= elf->symbol_count)
			return elf_fail_section(elf, i, err, "relocation %u: "
				"symbol %u of %u", n,
				ELF32_R_SYM(rel[n].r_info), elf->symbol_count);
	}
	return 0;
}

/*
 * Only what is loaded gets relocated.  Entries for other sections are never
 * read: offsets into a compressed debug section lie past its bytes.
 */
static int check_rel(const struct elf_file *elf, uint32_t i,
		     struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	int rc = check_table(elf, i, sizeof(struct elf32_rel), err);

	if (rc)
		return rc;
	if (sec->sh_link != elf->symbol_section)
		return elf_fail_section(elf, i, err, "section %u, for the "
					"symbols, is not the symbol table",
					sec->sh_link);
	if (!sec->sh_info || sec->sh_info >= elf->section_count)
		return elf_fail_section(elf, i, err, "relocates section %u of "
					"%u", sec->sh_info,
					elf->section_count);
	if (!elf_section_is_loaded(elf, sec->sh_info))
		return 0;
	if (elf->section[sec->sh_info].sh_type == SHT_NOBITS && sec->sh_size)
		return elf_fail_section(elf, i, err, "relocates section %u "
				"(%.32s), which has no bytes in the file",
				sec->sh_info,
				elf_section_name(elf, sec->sh_info));
	return check_rel_entries(elf, i, err);
}

/*
 * @i comes before the group that is being checked: if it is a group it has
 * passed its own check, and so has a first word and a signature.
 */
static bool is_comdat(const struct elf_file *elf, uint32_t i)
{
	const uint32_t *word;

	if (elf->section[i].sh_type != SHT_GROUP)
		return false;
	word = elf_section_data(elf, i);
	return word[0] & GRP_COMDAT;
}

/*
 * A linker keeps one COMDAT group of a signature and drops the others.  A
 * loader of one file meets each signature once, or the file is unsound.
 */
static int check_group_unique(const struct elf_file *elf, uint32_t i,
			      struct elf_error *err)
{
	const char *name = elf_symbol_name(elf, elf->section[i].sh_info);
	uint32_t n;

	for (n = 1; n < i; n++) {
		if (!is_comdat(elf, n))
			continue;
		if (!strcmp(elf_symbol_name(elf, elf->section[n].sh_info),
			    name))
			return elf_fail_section(elf, i, err, "COMDAT group "
				"%.40s is in section %u too", name, n);
	}
	return 0;
}

/*
 * Groups are accepted, as -fPIE makes one for each of its __x86.get_pc_thunk
 * functions; but nothing in the loader depends on them.
 */
static int check_group(const struct elf_file *elf, uint32_t i,
		       struct elf_error *err)
{
	const struct elf32_shdr *sec = &elf->section[i];
	const uint32_t *word = elf_section_data(elf, i);
	int rc = check_table(elf, i, sizeof(*word), err);
	uint32_t n;

	if (rc)
		return rc;
	if (!sec->sh_size || (word[0] & ~GRP_COMDAT))
		return elf_fail_section(elf, i, err, "group flags are %s",
					sec->sh_size ? "not known" : "missing");
	if (sec->sh_link != elf->symbol_section ||
	    sec->sh_info >= elf->symbol_count)
		return elf_fail_section(elf, i, err, "group signature: symbol "
					"%u of section %u is not there",
					sec->sh_info, sec->sh_link);
	for (n = 1; n < sec->sh_size / sizeof(*word); n++)
		if (!word[n] || word[n] >= elf->section_count)
			return elf_fail_section(elf, i, err, "group member %u "
						"is section %u of %u", n,
						word[n], elf->section_count);
	return word[0] & GRP_COMDAT ? check_group_unique(elf, i, err) : 0;
}

/* What refers to symbols and to other sections, once all of those are known. */
/*
 * In the order of the table: check_group_unique() looks back, at groups which
 * have passed.  ELF_MAX_GROUPS bounds that, as it is a search for each group.
 */
static int check_references(const struct elf_file *elf, struct elf_error *err)
{
	uint32_t groups = 0;
	uint32_t i;
	int rc = 0;

	for (i = 1; i < elf->section_count && !rc; i++) {
		if (elf->section[i].sh_type == SHT_REL)
			rc = check_rel(elf, i, err);
		if (elf->section[i].sh_type != SHT_GROUP)
			continue;
		if (++groups > ELF_MAX_GROUPS)
			return elf_fail_section(elf, i, err, "more than %u "
						"groups", ELF_MAX_GROUPS);
		rc = check_group(elf, i, err);
	}
	return rc;
}

static int check_sections(const struct elf_file *elf, struct elf_error *err)
{
	uint32_t i;
	int rc;

	/* Nothing else of it is checked: as a link or target it is no table. */
	if (elf->section[0].sh_type != SHT_NULL)
		return elf_fail(err, -ENOEXEC, "section 0 has type %u, and is "
				"none (gABI 4, \"Sections\")",
				elf->section[0].sh_type);
	for (i = 1; i < elf->section_count; i++) {
		rc = check_section(elf, i, err);
		if (rc)
			return rc;
	}
	return check_overlap(elf, err);
}

/* Each step believes only what those above it have established. */
int elf_check(const void *file, size_t size, struct elf_file *elf,
	      struct elf_error *err)
{
	const struct elf32_ehdr *eh = file;
	int rc;

	memset(elf, 0, sizeof(*elf));
	if (size < sizeof(*eh))
		return elf_fail(err, -ENOEXEC, "%u bytes are too few for an "
				"ELF file", (unsigned int)size);
	/*
	 * Offsets and sizes are compared as uint32_t, and indices go into ints:
	 * half of the range is enough for both.
	 */
	if (size > INT32_MAX)
		return elf_fail(err, -ENOEXEC, "file is larger than 2 GiB");
	/* The caller's mistake, not the file's. */
	if (!IS_ALIGNED((uintptr_t)file, 4))
		return elf_fail(err, -EINVAL, "file buffer is not aligned");
	elf->bytes = file;
	elf->size = (uint32_t)size;

	rc = check_header(eh, err);
	if (!rc)
		rc = check_section_table(eh, elf, err);
	if (!rc)
		rc = check_section_names(eh, elf, err);
	if (!rc)
		rc = check_sections(elf, err);
	if (!rc)
		rc = find_symbol_table(elf, err);
	if (!rc)
		rc = check_symbol_table(elf, err);
	if (!rc)
		rc = check_symbols(elf, err);
	if (!rc)
		rc = check_references(elf, err);
	return rc;
}
