/*
 * What the fuzz targets share.  A target has one function, which libFuzzer
 * calls with whatever it has made of its corpus; replay.c calls it with files.
 * Beyond what the sanitizers see, assert() says what has to hold.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What only looks at every byte has no paths worth the fuzzer's time. */
#ifdef __clang__
#define UNCOVERED __attribute__((no_sanitize("coverage")))
#else
#define UNCOVERED
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly that size: one byte beyond it is seen. */
static inline void *exact_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

/* The same as a string. */
static inline char *exact_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* Bytes that decide what is built; 0 when there are no more. */
struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t take8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint16_t take16(struct input *in)
{
	uint16_t low = take8(in);

	return (uint16_t)(low | take8(in) << 8);
}

static inline uint32_t take32(struct input *in)
{
	uint32_t low = take16(in);

	return low | (uint32_t)take16(in) << 16;
}

#endif
