/*
 * One CPU: its private record, found through %fs, and the instructions that
 * only the kernel may execute.  Inline assembly lives in this room only.
 *
 * %fs holds the per-CPU segment whenever the CPU is in the kernel; user mode
 * has its own value, saved and restored at the border.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <kernel/processor.h>
#include <kernel/types.h>

#define NR_CPUS		8

struct task;
struct trap_frame;

/*
 * Written by its own CPU only, with interrupts off or preemption disabled,
 * except need_resched, which others may set (one aligned store).
 */
struct percpu {
	struct percpu	*self;		/* constant */
	struct task	*current_task;	/* what runs here */
	uint32_t	preempt_count;	/* 0: may be preempted */
	uint32_t	need_resched;	/* not 0: look at the run queue */
	uint32_t	irq_depth;	/* interrupt handlers under way */
	uint32_t	id;		/* 0 .. nr_cpus - 1, constant */
	uint32_t	apic_id;	/* constant */
	uint32_t	tss_esp0;	/* stack on entry from user mode */
	uint64_t	irqs;		/* interrupts taken, IPIs included */
	/* Where this CPU stood when the rendezvous caught it; NULL outside. */
	struct trap_frame *rendezvous_frame;
	/* Lowest byte of the stack it came up on, which its idle task keeps. */
	uintptr_t	idle_stack;	/* KERNEL_STACK_SIZE; constant */
} __aligned(64);

extern struct percpu percpus[NR_CPUS];
extern uint32_t nr_cpus;	/* CPUs that run; constant after smp_init() */

/* What all CPUs have and the kernel uses; constant after boot. */
struct cpu_features {
	bool nx, pge, fxsr, sse, smep, smap, umip;
};
extern struct cpu_features cpu_has;

#define PERCPU_CURRENT		4
#define PERCPU_PREEMPT_COUNT	8
#define PERCPU_NEED_RESCHED	12
#define PERCPU_IRQ_DEPTH	16
#define PERCPU_ID		20

/* Valid until the caller is moved: hold preemption off to rely on it. */
static inline struct percpu *this_cpu(void)
{
	struct percpu *p;

	__asm__ volatile("movl %%fs:0, %0" : "=r"(p));
	return p;
}

/* One load, so right at any moment; not volatile: constant for a task. */
static inline struct task *get_current(void)
{
	struct task *t;

	__asm__("movl %%fs:%c1, %0" : "=r"(t) : "i"(PERCPU_CURRENT));
	return t;
}
#define current get_current()

static inline uint32_t cpu_id(void)
{
	uint32_t id;

	__asm__ volatile("movl %%fs:%c1, %0" : "=r"(id) : "i"(PERCPU_ID));
	return id;
}

/*
 * The count is per CPU and each change one instruction: while it is not 0 the
 * task stays on its CPU, and at 0 an interrupt before the increment is none.
 */
static inline uint32_t preempt_count(void)
{
	uint32_t n;

	__asm__ volatile("movl %%fs:%c1, %0"
			 : "=r"(n) : "i"(PERCPU_PREEMPT_COUNT));
	return n;
}

static inline void preempt_disable(void)
{
	__asm__ volatile("incl %%fs:%c0"
			 : : "i"(PERCPU_PREEMPT_COUNT) : "memory", "cc");
}

/* Without the look at need_resched: only where a reschedule follows anyway. */
static inline void preempt_enable_no_resched(void)
{
	__asm__ volatile("decl %%fs:%c0"
			 : : "i"(PERCPU_PREEMPT_COUNT) : "memory", "cc");
}

static inline bool need_resched(void)
{
	uint32_t n;

	__asm__ volatile("movl %%fs:%c1, %0"
			 : "=r"(n) : "i"(PERCPU_NEED_RESCHED));
	return n != 0;
}

static inline void clear_need_resched(void)
{
	__asm__ volatile("movl $0, %%fs:%c0"
			 : : "i"(PERCPU_NEED_RESCHED) : "memory");
}

/* In an interrupt handler on this CPU. */
static inline bool in_interrupt(void)
{
	uint32_t n;

	__asm__ volatile("movl %%fs:%c1, %0"
			 : "=r"(n) : "i"(PERCPU_IRQ_DEPTH));
	return n != 0;
}

#define CR0_MP		(1u << 1)
#define CR0_EM		(1u << 2)
#define CR0_TS		(1u << 3)
#define CR0_NE		(1u << 5)
#define CR0_WP		(1u << 16)
#define CR4_PGE		(1u << 7)
#define CR4_OSFXSR	(1u << 9)
#define CR4_OSXMMEXCPT	(1u << 10)
#define CR4_UMIP	(1u << 11)
#define CR4_SMEP	(1u << 20)
#define CR4_SMAP	(1u << 21)

#define EFLAGS_IF	0x00000200u

static inline uint32_t read_eflags(void)
{
	uint32_t f;

	__asm__ volatile("pushfl; popl %0" : "=r"(f) : : "memory");
	return f;
}

static inline void local_irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void local_irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline bool irqs_disabled(void)
{
	return !(read_eflags() & EFLAGS_IF);
}

static inline uint32_t local_irq_save(void)
{
	uint32_t flags = read_eflags();

	local_irq_disable();
	return flags;
}

static inline void local_irq_restore(uint32_t flags)
{
	if (flags & EFLAGS_IF)
		local_irq_enable();
}

/* sti takes effect after the next instruction: no wake-up falls between. */
static inline void cpu_wait_for_interrupt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

/* As atomic_try_cmpxchg(), for 8 bytes. */
static inline bool cmpxchg8b(uint64_t *p, uint64_t *old, uint64_t new)
{
	uint64_t was = *old;
	bool done;

	__asm__ volatile("lock cmpxchg8b %1"
			 : "=@ccz"(done), "+m"(*p), "+A"(was)
			 : "b"((uint32_t)new), "c"((uint32_t)(new >> 32))
			 : "memory");
	*old = was;
	return done;
}

/* Where the descriptor tables of this CPU begin. */
struct table_register {
	uint16_t	limit;
	uint32_t	base;
} __packed;

static inline uint64_t *read_gdt(void)
{
	struct table_register r;

	__asm__ volatile("sgdt %0" : "=m"(r));
	return (uint64_t *)r.base;
}

static inline uint64_t *read_idt(void)
{
	struct table_register r;

	__asm__ volatile("sidt %0" : "=m"(r));
	return (uint64_t *)r.base;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline uint32_t read_cr2(void)
{
	uint32_t v;

	__asm__ volatile("movl %%cr2, %0" : "=r"(v));
	return v;
}

static inline uint32_t read_cr3(void)
{
	uint32_t v;

	__asm__ volatile("movl %%cr3, %0" : "=r"(v));
	return v;
}

static inline void write_cr3(uint32_t v)
{
	__asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint32_t read_cr0(void)
{
	uint32_t v;

	__asm__ volatile("movl %%cr0, %0" : "=r"(v));
	return v;
}

static inline void write_cr0(uint32_t v)
{
	__asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory");
}

static inline uint32_t read_cr4(void)
{
	uint32_t v;

	__asm__ volatile("movl %%cr4, %0" : "=r"(v));
	return v;
}

static inline void write_cr4(uint32_t v)
{
	__asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)) : "memory");
}

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/*
 * Between the two the kernel may touch user memory (SMAP); as short as can be,
 * with no call in between.  A fault or preemption there closes it meanwhile.
 */
static inline void user_access_begin(void)
{
	if (cpu_has.smap)
		__asm__ volatile("stac" : : : "memory", "cc");
}

static inline void user_access_end(void)
{
	if (cpu_has.smap)
		__asm__ volatile("clac" : : : "memory", "cc");
}

/*
 * Copies until done or until a fault that nobody mends, and returns the bytes
 * NOT copied.  Reads and writes kernel and user memory alike: copy_from_user()
 * checks its range first, a debugger need not.  Any context; user pages that
 * are not there yet are brought only where preemption and interrupts are on.
 */
size_t copy_catching_faults(void *to, const void *from, size_t n);

static inline void invlpg(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void *read_frame_pointer(void)
{
	return __builtin_frame_address(0);
}

/* Stops this CPU for good. */
void cpu_halt_forever(void) __noreturn;

#endif
