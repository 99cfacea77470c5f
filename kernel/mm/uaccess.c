/*
 * Copies between the kernel and the memory of the current process.  A range is
 * checked against the end of user space before a byte is touched; whether it
 * is mapped, the fault says.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <x86/cpu.h>
#include <x86/paging.h>

/* In the order that cannot wrap.  n = 0 passes, and touches nothing. */
static bool is_user_range(const void *p, size_t n)
{
	return n <= USER_TOP && (uintptr_t)p <= USER_TOP - n;
}

size_t copy_to_user(void *to, const void *from, size_t n)
{
	if (!is_user_range(to, n))
		return n;
	return copy_catching_faults(to, from, n);
}
EXPORT_SYMBOL(copy_to_user);

size_t raw_copy_from_user(void *to, const void *from, size_t n)
{
	return is_user_range(from, n) ? copy_catching_faults(to, from, n) : n;
}

size_t copy_from_user(void *to, const void *from, size_t n)
{
	size_t left = raw_copy_from_user(to, from, n);

	/* Who ignores the result shall not work on what lay here before. */
	if (left)
		memset((uint8_t *)to + (n - left), 0, left);
	return left;
}
EXPORT_SYMBOL(copy_from_user);

ssize_t strncpy_from_user(char *dst, const char *src, size_t size)
{
	size_t done = 0, part;
	const char *end;

	while (done < size) {
		uintptr_t at = (uintptr_t)src + done;

		/* A string may end right before a page that is not there. */
		part = min(size - done, (size_t)(PAGE_SIZE - at % PAGE_SIZE));
		if (copy_from_user(dst + done, (const void *)at, part))
			return -EFAULT;
		/* In the copy: the program may change its own meanwhile. */
		end = memchr(dst + done, '\0', part);
		if (end)
			return end - dst;
		done += part;
	}
	return -ENAMETOOLONG;
}
EXPORT_SYMBOL(strncpy_from_user);
