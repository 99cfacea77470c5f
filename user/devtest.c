/*
 * devtest WHAT DEVICE: what a program may rely on in a device, tested from its
 * side.  Prints the first line that does not hold, and exits with 1.
 */
#include <user.h>

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		dprintf(2, "devtest: line %d: %s\n", __LINE__, #cond);	\
		exit(1);						\
	}								\
} while (0)

#define EDEADLK		35
#define FIONREAD	0x541bu
#define RTC_RD_TIME	0x80247009u
#define RTC_IRQP_READ	0x8004700bu
#define PROBE_LOCK	3u		/* modules/probe.c */

static int open_device(const char *path, int flags)
{
	int fd = open(path, flags, 0);

	if (fd < 0)
		fail(path, fd);
	return fd;
}

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static int queued(int fd)
{
	int n = -1;

	CHECK(ioctl(fd, FIONREAD, &n) == 0);
	return n;
}

static void fill(int fd, int depth)
{
	char block[16] = "0123456789abcdef";
	long n, sum = 0;

	while ((n = write(fd, block, sizeof(block))) > 0)
		sum += n;
	CHECK(n == -EAGAIN);
	CHECK(sum == depth);
	CHECK(queued(fd) == depth);
	CHECK(poll_now(fd) == POLLIN);
}

static void drain(int fd, int depth)
{
	char buf[7];
	long n, sum = 0;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++, sum++)
			CHECK(buf[i] == "0123456789abcdef"[sum % 16]);
	CHECK(n == -EAGAIN);
	CHECK(sum == depth);
}

static void fifo_does_not_block(const char *path)
{
	int fd = open_device(path, O_RDWR | O_NONBLOCK);
	char buf[8];

	CHECK(read(fd, buf, sizeof(buf)) == -EAGAIN);
	CHECK(poll_now(fd) == POLLOUT);
	CHECK(write(fd, "abc", 3) == 3);
	CHECK(poll_now(fd) == (POLLIN | POLLOUT));
	CHECK(queued(fd) == 3);
	CHECK(read(fd, buf, 2) == 2 && buf[0] == 'a' && buf[1] == 'b');
	CHECK(read(fd, buf, sizeof(buf)) == 1 && buf[0] == 'c');
	CHECK(ioctl(fd, 0, NULL) == -ENOTTY);
	CHECK(ioctl(fd, FIONREAD, (void *)0xc0000000) == -EFAULT);
	CHECK(write(fd, (void *)0xc0000000, 1) == -EFAULT);
	CHECK(write(fd, buf, 0) == 0 && read(fd, buf, 0) == 0);
	for (int i = 0; i < 3; i++) {
		fill(fd, 4096);
		drain(fd, 4096);
	}
	CHECK(close(fd) == 0);
}

/* More than fits, through a reader and a writer that block in turn. */
static void fifo_blocks(const char *path)
{
	enum { TOTAL = 20000 };
	char c, expected = 0;
	int status, pid;
	int fd = open_device(path, O_RDWR);

	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < TOTAL; i++) {
			c = (char)i;
			CHECK(write(fd, &c, 1) == 1);
		}
		exit(0);
	}
	for (int i = 0; i < TOTAL; i++) {
		CHECK(read(fd, &c, 1) == 1);
		CHECK(c == expected);
		expected++;
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(close(fd) == 0);
}

static void test_fifo(const char *path)
{
	fifo_does_not_block(path);
	fifo_blocks(path);
}

static void test_rtc(const char *path)
{
	int fd = open_device(path, O_RDONLY), tm[9], status;
	uint32_t data, hz = 0;

	for (int i = 0; i < 5; i++) {
		CHECK(read(fd, &data, sizeof(data)) == sizeof(data));
		CHECK((data & 0xff) == 0xc0 && data >> 8 >= 1);
	}
	CHECK(read(fd, &data, 3) == -EINVAL);
	CHECK(ioctl(fd, RTC_IRQP_READ, &hz) == 0 && hz == 1024);
	CHECK(ioctl(fd, RTC_RD_TIME, tm) == 0);
	CHECK(tm[0] < 61 && tm[1] < 60 && tm[2] < 24);
	CHECK(tm[3] >= 1 && tm[3] <= 31 && tm[4] < 12 && tm[5] >= 120);
	CHECK(ioctl(fd, RTC_RD_TIME, (void *)0xc0000000) == -EFAULT);
	CHECK(ioctl(fd, 0, NULL) == -ENOTTY);
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		status = poll(&p, 1, -1);
	} while (status == 0);
	CHECK(status == 1);
	CHECK(close(fd) == 0);
}

/* The device's ioctl asks for the unload of its own module. */
static void test_deadlock(const char *path)
{
	int fd = open_device(path, O_RDWR);

	CHECK(ioctl(fd, 0, NULL) == -EDEADLK);
	CHECK(close(fd) == 0);
}

/* Uses the device, closes it, and sleeps elsewhere from then on. */
static void use_and_rest(const char *path)
{
	int fd = open_device(path, O_RDWR | O_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int fds[2];
	char buf[32];

	write(fd, "0123456789abcdef", 16);
	poll(&p, 1, 0);
	read(fd, buf, sizeof(buf));
	ioctl(fd, FIONREAD, buf);
	CHECK(close(fd) == 0);
	CHECK(pipe2(fds, 0) == 0);
	announce(NR_READ);
	read(fds[0], buf, 1);
}

/* A write that fails changes nothing of the block, whoever asked for it. */
static void test_block(const char *path)
{
	int fd = open_device(path, O_WRONLY), bad = open_device(path, O_WRONLY);
	char buf[8];

	CHECK(write(fd, "ab", 2) == 2);
	CHECK(write(bad, NULL, 4) == -EFAULT);
	CHECK(write(fd, "cd", 2) == 2);
	close(bad);
	close(fd);
	fd = open_device(path, O_RDONLY);
	CHECK(read(fd, buf, sizeof(buf)) == 4);
	buf[4] = '\0';
	CHECK(strcmp(buf, "abcd") == 0);
	close(fd);
}

/* What its kernel tests lock by a pointer is not for programs. */
static void test_probe(const char *path)
{
	int fd = open_device(path, O_RDWR);

	CHECK(ioctl(fd, PROBE_LOCK, NULL) == -ENOTTY);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(const char *path);
	} tests[] = {
		{ "fifo", test_fifo },
		{ "rtc", test_rtc },
		{ "deadlock", test_deadlock },
		{ "rest", use_and_rest },
		{ "block", test_block },
		{ "probe", test_probe },
	};

	for (size_t i = 0;
	     argc == 3 && i < sizeof(tests) / sizeof(*tests); i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		tests[i].fn(argv[2]);
		return 0;
	}
	fail("usage: devtest fifo|rtc|deadlock|rest|block|probe DEVICE", 0);
}
