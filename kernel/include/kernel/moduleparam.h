/*
 * Module parameters: variables that `load NAME name=value` sets before
 * module_init() runs.  A module declares them; the loader checks all values
 * before it stores any.  What a module writes here is its own affair:
 *
 *	static int limit = 10;
 *	module_param(limit, int, 0444);
 *	MODULE_PARM_DESC(limit, "entries kept at most");
 *
 * Types: int, uint, bool, charp (a const char * or char *, which then points
 * to a copy that lives as long as the module), and module_param_string() for
 * an array of char.
 */
#ifndef KERNEL_MODULEPARAM_H
#define KERNEL_MODULEPARAM_H

#include <kernel/compiler.h>
#include <kernel/modinfo.h>
#include <kernel/types.h>

enum kernel_param_type {
	PARAM_INT,
	PARAM_UINT,
	PARAM_BOOL,
	PARAM_CHARP,
	PARAM_STRING,
	PARAM_TYPE_COUNT,
};

/* One entry of section __param; the loader trusts none of it. */
struct kernel_param {
	const char *name;
	void *arg;
	uint32_t type;
	uint32_t size;		/* bytes at arg */
	uint32_t perm;		/* who may see it, as in a file's mode */
};

/* @ok: is the variable of the type that it is said to have? */
#define __module_param(name, address, kind, ok, bytes, mode)		\
	_Static_assert(((mode) & ~0777) == 0, "perm: a file mode");	\
	_Static_assert(ok, "parameter " #name ": the variable's type"); \
	static const char __param_name_##name[] = #name;		\
	static const struct kernel_param __param_##name			\
		__used __section("__param") __aligned(4) = {		\
		__param_name_##name, (address), (kind), (bytes), (mode) }

#define __param_is(var, type)						\
	__builtin_types_compatible_p(__typeof__(var), type)

#define __PARAM_KIND_int	PARAM_INT
#define __PARAM_KIND_uint	PARAM_UINT
#define __PARAM_KIND_bool	PARAM_BOOL
#define __PARAM_KIND_charp	PARAM_CHARP
#define __PARAM_OK_int(var)	__param_is(var, int)
#define __PARAM_OK_uint(var)	__param_is(var, unsigned int)
#define __PARAM_OK_bool(var)	__param_is(var, _Bool)
#define __PARAM_OK_charp(var)						\
	(__param_is(var, char *) || __param_is(var, const char *))

/* The parameter is called @name, the variable @var. */
#define module_param_named(name, var, type, perm)			\
	__module_param(name, &(var), __PARAM_KIND_##type,		\
		       __PARAM_OK_##type(var), sizeof(var), perm);	\
	__MODULE_INFO(name##_type, "parmtype=" #name ":" #type)

/* No call of the macro above: it would see bool as what it expands to. */
#define module_param(name, type, perm)					\
	__module_param(name, &(name), __PARAM_KIND_##type,		\
		       __PARAM_OK_##type(name), sizeof(name), perm);	\
	__MODULE_INFO(name##_type, "parmtype=" #name ":" #type)

/* @buf is an array of char; a value with its NUL fits into @len bytes of it. */
#define module_param_string(name, buf, len, perm)			\
	__module_param(name, &(buf)[0], PARAM_STRING,			\
		       (len) <= sizeof(buf), len, perm);		\
	__MODULE_INFO(name##_type, "parmtype=" #name ":string")

#define MODULE_PARM_DESC(name, text)					\
	__MODULE_INFO(name##_desc, "parm=" #name ":" text)

#endif
