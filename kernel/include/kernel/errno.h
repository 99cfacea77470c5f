/* Error numbers, with the values that Linux i386 programs know. */
#ifndef KERNEL_ERRNO_H
#define KERNEL_ERRNO_H

#ifdef HOST_TEST
#include <errno.h>
#else
#define EPERM		1
#define ENOENT		2
#define ESRCH		3
#define EINTR		4
#define EIO		5
#define ENXIO		6
#define E2BIG		7
#define ENOEXEC		8
#define EBADF		9
#define ECHILD		10
#define EAGAIN		11
#define ENOMEM		12
#define EACCES		13
#define EFAULT		14
#define EBUSY		16
#define EEXIST		17
#define EXDEV		18
#define ENODEV		19
#define ENOTDIR		20
#define EISDIR		21
#define EINVAL		22
#define ENFILE		23
#define EMFILE		24
#define ENOTTY		25
#define ETXTBSY		26
#define EFBIG		27
#define ENOSPC		28
#define ESPIPE		29
#define EROFS		30
#define EMLINK		31
#define EPIPE		32
#define EDOM		33
#define ERANGE		34
#define EDEADLK		35
#define ENAMETOOLONG	36
#define ENOSYS		38
#define ENOTEMPTY	39
#define ELOOP		40
#define EOVERFLOW	75
#define ETIMEDOUT	110
#endif

/*
 * Kernel only, never seen by a user: the call is to be executed again after
 * whatever it ran into is over (a closed slot), or after a signal.
 */
#define ERESTARTSYS	512

#ifndef HOST_TEST
/* The name of an error ("EBUSY"), for reports; @err of either sign. */
const char *errno_name(int err);
#endif

#endif
