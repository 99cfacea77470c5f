/*
 * Device interrupts: the IOAPICs' lines, all delivered to the boot CPU (Intel
 * 82093AA), and who is called for each.
 *
 * An IOAPIC forgets an edge that comes while the line is masked.  The device
 * may wait for ever to have it served (the RTC is silent until its register C
 * is read), so an edge line is masked in software only: what comes is noted and
 * delivered later.  A level line is masked in the IOAPIC, and the device itself
 * keeps the level up.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <x86/internal.h>
#include <x86/trap.h>

#define IOAPIC_SELECT		0x00
#define IOAPIC_WINDOW		0x10
#define IOAPIC_REG_VERSION	0x01
#define IOAPIC_REG_LINE(n)	(0x10 + 2 * (n))
#define LINE_ACTIVE_LOW		(1u << 13)
#define LINE_LEVEL		(1u << 15)
#define LINE_MASKED		(1u << 16)

struct ioapic {
	uint8_t		*regs;		/* constant */
	uint32_t	gsi_base;	/* constant */
	uint32_t	nr_lines;	/* constant */
};

/*
 * Lock key: (c) constant after boot  (l) irq_lock  (a) one aligned word,
 * changed under irq_lock, read by anyone
 */
struct irq_line {
	struct ioapic	*ioapic;	/* (c) NULL: there is no such line */
	bool		level;		/* (c) */
	bool		active_low;	/* (c) */
	bool		masked;		/* (l) */
	bool		pending;	/* (l) an edge came while masked */
	irq_entry_fn	entry;		/* (a) */
};

static DEFINE_SPINLOCK(irq_lock);	/* the registers too */
static struct ioapic ioapics[MAX_IOAPICS];
static struct irq_line lines[NR_GSIS];

/* A register is chosen, then read or written: under irq_lock, or at boot. */
static uint32_t ioapic_read(struct ioapic *io, uint32_t reg)
{
	writel(reg, io->regs + IOAPIC_SELECT);
	return readl(io->regs + IOAPIC_WINDOW);
}

static void ioapic_write(struct ioapic *io, uint32_t reg, uint32_t value)
{
	writel(reg, io->regs + IOAPIC_SELECT);
	writel(value, io->regs + IOAPIC_WINDOW);
}

static void line_program(uint32_t gsi, bool masked)
{
	struct irq_line *l = &lines[gsi];
	uint32_t reg = IOAPIC_REG_LINE(gsi - l->ioapic->gsi_base);
	uint32_t low = VECTOR_IRQ_BASE + gsi;

	if (l->active_low)
		low |= LINE_ACTIVE_LOW;
	if (l->level)
		low |= LINE_LEVEL;
	/* Where to, before the half that unmasks. */
	ioapic_write(l->ioapic, reg + 1, percpus[0].apic_id << 24);
	ioapic_write(l->ioapic, reg, low | (masked ? LINE_MASKED : 0));
}

static void ioapic_add_lines(struct ioapic *io)
{
	for (uint32_t i = 0; i < io->nr_lines; i++) {
		uint32_t gsi = io->gsi_base + i;
		struct irq_line *l;

		if (gsi >= NR_GSIS || lines[gsi].ioapic)
			break;
		l = &lines[gsi];
		l->ioapic = io;
		l->masked = true;
		/* PCI's way, for lines that no ISA interrupt is said to use. */
		l->level = l->active_low = gsi >= NR_ISA_IRQS;
	}
}

static void lines_apply_isa(void)
{
	for (uint32_t irq = 0; irq < NR_ISA_IRQS; irq++) {
		const struct acpi_isa_irq *isa = &acpi_info.isa[irq];

		if (isa->gsi >= NR_GSIS)
			continue;
		lines[isa->gsi].level = isa->level;
		lines[isa->gsi].active_low = isa->active_low;
	}
}

void ioapic_init(void)
{
	for (uint32_t i = 0; i < acpi_info.nr_ioapics; i++) {
		const struct acpi_ioapic *a = &acpi_info.ioapics[i];
		struct ioapic *io = &ioapics[i];
		uint32_t version;

		io->regs = paging_map_fixed(FIXED_IOAPIC + i, a->address,
					    PROT_DEVICE);
		io->gsi_base = a->gsi_base;
		version = ioapic_read(io, IOAPIC_REG_VERSION);
		/* What a bus reads where nothing answers. */
		if (version == UINT32_MAX) {
			pr_warn("ioapic: none at %08x\n", a->address);
			continue;
		}
		io->nr_lines = min((version >> 16 & 0xff) + 1, 240u);
		ioapic_add_lines(io);
	}
	lines_apply_isa();
	for (uint32_t gsi = 0; gsi < NR_GSIS; gsi++)
		if (lines[gsi].ioapic)
			line_program(gsi, true);
}

uint32_t irq_isa_to_gsi(uint32_t isa_irq)
{
	assert(isa_irq < NR_ISA_IRQS);
	return acpi_info.isa[isa_irq].gsi;
}

int irq_set_entry(uint32_t gsi, irq_entry_fn fn)
{
	uint32_t flags;
	int err = 0;

	if (gsi >= NR_GSIS || !lines[gsi].ioapic)
		return -EINVAL;
	flags = spin_lock_irqsave(&irq_lock);
	if (fn && lines[gsi].entry)
		err = -EBUSY;
	else
		WRITE_ONCE(lines[gsi].entry, fn);
	/* What was kept for one function is not for the next. */
	if (!fn)
		lines[gsi].pending = false;
	spin_unlock_irqrestore(&irq_lock, flags);
	return err;
}

void irq_mask(uint32_t gsi)
{
	struct irq_line *l = &lines[gsi];
	uint32_t flags;

	assert(gsi < NR_GSIS && l->ioapic);
	flags = spin_lock_irqsave(&irq_lock);
	if (!l->masked && l->level)
		line_program(gsi, true);
	l->masked = true;
	spin_unlock_irqrestore(&irq_lock, flags);
}

void irq_unmask(uint32_t gsi)
{
	struct irq_line *l = &lines[gsi];
	bool deliver;
	uint32_t flags;

	assert(gsi < NR_GSIS && l->ioapic);
	flags = spin_lock_irqsave(&irq_lock);
	deliver = l->pending;
	l->pending = false;
	if (l->masked)
		line_program(gsi, false);
	l->masked = false;
	spin_unlock_irqrestore(&irq_lock, flags);
	/* The line's own vector: to its handler an edge like any other. */
	if (deliver)
		lapic_send_ipi(percpus[0].apic_id, VECTOR_IRQ_BASE + gsi);
}

/*
 * False: the line is masked, and the interrupt kept.  A level line that comes
 * all the same was on its way when it was masked: it comes again after.
 */
static bool line_may_deliver(struct irq_line *l)
{
	uint32_t flags = spin_lock_irqsave(&irq_lock);
	bool masked = l->masked;

	if (masked && !l->level && l->entry)
		l->pending = true;
	spin_unlock_irqrestore(&irq_lock, flags);
	return !masked;
}

/*
 * The EOI comes after the handler: a level line would interrupt again before
 * the device is served, and an edge meanwhile waits in the LAPIC.
 */
void irq_dispatch(uint8_t vector)
{
	uint32_t gsi = vector - VECTOR_IRQ_BASE;
	struct irq_line *l = &lines[gsi];
	irq_entry_fn fn = READ_ONCE(l->entry);

	if (fn && line_may_deliver(l))
		fn(gsi);
	lapic_eoi();
}
