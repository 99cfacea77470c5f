/*
 * Pseudo-random numbers, for placement and tests: one source, repeatable from
 * its seed, and no good against an adversary.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <kernel/types.h>

/* Starts the sequence anew.  Boot, and tests that want one of their own. */
void prandom_seed(uint32_t seed);
/* What it was started with: for whoever wants the same run again. */
uint32_t prandom_get_seed(void);
/* Any context. */
uint32_t prandom_u32(void);

#endif
