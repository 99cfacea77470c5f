/*
 * Each CPU's descriptor table, its task state segments, and through them its
 * private record at %fs:0.
 *
 * A kernel stack that runs over meets its guard page; the page fault cannot be
 * delivered on that stack, and becomes a double fault.  That one goes through a
 * task gate to a stack of its own, so that it can be reported.
 */
#include <kernel/bug.h>
#include <x86/internal.h>
#include <x86/machine.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

#define GDT_TSS			9
#define GDT_TSS_DOUBLE_FAULT	10
#define GDT_ENTRIES		11
#define DOUBLE_FAULT_STACK	8192u

/* Intel SDM vol. 3, 7.2.1; selectors fill the lower halves of their words. */
struct tss {
	uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2;
	uint32_t cr3, eip, eflags;
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
};

struct cpu_tables {
	uint64_t	gdt[GDT_ENTRIES];
	struct tss	tss, double_fault_tss;
	uint8_t		double_fault_stack[DOUBLE_FAULT_STACK] __aligned(16);
} __aligned(64);

struct percpu percpus[NR_CPUS];
/* Users choose the bits of the TLS entries; descriptors_for_each() is for the
 * others. */
static struct cpu_tables descriptor_tables[NR_CPUS] __no_pointers;

_Static_assert(sizeof(struct tss) == 104, "TSS layout");
_Static_assert(offsetof(struct percpu, self) == 0, "this_cpu()");
_Static_assert(offsetof(struct percpu, current_task) == PERCPU_CURRENT, "asm");
_Static_assert(offsetof(struct percpu, preempt_count) ==
	       PERCPU_PREEMPT_COUNT, "asm");
_Static_assert(offsetof(struct percpu, need_resched) ==
	       PERCPU_NEED_RESCHED, "asm");
_Static_assert(offsetof(struct percpu, irq_depth) == PERCPU_IRQ_DEPTH, "asm");
_Static_assert(offsetof(struct percpu, id) == PERCPU_ID, "asm");

/*
 * @access: type, privilege, present (SDM vol. 3, 3.4.5).  The accessed bit is
 * set beforehand: the CPU need not write here.
 */
static uint64_t segment(uint32_t base, uint32_t limit, uint8_t access,
			uint8_t flags)
{
	return (uint64_t)(base >> 24) << 56 | (uint64_t)flags << 52 |
	       (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)access << 40 |
	       (uint64_t)(base & 0xffffff) << 16 | (limit & 0xffff);
}

#define FLAT(access)	segment(0, 0xfffff, access, 0xc)

static void gdt_fill(struct cpu_tables *t, struct percpu *p)
{
	t->gdt[KERNEL_CS / 8] = FLAT(0x9b);
	t->gdt[KERNEL_DS / 8] = FLAT(0x93);
	t->gdt[KERNEL_PERCPU / 8] =
		segment((uintptr_t)p, sizeof(*p) - 1, 0x93, 0x4);
	t->gdt[USER_CS / 8] = FLAT(0xfb);
	t->gdt[USER_DS / 8] = FLAT(0xf3);
	t->gdt[GDT_TSS] =
		segment((uintptr_t)&t->tss, sizeof(t->tss) - 1, 0x89, 0);
	t->gdt[GDT_TSS_DOUBLE_FAULT] =
		segment((uintptr_t)&t->double_fault_tss,
			sizeof(t->double_fault_tss) - 1, 0x89, 0);
}

static void tss_fill(struct cpu_tables *t)
{
	struct tss *df = &t->double_fault_tss;

	t->tss.ss0 = KERNEL_DS;
	t->tss.io_map = sizeof(t->tss);		/* no port for user mode */

	df->cr3 = paging_kernel_root();
	df->eip = (uintptr_t)double_fault;
	df->eflags = 2;				/* interrupts off */
	/* A frame pointer of 0 ends the backtrace of the handler itself. */
	df->esp = (uintptr_t)t->double_fault_stack + DOUBLE_FAULT_STACK - 16;
	df->cs = KERNEL_CS;
	df->ss = df->ds = df->es = KERNEL_DS;
	df->fs = KERNEL_PERCPU;
	df->io_map = sizeof(*df);
}

static void gdt_load(const struct cpu_tables *t)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __packed gdtr = { sizeof(t->gdt) - 1, (uintptr_t)t->gdt };

	__asm__ volatile(
		"lgdt %0\n\t"
		"ljmp %1, $1f\n"
		"1:\tmovw %w2, %%ds\n\t"
		"movw %w2, %%es\n\t"
		"movw %w2, %%ss\n\t"
		"movw %w3, %%fs\n\t"
		"movw %w4, %%gs\n\t"
		"lldt %w4\n\t"
		"ltr %w5"
		: : "m"(gdtr), "i"(KERNEL_CS), "r"(KERNEL_DS),
		    "r"(KERNEL_PERCPU), "r"(0), "r"(GDT_TSS * 8) : "memory");
}

void gdt_init_cpu(uint32_t cpu)
{
	struct percpu *p = &percpus[cpu];

	p->self = p;
	p->id = cpu;
	gdt_fill(&descriptor_tables[cpu], p);
	tss_fill(&descriptor_tables[cpu]);
	gdt_load(&descriptor_tables[cpu]);
}

void cpu_set_kernel_stack(uintptr_t top)
{
	struct percpu *p = this_cpu();

	p->tss_esp0 = top;
	descriptor_tables[p->id].tss.esp0 = top;
}

/*
 * A selector that is loaded keeps the old descriptor until it is loaded again:
 * at the latest on the way to user mode (entry.asm pops them).
 */
void gdt_set_tls(uint32_t index, const uint64_t *descriptor)
{
	assert(index < GDT_TLS_ENTRIES);
	descriptor_tables[cpu_id()].gdt[GDT_TLS_MIN + index] = *descriptor;
}

/* ---- what leads somewhere ---- */

struct visit {
	bool	(*fn)(uintptr_t at, uintptr_t address, void *arg);
	void	*arg;
};

/* The base of a segment is in three parts (SDM vol. 3, 3.4.5). */
static bool visit_segments(const struct visit *v, const uint64_t *gdt)
{
	for (uint32_t i = 0; i < GDT_ENTRIES; i++) {
		uint64_t d = gdt[i];
		uint32_t base = (uint32_t)(d >> 16 & 0xffffff) |
				(uint32_t)(d >> 56) << 24;

		if (i - GDT_TLS_MIN < GDT_TLS_ENTRIES)
			continue;
		if (!v->fn((uintptr_t)&gdt[i], base, v->arg))
			return false;
	}
	return true;
}

static bool visit_task_state(const struct visit *v, const struct tss *tss)
{
	const uint32_t *word = &tss->esp0;	/* a selector lies before */
	const uint32_t *end = (const uint32_t *)(tss + 1);

	for (; word < end; word++)
		if (!v->fn((uintptr_t)word, *word, v->arg))
			return false;
	return true;
}

bool descriptors_for_each(bool (*fn)(uintptr_t at, uintptr_t address,
				     void *arg), void *arg)
{
	struct visit v = { fn, arg };

	for (uint32_t i = 0; i < nr_cpus; i++) {
		const struct cpu_tables *t = &descriptor_tables[i];

		if (!visit_segments(&v, t->gdt) ||
		    !visit_task_state(&v, &t->tss) ||
		    !visit_task_state(&v, &t->double_fault_tss))
			return false;
	}
	return gates_for_each(fn, arg);
}

/*
 * The interrupted registers are in the TSS that the task gate left (SDM vol. 3,
 * 7.3).  There is no way back: the fault that became a double one is lost.
 */
void double_fault(void)
{
	const struct tss *t = &descriptor_tables[cpu_id()].tss;
	struct trap_frame f = {
		.gs = t->gs, .fs = t->fs, .es = t->es, .ds = t->ds,
		.edi = t->edi, .esi = t->esi, .ebp = t->ebp, .ebx = t->ebx,
		.edx = t->edx, .ecx = t->ecx, .eax = t->eax,
		.vector = VECTOR_DOUBLE_FAULT,
		.eip = t->eip, .cs = t->cs, .eflags = t->eflags,
		.esp = t->esp, .ss = t->ss,
	};

	debug_kernel_fault(&f, read_cr2());
}
