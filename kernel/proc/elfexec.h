/*
 * Static ELF programs (ELF32, i386, ET_EXEC): what of the file goes where.
 * Pure; the file comes from outside and nothing in it is believed unchecked.
 */
#ifndef PROC_ELFEXEC_H
#define PROC_ELFEXEC_H

#include <kernel/types.h>

#define EXEC_MAX_SEGMENTS	16u
#define EXEC_LOWEST		0x00001000u
#define EXEC_HIGHEST		0xb0000000u

struct exec_segment {
	uint32_t	vaddr, mem_size;
	uint32_t	offset, file_size;	/* in the file */
	bool		readable, writable, executable;
};

/* Segments ascend and share no page. */
struct exec_plan {
	uint32_t		entry;
	uint32_t		phdr;		/* at run time; 0: not loaded */
	uint32_t		nr_phdrs;
	uint32_t		nr_segments;
	struct exec_segment	segments[EXEC_MAX_SEGMENTS];
};

/*
 * @head: the first @head_size bytes (or all) of a file of @file_size bytes.
 * 0, or -ENOEXEC with *@why a constant string.  Any context.
 */
int exec_plan(const void *head, size_t head_size, uint32_t file_size,
	      struct exec_plan *plan, const char **why);

#endif
