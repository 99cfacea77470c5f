/*
 * frugal [DEVICE]: one of each call that needs memory, and all that it got is
 * given back.  It exits with 12 (ENOMEM) where one is refused for want of
 * memory, and with 1 where one fails in another way.
 */
#include <user.h>

#define EIO	5
#define ENOMEM	12
#define PAGE	4096

/*
 * A copy to a page that is not there for want of memory is one to a bad
 * address.
 */
static int is_want_of_memory(long ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

static long check(const char *what, long ret)
{
	if ((unsigned long)ret <= -4096ul)	/* mmap: high addresses */
		return ret;
	if (!is_want_of_memory(ret))
		fail(what, ret);
	exit(ENOMEM);
}

static void use_pipe(void)
{
	char text[] = "0123456789abcdef";
	int ends[2];

	check("pipe2", pipe2(ends, 0));
	check("write", write(ends[1], text, sizeof(text)));
	check("read", read(ends[0], text, sizeof(text)));
	check("dup2", dup2(ends[0], 100));	/* the table grows */
}

static void use_device(const char *path)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	char text[] = "0123456789abcdef";

	p.fd = check(path, open(path, O_RDWR | O_NONBLOCK, 0));
	check("poll", poll(&p, 1, 0));
	check("write", write(p.fd, text, sizeof(text)));
	check("read", read(p.fd, text, sizeof(text)));
	check("close", close(p.fd));
}

static void use_memory(void)
{
	char *end = brk(NULL);
	long p = check("mmap", mmap_anonymous(4 * PAGE, PROT_READ |
					      PROT_WRITE));

	memset((void *)p, 1, 4 * PAGE);
	if ((char *)brk(end + PAGE) == end + PAGE)
		memset(end, 1, PAGE);
	check("munmap", munmap((void *)(p + PAGE), PAGE));
}

/* The child is in want of memory, too; where it has no page to stand on its
 * exec or its own stack is the signal that ends it. */
static void use_processes(void)
{
	char *argv[] = { (char *)"true", NULL };
	int status = 0, pid = (int)check("fork", fork());

	if (!pid) {
		check("execve", execve("/bin/true", argv, NULL));
		exit(EIO);
	}
	check("waitpid", waitpid(pid, &status, 0));
	if (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGKILL ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == ENOMEM))
		exit(ENOMEM);
	if (status)
		fail("the child's status", -status);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		use_device(argv[1]);
	use_pipe();
	use_memory();
	use_processes();
	return 0;
}
