/* What module counter exports. */
#ifndef COUNTER_H
#define COUNTER_H

/* Adds @n and returns the sum; any context. */
int counter_add(int n);
int counter_read(void);

#endif
