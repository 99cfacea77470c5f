/*
 * What the machine asks of the rooms above it.  Each is implemented there;
 * these declarations are the whole of the upward traffic.
 */
#ifndef X86_UPCALLS_H
#define X86_UPCALLS_H

#include <kernel/types.h>
#include <x86/paging.h>

struct trap_frame;

/* kernel/main.c: the boot CPU, on its idle stack, paging and GDT in place. */
void kmain(void) __noreturn;
/*
 * mm: a zeroed page for a page table of the space at @root (0: it is to be one
 * itself); 0: no memory; and back.  Any context.
 */
phys_t mm_alloc_table(phys_t root);
void mm_free_table(phys_t pa);
/* mm: a CPU's first stack, KERNEL_STACK_SIZE; NULL without memory.  Boot. */
void *mm_alloc_cpu_stack(void);
/* sched: as lock/preempt.h has it. */
void preempt_schedule(void);

/* sched: an application CPU is up, on its idle stack, interrupts off. */
void sched_cpu_main(void) __noreturn;

/* sched: the LAPIC timer of this CPU fired.  Interrupts off, EOI is done. */
void sched_timer_interrupt(struct trap_frame *frame);
/*
 * sched: an interrupt out of preemptible kernel code (preempt_count 0,
 * interrupts were on, need_resched) is about to return.  Interrupts off on
 * entry and on return.
 */
void sched_preempt_irq(void);
/*
 * sched: on the way to user mode, interrupts off on entry and on return: the
 * gate of the freezer, reschedule, signals, the restart of system calls.
 */
void sched_exit_to_user(struct trap_frame *frame);
/*
 * sched: an NMI has come that is not to stop this CPU.  True: the watchdog of
 * the debug build has sent it, and it is done with.  No locks.
 */
bool sched_watchdog_nmi(const struct trap_frame *frame);
/* sched: first C code of a new task, interrupts off, just switched to. */
void sched_task_entry(void) __noreturn;

/* fs/syscall: int 0x80; interrupts on.  Result goes to frame->eax. */
void syscall_dispatch(struct trap_frame *frame);

/*
 * mm: a page fault (vector 14) at @addr, interrupts on: in user mode, or in the
 * kernel at a user address by an instruction that has a fixup, preemption and
 * interrupts on, so it may sleep.  True: mended, the instruction is executed
 * again.
 */
bool mm_handle_fault(struct trap_frame *frame, uintptr_t addr);
/* sched: user mode did something that it may not: the signal it earns. */
void sched_user_fault(struct trap_frame *frame, uintptr_t addr);
/* debug: the kernel did.  Reports and stops the machine (G13 is told here). */
void debug_kernel_fault(struct trap_frame *frame, uintptr_t addr) __noreturn;
/* debug: single step or breakpoint out of the kernel; false: nobody's. */
bool debug_step_trap(struct trap_frame *frame);

#endif
