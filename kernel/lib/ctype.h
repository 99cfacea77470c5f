/*
 * Classes of ASCII characters.  A byte above 0x7f belongs to none.
 */
#ifndef LIB_CTYPE_H
#define LIB_CTYPE_H

#include <kernel/types.h>

static inline bool isdigit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool isalpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool isalnum(int c)
{
	return isalpha(c) || isdigit(c);
}

static inline bool isspace(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool isprint(int c)
{
	return c >= ' ' && c < 0x7f;
}

static inline int tolower(int c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

#endif
