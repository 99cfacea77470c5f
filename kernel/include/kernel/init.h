/*
 * The entry points of a module, and what of it is gone after load.  Each macro
 * gives the function a global name that the loader looks up in the file.
 *
 *	module_init(fn)		int fn(void): allocate; nothing visible yet;
 *				may fail, may sleep, may be __init
 *	module_register(fn)	int fn(void): make it visible, start engines;
 *				called again if an unload is refused
 *	module_unregister(fn)	void fn(void): take away what is visible;
 *				destroys nothing, stops nothing; may sleep
 *	module_cleanup(fn)	void fn(void): destroy; runs once, with nobody
 *				left; may sleep
 *
 * All but module_init() are optional.
 */
#ifndef KERNEL_INIT_H
#define KERNEL_INIT_H

#include <kernel/compiler.h>
#include <kernel/modinfo.h>

/*
 * Freed when module_init() has returned: other code and data of the module
 * must not refer to it, and the loader refuses a module whose code does.
 */
#define __init		__section(".init.text") __attribute__((cold))
#define __initdata	__section(".init.data")
#define __initconst	__section(".init.rodata")

/* An alias that lacks attributes of its target makes gcc warn. */
#if __has_attribute(copy)
#define __copy_attributes(fn)	__attribute__((copy(fn)))
#else
#define __copy_attributes(fn)
#endif

/* The assertion is the type check: an alias would take any function. */
#define __module_entry(name, fn, ret)					\
	_Static_assert(__builtin_types_compatible_p(			\
		__typeof__(&fn), ret (*)(void)),			\
		#fn ": should be " #ret " " #fn "(void)");		\
	extern ret name(void) __copy_attributes(fn) __alias(fn)

#define module_init(fn)		__module_entry(init_module, fn, int)
#define module_register(fn)	__module_entry(register_module, fn, int)
#define module_unregister(fn)	__module_entry(unregister_module, fn, void)
#define module_cleanup(fn)	__module_entry(cleanup_module, fn, void)

/* What somebody types who knows Linux. */
#define module_exit(fn)							\
	_Static_assert(sizeof(&fn) == 0,				\
		       "module_exit() is in two here: module_unregister() "\
		       "and module_cleanup(), see docs/modules.md")

#endif
