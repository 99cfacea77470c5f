/*
 * The border: what entry.asm saves when an interrupt, a fault or a system call
 * enters the kernel, and who is called.
 */
#ifndef X86_TRAP_H
#define X86_TRAP_H

#include <kernel/types.h>

/*
 * Pushed by entry.asm, lowest address first.  esp and ss are there only where
 * the trap came from user mode (Intel SDM vol. 3, 6.12.1).
 */
struct trap_frame {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags;
	uint32_t esp, ss;
};

/* Size of the frame of a trap out of the kernel: no esp, no ss. */
#define TRAP_FRAME_KERNEL_SIZE	offsetof(struct trap_frame, esp)

#define KERNEL_CS	0x08
#define KERNEL_DS	0x10
#define KERNEL_PERCPU	0x18	/* base: the CPU's struct percpu */
#define USER_CS		0x23
#define USER_DS		0x2b
#define GDT_TLS_MIN	6	/* three entries for set_thread_area() */
#define GDT_TLS_ENTRIES	3

#define VECTOR_DEBUG		1
#define VECTOR_NMI		2
#define VECTOR_BREAKPOINT	3
#define VECTOR_DOUBLE_FAULT	8
#define VECTOR_PAGE_FAULT	14
#define VECTOR_SYSCALL		0x80
#define VECTOR_IRQ_BASE		0x30	/* + GSI */
#define NR_GSIS			64
#define VECTOR_TIMER		0xec
#define VECTOR_RESCHEDULE	0xfd
#define VECTOR_RENDEZVOUS	0xfc
#define VECTOR_CALL		0xfb
#define VECTOR_SPURIOUS		0xff

static inline bool trap_from_user(const struct trap_frame *f)
{
	return (f->cs & 3) == 3;
}

/*
 * The stack pointer that the interrupted code had.  A double fault comes
 * through a task gate, as its cause is mostly a kernel stack that has run over:
 * its frame is made up from the TSS on a stack of its own, esp included.
 */
static inline uintptr_t trap_frame_sp(const struct trap_frame *f)
{
	if (trap_from_user(f) || f->vector == VECTOR_DOUBLE_FAULT)
		return f->esp;
	return (uintptr_t)&f->esp;
}

/*
 * The return address of the call by which entry.asm calls into C.  A backtrace
 * that meets it as a return address finds the address of the trap frame in the
 * word above it.
 */
extern const char trap_dispatch_return[];

/*
 * A fault at @insn in the kernel goes on at @fixup, with all registers as they
 * were.  Entries are made in section .ex_table.
 */
struct ex_entry {
	uint32_t insn, fixup;
};

/* The IDT, one for all, becomes this CPU's.  Boot CPU first; interrupts off. */
void trap_init_cpu(void);

/*
 * Interrupt line @gsi (IOAPIC) calls @fn with interrupts off, on the CPU that
 * took it.  One function a line; -EBUSY if taken, -EINVAL if there is no such
 * line.  NULL takes the function away; one that runs on another CPU at that
 * moment is not waited for.  A line begins masked.  Process context.
 */
typedef void (*irq_entry_fn)(uint32_t gsi);
int irq_set_entry(uint32_t gsi, irq_entry_fn fn);
/* ISA interrupt number (0 to 15) to GSI, after the overrides of the MADT. */
uint32_t irq_isa_to_gsi(uint32_t isa_irq);
/*
 * While a line is masked its function is not called; what comes meanwhile is
 * kept, edges too (several as one), and delivered after irq_unmask().  Masks do
 * not nest.  Any context but the function of a rendezvous (a lock is taken).
 */
void irq_mask(uint32_t gsi);
void irq_unmask(uint32_t gsi);

#endif
