/*
 * What vsnprintf() asks of a room above it.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <kernel/types.h>

/*
 * Who turns the address of a %pS into text (at most @size bytes with its NUL;
 * returns the length).  Called in whatever context the printing is done in.
 * Set once at boot; until then %pS prints like %p.
 */
void vsnprintf_set_symbolizer(int (*fn)(char *buf, size_t size,
					uintptr_t addr));

#endif
