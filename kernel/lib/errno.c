/*
 * Error numbers by name, for reports and the log.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/types.h>

#define NAME(e)	[e] = #e

static const char *const names[] = {
	NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO),
	NAME(ENXIO), NAME(E2BIG), NAME(ENOEXEC), NAME(EBADF), NAME(ECHILD),
	NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(EBUSY),
	NAME(EEXIST), NAME(EXDEV), NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR),
	NAME(EINVAL), NAME(ENFILE), NAME(EMFILE), NAME(ENOTTY), NAME(ETXTBSY),
	NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE), NAME(EROFS), NAME(EMLINK),
	NAME(EPIPE), NAME(EDOM), NAME(ERANGE), NAME(EDEADLK),
	NAME(ENAMETOOLONG), NAME(ENOSYS), NAME(ENOTEMPTY), NAME(ELOOP),
	NAME(EOVERFLOW), NAME(ETIMEDOUT), NAME(ERESTARTSYS),
};

const char *errno_name(int err)
{
	uint32_t i = err < 0 ? 0 - (uint32_t)err : (uint32_t)err;

	if (i >= ARRAY_SIZE(names) || !names[i])
		return "unknown error";
	return names[i];
}
EXPORT_SYMBOL(errno_name);
