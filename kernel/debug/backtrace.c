/*
 * Who called whom, read off a stack by frame pointers.
 *
 * Every function of the kernel begins with "push ebp; mov ebp, esp", so that
 * the stack holds a chain:
 *
 *	higher   |  return address into the caller's caller |
 *	         |  caller's ebp   ---------> next          | <-.
 *	         |  ... the caller's locals ...             |   |
 *	         |  return address into the caller          |   |
 *	lower    |  saved ebp  -----------------------------|---'
 *	ebp ---> '
 *
 * A walk takes no lock, allocates nothing and is bounded, as it runs in a
 * panic, on stacks that may be damaged.  It stops at the first link of which
 * frame_valid() is not sure.
 *
 * It serves reports only.  Between a call and the callee's "mov ebp, esp" the
 * caller is in no frame (H05), and the compiler may put more than the two
 * instructions there that add_place() knows; code may use ebp for something
 * else (H06).  Whoever must not miss an address reads every word of the stack.
 */
#include <kernel/printk.h>
#include <kernel/string.h>
#include "debug/backtrace.h"
#include "debug/internal.h"
#include "debug/kallsyms.h"
#include "x86/cpu.h"
#include "x86/paging.h"
#include "x86/trap.h"

/* What ebp points at, and what lies above where entry.asm called. */
struct stack_frame {
	uintptr_t		saved_ebp;
	uintptr_t		return_address;
	const struct trap_frame	*trap;	/* trap_dispatch()'s argument only */
};

/* entry.asm: where trap_dispatch() returns to. */
extern const char trap_dispatch_return[];

/*
 * A frame is believed if it is aligned, lies whole between @lo and @hi, and
 * its memory is there.  Callers' frames lie above their callees', so the walk
 * raises @lo as it goes: a chain that turns back ends here, and none is
 * endless.
 */
static bool frame_valid(uintptr_t ebp, uintptr_t lo, uintptr_t hi)
{
	uintptr_t last = ebp + sizeof(uintptr_t);

	return ebp >= lo && last > ebp && last < hi &&
	       word_readable(ebp) && word_readable(last);
}

static void add_pc(struct backtrace *bt, uintptr_t pc, bool exact)
{
	if (exact)
		bt->exact |= 1u << bt->n;
	bt->pc[bt->n++] = pc;
}

static bool is_full(const struct backtrace *bt)
{
	return bt->n == ARRAY_SIZE(bt->pc);
}

/* The whole of a trap frame out of the kernel, on the stack being walked. */
static bool trap_frame_valid(const struct trap_frame *f, uintptr_t lo,
			     uintptr_t hi)
{
	uintptr_t start = (uintptr_t)f;
	uintptr_t last = start + TRAP_FRAME_KERNEL_SIZE - sizeof(uintptr_t);

	return start >= lo && last > start && last < hi &&
	       word_readable(start) && word_readable(last);
}

/*
 * Where code stood, and, if that is the first or second instruction of a
 * function, who called it: there is no frame yet, and the return address is the
 * word at @sp, or the one above the ebp just pushed.  The same where a call
 * went to a place that is no code.
 */
static void add_place(struct backtrace *bt, uintptr_t pc, uintptr_t sp,
		      uintptr_t hi)
{
	struct symbol_info info;
	uintptr_t word = sp, caller;

	add_pc(bt, pc, true);
	if (kallsyms_lookup(pc, &info)) {
		if (info.offset > 1)
			return;
		word += info.offset * sizeof(uintptr_t);
	}
	if (is_full(bt) || word < sp || word >= hi || !word_readable(word))
		return;
	caller = *(const uintptr_t *)word;
	if (kallsyms_lookup(caller - 1, &info))
		add_pc(bt, caller, false);
}

void backtrace_from(struct backtrace *bt, uintptr_t pc, uintptr_t ebp,
		    uintptr_t lo, uintptr_t hi)
{
	bt->n = 0;
	bt->exact = 0;
	add_place(bt, pc, lo, hi);
	while (!is_full(bt) && frame_valid(ebp, lo, hi)) {
		const struct stack_frame *frame = (void *)ebp;

		lo = ebp + sizeof(uintptr_t);
		ebp = frame->saved_ebp;
		if (!frame->return_address)
			return;
		if (frame->return_address != (uintptr_t)trap_dispatch_return) {
			add_pc(bt, frame->return_address, false);
			continue;
		}
		/*
		 * entry.asm has no frame of its own: saved_ebp is that of the
		 * interrupted code, whose place only the trap frame knows.
		 * Below user mode there is nothing of the kernel's.
		 */
		if (!word_readable((uintptr_t)&frame->trap) ||
		    !trap_frame_valid(frame->trap, lo, hi) ||
		    trap_from_user(frame->trap))
			return;
		add_place(bt, frame->trap->eip, trap_frame_sp(frame->trap), hi);
	}
}

void backtrace_here(struct backtrace *bt)
{
	uintptr_t ebp = (uintptr_t)read_frame_pointer();
	const struct stack_frame *frame = (void *)ebp;

	backtrace_from(bt, frame->return_address, frame->saved_ebp, ebp,
		       ebp + STACK_SPAN);
}

/*
 * A return address may lie behind the last byte of its function, where that
 * ends in the call of one that does not return: the name is that of the byte
 * before.
 */
static int sprint_caller(char *buf, size_t size, uintptr_t pc)
{
	struct symbol_info info;

	if (!kallsyms_lookup(pc - 1, &info))
		return scnprintf(buf, size, "0x%08lx", (unsigned long)pc);
	return scnprintf(buf, size, "%s+0x%x/0x%x%s%s%s", info.name,
			 info.offset + 1, info.size,
			 info.module[0] ? " [" : "", info.module,
			 info.module[0] ? "]" : "");
}

int backtrace_sprint(const struct backtrace *bt, uint32_t i, char *buf,
		     size_t size)
{
	if (bt->exact & 1u << i)
		return sprint_symbol(buf, size, bt->pc[i]);
	return sprint_caller(buf, size, bt->pc[i]);
}

void backtrace_print(const struct backtrace *bt)
{
	char text[128];

	for (uint32_t i = 0; i < bt->n; i++) {
		backtrace_sprint(bt, i, text, sizeof(text));
		pr_err("  %08lx  %s", (unsigned long)bt->pc[i], text);
	}
	if (is_full(bt))
		pr_err("  ...");
}

bool word_readable(uintptr_t addr)
{
	const pte_t *pte;

	if (addr < KERNEL_BASE || !IS_ALIGNED(addr, sizeof(uintptr_t)))
		return false;
	pte = paging_kernel_pte(addr);
	return pte && (*pte & PTE_P);
}
