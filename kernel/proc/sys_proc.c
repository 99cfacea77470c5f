/*
 * System calls on processes, memory, signals and time.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/random.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <lock/preempt.h>
#include <proc/internal.h>
#include <proc/syscalls.h>
#include <sched/sched.h>
#include <sched/signal.h>

/* ---- birth and death ---- */

long sys_fork(const struct syscall_args *args)
{
	return process_fork(args->frame);
}

#define CSIGNAL			0x000000ffu
#define CLONE_CHILD_CLEARTID	0x00200000u
#define CLONE_CHILD_SETTID	0x01000000u

/*
 * In the form that fork() of a C library has; the TIDs are for threads.  A
 * stack of its own would be a thread's, too.
 */
long sys_clone(const struct syscall_args *args)
{
	const uint32_t harmless = CSIGNAL | CLONE_CHILD_CLEARTID |
				  CLONE_CHILD_SETTID;

	if ((args->a[0] & ~harmless) || args->a[1])
		return -EINVAL;
	return process_fork(args->frame);
}

/*
 * The image lies on the stack while files are read, and is no evidence: entry
 * and stack are below the window, and the name is ASCII (H09).  From
 * exec_commit() on there is no program that could be told of an error.
 */
static long exec_path(const struct syscall_args *args, const char *path)
{
	struct exec_args strings;
	struct exec_image image;
	int err = exec_args_init(&strings);

	if (err)
		return err;
	err = exec_args_add_user(&strings, args->a[1], &strings.argc);
	if (!err)
		err = exec_args_add_user(&strings, args->a[2], &strings.envc);
	if (!err)
		err = exec_load(path, &strings, &image);
	exec_args_free(&strings);
	if (!err)
		exec_commit(&image, args->frame);
	return err;
}

long sys_execve(const struct syscall_args *args)
{
	char *path;
	long err = path_from_user(args->a[0], &path);

	if (err)
		return err;
	/* @path is the kernel's copy, and outlives the old program. */
	err = exec_path(args, path);
	kfree(path);
	return err;
}

/* wait4(2): the exit code in bits 8 to 15, 0 below: no signal. */
long sys_exit(const struct syscall_args *args)
{
	process_exit((int)(args->a[0] & 0xff) << 8);
}

long sys_exit_group(const struct syscall_args *args)
{
	return sys_exit(args);
}

#define WNOHANG		1u

/*
 * A status that cannot be stored is lost: the child has been reaped.  Of the
 * options WNOHANG counts; the others are for children that are stopped, and
 * none is, or for threads.
 */
static long wait_for_child(pid_t pid, uint32_t status_ptr, uint32_t options)
{
	struct process *self = current->process;
	int status = 0;
	pid_t ret;

	if (pid == 0)			/* one process group holds all */
		pid = -1;
	if (pid < -1)
		return -ECHILD;
	ret = options & WNOHANG ? process_reap_child(self, pid, &status)
				: process_wait_child(self, pid, &status);
	if (ret > 0 && status_ptr &&
	    copy_to_user((void *)status_ptr, &status, sizeof(status)))
		return -EFAULT;
	return ret;
}

long sys_waitpid(const struct syscall_args *args)
{
	return wait_for_child((pid_t)args->a[0], args->a[1], args->a[2]);
}

/* struct rusage, Linux i386: all of it told as 0. */
#define RUSAGE_SIZE	72u

long sys_wait4(const struct syscall_args *args)
{
	static const uint8_t rusage[RUSAGE_SIZE];
	long ret = sys_waitpid(args);

	if (ret > 0 && args->a[3] &&
	    copy_to_user((void *)args->a[3], rusage, sizeof(rusage)))
		return -EFAULT;
	return ret;
}

/* ---- who am I ---- */

long sys_getpid(const struct syscall_args *args)
{
	(void)args;
	return current->process->pid;
}

long sys_gettid(const struct syscall_args *args)
{
	(void)args;
	return current->pid;
}

/* The address is for the end of a thread among others: it is not kept. */
long sys_set_tid_address(const struct syscall_args *args)
{
	return sys_gettid(args);
}

/*
 * Children of the kernel have no parent: 0.  Under the lock, as the parent may
 * end meanwhile, and be freed.
 */
long sys_getppid(const struct syscall_args *args)
{
	pid_t pid = 0;

	(void)args;
	spin_lock(&process_lock);
	if (current->process->parent)
		pid = current->process->parent->pid;
	spin_unlock(&process_lock);
	return pid;
}

/* There is one user. */
long sys_getuid32(const struct syscall_args *args)
{
	(void)args;
	return 0;
}

long sys_geteuid32(const struct syscall_args *args)
{
	return sys_getuid32(args);
}

long sys_getgid32(const struct syscall_args *args)
{
	return sys_getuid32(args);
}

long sys_getegid32(const struct syscall_args *args)
{
	return sys_getuid32(args);
}

#define UTS_LEN		65

/* Linux, struct new_utsname.  C libraries look at the release. */
static const char uts_name[6][UTS_LEN] = {
	"Icebox", "icebox", "6.1.0", "1", "i686", "(none)",
};

long sys_uname(const struct syscall_args *args)
{
	return copy_to_user((void *)args->a[0], uts_name, sizeof(uts_name)) ?
		-EFAULT : 0;
}

/* ---- memory ---- */

/* Linux, asm-generic/mman-common.h. */
#define PROT_READ	1u
#define PROT_WRITE	2u
#define PROT_EXEC	4u
#define MAP_PRIVATE	0x02u
#define MAP_FIXED	0x10u
#define MAP_ANONYMOUS	0x20u

static uint32_t vm_prot(uint32_t prot)
{
	return (prot & PROT_READ ? VM_READ : 0) |
	       (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/*
 * Whole pages of a length; 0 where it is none.  What is longer than user space
 * is none, so the sum does not wrap.
 */
static size_t page_length(uint32_t len)
{
	return len > USER_TOP ? 0 : ALIGN_UP(len, PAGE_SIZE);
}

long sys_brk(const struct syscall_args *args)
{
	/* Linux: the end as it is then, also where it could not be set. */
	if (args->a[0])
		mm_set_brk(current->mm, args->a[0]);
	return (long)current->mm->brk;
}

/*
 * Two steps: nobody else maps in this process meanwhile.  Should the second
 * fail, what was there is gone, as mmap(2) warns.
 */
static long map_fixed(uintptr_t start, size_t len, uint32_t prot)
{
	int err = mm_unmap(current->mm, start, len);

	if (!err)
		err = mm_map(current->mm, start, len, prot);
	return err ? err : (long)start;
}

/*
 * Private anonymous memory only: none is shared but what fork() shares until
 * the first write.  Without MAP_FIXED an address is but a hint, and not heeded.
 */
long sys_mmap2(const struct syscall_args *args)
{
	size_t len = page_length(args->a[1]);
	uint32_t prot = vm_prot(args->a[2]), flags = args->a[3];
	uintptr_t start = args->a[0];
	int err;

	if (!len || !(flags & MAP_PRIVATE))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS))
		return -ENODEV;
	if (flags & MAP_FIXED)
		return map_fixed(start, len, prot);
	err = mm_map_anywhere(current->mm, &start, len, prot);
	return err ? err : (long)start;
}

long sys_munmap(const struct syscall_args *args)
{
	size_t len = page_length(args->a[1]);

	return len ? mm_unmap(current->mm, args->a[0], len) : -EINVAL;
}

/*
 * As in Linux, nothing of something is fine, and more than there can be is more
 * than is mapped.
 */
long sys_mprotect(const struct syscall_args *args)
{
	size_t len = page_length(args->a[1]);

	if (args->a[1] && !len)
		return -ENOMEM;
	if (!len)
		return 0;
	return mm_protect(current->mm, args->a[0], len, vm_prot(args->a[2]));
}

/* Linux i386, struct user_desc. */
struct user_desc {
	uint32_t	entry, base, limit, flags;
};
#define DESC_LIMIT_IN_PAGES	(1u << 4)
#define DESC_READ_ONLY		(1u << 3)

/*
 * A data segment of ring 3 (Intel SDM vol. 3, 3.4.5).  Present, DPL 3, data,
 * whatever the user says: from what he may choose, base, limit, unit and the
 * right to write, no gate and no code can be made.
 */
static void tls_descriptor(const struct user_desc *d, uint64_t *out)
{
	uint32_t type = d->flags & DESC_READ_ONLY ? 0xf0 : 0xf2;
	uint32_t gran = d->flags & DESC_LIMIT_IN_PAGES ? 0xc : 0x4;
	uint32_t low = (d->limit & 0xffff) | d->base << 16;
	uint32_t high = (d->base >> 16 & 0xff) | type << 8 |
			(d->limit & 0xf0000) | gran << 20 |
			(d->base & 0xff000000);

	*out = (uint64_t)high << 32 | low;
}

/* One that was set has at least its present bit, and is never 0. */
static int free_tls_entry(void)
{
	for (uint32_t i = 0; i < GDT_TLS_ENTRIES; i++)
		if (!current->user->tls[i])
			return (int)(GDT_TLS_MIN + i);
	return -ESRCH;
}

static long set_tls(struct user_desc *d)
{
	uint32_t index;

	if ((int)d->entry == -1) {
		int entry = free_tls_entry();

		if (entry < 0)
			return entry;
		d->entry = (uint32_t)entry;
	}
	index = d->entry - GDT_TLS_MIN;
	if (index >= GDT_TLS_ENTRIES)
		return -EINVAL;
	/* On one CPU: a switch loads the descriptors from the record. */
	preempt_disable();
	tls_descriptor(d, &current->user->tls[index]);
	gdt_set_tls(index, &current->user->tls[index]);
	preempt_enable();
	return 0;
}

/*
 * The number goes back in the first word.  If it cannot, the descriptor is set
 * all the same, and harms nobody.
 */
long sys_set_thread_area(const struct syscall_args *args)
{
	void *user = (void *)args->a[0];
	struct user_desc *d = user_words(sizeof(*d));
	long err;

	if (copy_from_user(d, user, sizeof(*d)))
		return -EFAULT;
	err = set_tls(d);
	if (!err && copy_to_user(user, &d->entry, sizeof(d->entry)))
		err = -EFAULT;
	return err;
}

/*
 * Of the machine's one seeded source: repeatable, so no secret, and never
 * empty: the flags change nothing.  256 bytes at most, which is what comes
 * whole in Linux (getrandom(2)).
 */
long sys_getrandom(const struct syscall_args *args)
{
	uint32_t n = min(args->a[1], 256u), done = 0;

	while (done < n) {
		uint32_t word = prandom_u32();
		uint32_t part = min(n - done, (uint32_t)sizeof(word));

		if (copy_to_user((void *)(args->a[0] + done), &word, part))
			return -EFAULT;
		done += part;
	}
	return (long)done;
}

/* ---- signals ---- */

/* 0 and below would be process groups, of which there are none. */
long sys_kill(const struct syscall_args *args)
{
	pid_t pid = (pid_t)args->a[0];

	return pid > 0 ? process_kill(pid, (int)args->a[1]) : -ESRCH;
}

/* Linux i386, struct sigaction of the rt_ calls. */
struct user_sigaction {
	uint32_t	handler, flags, restorer;
	uint32_t	mask[2];
};
#define SIG_DFL		0u
#define SIG_IGN		1u

/* Flags, mask and restorer belong to a handler, and are not looked at. */
static long set_action(int sig, uint32_t user)
{
	struct user_sigaction *act = user_words(sizeof(*act));

	if (copy_from_user(act, (const void *)user, sizeof(*act)))
		return -EFAULT;
	/* A handler: there is nobody yet to call it. */
	if (act->handler > SIG_IGN)
		return -ENOSYS;
	return signal_set_ignored(sig, act->handler == SIG_IGN);
}

/*
 * The old one is read before the new one is set, and told after: both may lie
 * in one place.
 */
long sys_rt_sigaction(const struct syscall_args *args)
{
	int sig = (int)args->a[0];
	struct user_sigaction old = { SIG_DFL, 0, 0, { 0, 0 } };
	long err = 0;

	if (sig < 1 || sig > SIGNAL_MAX)
		return -EINVAL;
	if (signal_is_ignored(sig))
		old.handler = SIG_IGN;
	if (args->a[1])
		err = set_action(sig, args->a[1]);
	if (!err && args->a[2] &&
	    copy_to_user((void *)args->a[2], &old, sizeof(old)))
		err = -EFAULT;
	return err;
}

/*
 * Of the 64 signals of a set the lower 31 exist here (signal.h).  As in Linux
 * the new set is in force even where the old one cannot be stored.
 */
long sys_rt_sigprocmask(const struct syscall_args *args)
{
	uint32_t *set = args->a[1] ? user_words(8) : NULL, old[2] = { 0, 0 };
	int err;

	if (set && copy_from_user(set, (const void *)args->a[1], 8))
		return -EFAULT;
	err = signal_set_mask((int)args->a[0], set, old);
	if (!err && args->a[2] &&
	    copy_to_user((void *)args->a[2], old, sizeof(old)))
		return -EFAULT;
	return err;
}

/* ---- time ---- */

/* Linux i386, struct old_timespec32, of the calls without "64". */
struct timespec {
	int32_t sec, nsec;
};

long sys_sched_yield(const struct syscall_args *args)
{
	(void)args;
	yield();
	return 0;
}

/* A wake-up without a signal is none (wait.h): once more. */
long sys_pause(const struct syscall_args *args)
{
	int err = 0;

	(void)args;
	while (!err) {
		prepare_to_wait(NULL, WAIT_INTERRUPTIBLE);
		err = wait_schedule(NO_DEADLINE);
		finish_wait();
	}
	return -EINTR;
}

long sys_time(const struct syscall_args *args)
{
	int32_t sec = (int32_t)(ktime_get_ns() / NSEC_PER_SEC);

	if (args->a[0] && copy_to_user((void *)args->a[0], &sec, sizeof(sec)))
		return -EFAULT;
	return sec;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ (int32_t)(ns / NSEC_PER_SEC),
				  (int32_t)(ns % NSEC_PER_SEC) };
}

/* All clocks count from boot. */
long sys_clock_gettime(const struct syscall_args *args)
{
	struct timespec ts = timespec_of(ktime_get_ns());

	if (args->a[0] > 11)		/* CLOCK_TAI, the last */
		return -EINVAL;
	return copy_to_user((void *)args->a[1], &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* 0 at @deadline, -EINTR before; woken without reason it sleeps on. */
static int sleep_until(struct stamp deadline)
{
	int err = 0;

	while (!err) {
		prepare_to_wait(NULL, WAIT_INTERRUPTIBLE);
		err = wait_schedule(deadline);
		finish_wait();
	}
	return err == -ETIMEDOUT ? 0 : -EINTR;
}

/* @rem: where the rest goes after an interruption, or 0. */
static long sleep_and_tell(struct stamp deadline, uint32_t rem)
{
	int err = sleep_until(deadline);
	uint64_t now = ktime_get_ns(), end = stamp_ns(deadline);
	struct timespec ts = timespec_of(now < end ? end - now : 0);

	if (err && rem && copy_to_user((void *)rem, &ts, sizeof(ts)))
		return -EFAULT;
	return err;
}

#define DEADLINE_FRAMES	256		/* bytes, of what follows */

/*
 * A user's time as a stamp, @absolute or from now.  -EINVAL of what is no time
 * (nanosleep(2)).  The sum fits: 2^31 seconds are 2^61 ns.
 */
static noinline int take_deadline(uint32_t user, bool absolute,
				  struct stamp *out)
{
	struct timespec *ts = user_words(sizeof(*ts));
	uint64_t base_ns = absolute ? 0 : ktime_get_ns();

	if (copy_from_user(ts, (const void *)user, sizeof(*ts)))
		return -EFAULT;
	if (ts->sec < 0 || ts->nsec < 0 || ts->nsec >= (int32_t)NSEC_PER_SEC)
		return -EINVAL;
	/* 0 means no deadline at all. */
	*out = stamp_of(base_ns + (uint64_t)ts->sec * NSEC_PER_SEC +
			(uint32_t)ts->nsec + 1);
	return 0;
}

/* Only the stamp stays on the stack of who sleeps until then (H09). */
static int read_deadline(uint32_t user, bool absolute, struct stamp *out)
{
	int err = take_deadline(user, absolute, out);

	stack_wipe_near(DEADLINE_FRAMES);
	return err;
}

long sys_nanosleep(const struct syscall_args *args)
{
	struct stamp deadline;
	int err = read_deadline(args->a[0], false, &deadline);

	return err ? err : sleep_and_tell(deadline, args->a[1]);
}

#define TIMER_ABSTIME	1u

/*
 * All clocks are one, so which is not looked at.  Of a point in time no rest is
 * told, as clock_nanosleep(2) has it.
 */
long sys_clock_nanosleep(const struct syscall_args *args)
{
	bool absolute = args->a[1] & TIMER_ABSTIME;
	struct stamp deadline;
	int err = read_deadline(args->a[2], absolute, &deadline);

	return err ? err : sleep_and_tell(deadline, absolute ? 0 : args->a[3]);
}
