/*
 * Who a thing belongs to.  A module is an id, never a pointer, wherever the
 * kernel keeps note of it: an id can be stale without being dangerous.
 */
#ifndef KERNEL_MODULE_ID_H
#define KERNEL_MODULE_ID_H

#include <kernel/types.h>

/* 0 is the kernel itself.  Ids of modules are reused last. */
typedef uint16_t module_id_t;
#define MODULE_NONE	((module_id_t)0)
#define MAX_MODULES	256

/* In a module, a variable of its own that the loader fills in. */
#ifdef MODULE
extern const module_id_t __this_module;
#define THIS_MODULE	__this_module
#else
#define THIS_MODULE	MODULE_NONE
#endif

#endif
