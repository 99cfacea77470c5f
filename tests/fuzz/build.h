/*
 * Module files made of parts, for the targets that are after one part only: the
 * rest of the file is sound.
 */
#ifndef TESTS_FUZZ_BUILD_H
#define TESTS_FUZZ_BUILD_H

#include "fuzz.h"
#include <module/elf32.h>

#define MAX_PARTS	80u

struct part {
	const char *name;
	uint32_t type, flags, link, info, align, entsize, size;
	const void *data;	/* not of SHT_NOBITS */
};

/*
 * The file with sections 1 .. @n, and one for their names after them;
 * malloc()ed, *@size bytes.
 */
static inline void *build_file(const struct part *part, uint32_t n,
			       size_t *size)
{
	struct elf32_ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL, .e_machine = EM_386,
		.e_version = EV_CURRENT, .e_ehsize = sizeof(eh),
		.e_shentsize = sizeof(struct elf32_shdr),
		.e_shnum = (uint16_t)(n + 2), .e_shstrndx = (uint16_t)(n + 1),
	};
	struct elf32_shdr sh[MAX_PARTS + 2] = { { 0 } };
	char names[MAX_PARTS * 32] = "";
	uint32_t at = sizeof(eh), used = 1, i;
	uint8_t *file;

	assert(n <= MAX_PARTS);
	for (i = 1; i <= n + 1; i++) {
		static const struct part last = {
			.name = ".shstrtab", .type = SHT_STRTAB,
		};
		const struct part *p = i <= n ? &part[i - 1] : &last;

		sh[i] = (struct elf32_shdr) {
			.sh_name = used, .sh_type = p->type,
			.sh_flags = p->flags, .sh_offset = at,
			.sh_size = p->size, .sh_link = p->link,
			.sh_info = p->info, .sh_addralign = p->align,
			.sh_entsize = p->entsize,
		};
		used += (uint32_t)sprintf(names + used, "%.30s", p->name) + 1;
		if (i == n + 1)
			sh[i].sh_size = used;
		if (p->type != SHT_NOBITS)
			at += (sh[i].sh_size + 3) & ~3u;
	}
	eh.e_shoff = at;
	*size = at + (n + 2) * sizeof(sh[0]);
	file = calloc(1, *size);
	memcpy(file, &eh, sizeof(eh));
	for (i = 1; i <= n; i++)
		if (part[i - 1].type != SHT_NOBITS && part[i - 1].size)
			memcpy(file + sh[i].sh_offset, part[i - 1].data,
			       part[i - 1].size);
	memcpy(file + sh[n + 1].sh_offset, names, used);
	memcpy(file + eh.e_shoff, sh, (n + 2) * sizeof(sh[0]));
	return file;
}

#endif
