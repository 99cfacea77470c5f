/*
 * Symbols that modules may use: the kernel's and those of other modules.  An
 * entry in section .ksymtab names one; the loader resolves undefined symbols
 * against these entries and nothing else.
 */
#ifndef KERNEL_EXPORT_H
#define KERNEL_EXPORT_H

#include <kernel/compiler.h>
#include <kernel/types.h>

/* In a module's file the loader trusts none of it. */
struct kernel_symbol {
	uintptr_t value;
	const char *name;
};

/* After the definition of a function or object that is not static. */
#define EXPORT_SYMBOL(sym)						\
	extern __typeof__(sym) sym;					\
	static const char __kstrtab_##sym[]				\
		__used __section(".ksymtab_strings") __aligned(1) = #sym; \
	static const struct kernel_symbol __ksymtab_##sym		\
		__used __section(".ksymtab") __aligned(4) = {		\
		(uintptr_t)&sym, __kstrtab_##sym }

#endif
