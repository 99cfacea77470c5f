/*
 * The kernel did what the CPU refuses.  What it was, in words: by the error
 * code of a page fault (Intel SDM vol. 3, 4.7), by where the address lies, and,
 * for an address in the module window, by the autopsy of the module room (G13).
 */
#include <kernel/printk.h>
#include <kernel/string.h>
#include "debug/backtrace.h"
#include "debug/internal.h"
#include "x86/paging.h"
#include "x86/trap.h"
#include "x86/upcalls.h"

#define PF_PRESENT	(1u << 0)	/* there, but not for this access */
#define PF_WRITE	(1u << 1)
#define PF_RESERVED	(1u << 3)

/* By the registers: the CPU tells (bit 4) only where it has no-execute. */
enum access { READ, WRITE, EXECUTE };

#define STACK_WORDS	32u

static bool (*autopsy)(uintptr_t addr, char *text, size_t size);

void debug_set_autopsy(bool (*fn)(uintptr_t addr, char *text, size_t size))
{
	autopsy = fn;
}

/* Intel SDM vol. 3, table 6-1; 9 and 15 are raised by no CPU of today. */
static const char *const exception_names[] = {
	[0] = "divide error", [1] = "debug trap", [2] = "NMI",
	[3] = "breakpoint", [4] = "overflow", [5] = "bound range exceeded",
	[6] = "invalid instruction", [7] = "use of the FPU",
	[8] = "double fault", [10] = "invalid TSS",
	[11] = "segment not present", [12] = "stack segment fault",
	[13] = "general protection fault", [16] = "FPU error",
	[17] = "misaligned access", [18] = "machine check",
	[19] = "SIMD error",
};

/* An access to the very byte at EIP passes for its execution. */
static enum access access_of(const struct trap_frame *f, uintptr_t addr)
{
	if (f->eip == addr)
		return EXECUTE;
	return f->error & PF_WRITE ? WRITE : READ;
}

/*
 * What is wrong with the address, as far as the error code tells.
 *
 * Mapped user memory is refused by SMAP, by SMEP, or as read-only; the accesses
 * that are meant have a fixup, and do not come here.
 */
static const char *place_name(uint32_t error, enum access access,
			      uintptr_t addr)
{
	static const char *const forbidden[] = {
		[READ] = "protected memory",
		[WRITE] = "read-only memory",
		[EXECUTE] = "a page that is not executable",
	};

	if (error & PF_RESERVED)
		return "a page whose table entry is damaged";
	if (addr < USER_TOP)
		return error & PF_PRESENT ? "user memory outside of uaccess" :
					    "an address of user space";
	return error & PF_PRESENT ? forbidden[access] : "unmapped memory";
}

/*
 * Page 0 is never mapped, so a small address was a NULL and the offset of a
 * member.
 */
static void describe_page_fault(const struct trap_frame *f, uintptr_t addr,
				char *text, size_t size)
{
	static const char *const verb[] = {
		[READ] = "read of", [WRITE] = "write to",
		[EXECUTE] = "execution of",
	};
	enum access access = access_of(f, addr);
	int n;

	if (addr < PAGE_SIZE) {
		scnprintf(text, size, "kernel NULL pointer %s at 0x%08lx",
			  access == EXECUTE ? "call" : "dereference",
			  (unsigned long)addr);
		return;
	}
	n = scnprintf(text, size, "kernel %s %s at 0x%08lx", verb[access],
		      place_name(f->error, access, addr), (unsigned long)addr);
	if (addr >= USER_TOP && (f->error & PF_PRESENT))
		scnprintf(text + n, size - (size_t)n, " (%pS)", (void *)addr);
}

/*
 * The interrupted stack pointer.  A double fault comes through a task gate, and
 * its frame, put together from the TSS, does not lie on that stack.
 */
static uintptr_t fault_sp(const struct trap_frame *f)
{
	return f->vector == VECTOR_DOUBLE_FAULT ? f->esp : trap_frame_sp(f);
}

/*
 * A page fault on the stack's guard page cannot be delivered, as there is no
 * stack to deliver it on: it arrives as a double fault.
 */
static bool is_stack_overflow(const struct trap_frame *f)
{
	uintptr_t below = ALIGN_DOWN(fault_sp(f) - 1, sizeof(uintptr_t));

	return f->vector == VECTOR_DOUBLE_FAULT && !word_readable(below);
}

static void describe_fault(const struct trap_frame *f, uintptr_t addr,
			   char *text, size_t size)
{
	const char *name = NULL;

	if (f->vector == VECTOR_PAGE_FAULT) {
		describe_page_fault(f, addr, text, size);
		return;
	}
	if (is_stack_overflow(f)) {
		scnprintf(text, size, "kernel stack overflow at 0x%08lx",
			  (unsigned long)fault_sp(f));
		return;
	}
	if (f->vector < ARRAY_SIZE(exception_names))
		name = exception_names[f->vector];
	scnprintf(text, size, "kernel %s (vector %u, error code 0x%x)",
		  name ? name : "exception", f->vector, f->error);
}

/*
 * From a damaged stack pointer too: each word is looked for before it is read.
 */
static void print_stack(uintptr_t sp)
{
	char line[80];
	int n = 0;

	sp = ALIGN_UP(sp, sizeof(uintptr_t));
	for (uint32_t i = 0; i < STACK_WORDS && word_readable(sp); i++) {
		n += scnprintf(line + n, sizeof(line) - (size_t)n, " %08x",
			       *(const uint32_t *)sp);
		sp += sizeof(uint32_t);
		if (i % 8 == 7) {
			pr_err("  stack:%s", line);
			n = 0;
		}
	}
	if (n)
		pr_err("  stack:%s", line);
}

void trap_frame_print(const struct trap_frame *f)
{
	uintptr_t sp = fault_sp(f);

	pr_err("  eip %08x  %pS", f->eip, (void *)(uintptr_t)f->eip);
	pr_err("  eax %08x  ebx %08x  ecx %08x  edx %08x", f->eax, f->ebx,
	       f->ecx, f->edx);
	pr_err("  esi %08x  edi %08x  ebp %08x  esp %08lx", f->esi, f->edi,
	       f->ebp, (unsigned long)sp);
	pr_err("  eflags %08x  cs %04x  vector %u  error %x", f->eflags,
	       f->cs & 0xffff, f->vector, f->error);
	if (!trap_from_user(f))
		print_stack(sp);
}

/*
 * What is large is static, as the stack may be the one that has overflowed;
 * panic_begin() lets one caller pass.  The host is told the autopsy, if there
 * is one, in place of the fault: it says more.
 */
void debug_kernel_fault(struct trap_frame *frame, uintptr_t addr)
{
	static char what[DMESG_LINE - 16], history[DMESG_LINE - 16];
	static struct backtrace bt;
	uintptr_t sp = fault_sp(frame);

	panic_begin();
	describe_fault(frame, addr, what, sizeof(what));
	pr_emerg("panic: %s", what);
	if (autopsy && frame->vector == VECTOR_PAGE_FAULT &&
	    autopsy(addr, history, sizeof(history)))
		pr_emerg("autopsy: %s", history);
	trap_frame_print(frame);
	backtrace_from(&bt, frame->eip, frame->ebp, sp, sp + STACK_SPAN);
	panic_end(history[0] ? history : what, &bt);
}

/* Nothing in the kernel single-steps; a stray trap is a fault. */
bool debug_step_trap(struct trap_frame *frame)
{
	(void)frame;
	return false;
}
