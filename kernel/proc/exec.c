/*
 * execve(): a program is loaded into an address space of its own, complete
 * with its stack, before the old one is given up.  What can fail comes before
 * exec_commit(), which cannot.
 */
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/random.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <lib/ctype.h>
#include <lock/preempt.h>
#include <proc/elfexec.h>
#include <proc/internal.h>

/* Above mm_find_free()'s range, and a page below the kernel as a guard. */
#define STACK_TOP	(USER_TOP - PAGE_SIZE)
#define STACK_SIZE	(1u << 20)

/* ---- arguments ---- */

/*
 * At once as large as may be: nothing has to grow between two strings.  Users
 * choose the bytes, hence GFP_DATA.
 */
int exec_args_init(struct exec_args *args)
{
	memset(args, 0, sizeof(*args));
	args->strings = kmalloc(EXEC_ARGS_SIZE, GFP_KERNEL | GFP_DATA);
	return args->strings ? 0 : -ENOMEM;
}

void exec_args_free(struct exec_args *args)
{
	kfree(args->strings);
}

/* The room bounds all of them together; a string that does not fit: -E2BIG. */
static int add_user_string(struct exec_args *args, uint32_t string)
{
	size_t room = EXEC_ARGS_SIZE - args->used;
	ssize_t n = -ENAMETOOLONG;

	if (room)
		n = strncpy_from_user(args->strings + args->used,
				      (const char *)string, room);
	if (n < 0)
		return n == -ENAMETOOLONG ? -E2BIG : (int)n;
	args->used += (size_t)n + 1;
	return 0;
}

/*
 * The array ends at a NULL, or else at the strings' bound, of which each takes
 * one byte at least.  @array does not come round to 0 first: behind the end of
 * user space it is -EFAULT.
 */
int exec_args_add_user(struct exec_args *args, uint32_t array,
		       uint32_t *count)
{
	uint32_t *string = user_words(sizeof(*string));
	int err = 0;

	for (; array && !err; array += sizeof(*string)) {
		if (copy_from_user(string, (const void *)array,
				   sizeof(*string)))
			return -EFAULT;
		if (!*string)
			break;
		if (*string >= USER_TOP)	/* before it is on the stack */
			return -EFAULT;
		err = add_user_string(args, *string);
		(*count)++;
	}
	return err;
}

int exec_args_add_kernel(struct exec_args *args, char *const array[],
			 uint32_t *count)
{
	for (; array && *array; array++) {
		size_t n = strlen(*array) + 1;

		if (n > EXEC_ARGS_SIZE - args->used)
			return -E2BIG;
		memcpy(args->strings + args->used, *array, n);
		args->used += n;
		(*count)++;
	}
	return 0;
}

/* ---- the stack of a new program ---- */

/* Tags of the auxiliary vector (System V ABI, i386; getauxval(3)). */
enum {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6,
	AT_ENTRY = 9, AT_UID = 11, AT_EUID, AT_GID, AT_EGID, AT_HWCAP = 16,
	AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25,
};
#define NR_AUX		14u
#define RANDOM_BYTES	16u

/* Writes where it is told; build_stack() has counted the words before. */
struct word_writer {
	uint32_t	*at;
};

static void put(struct word_writer *w, uint32_t word)
{
	*w->at++ = word;
}

static void put_pair(struct word_writer *w, uint32_t tag, uint32_t value)
{
	put(w, tag);
	put(w, value);
}

/*
 * Pointers to @count of the strings, which follow each other, and the NULL that
 * ends them.  *@at runs on: those of envp lie behind those of argv.
 */
static void put_strings(struct word_writer *w, const struct exec_args *args,
			uint32_t count, size_t *at, uint32_t base)
{
	while (count--) {
		put(w, base + *at);
		*at += strlen(args->strings + *at) + 1;
	}
	put(w, 0);
}

/*
 * No AT_SYSINFO and no AT_SYSINFO_EHDR: a C library would call through them.
 * One user, so never AT_SECURE; AT_RANDOM is what glibc cannot start without.
 * NR_AUX counts these.
 */
static void put_auxv(struct word_writer *w, const struct exec_plan *plan,
		     uint32_t random)
{
	put_pair(w, AT_PHDR, plan->phdr);
	put_pair(w, AT_PHENT, 32);
	put_pair(w, AT_PHNUM, plan->nr_phdrs);
	put_pair(w, AT_PAGESZ, PAGE_SIZE);
	put_pair(w, AT_ENTRY, plan->entry);
	put_pair(w, AT_UID, 0);
	put_pair(w, AT_EUID, 0);
	put_pair(w, AT_GID, 0);
	put_pair(w, AT_EGID, 0);
	put_pair(w, AT_HWCAP, 0);
	put_pair(w, AT_CLKTCK, 100);
	put_pair(w, AT_SECURE, 0);
	put_pair(w, AT_RANDOM, random);
	put_pair(w, AT_NULL, 0);
}

/*
 *	STACK_TOP
 *	  strings		argv, then envp
 *	  16 random bytes
 *	  auxv, envp, argv, argc	<- esp, aligned to 16
 *
 * That is what System V ABI, i386, calls the initial process stack.  Strings of
 * 32 KiB and a word for each of them fill a sixth of STACK_SIZE at most, so the
 * sums do not run under it.  The image comes to be in kernel memory, as @mm
 * is not loaded here: mm_write() brings it there, the strings from where they
 * are.
 */
static int build_stack(struct mm *mm, const struct exec_plan *plan,
		       const struct exec_args *args, uintptr_t *sp)
{
	uint32_t strings = (STACK_TOP - args->used) & ~15u;
	uint32_t random = strings - RANDOM_BYTES;
	uint32_t words = 1 + args->argc + 1 + args->envc + 1 + 2 * NR_AUX;
	uint32_t bottom = (random - 4 * words) & ~15u;
	size_t size = random + RANDOM_BYTES - bottom, at = 0;
	uint32_t *image = kzalloc(size, GFP_KERNEL | GFP_DATA);
	struct word_writer w = { image };
	int err;

	if (!image)
		return -ENOMEM;
	put(&w, args->argc);
	put_strings(&w, args, args->argc, &at, strings);
	put_strings(&w, args, args->envc, &at, strings);
	put_auxv(&w, plan, random);
	w.at = image + (random - bottom) / 4;
	for (uint32_t i = 0; i < RANDOM_BYTES / 4; i++)
		put(&w, prandom_u32());
	err = mm_write(mm, bottom, image, size);
	if (!err)
		err = mm_write(mm, strings, args->strings, args->used);
	kfree(image);
	*sp = bottom;
	return err;
}

/*
 * All of the stack from the start: it does not grow, and a page of it costs
 * nothing before its first touch.
 */
static int make_stack(struct mm *mm, const struct exec_plan *plan,
		      const struct exec_args *args, uintptr_t *sp)
{
	int err = mm_map(mm, STACK_TOP - STACK_SIZE, STACK_SIZE,
			 VM_READ | VM_WRITE);

	return err ? err : build_stack(mm, plan, args, sp);
}

/* ---- the program ---- */

static uint32_t segment_prot(const struct exec_segment *s)
{
	return (s->readable ? VM_READ : 0) | (s->writable ? VM_WRITE : 0) |
	       (s->executable ? VM_EXEC : 0);
}

/*
 * @buf: a page for the copy.  The plan was checked against a size of the file
 * that may have changed since: what is missing then makes it no program.
 * Behind file_size, and in the rest of the first and the last page, stay the
 * zeros of fresh memory: .bss, and nothing of another file.
 */
static int load_segment(struct mm *mm, struct inode *inode,
			const struct exec_segment *s, void *buf)
{
	uintptr_t start = s->vaddr & PAGE_MASK;
	uintptr_t end = ALIGN_UP(s->vaddr + s->mem_size, PAGE_SIZE);
	int err = mm_map(mm, start, end - start, segment_prot(s));

	for (uint32_t at = 0; !err && at < s->file_size; at += PAGE_SIZE) {
		size_t n = min(PAGE_SIZE, s->file_size - at);
		ssize_t got = inode_read_kernel(inode, buf, n, s->offset + at);

		if (got != (ssize_t)n)
			return got < 0 ? (int)got : -ENOEXEC;
		err = mm_write(mm, s->vaddr + at, buf, n);
	}
	return err;
}

/*
 * The heap begins behind the last segment, and so behind all: they ascend.  On
 * failure what was mapped goes with @mm.
 */
static int load_segments(struct mm *mm, struct inode *inode,
			 const struct exec_plan *plan, void *buf)
{
	uintptr_t end = 0;

	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct exec_segment *s = &plan->segments[i];
		int err = load_segment(mm, inode, s, buf);

		if (err)
			return err;
		end = ALIGN_UP(s->vaddr + s->mem_size, PAGE_SIZE);
	}
	mm_init_brk(mm, end);
	return 0;
}

/*
 * Though there is one user, who may do everything: a file that nobody has made
 * executable was not meant to be run (execve(2), EACCES).
 */
static int read_plan(const char *path, struct inode *inode, void *buf,
		     struct exec_plan *plan)
{
	const char *why;
	struct kstat st;
	ssize_t n;
	int err;

	inode_stat(inode, &st);
	if (!inode_is(inode, S_IFREG) || !(st.mode & 0111))
		return -EACCES;
	n = inode_read_kernel(inode, buf, PAGE_SIZE, 0);
	if (n < 0)
		return (int)n;
	err = exec_plan(buf, (size_t)n, st.size, plan, &why);
	if (err)
		pr_debug("exec: %s: %s", path, why);
	return err;
}

/* What a load needs besides the result; on the heap, it is bulky. */
struct load {
	struct exec_plan	plan;
	uint8_t			buf[PAGE_SIZE];
};

/* On failure image->mm is nobody's any more, whatever it holds. */
static int load_program(struct inode *inode, const char *path,
			const struct exec_args *args,
			struct exec_image *image)
{
	struct load *l = kmalloc(sizeof(*l), GFP_KERNEL | GFP_DATA);
	int err = -ENOMEM;

	if (!l)
		return err;
	err = read_plan(path, inode, l->buf, &l->plan);
	if (err)
		goto free_load;
	err = -ENOMEM;
	image->mm = mm_create();
	if (!image->mm)
		goto free_load;
	image->entry = l->plan.entry;
	err = load_segments(image->mm, inode, &l->plan, l->buf);
	if (!err)
		err = make_stack(image->mm, &l->plan, args, &image->stack);
	if (err)
		mm_put(image->mm);
free_load:
	kfree(l);
	return err;
}

/* It is printed in every report: no byte that a terminal would obey. */
static void set_comm(char comm[TASK_COMM_LEN], const char *path)
{
	const char *slash = strrchr(path, '/');

	strscpy(comm, slash ? slash + 1 : path, TASK_COMM_LEN);
	for (char *p = comm; *p; p++)
		if (!isprint(*p))
			*p = '?';
}

int exec_load(const char *path, const struct exec_args *args,
	      struct exec_image *image)
{
	struct inode *inode;
	int err = fs_lookup(path, &inode);

	if (err)
		return err;
	set_comm(image->comm, path);
	err = load_program(inode, path, args, image);
	inode_put(inode);
	return err;
}

/*
 * Interrupts on, IOPL 0; bit 1 of EFLAGS is always set (SDM vol. 1, 3.4.3).
 * All else is 0, of which edx matters: the ABI has a function for atexit()
 * there, 0 being none.
 */
void exec_set_frame(struct trap_frame *frame, const struct exec_image *image)
{
	memset(frame, 0, sizeof(*frame));
	frame->ds = USER_DS;
	frame->es = USER_DS;
	frame->ss = USER_DS;
	frame->cs = USER_CS;
	frame->eip = image->entry;
	frame->esp = image->stack;
	frame->eflags = EFLAGS_IF | 2;
}

/*
 * A switch in the middle would save the old registers over the new record, or
 * load the old descriptors.
 */
static void reset_fpu_and_tls(void)
{
	preempt_disable();
	fpu_init_state(&current->user->fpu);
	fpu_restore(&current->user->fpu);
	for (uint32_t i = 0; i < GDT_TLS_ENTRIES; i++) {
		current->user->tls[i] = 0;
		gdt_set_tls(i, &current->user->tls[i]);
	}
	preempt_enable();
}

/*
 * What POSIX keeps is not touched: pid, parent, working directory, umask, the
 * signals ignored, blocked and held.
 */
void exec_commit(struct exec_image *image, struct trap_frame *frame)
{
	struct mm *old = current->mm;

	/*
	 * The record and the CPU change together; only then the old one goes.
	 */
	preempt_disable();
	current->mm = image->mm;
	mm_switch(image->mm);
	preempt_enable();
	process_set_space(current->process, image->mm->root);
	mm_put(old);
	file_table_close_on_exec(current->process->files);
	reset_fpu_and_tls();
	strscpy(current->comm, image->comm, sizeof(current->comm));
	exec_set_frame(frame, image);
}
