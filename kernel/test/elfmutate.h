/*
 * Damage to a module file by chance, aware of what is where in it: headers,
 * section table, symbols, relocations, strings and tables.  Pure, also built on
 * the host, where libFuzzer mutates with it.
 */
#ifndef TEST_ELFMUTATE_H
#define TEST_ELFMUTATE_H

#include <kernel/types.h>

/* A source of chance of its own: the same seed, the same damage.  Not 0. */
struct elf_chance {
	uint32_t state;
};

/* Below @n, which is not 0. */
uint32_t elf_chance(struct elf_chance *c, uint32_t n);

/*
 * Changes @file, of @size bytes, in one to some places; returns its size, which
 * is smaller where it was cut off.  Whatever it holds before, it may be given
 * in again.
 */
size_t elf_mutate(struct elf_chance *c, uint8_t *file, size_t size);

/*
 * Takes the names of the four entry points out of @file, wherever they occur:
 * a module that loads after it has no code that anybody would run.
 */
void elf_disarm(uint8_t *file, size_t size);

#endif
