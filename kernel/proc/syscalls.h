/*
 * The system calls: numbers of Linux i386, how many arguments each has, and the
 * function that does it.
 */
#ifndef PROC_SYSCALLS_H
#define PROC_SYSCALLS_H

#include <kernel/types.h>

struct trap_frame;

/*
 * None of the arguments can be aimed at the module window, as the dispatcher
 * has checked (H09); those that a call does not have are 0.
 */
struct syscall_args {
	uint32_t		a[6];
	struct trap_frame	*frame;
};

/* Process context; the result for eax, or -errno, or -ERESTARTSYS. */
typedef long (*syscall_fn)(const struct syscall_args *args);

/* Numbers: Linux, arch/x86/entry/syscalls/syscall_32.tbl. */
#define SYSCALLS(X)							\
	X(1, exit, 1)		X(2, fork, 0)		X(3, read, 3)	\
	X(4, write, 3)		X(5, open, 3)		X(6, close, 1)	\
	X(7, waitpid, 3)	X(8, creat, 2)		X(10, unlink, 1) \
	X(11, execve, 3)	X(12, chdir, 1)		X(13, time, 1)	\
	X(19, lseek, 3)		X(20, getpid, 0)	X(29, pause, 0)	\
	X(33, access, 2)	X(37, kill, 2)		X(38, rename, 2) \
	X(39, mkdir, 2)		X(40, rmdir, 1)		X(41, dup, 1)	\
	X(42, pipe, 1)		X(45, brk, 1)		X(54, ioctl, 3)	\
	X(60, umask, 1)		X(63, dup2, 2)		X(64, getppid, 0) \
	X(91, munmap, 2)	X(114, wait4, 4)	X(120, clone, 5) \
	X(122, uname, 1)	X(125, mprotect, 3)	X(140, llseek, 5) \
	X(145, readv, 3)	X(146, writev, 3)			\
	X(158, sched_yield, 0)	X(162, nanosleep, 2)	X(168, poll, 3)	\
	X(174, rt_sigaction, 4)	X(175, rt_sigprocmask, 4)		\
	X(183, getcwd, 2)	X(192, mmap2, 6)	X(194, ftruncate64, 3) \
	X(195, stat64, 2)	X(196, lstat64, 2)	X(197, fstat64, 2) \
	X(199, getuid32, 0)	X(200, getgid32, 0)			\
	X(201, geteuid32, 0)	X(202, getegid32, 0)			\
	X(220, getdents64, 3)	X(221, fcntl64, 3)	X(224, gettid, 0) \
	X(243, set_thread_area, 1)		X(252, exit_group, 1)	\
	X(258, set_tid_address, 1)		X(265, clock_gettime, 2) \
	X(267, clock_nanosleep, 4)		X(295, openat, 4)	\
	X(330, dup3, 3)		X(331, pipe2, 2)	X(355, getrandom, 3)

#define NR_SYSCALLS	360

/*
 * Icebox's own: announces that the caller is about to enter system call @nr
 * (-1: to run on in user mode), for whoever started it and wants to know when
 * it has got there.  Stores nr + 1 in task->announce, ANNOUNCED_USER for -1.
 */
#define SYSCALL_ANNOUNCE	0x1ceb0u
#define ANNOUNCED_USER		(NR_SYSCALLS + 1u)

#define SYSCALL_DECLARE(nr, name, nr_args) \
	long sys_##name(const struct syscall_args *args);
SYSCALLS(SYSCALL_DECLARE)

/* "read", or NULL: there is no such call.  Any context. */
const char *syscall_name(int nr);

/*
 * An absolute path from a user's string, for kfree(); not canonical.  -EFAULT,
 * -ENOENT (empty), -ENAMETOOLONG, -ENOMEM.  Process context.
 */
int path_from_user(uint32_t user, char **path);

#endif
