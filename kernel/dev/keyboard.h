/*
 * The PS/2 keyboard, US layout.
 */
#ifndef DEV_KEYBOARD_H
#define DEV_KEYBOARD_H

#include <kernel/types.h>

/*
 * Each key that is typed goes to @input, in interrupt context, as the bytes
 * that a terminal sends for it.  Nothing happens where there is no keyboard.
 * Process context, once.
 */
void keyboard_init(void (*input)(const char *s, size_t n));

#endif
