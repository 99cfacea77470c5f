/*
 * Memory and strings.  Any context; no locks.  The compiler may call memcpy,
 * memmove, memset and memcmp on its own.
 */
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

#include <kernel/types.h>

#ifdef HOST_TEST
#include <stdio.h>
#include <string.h>
#endif

#ifndef HOST_TEST
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *sub);

/* Always terminates; returns the length it wanted to write. */
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
#endif

/*
 * Copies @src, cut to fit, always terminated.  Returns the length copied or
 * -E2BIG where it was cut.
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/* As snprintf, but returns what was really written, without the NUL. */
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vscnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/*
 * The whole of @s as a number; base 0 takes 0x, 0 and decimal, a sign for the
 * signed one.  -EINVAL for anything else, -ERANGE; *out untouched on error.
 */
int kstrtoint(const char *s, unsigned int base, int *out);
int kstrtouint(const char *s, unsigned int base, unsigned int *out);

#endif
