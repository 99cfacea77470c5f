/*
 * The machine room: what the page tables, the traps, the clock and the
 * interrupts between CPUs promise to the rooms above, on the CPUs at hand.
 */
#include <kernel/atomic.h>
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/string.h>
#include <mm/mm.h>
#include <test/ktest.h>
#include <x86/clock.h>
#include <x86/cpu.h>
#include <x86/internal.h>
#include <x86/smp.h>
#include <x86/trap.h>

/* A hang detector, never a target. */
#define HANG_NS		(20 * NSEC_PER_SEC)

#define wait_for(cond) ({						\
	uint64_t wait_end = clock_ns() + HANG_NS;			\
	while (!(cond) && clock_ns() < wait_end)			\
		cpu_relax();						\
	(cond); })

extern char __text_start[], __rodata_start[];

/* W^X holds for every page that the kernel maps. */
KTEST(x86, no_page_is_writable_and_executable)
{
	uintptr_t va = KERNEL_BASE;

	if (!cpu_has.nx)
		return NULL;
	do {
		const pte_t *pte = paging_kernel_pte(va);

		KTEST_EXPECT(!pte || !(*pte & PTE_P) || !(*pte & PTE_W) ||
			     (*pte & PTE_NX));
		va += PAGE_SIZE;
	} while (va);
	return NULL;
}

/* The kernel itself cannot write its text and its constants. */
KTEST(x86, text_and_rodata_refuse_writes)
{
	uint8_t byte = 0;

	KTEST_EXPECT(copy_catching_faults(__text_start, &byte, 1) == 1);
	KTEST_EXPECT(copy_catching_faults(__rodata_start, &byte, 1) == 1);
	KTEST_EXPECT(copy_catching_faults(&byte, __text_start, 1) == 0);
	return NULL;
}

/* A copy that runs into a hole says to the byte how far it came. */
KTEST(x86, copy_counts_up_to_the_fault)
{
	uint8_t *page = vmalloc(PAGE_SIZE), buf[64];
	const char *bad = NULL;

	KTEST_EXPECT(page);
	for (size_t n = 0; n < sizeof(buf) && !bad; n++) {
		/* Behind the page of a vmalloc() is a hole. */
		uint8_t *at = page + PAGE_SIZE - n;

		if (copy_catching_faults(buf, at, sizeof(buf)) !=
		    sizeof(buf) - n ||
		    copy_catching_faults(at, buf, sizeof(buf)) !=
		    sizeof(buf) - n)
			bad = "wrong count at a page's end";
	}
	if (copy_catching_faults(buf, NULL, 5) != 5)
		bad = "read at address 0";
	vfree(page);
	return bad;
}

/* A change of rights keeps what the CPU has noted in the entry. */
KTEST(x86, protect_keeps_the_dirty_bit)
{
	uint8_t *page = vmalloc(PAGE_SIZE);
	const char *bad = NULL;

	KTEST_EXPECT(page);
	*(volatile uint8_t *)page = 1;
	paging_protect((uintptr_t)page, PROT_KERNEL_R);
	tlb_shootdown((uintptr_t)page, PAGE_SIZE);
	if (!(*paging_kernel_pte((uintptr_t)page) & PTE_D))
		bad = "dirty bit lost";
	if (copy_catching_faults(page, "", 1) != 1)
		bad = "still writable";
	paging_protect((uintptr_t)page, PROT_KERNEL_RW);
	vfree(page);
	return bad;
}

/* An address space gives all its tables back; the runner counts the pages. */
KTEST(x86, root_frees_all_its_tables)
{
	phys_t root = paging_new_root();
	uintptr_t va;

	KTEST_EXPECT(root);
	for (va = 0; va < USER_TOP; va += 0x10000000)
		KTEST_EXPECT(paging_user_pte(root, va, true));
	KTEST_EXPECT(!paging_user_pte(root, 0x00400000, false));
	KTEST_EXPECT(paging_user_pte(root, 0x10000000, false));
	paging_free_root(root);
	return NULL;
}

/* On one CPU, whichever that is. */
KTEST(x86, clock_never_goes_back)
{
	uint64_t last = 0;

	preempt_disable();
	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t now = clock_ns();

		if (now < last) {
			preempt_enable_no_resched();
			return "clock_ns() went back";
		}
		last = now;
	}
	preempt_enable_no_resched();
	return NULL;
}

static void count_call(void *arg)
{
	atomic_inc(arg);
}

/* A call has run on every other CPU, once, when it returns. */
KTEST(x86, call_runs_once_on_every_other_cpu)
{
	static atomic_t calls;

	atomic_set(&calls, 0);
	for (uint32_t i = 1; i <= 100; i++) {
		smp_call_others(count_call, &calls);
		KTEST_EXPECT((uint32_t)atomic_read(&calls) ==
			     i * (nr_cpus - 1));
	}
	return NULL;
}

struct tlb_probe {
	volatile uint32_t *va;
	uint32_t expected;
	atomic_t wrong;
};

/* In interrupt context; noted, as a KTEST_EXPECT() here would end nothing. */
static void tlb_look(void *arg)
{
	struct tlb_probe *p = arg;

	if (*p->va != p->expected)
		atomic_inc(&p->wrong);
}

/*
 * After a shootdown no CPU reads through the translation of before.  Two frames
 * behind one address in turn, written by their other names: a CPU that kept the
 * translation reads the number of the round before.
 */
KTEST(x86, shootdown_reaches_every_tlb)
{
	static struct tlb_probe probe;
	uint32_t *page = vmalloc(PAGE_SIZE);
	phys_t frames[2];
	uintptr_t va = (uintptr_t)page;

	KTEST_EXPECT(page);
	frames[0] = *paging_kernel_pte(va) & PTE_ADDR;
	frames[1] = page_alloc_zeroed(PAGE_KERNEL);
	KTEST_EXPECT(frames[1]);
	atomic_set(&probe.wrong, 0);
	probe.va = page;
	for (uint32_t i = 1; i <= 100; i++) {
		phys_t frame = frames[i % 2];

		*(uint32_t *)phys_to_virt(frame) = i;
		paging_unmap(va);
		paging_map(va, frame, PROT_KERNEL_RW);
		tlb_shootdown(va, i % 3 ? PAGE_SIZE : 0);
		probe.expected = i;
		smp_call_others(tlb_look, &probe);
		tlb_look(&probe);
	}
	paging_unmap(va);
	paging_map(va, frames[0], PROT_KERNEL_RW);
	tlb_shootdown(va, PAGE_SIZE);
	page_free(frames[1], 0);
	vfree(page);
	KTEST_EXPECT(atomic_read(&probe.wrong) == 0);
	return NULL;
}

static atomic_t verdicts, verdicts_inside, verdicts_wrong;

/* What must hold in the instant in which the world stands still. */
static int verdict(void *arg)
{
	uint32_t self = cpu_id();

	(void)arg;
	if (atomic_add_return(1, &verdicts_inside) != 1 || !irqs_disabled())
		atomic_inc(&verdicts_wrong);
	for (uint32_t i = 0; i < nr_cpus; i++)
		if (!smp_caught_frame(i) != (i == self))
			atomic_inc(&verdicts_wrong);
	atomic_inc(&verdicts);
	atomic_dec(&verdicts_inside);
	return 7;
}

#define STORM_ROUNDS	25u

/*
 * Each asks for all three kinds in turn; its calls have a count of their own,
 * so that one too many or too few is seen.
 */
static int storm(void *arg)
{
	atomic_t *calls = arg;
	int before = atomic_read(calls);
	uint64_t stopped;
	uint32_t late;

	for (uint32_t i = 1; i <= STORM_ROUNDS; i++) {
		smp_call_others(count_call, calls);
		if (atomic_read(calls) != before + (int)(i * (nr_cpus - 1)))
			atomic_inc(&verdicts_wrong);
		tlb_shootdown(KERNEL_BASE, i % 2 ? PAGE_SIZE : 0);
		if (smp_rendezvous(verdict, NULL, HANG_NS, &late, &stopped) !=
		    7)
			atomic_inc(&verdicts_wrong);
	}
	return 0;
}

/* Calls, shootdowns and rendezvous from all CPUs at once go one by one. */
KTEST(x86, cross_requests_from_all_cpus_are_serialised)
{
	static atomic_t calls[2 * NR_CPUS];
	struct task *threads[2 * NR_CPUS];
	uint32_t n = 2 * nr_cpus;

	atomic_set(&verdicts, 0);
	atomic_set(&verdicts_wrong, 0);
	for (uint32_t i = 0; i < n; i++) {
		threads[i] = kthread_run(storm, &calls[i], "storm%u", i);
		KTEST_EXPECT(threads[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		kthread_stop(threads[i]);
	KTEST_EXPECT(atomic_read(&verdicts_wrong) == 0);
	KTEST_EXPECT((uint32_t)atomic_read(&verdicts) == n * STORM_ROUNDS);
	return NULL;
}

static uint32_t deaf_cpu;	/* id + 1; 0: none */
static uint32_t deaf_over;

/*
 * Deaf until told otherwise, or for a second: it may be the tester's CPU.
 * Interrupts are off, so the rendezvous finds it deaf as a broken driver would
 * be.
 */
static int deaf(void *arg)
{
	uint32_t flags = local_irq_save();
	uint64_t end = clock_ns() + NSEC_PER_SEC;

	(void)arg;
	smp_store_release(&deaf_cpu, cpu_id() + 1);
	while (!smp_load_acquire(&deaf_over) && clock_ns() < end)
		cpu_relax();
	local_irq_restore(flags);
	return 0;
}

/* Who does not come is named, nothing runs, and the others go on. */
KTEST(x86, rendezvous_names_the_late_cpu)
{
	uint32_t late = NR_CPUS, deaf_id;
	uint64_t stopped;
	struct task *t;
	int ret;

	if (nr_cpus == 1)
		return NULL;
	deaf_cpu = deaf_over = 0;
	atomic_set(&verdicts, 0);
	t = kthread_run(deaf, NULL, "deaf");
	KTEST_EXPECT(t);
	while (!smp_load_acquire(&deaf_cpu))
		cpu_relax();
	deaf_id = deaf_cpu - 1;
	/* Of more CPUs than the host has, another may be late by itself. */
	for (int i = 0; i < 1000; i++) {
		ret = smp_rendezvous(verdict, NULL, NSEC_PER_MSEC, &late,
				     &stopped);
		if (ret != -ETIMEDOUT || late == deaf_id)
			break;
	}
	smp_store_release(&deaf_over, 1);
	kthread_stop(t);
	if (ret == 7)		/* it sat on our CPU, and is over */
		return NULL;
	KTEST_EXPECT(ret == -ETIMEDOUT && late == deaf_id);
	KTEST_EXPECT(atomic_read(&verdicts) == 0);
	KTEST_EXPECT(smp_rendezvous(verdict, NULL, HANG_NS, &late,
				    &stopped) == 7);
	return NULL;
}

#define PIT_CHANNEL0		0x40
#define PIT_COMMAND		0x43
#define PIT_ONE_SHOT		0x30	/* channel 0, both bytes, mode 0 */
#define PIT_READ_STATUS		0xe2	/* read-back, channel 0 */
#define PIT_STATUS_OUT		0x80

static atomic_t pit_interrupts;

static void pit_interrupt(uint32_t gsi)
{
	(void)gsi;
	atomic_inc(&pit_interrupts);
}

/* The output goes up, an edge, when the count is over. */
static void pit_shoot(void)
{
	outb(PIT_ONE_SHOT, PIT_COMMAND);
	outb(100, PIT_CHANNEL0);
	outb(0, PIT_CHANNEL0);
}

static bool pit_is_over(void)
{
	outb(PIT_READ_STATUS, PIT_COMMAND);
	return inb(PIT_CHANNEL0) & PIT_STATUS_OUT;
}

/*
 * An edge that comes while its line is masked is delivered at the unmask.  By
 * channel 0 of the PIT: the kernel uses channel 2, at boot, and no interrupt.
 */
KTEST(x86, masked_edge_is_kept)
{
	uint32_t gsi = irq_isa_to_gsi(0);
	const char *bad = NULL;

	if (irq_set_entry(gsi, pit_interrupt))
		return NULL;	/* no IOAPIC, or somebody uses the PIT */
	atomic_set(&pit_interrupts, 0);
	irq_unmask(gsi);
	pit_shoot();
	if (!wait_for(atomic_read(&pit_interrupts) == 1))
		bad = "no interrupt";
	irq_mask(gsi);
	pit_shoot();
	if (!wait_for(pit_is_over()))
		bad = "the PIT does not run";
	if (atomic_read(&pit_interrupts) > 1)
		bad = "delivered in spite of the mask";
	irq_unmask(gsi);
	if (!bad && !wait_for(atomic_read(&pit_interrupts) == 2))
		bad = "lost";
	irq_mask(gsi);
	irq_set_entry(gsi, NULL);
	return bad;
}

/*
 * A device that pulls a level line: the 16550 of QEMU's pci-serial, whose
 * transmitter, when it is allowed to, interrupts for as long as it is empty.
 */
#define PCI_ADDRESS		0xcf8	/* PCI 2.1, 3.2.2.3.2 */
#define PCI_DATA		0xcfc
#define PCI_SERIAL_ID		0x00021b36u
#define PCI_BAR0		0x10
#define PCI_INTERRUPT_LINE	0x3c
#define UART_IER		1
#define UART_IER_THRI		0x02

static uint32_t pci_read(uint32_t device, uint32_t reg)
{
	outl(1u << 31 | device << 11 | reg, PCI_ADDRESS);
	return inl(PCI_DATA);
}

static bool pci_serial_find(uint16_t *port, uint32_t *irq)
{
	for (uint32_t device = 0; device < 32; device++) {
		if (pci_read(device, 0) != PCI_SERIAL_ID)
			continue;
		*port = pci_read(device, PCI_BAR0) & 0xfffc;
		*irq = pci_read(device, PCI_INTERRUPT_LINE) & 0xff;
		return *port && *irq < 16;
	}
	return false;
}

static uint16_t level_port;
static atomic_t level_interrupts;

/*
 * It leaves the device as it is: the line stays up, and comes again.  The
 * second one shows that it does, and is masked: the first alone could be an
 * edge.
 */
static void level_interrupt(uint32_t gsi)
{
	if (atomic_add_return(1, &level_interrupts) == 2)
		irq_mask(gsi);
}

/*
 * A masked level line is silent however long its device pulls it, and is there
 * at the unmask: its handler would else be called again and again.
 */
KTEST(x86, masked_level_is_silent_and_kept)
{
	const char *bad = NULL;
	uint32_t irq, gsi;

	if (!pci_serial_find(&level_port, &irq))
		return KTEST_SKIP "no pci-serial";
	gsi = irq_isa_to_gsi(irq);
	if (irq_set_entry(gsi, level_interrupt))
		return KTEST_SKIP "the line is taken, or there is no IOAPIC";
	outb(UART_IER_THRI, level_port + UART_IER);
	for (int mask = 1; mask <= 2 && !bad; mask++) {
		atomic_set(&level_interrupts, 0);
		irq_unmask(gsi);
		if (!wait_for(atomic_read(&level_interrupts) >= 2))
			bad = "lost";
		msleep(1);
		if (atomic_read(&level_interrupts) != 2)
			bad = "delivered in spite of the mask";
	}
	outb(0, level_port + UART_IER);
	irq_set_entry(gsi, NULL);
	return bad;
}

/*
 * No table, however cut or filled, makes the parsers leave it.  Each ends where
 * the mapped page does: a read beyond it is a fault, and the machine stops.
 * Small bytes make records of kinds and lengths that exist, all bytes any
 * others.
 */
KTEST(x86, hostile_firmware_tables_are_survived)
{
	static struct acpi_info info;
	uint8_t *page = vmalloc(PAGE_SIZE);
	uint32_t seed = 1;

	KTEST_EXPECT(page);
	for (size_t len = 0; len <= 600; len++) {
		uint8_t *t = page + PAGE_SIZE - len;	/* ends at the hole */

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			t[i] = seed >> 24 & (len % 2 ? 0x0f : 0xff);
		}
		if (len > 20)
			memcpy(t + len - 8, "_S5_\x12\xc0\x02\x0a", 8);
		acpi_default_info(&info);
		acpi_parse_madt(&info, t, len);
		acpi_parse_fadt(&info, t, len);
		acpi_parse_s5(&info, t, len);
		if (info.nr_cpus > NR_CPUS || info.nr_ioapics > MAX_IOAPICS)
			break;
	}
	vfree(page);
	KTEST_EXPECT(info.nr_cpus <= NR_CPUS);
	KTEST_EXPECT(info.nr_ioapics <= MAX_IOAPICS);
	return NULL;
}
