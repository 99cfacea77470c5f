/*
 * The system calls that Icebox's own programs use.
 */
#include <user.h>

#define P(x)	((long)(uintptr_t)(x))

static long call0(long nr)
{
	return syscall(nr, 0, 0, 0, 0, 0, 0);
}

static long call1(long nr, long a)
{
	return syscall(nr, a, 0, 0, 0, 0, 0);
}

static long call2(long nr, long a, long b)
{
	return syscall(nr, a, b, 0, 0, 0, 0);
}

static long call3(long nr, long a, long b, long c)
{
	return syscall(nr, a, b, c, 0, 0, 0);
}

void exit(int status)
{
	for (;;)
		call1(252, status);
}

int fork(void)
{
	return (int)call0(2);
}

long read(int fd, void *buf, size_t n)
{
	return call3(NR_READ, fd, P(buf), (long)n);
}

long write(int fd, const void *buf, size_t n)
{
	return call3(NR_WRITE, fd, P(buf), (long)n);
}

int open(const char *path, int flags, int mode)
{
	return (int)call3(5, P(path), flags, mode);
}

int close(int fd)
{
	return (int)call1(6, fd);
}

int waitpid(int pid, int *status, int options)
{
	return (int)call3(7, pid, P(status), options);
}

int unlink(const char *path)
{
	return (int)call1(10, P(path));
}

int rename(const char *from, const char *to)
{
	return (int)call2(38, P(from), P(to));
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)call3(11, P(path), P(argv), P(envp));
}

int chdir(const char *path)
{
	return (int)call1(12, P(path));
}

long lseek(int fd, long offset, int whence)
{
	return call3(19, fd, offset, whence);
}

int getpid(void)
{
	return (int)call0(20);
}

int getppid(void)
{
	return (int)call0(64);
}

int pause(void)
{
	return (int)call0(NR_PAUSE);
}

int kill(int pid, int sig)
{
	return (int)call2(37, pid, sig);
}

int mkdir(const char *path, int mode)
{
	return (int)call2(39, P(path), mode);
}

int rmdir(const char *path)
{
	return (int)call1(40, P(path));
}

int dup2(int fd, int to)
{
	return (int)call2(63, fd, to);
}

int pipe2(int fds[2], int flags)
{
	return (int)call2(331, P(fds), flags);
}

void *brk(void *end)
{
	return (void *)call1(45, P(end));
}

int ioctl(int fd, unsigned int cmd, void *arg)
{
	return (int)call3(54, fd, (long)cmd, P(arg));
}

int munmap(void *p, size_t n)
{
	return (int)call2(91, P(p), (long)n);
}

int mprotect(void *p, size_t n, int prot)
{
	return (int)call3(125, P(p), (long)n, prot);
}

int sched_yield(void)
{
	return (int)call0(158);
}

int nanosleep(const struct timespec *ts)
{
	return (int)call2(NR_NANOSLEEP, P(ts), 0);
}

int poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	return (int)call3(NR_POLL, P(fds), (long)n, timeout_ms);
}

int sigaction_set(int sig, uint32_t handler)
{
	uint32_t act[5] = { handler, 0, 0, 0, 0 };

	return (int)syscall(174, sig, P(act), 0, 8, 0, 0);
}

int getcwd(char *buf, size_t n)
{
	return (int)call2(183, P(buf), (long)n);
}

long mmap_anonymous(size_t n, int prot)
{
	return syscall(192, 0, (long)n, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
}

long getdents64(int fd, void *buf, size_t n)
{
	return call3(220, fd, P(buf), (long)n);
}

void announce(int nr)
{
	call1(0x1ceb0, nr);
}
