/*
 * The basic types and the handful of macros that every file needs.  The pure
 * parts of the kernel are also built on the host (HOST_TEST) for sanitizers
 * and fuzzers; there the C library's own headers serve.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/compiler.h>

#ifdef HOST_TEST
#include <sys/types.h>
#else
typedef int32_t ssize_t;
typedef int32_t pid_t;
typedef int64_t loff_t;
#endif

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define min(a, b) ({				\
	__typeof__(a) min_a = (a);		\
	__typeof__(b) min_b = (b);		\
	min_a < min_b ? min_a : min_b; })
#define max(a, b) ({				\
	__typeof__(a) max_a = (a);		\
	__typeof__(b) max_b = (b);		\
	max_a > max_b ? max_a : max_b; })

/* @a is a power of two. */
#define ALIGN_UP(x, a)		(((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096u
#define PAGE_MASK		(~(PAGE_SIZE - 1))

#endif
