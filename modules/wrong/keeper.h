/* What module keeper exports. */
#ifndef KEEPER_H
#define KEEPER_H

/*
 * Keeps @fn, an int (*)(void), until another one comes (NULL: none) or the
 * command `keeper call` calls it.
 */
void keeper_keep(void *fn);

/* Sleeps while `keeper hold` is in force, until `keeper release`. */
void keeper_wait(void);

#endif
