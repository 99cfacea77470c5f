/*
 * Addresses to names, for kernel and modules.
 */
#ifndef DEBUG_KALLSYMS_H
#define DEBUG_KALLSYMS_H

#include <kernel/types.h>

struct symbol_info {
	char		name[64];
	char		module[32];	/* empty: the kernel */
	char		file[48];	/* empty: not known */
	uint32_t	offset, size;
};

/*
 * The symbol that holds @addr, copied (H31, H34).  Any context, no locks.
 * False: nobody's address.  Asks the kernel's table, then the module room
 * through the hook below.
 */
bool kallsyms_lookup(uintptr_t addr, struct symbol_info *info);

/* Set once by the module room at boot. */
void kallsyms_set_module_lookup(bool (*fn)(uintptr_t addr,
					   struct symbol_info *info));

/* "name+0x1c/0x40 [module]" or "0xc0123456".  Returns the length. */
int sprint_symbol(char *buf, size_t size, uintptr_t addr);

#endif
