/*
 * A module file, checked.  elf_check() is the only door: whoever holds a
 * struct elf_file may follow every offset, index and name in it without
 * looking again.  Everything here is pure: no allocation, no locks, no global
 * state; any context; it reads the file and writes what the caller hands in.
 */
#ifndef MODULE_ELF_H
#define MODULE_ELF_H

#include <kernel/types.h>
#include "elf32.h"

#define ELF_MAX_SECTIONS	8192
#define ELF_MAX_SYMBOLS		65536
#define ELF_MAX_GROUPS		512
#define ELF_MAX_NAME		255

/* Why a file was refused, for people: one line, printable characters only. */
struct elf_error {
	char text[160];
};

/*
 * The pointers lead into the file, which the caller owns: it must outlive this
 * and nobody may write to it meanwhile.
 */
struct elf_file {
	const uint8_t *bytes;
	uint32_t size;
	const struct elf32_shdr *section;	/* [section_count] */
	uint32_t section_count;
	const char *section_names;
	uint32_t section_names_size;
	const struct elf32_sym *symbol;		/* [symbol_count] */
	uint32_t symbol_count;
	uint32_t symbol_section;		/* index of the SHT_SYMTAB */
	const char *symbol_names;
	uint32_t symbol_names_size;
};

/*
 * Checks all of @file (4-byte aligned, @size bytes) and fills @elf.  -ENOEXEC
 * and a text in @err where it is not a sound ELF32 i386 relocatable object;
 * @elf holds nothing of use then.
 */
int elf_check(const void *file, size_t size, struct elf_file *elf,
	      struct elf_error *err) __must_check;

/*
 * The section of that name, or 0 where there is none.  -ENOEXEC where there
 * are two: tables that the loader reads must not be ambiguous.
 */
int elf_find_section(const struct elf_file *elf, const char *name,
		     struct elf_error *err) __must_check;

/* The defined global symbol of that name, or 0 where there is none. */
uint32_t elf_find_symbol(const struct elf_file *elf, const char *name);

const char *elf_section_name(const struct elf_file *elf, uint32_t index);

/* A section symbol has no name of its own: it gets its section's. */
const char *elf_symbol_name(const struct elf_file *elf, uint32_t index);

/* Undefined for sections without bytes in the file (SHT_NOBITS, SHT_NULL). */
static inline const void *elf_section_data(const struct elf_file *elf,
					   uint32_t index)
{
	return elf->bytes + elf->section[index].sh_offset;
}

/*
 * Does the section become part of the module?  Unwind tables and notes have no
 * reader in the kernel, and .modinfo is read from the file.
 */
bool elf_section_is_loaded(const struct elf_file *elf, uint32_t index);

/* Does the symbol lie in a section of the file (not UNDEF, ABS or COMMON)? */
static inline bool elf_symbol_in_section(const struct elf32_sym *sym)
{
	return sym->st_shndx != SHN_UNDEF && sym->st_shndx < SHN_LORESERVE;
}

/*
 * Write the text and return @code.  Bytes that are not printable become '?':
 * a hostile name must not reach a terminal.
 */
int elf_fail(struct elf_error *err, int code, const char *fmt, ...)
	__printf(3, 4);
/* "section 5 (.text): ..."; -ENOEXEC. */
int elf_fail_section(const struct elf_file *elf, uint32_t index,
		     struct elf_error *err, const char *fmt, ...)
	__printf(4, 5);
/* "symbol 7 (foo): ..."; -ENOEXEC. */
int elf_fail_symbol(const struct elf_file *elf, uint32_t index,
		    struct elf_error *err, const char *fmt, ...)
	__printf(4, 5);

#endif
