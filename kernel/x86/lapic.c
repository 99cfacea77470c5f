/*
 * Each CPU's local interrupt controller: interrupts between CPUs, the one-shot
 * timer, end of interrupt (Intel SDM vol. 3, ch. 10, xAPIC mode).
 */
#include <kernel/bug.h>
#include <kernel/io.h>
#include <x86/internal.h>
#include <x86/trap.h>

#define CPUID1_EDX_APIC		(1u << 9)
#define MSR_APIC_BASE		0x1b
#define APIC_BASE_ENABLE	(1u << 11)
#define APIC_BASE_X2APIC	(1u << 10)

#define LAPIC_ID		0x020
#define LAPIC_TPR		0x080
#define LAPIC_EOI		0x0b0
#define LAPIC_SPURIOUS		0x0f0
#define LAPIC_ICR_LOW		0x300
#define LAPIC_ICR_HIGH		0x310
#define LAPIC_LVT_TIMER		0x320
#define LAPIC_LVT_LINT0		0x350
#define LAPIC_LVT_LINT1		0x360
#define LAPIC_LVT_ERROR		0x370
#define LAPIC_TIMER_INITIAL	0x380
#define LAPIC_TIMER_CURRENT	0x390
#define LAPIC_TIMER_DIVIDE	0x3e0

/*
 * Only vectors above 0xef come through: those between CPUs.  What waits is
 * kept, one of each vector (SDM vol. 3, 10.8.3.1 and 10.8.4).
 */
#define TPR_BLOCK_DEVICES	0xe0

#define SPURIOUS_ENABLE		(1u << 8)
#define LVT_MASKED		(1u << 16)
#define LVT_NMI			(4u << 8)
#define DIVIDE_BY_1		0xbu
#define ICR_FIXED		(0u << 8)
#define ICR_NMI			(4u << 8)
#define ICR_INIT		(5u << 8)
#define ICR_STARTUP		(6u << 8)
#define ICR_PENDING		(1u << 12)
#define ICR_ASSERT		(1u << 14)

/* The same address on every CPU, each seeing its own; NULL: none. */
static uint8_t *lapic;

static uint32_t lapic_read(uint32_t reg)
{
	return readl(lapic + reg);
}

static void lapic_write(uint32_t reg, uint32_t value)
{
	writel(value, lapic + reg);
}

void lapic_init(phys_t physical)
{
	if (!(cpuid(1, 0).edx & CPUID1_EDX_APIC))
		panic("this machine has no local APIC, which Icebox needs");
	lapic = paging_map_fixed(FIXED_LAPIC, physical, PROT_DEVICE);
}

void lapic_init_cpu(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (base & APIC_BASE_X2APIC)
		panic("the firmware has left the local APIC in x2APIC mode");
	if (!(base & APIC_BASE_ENABLE))
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	/* By convention the NMI of the board comes here. */
	lapic_write(LAPIC_LVT_LINT1, cpu_id() ? LVT_MASKED : LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	/* Whatever the firmware left in service would keep back our own. */
	lapic_eoi();
	this_cpu()->apic_id = lapic_id();
}

bool lapic_present(void)
{
	return lapic;
}

uint32_t lapic_id(void)
{
	return lapic_read(LAPIC_ID) >> 24;
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

void lapic_block_devices(bool block)
{
	lapic_write(LAPIC_TPR, block ? TPR_BLOCK_DEVICES : 0);
}

/*
 * The two halves of the ICR are one command: no interrupt between them, whose
 * handler might send one too.  The low half sends.  A store to uncached memory
 * comes after all that this CPU stored before (SDM vol. 3, 8.2.2), so no fence
 * is needed for what the handler is to find; x2APIC would want one.
 */
static void lapic_command(uint32_t apic_id, uint32_t command)
{
	uint32_t flags = local_irq_save();

	while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR_LOW, command | ICR_ASSERT);
	local_irq_restore(flags);
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	lapic_command(apic_id, ICR_FIXED | vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
	lapic_command(apic_id, ICR_NMI);
}

void lapic_send_init(uint32_t apic_id)
{
	lapic_command(apic_id, ICR_INIT);
}

void lapic_send_startup(uint32_t apic_id, phys_t page)
{
	lapic_command(apic_id, ICR_STARTUP | page / PAGE_SIZE);
}

/* One-shot is the mode with no mode bit. */
void lapic_timer_init_cpu(void)
{
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

void lapic_timer_start(uint32_t count)
{
	lapic_write(LAPIC_TIMER_INITIAL, count);
}

uint32_t lapic_timer_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}
