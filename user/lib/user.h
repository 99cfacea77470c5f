/*
 * What a program of Icebox's own has instead of a C library: system calls with
 * Linux's numbers, strings, a printf.  Calls return -errno as the kernel gives
 * it; there is no errno variable.
 */
#ifndef USER_H
#define USER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/compiler.h>

#define O_RDONLY	00000000
#define O_WRONLY	00000001
#define O_RDWR		00000002
#define O_CREAT		00000100
#define O_EXCL		00000200
#define O_TRUNC		00001000
#define O_APPEND	00002000
#define O_NONBLOCK	00004000
#define O_CLOEXEC	02000000

#define EPERM		1
#define ENOENT		2
#define ESRCH		3
#define EINTR		4
#define EIO		5
#define EBADF		9
#define ECHILD		10
#define EAGAIN		11
#define EFAULT		14
#define EEXIST		17
#define ENODEV		19
#define ENOTDIR		20
#define EISDIR		21
#define EINVAL		22
#define ENOTTY		25
#define ESPIPE		29
#define EPIPE		32
#define ENOSYS		38
#define ENOTEMPTY	39

#define SIGINT		2
#define SIGKILL		9
#define SIGSEGV		11
#define SIGPIPE		13
#define SIGTERM		15
#define SIGCHLD		17
#define SIG_DFL		0u
#define SIG_IGN		1u

#define WNOHANG		1
#define WIFEXITED(s)	(((s) & 0x7f) == 0)
#define WEXITSTATUS(s)	(((s) >> 8) & 0xff)
#define WTERMSIG(s)	((s) & 0x7f)

#define POLLIN		0x0001
#define POLLOUT		0x0004
#define POLLERR		0x0008
#define POLLHUP		0x0010

#define PROT_READ	1
#define PROT_WRITE	2
#define MAP_PRIVATE	0x02
#define MAP_ANONYMOUS	0x20

#define NR_READ		3
#define NR_WRITE	4
#define NR_PAUSE	29
#define NR_NANOSLEEP	162
#define NR_POLL		168

struct pollfd {
	int	fd;
	short	events, revents;
};

struct timespec {
	int	sec, nsec;
};

struct dirent64 {
	uint64_t	ino;
	int64_t		off;
	uint16_t	reclen;
	uint8_t		type;
	char		name[];
} __packed;

/* syscall.asm: any system call. */
long syscall(long nr, long a, long b, long c, long d, long e, long f);

/* calls.c */
void exit(int status) __noreturn;
int fork(void);
long read(int fd, void *buf, size_t n);
long write(int fd, const void *buf, size_t n);
int open(const char *path, int flags, int mode);
int close(int fd);
int waitpid(int pid, int *status, int options);
int unlink(const char *path);
int rename(const char *from, const char *to);
int execve(const char *path, char *const argv[], char *const envp[]);
int chdir(const char *path);
long lseek(int fd, long offset, int whence);
int getpid(void);
int getppid(void);
int pause(void);
int kill(int pid, int sig);
int mkdir(const char *path, int mode);
int rmdir(const char *path);
int dup2(int fd, int to);
int pipe2(int fds[2], int flags);
void *brk(void *end);
int ioctl(int fd, unsigned int cmd, void *arg);
int munmap(void *p, size_t n);
int mprotect(void *p, size_t n, int prot);
int sched_yield(void);
int nanosleep(const struct timespec *ts);
int poll(struct pollfd *fds, unsigned int n, int timeout_ms);
int sigaction_set(int sig, uint32_t handler);
int getcwd(char *buf, size_t n);
/* Anonymous private memory; an address or -errno. */
long mmap_anonymous(size_t n, int prot);
long getdents64(int fd, void *buf, size_t n);
/*
 * Tells whoever started this program that it is about to enter system call
 * @nr, or (-1) to run on in user mode, for good.
 */
void announce(int nr);

/* print.c; memcpy and memset in syscall.asm */
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
/* A decimal number; anything else ends it. */
int atoi(const char *s);

/* All of it, in as few writes as @fd allows; 0 or -errno. */
long write_all(int fd, const void *buf, size_t n);

/*
 * %s %d %u %x %c %%; one write for each call, cut at 512 bytes.  Who has
 * returned 0 from main, and has printed what could not be written, fails.
 */
void printf(const char *fmt, ...) __printf(1, 2);
void dprintf(int fd, const char *fmt, ...) __printf(2, 3);

/*
 * Prints "program: what: error N" to standard error, without the error where it
 * is 0, and exits with 1.
 */
void fail(const char *what, long err) __noreturn;

int main(int argc, char **argv);
extern const char *program_name;

#endif
