/*
 * Memory of the current process.  Process context, no spinlock held: a page
 * may have to be brought.  The functions return the bytes NOT copied, as in
 * Linux; a bad address is no more than that.
 */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include <kernel/types.h>

/* What was not copied of @to is zeroed: nobody works on what lay there. */
size_t __must_check copy_from_user(void *to, const void *from, size_t n);
/* Leaves it as it was, for who copies over what he keeps.  Not exported. */
size_t __must_check raw_copy_from_user(void *to, const void *from, size_t n);
size_t __must_check copy_to_user(void *to, const void *from, size_t n);
/*
 * Length without the NUL, -EFAULT, or -ENAMETOOLONG where there is none within
 * @size bytes; @dst is a string only in the first case.
 */
ssize_t __must_check strncpy_from_user(char *dst, const char *src, size_t size);

#endif
