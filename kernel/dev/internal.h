/*
 * Between the files of the dev room.
 */
#ifndef DEV_INTERNAL_H
#define DEV_INTERNAL_H

/* COM2, polled.  Once, before anybody writes to it. */
void control_init(void);

#endif
