/*
 * What happens at the border: each trap frame that entry.asm saves is handed to
 * whom it concerns, and on the way out user mode passes the scheduler's gate.
 *
 * Everything enters with interrupts off.  An exception gets back what it had; a
 * system call runs with interrupts on; an interrupt handler stays as it is.
 */
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <lib/coroner.h>
#include <x86/internal.h>
#include <x86/machine.h>
#include <x86/smp.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

#define NR_VECTORS		256
#define FIRST_INTERRUPT		32
#define GATE_INTERRUPT		0x8e	/* SDM vol. 3, 6.11; interrupts off */
#define GATE_USER		0x60	/* user mode may use int n */
#define GATE_TASK		0x85
#define TSS_DOUBLE_FAULT	0x50

static uint64_t idt[NR_VECTORS] __aligned(8);

extern const struct ex_entry __ex_table_start[], __ex_table_end[];

_Static_assert(offsetof(struct trap_frame, cs) == 15 * 4, "FRAME_CS");
_Static_assert(sizeof(struct trap_frame) == 19 * 4, "entry.asm");

/* SDM vol. 3, 6.11: a task gate has a selector and no offset. */
static uint64_t gate(uint32_t offset, uint16_t selector, uint8_t type)
{
	return (uint64_t)(offset & 0xffff0000u) << 32 | (uint64_t)type << 40 |
	       (uint32_t)selector << 16 | (offset & 0xffff);
}

bool gates_for_each(bool (*fn)(uintptr_t at, uintptr_t address, void *arg),
		    void *arg)
{
	for (uint32_t v = 0; v < NR_VECTORS; v++) {
		uint32_t high = (uint32_t)(idt[v] >> 32);

		if (!fn((uintptr_t)&idt[v],
			(high & 0xffff0000) | ((uint32_t)idt[v] & 0xffff), arg))
			return false;
	}
	return true;
}

static void idt_fill(void)
{
	for (uint32_t v = 0; v < NR_VECTORS; v++)
		idt[v] = gate(trap_stubs[v], KERNEL_CS, GATE_INTERRUPT);
	/* int3, into, and the system call */
	idt[3] = gate(trap_stubs[3], KERNEL_CS, GATE_INTERRUPT | GATE_USER);
	idt[4] = gate(trap_stubs[4], KERNEL_CS, GATE_INTERRUPT | GATE_USER);
	idt[VECTOR_SYSCALL] = gate(trap_stubs[VECTOR_SYSCALL], KERNEL_CS,
				   GATE_INTERRUPT | GATE_USER);
	idt[VECTOR_DOUBLE_FAULT] = gate(0, TSS_DOUBLE_FAULT, GATE_TASK);
}

void trap_init_cpu(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __packed idtr = { sizeof(idt) - 1, (uintptr_t)idt };

	if (cpu_id() == 0)
		idt_fill();
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

/* The table is small, and a fault with a fixup rare: a walk will do. */
static const struct ex_entry *find_fixup(const struct trap_frame *f)
{
	const struct ex_entry *e;

	for (e = __ex_table_start; e < __ex_table_end; e++)
		if (e->insn == f->eip)
			return e;
	return NULL;
}

/*
 * A fault in the kernel.  User memory is touched by instructions with a fixup
 * only: any other that faults is a bug even where the page could be brought.
 */
static void kernel_exception(struct trap_frame *f, uintptr_t addr)
{
	const struct ex_entry *fixup;
	bool may_sleep = (f->eflags & EFLAGS_IF) && !preempt_count() &&
			 !in_interrupt();

	if (addr - WINDOW_BASE < WINDOW_SIZE)
		coroner_fault(f, addr);
	if (f->vector == VECTOR_DEBUG || f->vector == VECTOR_BREAKPOINT) {
		if (!debug_step_trap(f))
			debug_kernel_fault(f, addr);
		return;
	}
	fixup = find_fixup(f);
	if (!fixup)
		debug_kernel_fault(f, addr);
	if (f->vector == VECTOR_PAGE_FAULT && addr < USER_TOP && may_sleep) {
		local_irq_enable();
		if (mm_handle_fault(f, addr))
			return;
	}
	f->eip = fixup->fixup;
}

/*
 * On a stack that has the user's frame and nothing else.  What could not be
 * mended becomes a signal, delivered on the way out.
 */
static void user_exception(struct trap_frame *f, uintptr_t addr)
{
	local_irq_enable();
	if (f->vector == VECTOR_PAGE_FAULT && mm_handle_fault(f, addr))
		return;
	sched_user_fault(f, addr);
}

static void trap_exception(struct trap_frame *f)
{
	/* Before interrupts are on: the next fault overwrites it. */
	uintptr_t addr = f->vector == VECTOR_PAGE_FAULT ? read_cr2() : 0;

	/* One that is not to stop this CPU is a complaint of the hardware's. */
	if (f->vector == VECTOR_NMI) {
		smp_stop_interrupt(f);
		if (debug_build && sched_watchdog_nmi(f))
			return;
		debug_kernel_fault(f, addr);
	}
	if (trap_from_user(f))
		user_exception(f, addr);
	else
		kernel_exception(f, addr);
}

/*
 * The EOI of an interrupt between CPUs comes first: a CPU that waits in the
 * handler must not keep back those of equal or lower priority for longer than
 * its interrupts are off anyway.
 */
static void trap_interrupt(struct trap_frame *f)
{
	struct percpu *p = this_cpu();

	p->irqs++;
	p->irq_depth++;
	switch (f->vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		sched_timer_interrupt(f);
		break;
	case VECTOR_RESCHEDULE:
		lapic_eoi();	/* the way out does the rest */
		break;
	case VECTOR_CALL:
		lapic_eoi();
		cross_call_interrupt();
		break;
	case VECTOR_RENDEZVOUS:
		lapic_eoi();
		rendezvous_interrupt(f);
		break;
	case VECTOR_IRQ_BASE ... VECTOR_IRQ_BASE + NR_GSIS - 1:
		irq_dispatch(f->vector);
		break;
	default:
		/* Spurious, of the LAPIC or the 8259: neither wants an EOI. */
		break;
	}
	p->irq_depth--;
}

/*
 * Interrupts off from here to the iret: what the gate saw last stays true
 * until the frame is left.  Out of the kernel only where it was preemptible
 * when the interrupt came, and not out of a handler.
 */
static void trap_leave(struct trap_frame *f)
{
	local_irq_disable();
	if (trap_from_user(f))
		sched_exit_to_user(f);
	else if ((f->eflags & EFLAGS_IF) && !preempt_count() &&
		 !in_interrupt() && need_resched())
		sched_preempt_irq();
}

void trap_dispatch(struct trap_frame *f)
{
	if (f->vector == VECTOR_SYSCALL) {
		local_irq_enable();
		syscall_dispatch(f);
	} else if (f->vector < FIRST_INTERRUPT) {
		trap_exception(f);
	} else {
		trap_interrupt(f);
	}
	trap_leave(f);
}
