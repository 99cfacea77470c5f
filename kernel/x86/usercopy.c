/*
 * A copy that survives a fault: the one way by which the kernel touches memory
 * of which it does not know that it is there.
 */
#include <x86/cpu.h>
#include <x86/trap.h>

/*
 * rep movs counts ecx down as it goes, so that at a fault what is not yet
 * copied is in it already: the fixup is the next instruction.
 */
static size_t copy_words(void **to, const void **from, size_t words)
{
	__asm__ volatile(
		"1:\trep movsl\n"
		"2:\n\t"
		".pushsection .ex_table, \"a\"\n\t"
		".long 1b, 2b\n\t"
		".popsection"
		: "+D"(*to), "+S"(*from), "+c"(words) : : "memory");
	return words;
}

static size_t copy_bytes(void **to, const void **from, size_t bytes)
{
	__asm__ volatile(
		"1:\trep movsb\n"
		"2:\n\t"
		".pushsection .ex_table, \"a\"\n\t"
		".long 1b, 2b\n\t"
		".popsection"
		: "+D"(*to), "+S"(*from), "+c"(bytes) : : "memory");
	return bytes;
}

size_t copy_catching_faults(void *to, const void *from, size_t n)
{
	size_t left;

	user_access_begin();
	left = copy_words(&to, &from, n / 4) * 4 + n % 4;
	/* After a fault this goes up to the very byte that cannot be copied. */
	left = copy_bytes(&to, &from, left);
	user_access_end();
	return left;
}
