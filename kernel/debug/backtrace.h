/*
 * Walks of a stack by frame pointers, for reports.  Evidence never rests on
 * them: it reads every word (H05, H06).
 */
#ifndef DEBUG_BACKTRACE_H
#define DEBUG_BACKTRACE_H

#include <kernel/types.h>

struct trap_frame;

struct backtrace {
	uint32_t	n;
	uint32_t	exact;	/* bit i: pc[i] is where it stood, at the top
				 * or in a trap frame; else a return address */
	uintptr_t	pc[32];
};

/*
 * @pc and the return addresses from frame pointer @ebp upward inside
 * [@lo, @hi), @lo being the stack pointer that goes with @pc; trap frames on
 * the way (entry.asm's) are stepped over, their EIP listed.  Any context, no
 * locks, no allocation; a broken chain ends the walk.
 */
void backtrace_from(struct backtrace *bt, uintptr_t pc, uintptr_t ebp,
		    uintptr_t lo, uintptr_t hi);
/* The caller's own. */
void backtrace_here(struct backtrace *bt);

/*
 * Entry @i as "name+0x1c/0x40 [module]", a return address under the name of
 * its call.  Returns the length.
 */
int backtrace_sprint(const struct backtrace *bt, uint32_t i, char *buf,
		     size_t size);

/* One line a frame, to the log. */
void backtrace_print(const struct backtrace *bt);

/* Logs the registers of @f and the stack below it. */
void trap_frame_print(const struct trap_frame *f);

/*
 * Asked before a kernel fault at @addr is told as a mere fault: the module
 * room says, for an address in the window, what was there (G13).  Set once.
 */
void debug_set_autopsy(bool (*fn)(uintptr_t addr, char *text, size_t size));

#endif
