/*
 * The ELF32 file format, as far as a relocatable object for the i386 uses it.
 * Sources: System V ABI (gABI) chapters 4 and 5; Intel386 psABI 1.1, 4.1 to
 * 4.4 (the R_386 relocations); GNU additions as binutils writes them.  Field
 * and constant names are those of the gABI.
 */
#ifndef MODULE_ELF32_H
#define MODULE_ELF32_H

#include <kernel/types.h>

/* gABI 4, "ELF Identification": indices into e_ident and their values. */
#define EI_CLASS	4
#define EI_DATA		5
#define EI_VERSION	6
#define EI_OSABI	7
#define EI_NIDENT	16
#define ELFCLASS32	1
#define ELFCLASS64	2
#define ELFDATA2LSB	1
#define EV_CURRENT	1
#define ELFOSABI_NONE	0
#define ELFOSABI_GNU	3

/* gABI 4, "ELF Header". */
#define ET_REL		1
#define ET_EXEC		2
#define ET_DYN		3
#define ET_CORE		4
#define EM_386		3

struct elf32_ehdr {
	uint8_t  e_ident[EI_NIDENT];
	uint16_t e_type;
	uint16_t e_machine;
	uint32_t e_version;
	uint32_t e_entry;
	uint32_t e_phoff;
	uint32_t e_shoff;
	uint32_t e_flags;
	uint16_t e_ehsize;
	uint16_t e_phentsize;
	uint16_t e_phnum;
	uint16_t e_shentsize;
	uint16_t e_shnum;
	uint16_t e_shstrndx;
};

/* gABI 4, "Sections": reserved indices. */
#define SHN_UNDEF	0
#define SHN_LORESERVE	0xff00
#define SHN_ABS		0xfff1
#define SHN_COMMON	0xfff2
#define SHN_XINDEX	0xffff

/* gABI 4, "Section Types, sh_type". */
#define SHT_NULL		0
#define SHT_PROGBITS		1
#define SHT_SYMTAB		2
#define SHT_STRTAB		3
#define SHT_RELA		4
#define SHT_NOTE		7
#define SHT_NOBITS		8
#define SHT_REL			9
#define SHT_INIT_ARRAY		14
#define SHT_GROUP		17
#define SHT_SYMTAB_SHNDX	18

/* gABI 4, "Section Attribute Flags, sh_flags". */
#define SHF_WRITE		0x1
#define SHF_ALLOC		0x2
#define SHF_EXECINSTR		0x4
#define SHF_OS_NONCONFORMING	0x100
#define SHF_TLS			0x400
#define SHF_COMPRESSED		0x800

/* gABI 4, "Section Groups": the first word of a group. */
#define GRP_COMDAT	0x1

struct elf32_shdr {
	uint32_t sh_name;
	uint32_t sh_type;
	uint32_t sh_flags;
	uint32_t sh_addr;
	uint32_t sh_offset;
	uint32_t sh_size;
	uint32_t sh_link;
	uint32_t sh_info;
	uint32_t sh_addralign;
	uint32_t sh_entsize;
};

/* gABI 4, "Symbol Table". */
#define STB_LOCAL	0
#define STB_GLOBAL	1
#define STB_WEAK	2
#define STT_NOTYPE	0
#define STT_OBJECT	1
#define STT_FUNC	2
#define STT_SECTION	3
#define STT_FILE	4
#define STT_COMMON	5
#define STT_TLS		6
#define STT_GNU_IFUNC	10

#define ELF32_ST_BIND(info)	((info) >> 4)
#define ELF32_ST_TYPE(info)	((info) & 0xf)

struct elf32_sym {
	uint32_t st_name;
	uint32_t st_value;
	uint32_t st_size;
	uint8_t  st_info;
	uint8_t  st_other;
	uint16_t st_shndx;
};

/* gABI 4, "Relocation".  The i386 keeps the addend in the field itself. */
#define ELF32_R_SYM(info)	((info) >> 8)
#define ELF32_R_TYPE(info)	((info) & 0xff)

struct elf32_rel {
	uint32_t r_offset;
	uint32_t r_info;
};

/* psABI 4.4, table 4.9: those that modules may have. */
#define R_386_NONE	0
#define R_386_32	1
#define R_386_PC32	2
#define R_386_GOT32	3
#define R_386_PLT32	4
#define R_386_GOTOFF	9
#define R_386_GOTPC	10
#define R_386_GOT32X	43

_Static_assert(sizeof(struct elf32_ehdr) == 52, "gABI figure 4-3");
_Static_assert(sizeof(struct elf32_shdr) == 40, "gABI figure 4-8");
_Static_assert(sizeof(struct elf32_sym) == 16, "gABI figure 4-15");
_Static_assert(sizeof(struct elf32_rel) == 8, "gABI figure 4-20");

#endif
