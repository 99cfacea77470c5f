/*
 * The context switch (switch.asm).
 */
#ifndef X86_SWITCH_H
#define X86_SWITCH_H

#include <kernel/types.h>

struct trap_frame;

/*
 * Saves the callee-saved registers on this stack and its pointer in *@save,
 * takes *@load for stack pointer and returns there.  Interrupts off.  All that
 * a switched-out task knows is then in memory: [*save, top of stack).
 */
void switch_context(uintptr_t *save, const uintptr_t *load);

/* What switch_context() pushed, of a task that is switched out. */
static inline uintptr_t switch_saved_ebp(uintptr_t esp)
{
	return ((const uintptr_t *)esp)[3];
}

static inline uintptr_t switch_saved_pc(uintptr_t esp)
{
	return ((const uintptr_t *)esp)[4];
}

/*
 * Lays a new stack out so that the first switch to it enters
 * sched_task_entry().  Returns the stack pointer to load.
 */
uintptr_t switch_prepare_stack(uintptr_t top);

/*
 * Zeroes this stack from its lowest byte @bottom up to the stack pointer, and
 * the registers that a call may leave anything in: an interrupt would push
 * them there again.
 */
static __always_inline void stack_wipe(uintptr_t bottom)
{
	__asm__ volatile("xorl %%edx, %%edx\n\t"
			 "movl %%esp, %%ecx\n\t"
			 "subl %%edi, %%ecx\n\t"
			 "shrl $2, %%ecx\n\t"
			 "rep stosl"
			 : "+D"(bottom)
			 : "a"(0)
			 : "ecx", "edx", "memory", "cc");
}

static __always_inline uintptr_t stack_pointer(void)
{
	uintptr_t esp;

	__asm__ volatile("movl %%esp, %0" : "=r"(esp));
	return esp;
}

/* Leaves the kernel through @frame, which lies at the top of this stack. */
void return_to_user(struct trap_frame *frame) __noreturn;

#endif
