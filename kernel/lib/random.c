/*
 * The one source of chance: a counter, mixed with the seed.  The state is kept
 * in numbers that stay small, because a random word in the kernel's data could
 * look like an address in the module window and would be taken for evidence.
 */
#include <kernel/atomic.h>
#include <kernel/random.h>

static uint32_t seed_low, seed_high;	/* 16 bits each; set at boot */
static atomic_t drawn;			/* numbers given out */

void prandom_seed(uint32_t seed)
{
	seed_low = seed & 0xffff;
	seed_high = seed >> 16;
	atomic_set(&drawn, 0);
}

uint32_t prandom_get_seed(void)
{
	return seed_high << 16 | seed_low;
}

/* A bijection in which every input bit reaches every output bit: two rounds of
 * xor-shift and multiplication by an odd constant. */
static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	x ^= x >> 16;
	return x;
}

uint32_t prandom_u32(void)
{
	uint32_t n = (uint32_t)atomic_fetch_add(1, &drawn);

	/* 2^32 over the golden ratio spreads neighbouring counters. */
	return mix((seed_high << 16 | seed_low) + (n + 1) * 0x9e3779b9u);
}
