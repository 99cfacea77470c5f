/*
 * The coroner's breakpoints.  It stops the machine there by QEMU's debugger
 * interface and reads it from outside; nothing is done for it here.
 */
#include <kernel/atomic.h>
#include <kernel/compiler.h>
#include <kernel/string.h>
#include <lib/cmdline.h>
#include <lib/coroner.h>

#ifdef CONFIG_LAB

static unsigned int share;	/* one unload in so many; constant; 0: none */

void coroner_init(const char *cmdline)
{
	char value[12];

	if (cmdline_get(cmdline, "coroner", value, sizeof(value)) &&
	    kstrtouint(value, 0, &share))
		share = 1;
}

bool coroner_wants(uint32_t unload_number)
{
	return share && unload_number % share == 0;
}

noinline void coroner_verdict(void)
{
	barrier();
}

noinline void coroner_fault(const struct trap_frame *frame, uintptr_t addr)
{
	(void)frame;
	(void)addr;
	barrier();
}

#endif
