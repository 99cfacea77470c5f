/*
 * Memory: physical pages, the heap's pages, the vmalloc area, the module
 * window, user address spaces.  At boot page_init(), slab_init(),
 * vmalloc_init(), window_init(), in this order.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <mm/dirty.h>
#include <mm/heap.h>
#include <mm/page.h>
#include <mm/vm.h>
#include <mm/vmalloc.h>
#include <mm/window.h>

#endif
