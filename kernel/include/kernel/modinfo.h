/*
 * What a module says about itself, for `modinfo` and for the loader: strings
 * "key=value" in section .modinfo, which is read from the file and never
 * loaded.  Every object file that includes this header carries the ABI stamp
 * of the headers it was compiled with, so a module linked from objects of
 * different builds is found out.
 */
#ifndef KERNEL_MODINFO_H
#define KERNEL_MODINFO_H

#include <kernel/compiler.h>

#define __MODULE_INFO(id, text)						\
	static const char __modinfo_##id[]				\
		__used __section(".modinfo") __aligned(1) = text

#define MODULE_LICENSE(text)		__MODULE_INFO(license, "license=" text)
#define MODULE_DESCRIPTION(text)					\
	__MODULE_INFO(description, "description=" text)
#define MODULE_AUTHOR(text)		__MODULE_INFO(author, "author=" text)
#define MODULE_VERSION(text)		__MODULE_INFO(version, "version=" text)

#ifdef MODULE
#include <generated/abi.h>

__MODULE_INFO(abi, "abi=" ICEBOX_ABI);
#endif

#endif
