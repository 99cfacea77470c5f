/*
 * libFuzzer's own changes, and those of kernel/test/elfmutate.c, which know
 * what is where in a module file.
 */
#ifndef TESTS_FUZZ_ELFMUTATOR_H
#define TESTS_FUZZ_ELFMUTATOR_H

#include "fuzz.h"
#include <test/elfmutate.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	struct elf_chance c = { seed ? seed : 1 };

	if (!size || elf_chance(&c, 5) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	return elf_mutate(&c, data, size);
}

#endif
