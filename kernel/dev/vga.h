/*
 * The text screen, 80 by 25, as a terminal.  The caller serialises.
 */
#ifndef DEV_VGA_H
#define DEV_VGA_H

#include <kernel/types.h>

/* Clears the screen, if there is one (UEFI leaves none).  Any context. */
void vga_init(void);

/*
 * Any context.  \b \t \n \r, and of ANSI X3.64 the sequences CUU CUD CUF CUB
 * CHA CUP ED EL SGR; other sequences are swallowed.  A character beyond ASCII
 * (UTF-8) shows as '?'.
 */
void vga_write(const char *s, size_t n);

#endif
