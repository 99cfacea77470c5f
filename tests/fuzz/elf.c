// sources: kernel/module/elf.c kernel/module/modinfo.c kernel/test/elfmutate.c
/*
 * The door of the loader: whatever passes it lies within the file, and whatever
 * does not is told why.
 */
#include "elfmutator.h"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *file = exact_copy(data, size);
	struct elf_file elf;
	struct elf_error err;

	memset(&err, 0xff, sizeof(err));
	if (elf_check(file, size, &elf, &err))
		check_text(&err);
	else
		check_elf(&elf, file, size);
	free(file);
	return 0;
}
