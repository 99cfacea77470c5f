/*
 * Options of the kernel's command line.
 */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include <kernel/types.h>

/*
 * The value of "@key=value" in @cmdline, the last one where there are several;
 * "" for the bare word @key.  In double quotes a value may hold spaces, and a
 * backslash there takes the next character as it is: script="a \"b\"; c".
 * A value that does not fit is cut.  False, and @out untouched, where @key does
 * not occur.  Pure: any context.
 */
bool cmdline_get(const char *cmdline, const char *key, char *out, size_t n);

#endif
