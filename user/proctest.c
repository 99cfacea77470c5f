/*
 * What processes may rely on, tested from their side.  Prints the first line
 * that does not hold, and exits with 1.
 */
#include <user.h>

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		dprintf(2, "proctest: line %d: %s\n", __LINE__, #cond);	\
		exit(1);						\
	}								\
} while (0)

static int shared_or_not = 1;

static int run_child(void (*fn)(void))
{
	int status = -1, pid = fork();

	if (pid == 0) {
		fn();
		exit(0);
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void change_variable(void)
{
	CHECK(shared_or_not == 1);
	shared_or_not = 2;
	exit(shared_or_not);
}

static void fork_copies_memory(void)
{
	int status = run_child(change_variable);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	CHECK(shared_or_not == 1);
	CHECK(waitpid(-1, &status, 0) == -ECHILD);
}

static void execute_false(void)
{
	char *argv[] = { (char *)"false", NULL };

	execve("/bin/false", argv, NULL);
}

static void execve_runs_another_program(void)
{
	int status = run_child(execute_false);
	char *argv[] = { (char *)"x", NULL };

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK(execve("/bin/nothing", argv, NULL) == -ENOENT);
	CHECK(execve("/bin", argv, NULL) < 0);
	CHECK(execve(NULL, argv, NULL) == -EFAULT);
	CHECK(execve("/bin/true", (void *)0xc0000000, NULL) == -EFAULT);
}

static void touch_null(void)
{
	/* cppcheck-suppress nullPointer */
	*(volatile int *)0 = 1;
}

static void touch_kernel(void)
{
	*(volatile int *)0xc0100000 = 1;
}

/* To ring 0: vector 13, or 14 where the stack is read with the kernel's rights
 * (QEMU does). */
static void return_to_kernel(void)
{
	__asm__ volatile("pushf\n\tpushl $0x08\n\tpushl $0xc0100000\n\tiretl"
			 : : : "memory");
}

static void forbid_interrupts(void)
{
	__asm__ volatile("cli");
}

static void faults_kill(void)
{
	CHECK(WTERMSIG(run_child(touch_null)) == SIGSEGV);
	CHECK(WTERMSIG(run_child(touch_kernel)) == SIGSEGV);
	CHECK(WTERMSIG(run_child(return_to_kernel)) == SIGSEGV);
	CHECK(WTERMSIG(run_child(forbid_interrupts)) == SIGSEGV);
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static void spin_for_ever(void)
{
	for (;;)
		;
}

static void kill_ends(void (*state)(void), int sig)
{
	int status = 0, pid = fork();

	if (pid == 0) {
		state();
		exit(0);
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	CHECK(kill(pid, 0) == 0);
	CHECK(kill(pid, sig) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WTERMSIG(status) == sig);
	CHECK(kill(pid, sig) == -ESRCH);
}

static void signals_kill_or_are_ignored(void)
{
	kill_ends(sleep_for_ever, SIGTERM);
	kill_ends(sleep_for_ever, SIGKILL);
	kill_ends(spin_for_ever, SIGINT);
	CHECK(sigaction_set(SIGTERM, SIG_IGN) == 0);
	CHECK(kill(getpid(), SIGTERM) == 0);
	CHECK(sigaction_set(SIGTERM, SIG_DFL) == 0);
	CHECK(sigaction_set(SIGKILL, SIG_IGN) == -EINVAL);
	CHECK(kill(getpid(), SIGCHLD) == 0);
}

static int pipe_fds[2];

static void write_to_closed_pipe(void)
{
	close(pipe_fds[0]);
	write(pipe_fds[1], "x", 1);
}

static void pipes_carry_bytes(void)
{
	static char buf[8192];
	struct pollfd p;
	long n, total = 0;

	CHECK(pipe2(pipe_fds, O_NONBLOCK) == 0);
	p.fd = pipe_fds[0];
	p.events = POLLIN;
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(read(pipe_fds[0], buf, 1) == -EAGAIN);
	CHECK(write(pipe_fds[1], "hello", 5) == 5);
	CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
	CHECK(read(pipe_fds[0], buf, sizeof(buf)) == 5 && buf[4] == 'o');
	while ((n = write(pipe_fds[1], buf, 3000)) == 3000)
		total += n;
	CHECK(n == -EAGAIN && total > 0);
	while ((n = read(pipe_fds[0], buf, sizeof(buf))) > 0)
		total -= n;
	CHECK(n == -EAGAIN && total == 0);
	close(pipe_fds[1]);
	CHECK(read(pipe_fds[0], buf, 1) == 0);
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
	close(pipe_fds[0]);
	CHECK(pipe2(pipe_fds, 0) == 0);
	/* Somebody still reads: this process. */
	CHECK(run_child(write_to_closed_pipe) == 0);
	close(pipe_fds[0]);
	CHECK(WTERMSIG(run_child(write_to_closed_pipe)) == SIGPIPE);
	close(pipe_fds[1]);
}

#define STREAM	100000

/* What is at @at in the stream: a ring later there is something else. */
static char stream_byte(int at)
{
	return (char)(at % 251);
}

static void fill_pipe(void)
{
	static char part[777];
	int left = STREAM;

	while (left > 0) {
		int n = left < (int)sizeof(part) ? left : (int)sizeof(part);

		for (int i = 0; i < n; i++)
			part[i] = stream_byte(STREAM - left + i);
		CHECK(write(pipe_fds[1], part, (size_t)n) == n);
		left -= n;
	}
}

/* Writer and reader sleep for each other. */
static void pipes_block(void)
{
	static char buf[501];
	int status, pid, total = 0, wrong = 0;
	long n;

	CHECK(pipe2(pipe_fds, 0) == 0);
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		fill_pipe();
		exit(0);
	}
	close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++)
			wrong += buf[i] != stream_byte(total++);
	CHECK(n == 0 && total == STREAM && wrong == 0);
	close(pipe_fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void files_keep_content(void)
{
	char buf[64];
	int fd;

	CHECK(mkdir("/tmp/proctest", 0755) == 0);
	CHECK(mkdir("/tmp/proctest", 0755) == -EEXIST);
	CHECK(chdir("/tmp/proctest") == 0);
	CHECK(getcwd(buf, sizeof(buf)) == 14 &&
	      !strcmp(buf, "/tmp/proctest"));
	fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0644);
	CHECK(fd >= 0);
	CHECK(open("a", O_RDWR | O_CREAT | O_EXCL, 0644) == -EEXIST);
	CHECK(write(fd, "0123456789", 10) == 10);
	CHECK(lseek(fd, 5000, 0) == 5000 && write(fd, "end", 3) == 3);
	CHECK(lseek(fd, 4, 0) == 4 && read(fd, buf, 4) == 4 && buf[0] == '4');
	CHECK(lseek(fd, -4, 2) == 4999 && read(fd, buf, 9) == 4);
	CHECK(buf[0] == 0 && buf[1] == 'e');
	CHECK(lseek(fd, -1, 0) == -EINVAL);
	CHECK(close(fd) == 0 && close(fd) == -EBADF);
	CHECK(rename("a", "b") == 0 && unlink("a") == -ENOENT);
	CHECK(open("b/x", O_RDONLY, 0) == -ENOTDIR);
	CHECK(open("../proctest", O_WRONLY, 0) == -EISDIR);
	CHECK(rmdir("/tmp/proctest") == -ENOTEMPTY);
	CHECK(unlink("./b") == 0 && chdir("/") == 0);
	CHECK(rmdir("/tmp/proctest") == 0);
}

/* Of what crosses the end of memory, the bytes before it. */
static void write_ends_at_a_fault(void)
{
	long map = mmap_anonymous(8192, PROT_READ | PROT_WRITE);
	char *end = (char *)map + 4096, buf[11] = "";
	int fd = open("/tmp/fault", O_RDWR | O_CREAT | O_EXCL, 0644);

	CHECK((map > 0 || map < -4095) && munmap(end, 4096) == 0);
	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
	memset(end - 3, 'x', 3);
	CHECK(lseek(fd, 1, 0) == 1 && write(fd, end - 3, 7) == 3);
	CHECK(write(fd, end, 1) == -EFAULT);
	CHECK(lseek(fd, 0, 0) == 0 && read(fd, buf, 10) == 10);
	CHECK(strcmp(buf, "0xxx456789") == 0);
	CHECK(close(fd) == 0 && unlink("/tmp/fault") == 0);
	CHECK(munmap((char *)map, 4096) == 0);
}

/* What is not written does not make the file longer. */
static void a_failed_write_adds_nothing(void)
{
	int fd = open("/tmp/short", O_RDWR | O_CREAT | O_EXCL, 0644);

	CHECK(fd >= 0 && lseek(fd, 100, 0) == 100);
	CHECK(write(fd, "", 0) == 0 && lseek(fd, 0, 2) == 0);
	CHECK(lseek(fd, 100, 0) == 100);
	CHECK(write(fd, (void *)0x1000, 1) == -EFAULT);
	CHECK(lseek(fd, 0, 2) == 0);
	CHECK(close(fd) == 0 && unlink("/tmp/short") == 0);
}

/* At the most 0x7ffff000 bytes in a call, as in Linux. */
static void lengths_do_not_overflow(void)
{
	struct {
		void		*base;
		unsigned int	len;
	} part[2] = { { part, 0x7ffff000 }, { part, 0x7ffff000 } };
	int fd = open("/dev/null", O_WRONLY, 0);

	CHECK(syscall(146, fd, (long)part, 2, 0, 0, 0) == 0x7ffff000);
	CHECK(close(fd) == 0);
}

static void ignore_and_fault(void)
{
	sigaction_set(SIGSEGV, SIG_IGN);
	touch_null();
}

static void block_and_write_to_closed_pipe(void)
{
	unsigned int set[2] = { 1u << (SIGPIPE - 1), 0 };

	CHECK(syscall(175, 0, (long)set, 0, 8, 0, 0) == 0);
	CHECK(write(pipe_fds[1], "x", 1) == -EPIPE);
	exit(7);
}

static void signals_keep_their_rules(void)
{
	CHECK(WTERMSIG(run_child(ignore_and_fault)) == SIGSEGV);
	CHECK(pipe2(pipe_fds, 0) == 0 && close(pipe_fds[0]) == 0);
	CHECK(WEXITSTATUS(run_child(block_and_write_to_closed_pipe)) == 7);
	CHECK(close(pipe_fds[1]) == 0);
}

/* With small buffers the end is the end; no room for a name is an error. */
static void listing_ends(void)
{
	char small[24], buf[512];
	int fd = open("/tmp", O_RDONLY, 0);

	CHECK(fd >= 0 && getdents64(fd, small, sizeof(small)) == 24);
	CHECK(getdents64(fd, small, 8) == -EINVAL);
	while (getdents64(fd, buf, sizeof(buf)) > 0)
		;
	CHECK(getdents64(fd, small, 8) == 0 && close(fd) == 0);
}

static void slash_is_of_directories(void)
{
	int fd = open("/tmp/plain", O_RDWR | O_CREAT | O_EXCL, 0644);

	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(rename("/tmp/plain/", "/tmp/other") == -ENOTDIR);
	CHECK(rename("/tmp/plain", "/tmp/other/") == -ENOTDIR);
	CHECK(rename("/tmp/plain", "/tmp/plain/") == -ENOTDIR);
	CHECK(unlink("/tmp/plain") == 0);
	CHECK(mkdir("/tmp/folder", 0755) == 0);
	CHECK(rename("/tmp/folder/", "/tmp/other/") == 0);
	CHECK(rmdir("/tmp/other") == 0);
}

/* Each place in a listing can be come back to, those in /dev included. */
static void listing_goes_on_where_it_was(void)
{
	static char buf[4096];
	char again[512];
	int fd = open("/dev", O_RDONLY, 0);
	long n = getdents64(fd, buf, sizeof(buf));
	const struct dirent64 *d, *next;

	CHECK(fd >= 0 && n > 0);
	for (long at = 0; at < n; at += d->reclen) {
		d = (void *)(buf + at);
		CHECK(lseek(fd, (long)d->off, 0) == (long)d->off);
		CHECK(getdents64(fd, again, sizeof(again)) >= 0);
		next = (void *)(buf + at + d->reclen);
		if (at + d->reclen < n)
			CHECK(!strcmp(((struct dirent64 *)again)->name,
				      next->name));
	}
	CHECK(lseek(fd, (long)0xe8001000, 0) < 0 && close(fd) == 0);
}

static void memory_comes_and_goes(void)
{
	char *end = brk(NULL), *p;
	long map = mmap_anonymous(8192, PROT_READ | PROT_WRITE);
	int zero = open("/dev/zero", O_RDONLY, 0);

	CHECK(brk(end + 10000) == end + 10000);
	end[9999] = 1;
	CHECK(brk(end) == end);
	CHECK(map > 0 || map < -4095);
	p = (char *)map;
	p[0] = p[8191] = 1;
	CHECK(mprotect(p, 4096, PROT_READ) == 0);
	CHECK(read(zero, p, 1) == -EFAULT);
	CHECK(munmap(p, 8192) == 0 && close(zero) == 0);
}

static void bad_calls_fail(void)
{
	struct pollfd p = { .fd = 77, .events = POLLIN };
	/* A length that could be an address of a module (H09). */
	struct {
		void		*base;
		unsigned int	len;
	} part = { &p, 0xea37a000 };
	int fds[2];

	CHECK(pipe2(fds, 0) == 0);
	CHECK(syscall(145, fds[0], (long)&part, 1, 0, 0, 0) == -EFAULT);
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
	CHECK(syscall(359, 0, 0, 0, 0, 0, 0) == -ENOSYS);
	CHECK(syscall(-1, 0, 0, 0, 0, 0, 0) == -ENOSYS);
	CHECK(read(77, &p, 1) == -EBADF);
	CHECK(read(-1, &p, 1) == -EBADF);
	CHECK(open((char *)0xe8001000, O_RDONLY, 0) == -EFAULT);
	CHECK(open("", O_RDONLY, 0) == -ENOENT);
	CHECK(open("/dev/\xe8", O_RDONLY, 0) == -EINVAL);
	CHECK(open("/dev/none", O_RDONLY, 0) == -ENOENT);
	CHECK(open("/dev/none", O_RDWR | O_CREAT, 0) < 0);
	CHECK(poll(&p, 1, 0) == 1 && p.revents == 0x20);
	CHECK(syscall(168, 0, 5000, 0, 0, 0, 0) == -EINVAL);
}

static void descriptors_grow(void)
{
	int fd = open("/dev/null", O_RDONLY, 0), last = fd;

	CHECK(fd >= 0);
	CHECK(dup2(fd, 700) == 700 && dup2(fd, 1024) == -EBADF);
	for (int i = 0; i < 200; i++) {
		last = open("/dev/null", O_RDONLY, 0);
		CHECK(last >= 0);
	}
	CHECK(last == fd + 200);
	while (last >= fd)
		CHECK(close(last--) == 0);
	CHECK(close(700) == 0);
}

static void sleeping_takes_time(void)
{
	struct timespec ts = { 0, 2000000 }, before, after;
	struct pollfd p = { .fd = -1 };
	long us;

	syscall(265, 1, (long)&before, 0, 0, 0, 0);
	CHECK(nanosleep(&ts) == 0);
	CHECK(poll(&p, 1, 2) == 0);
	syscall(265, 1, (long)&after, 0, 0, 0, 0);
	us = (after.sec - before.sec) * 1000000 +
	     (after.nsec - before.nsec) / 1000;
	CHECK(us >= 4000);
	ts.nsec = -1;
	CHECK(nanosleep(&ts) == -EINVAL);
}

/* So that the lowest free descriptors follow each other. */
static void occupy_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY, 0);
	} while (fd >= 0 && fd <= 2);
	close(fd);
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	occupy_stdio();
	fork_copies_memory();
	execve_runs_another_program();
	faults_kill();
	signals_kill_or_are_ignored();
	pipes_carry_bytes();
	pipes_block();
	files_keep_content();
	write_ends_at_a_fault();
	a_failed_write_adds_nothing();
	lengths_do_not_overflow();
	signals_keep_their_rules();
	listing_ends();
	slash_is_of_directories();
	listing_goes_on_where_it_was();
	memory_comes_and_goes();
	bad_calls_fail();
	descriptors_grow();
	sleeping_takes_time();
	return 0;
}
