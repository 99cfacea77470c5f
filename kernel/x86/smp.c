/*
 * Application CPUs: started one after the other, each given its record, its
 * stack and its number; and stopped for good when the kernel dies.
 */
#include <kernel/bug.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <x86/clock.h>
#include <x86/internal.h>
#include <x86/smp.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

#define AP_TRAMPOLINE		0x8000u		/* AP_BASE in ap.asm */
#define INIT_WAIT_NS		(10 * NSEC_PER_MSEC)
#define STARTUP_RETRY_NS	(200 * NSEC_PER_MSEC)
#define STARTUP_LIMIT_NS	(1 * NSEC_PER_SEC)
#define STOP_LIMIT_NS		(1 * NSEC_PER_SEC)

extern const char ap_trampoline_start[], ap_trampoline_end[];
extern const char ap_trampoline_root[], ap_trampoline_nx[];

uint32_t nr_cpus = 1;

/* By APIC id: lowest byte of the stack of a CPU that may come up; else 0. */
uintptr_t smp_ap_stack[256];

/*
 * How far the one CPU that is being started has got.  It says ARRIVED, the boot
 * CPU GIVEN_UP; the first to do so decides (one cmpxchg from EXPECTED).
 */
enum ap_state { AP_EXPECTED, AP_ARRIVED, AP_GIVEN_UP };
static uint32_t ap_state[256];		/* by APIC id */

/* CPU id + 1 of who stops the machine; 0: it runs. */
static uint32_t stop_owner;
/* Where each CPU was when it was stopped. */
static struct trap_frame *stopped_frame[NR_CPUS];

static bool ap_decide(uint32_t apic_id, enum ap_state outcome)
{
	uint32_t expected = AP_EXPECTED;

	return __atomic_compare_exchange_n(&ap_state[apic_id], &expected,
					   outcome, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/*
 * The number is the one after those that run, and stays this CPU's only if it
 * arrives.  The boot CPU waits and changes nothing meanwhile.
 */
void smp_ap_main(uint32_t apic_id)
{
	/* Too late: the boot CPU has gone on, and may have used the number. */
	if (!ap_decide(apic_id, AP_ARRIVED))
		cpu_halt_forever();
	write_cr3(paging_kernel_root());
	gdt_init_cpu(nr_cpus);
	trap_init_cpu();
	cpu_features_enable();
	tlb_flush_all();
	lapic_init_cpu();
	clock_init_cpu();
	this_cpu()->idle_stack = smp_ap_stack[apic_id];
	/* From here on it is sent interrupts; they wait until it takes them. */
	smp_store_release(&nr_cpus, nr_cpus + 1);
	sched_cpu_main();
}

/* Below 1 MiB, where real mode reaches: page_init() gives none of that out. */
static void trampoline_install(void)
{
	uint8_t *dst = phys_to_virt(AP_TRAMPOLINE);
	uint32_t root = paging_trampoline_root(), nx = cpu_has.nx;

	memcpy(dst, ap_trampoline_start,
	       ap_trampoline_end - ap_trampoline_start);
	memcpy(dst + (ap_trampoline_root - ap_trampoline_start), &root,
	       sizeof(root));
	memcpy(dst + (ap_trampoline_nx - ap_trampoline_start), &nx, sizeof(nx));
}

/*
 * After its INIT.  MP specification, B.4; but the second SIPI is sent only if
 * nothing happens for long: on a crowded host it may take that long, and a CPU
 * that runs already ignores it.
 */
static bool ap_start(uint32_t apic_id)
{
	uint64_t start = clock_ns(), next = start;
	uint32_t before = nr_cpus;

	while (smp_load_acquire(&ap_state[apic_id]) == AP_EXPECTED) {
		uint64_t now = clock_ns();

		if (now - start >= STARTUP_LIMIT_NS &&
		    ap_decide(apic_id, AP_GIVEN_UP))
			return false;
		if (now >= next) {
			lapic_send_startup(apic_id, AP_TRAMPOLINE);
			next = now + STARTUP_RETRY_NS;
		}
		cpu_relax();
	}
	/* It has arrived, and will come through: it waits for nobody. */
	while (smp_load_acquire(&nr_cpus) == before)
		cpu_relax();
	return true;
}

void smp_init(void)
{
	trampoline_install();
	for (uint32_t i = 1; i < acpi_info.nr_cpus; i++)
		lapic_send_init(acpi_info.apic_ids[i]);
	if (acpi_info.nr_cpus > 1)
		clock_delay(INIT_WAIT_NS);
	for (uint32_t i = 1; i < acpi_info.nr_cpus; i++) {
		uint8_t apic_id = acpi_info.apic_ids[i];
		void *stack = mm_alloc_cpu_stack();

		if (!stack) {
			pr_err("smp: no memory for the stack of a CPU\n");
			break;
		}
		smp_ap_stack[apic_id] = (uintptr_t)stack;
		/* The stack of one that did not come may be needed yet. */
		if (!ap_start(apic_id))
			pr_warn("smp: the CPU with APIC id %u does not start\n",
				apic_id);
	}
	pr_info("smp: %u CPU%s\n", nr_cpus, nr_cpus == 1 ? "" : "s");
}

/* The flag is set before the interrupt is sent: its exit finds it. */
void smp_send_reschedule(uint32_t cpu)
{
	WRITE_ONCE(percpus[cpu].need_resched, 1);
	lapic_send_ipi(percpus[cpu].apic_id, VECTOR_RESCHEDULE);
}

void smp_send_nmi(uint32_t cpu)
{
	lapic_send_nmi(percpus[cpu].apic_id);
}

/*
 * By NMI, as a CPU that spins with interrupts off is often the reason.  Of two
 * CPUs that die at once the second is stopped by the first.
 */
void smp_stop_others(void)
{
	uint32_t self = cpu_id(), nobody = 0;
	uint64_t start;

	local_irq_disable();
	if (!__atomic_compare_exchange_n(&stop_owner, &nobody, self + 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if (nobody == self + 1)
			return;
		cpu_halt_forever();
	}
	if (!lapic_present())
		return;
	for (uint32_t i = 0; i < nr_cpus; i++)
		if (i != self)
			lapic_send_nmi(percpus[i].apic_id);
	start = clock_ns();
	for (uint32_t i = 0; i < nr_cpus; i++)
		while (i != self && !smp_load_acquire(&stopped_frame[i]) &&
		       clock_ns() - start < STOP_LIMIT_NS)
			cpu_relax();
}

/*
 * Returns where nobody stops the machine, or we do: an NMI of the hardware's.
 */
void smp_stop_interrupt(struct trap_frame *frame)
{
	uint32_t owner = smp_load_acquire(&stop_owner);

	if (!owner || owner == cpu_id() + 1)
		return;
	smp_store_release(&stopped_frame[cpu_id()], frame);
	cpu_halt_forever();
}

struct trap_frame *smp_caught_frame(uint32_t cpu)
{
	struct trap_frame *f = READ_ONCE(stopped_frame[cpu]);

	return f ? f : READ_ONCE(percpus[cpu].rendezvous_frame);
}
