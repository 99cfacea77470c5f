/*
 * Where the coroner (tools/coroner) stops the machine: two functions that do
 * nothing, for a debugger outside to have its breakpoints in.
 *
 * Of the lab build, and only where the command line says coroner=N: one unload
 * in N is his.  In the ordinary kernel none of this exists.
 */
#ifndef LIB_CORONER_H
#define LIB_CORONER_H

#include <kernel/types.h>

struct trap_frame;

#ifdef CONFIG_LAB
/* Boot, once: whether @cmdline says that there is a coroner, and his share. */
void coroner_init(const char *cmdline);
/* He is there, and wants to hear of this unload.  Any context. */
bool coroner_wants(uint32_t unload_number);
/*
 * The certificate is complete.  In a rendezvous, on the CPU that leads it; it
 * returns when the coroner has looked.
 */
void coroner_verdict(void);
/*
 * The kernel faulted at @addr, an address of the module window, whatever is
 * made of it.  Interrupts off.
 */
void coroner_fault(const struct trap_frame *frame, uintptr_t addr);
#else
static inline void coroner_init(const char *cmdline)
{
	(void)cmdline;
}

static inline void coroner_fault(const struct trap_frame *frame, uintptr_t addr)
{
	(void)frame;
	(void)addr;
}
#endif

#endif
