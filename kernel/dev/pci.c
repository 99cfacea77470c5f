/*
 * PCI: which devices there are on bus 0, whose they are, and when they may
 * write memory by themselves (H41).
 *
 * A device that writes memory goes by physical addresses, past every page table
 * and every owner.  So a claim on a device is an engine in the ledger of its
 * module (sched/slot.h): held, no transfer is under way and bus mastering is
 * off, as read back from the device; buried, it stays off.  All memory of the
 * module goes after that.
 *
 * Configuration is by ports (PCI Local Bus Specification 3.0, 3.2.2.3.2).
 * Interrupt lines are where the firmware has routed them.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/io.h>
#include <kernel/ktime.h>
#include <kernel/pci.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <dev/pci.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <sched/owner.h>
#include <sched/slot.h>

#define CONFIG_ADDRESS		0xcf8
#define CONFIG_DATA		0xcfc
#define CONFIG_ENABLE		(1u << 31)

/* PCI 3.0, 6.1 and 6.2.5. */
#define REG_ID			0x00
#define REG_COMMAND		0x04
#define REG_HEADER		0x0c
#define REG_BAR(n)		(0x10 + 4 * (n))
#define REG_INTERRUPT		0x3c
#define COMMAND_MEMORY		(1u << 1)
#define COMMAND_MASTER		(1u << 2)
#define HEADER_MULTI		(1u << 23)
#define HEADER_TYPE		(0x7fu << 16)
#define BAR_IO			(1u << 0)
#define BAR_64			(1u << 2)
#define BAR_FLAGS		0xfu
#define ID_NONE			0xffff

#define NR_BARS			6
#define MAX_DEVICES		32

/*
 * Lock key: (s) slot_lock  (c) constant once enabled  (l) ledger_mutex
 */
struct pci_claim {
	struct slot	slot;
	struct pci_dev	*pdev;		/* (c) */
	struct {
		phys_t	start;		/* (c) */
		size_t	size;		/* (c) 0: no memory there */
		void	*regs;		/* (l) NULL: not mapped */
	} bar[NR_BARS];
	bool		master;		/* (s) as the module wants it */
	uint32_t	transfers;	/* (s) under way */
	struct stamp	since;		/* (s) the last one began */
};

static DEFINE_SPINLOCK(config_lock);	/* a leaf: the two ports */
static struct pci_dev devices[MAX_DEVICES];	/* constant after boot but for
						 * what the header says */
static uint32_t nr_devices;

/* ---- configuration ---- */

static uint32_t config_read(uint8_t devfn, uint8_t reg)
{
	uint32_t flags = spin_lock_irqsave(&config_lock), value;

	outl(CONFIG_ENABLE | (uint32_t)devfn << 8 | reg, CONFIG_ADDRESS);
	value = inl(CONFIG_DATA);
	spin_unlock_irqrestore(&config_lock, flags);
	return value;
}

static void config_write(uint8_t devfn, uint8_t reg, uint32_t value)
{
	uint32_t flags = spin_lock_irqsave(&config_lock);

	outl(CONFIG_ENABLE | (uint32_t)devfn << 8 | reg, CONFIG_ADDRESS);
	outl(value, CONFIG_DATA);
	spin_unlock_irqrestore(&config_lock, flags);
}

/*
 * Returns what the device then says.  The other half is its status, of which
 * zeros change nothing.  Who owns the device serialises.
 */
static uint32_t command_change(uint8_t devfn, uint32_t clear, uint32_t set)
{
	uint32_t command = config_read(devfn, REG_COMMAND) & 0xffff;

	config_write(devfn, REG_COMMAND, (command & ~clear) | set);
	return config_read(devfn, REG_COMMAND) & 0xffff;
}

static void add_function(uint8_t devfn, uint32_t id)
{
	uint32_t line = config_read(devfn, REG_INTERRUPT) & 0xff;
	struct pci_dev *d = &devices[nr_devices];

	if (nr_devices == MAX_DEVICES) {
		pr_warn("pci: more than %u devices; the others are left out",
			MAX_DEVICES);
		return;
	}
	nr_devices++;
	snprintf(d->name, sizeof(d->name), "00:%02x.%u", devfn >> 3,
		 devfn & 7u);
	d->vendor = (uint16_t)id;
	d->device = (uint16_t)(id >> 16);
	d->devfn = devfn;
	d->irq = line < 16 ? (uint8_t)line : 0;
	d->dma_mask = UINT32_MAX;
}

static bool is_multi_function(unsigned int slot)
{
	return config_read((uint8_t)(slot << 3), REG_HEADER) & HEADER_MULTI;
}

/* Behind a bridge nobody looks. */
void pci_init(void)
{
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		uint32_t id = config_read((uint8_t)devfn, REG_ID);

		if ((id & 0xffff) != ID_NONE)
			add_function((uint8_t)devfn, id);
		/* Without function 0 there are none; else it says so. */
		if (!(devfn & 7) && ((id & 0xffff) == ID_NONE ||
				     !is_multi_function(devfn >> 3)))
			devfn += 7;
	}
}

struct pci_dev *pci_get_device(uint16_t vendor, uint16_t device,
			       struct pci_dev *from)
{
	struct pci_dev *d = from ? from + 1 : devices;

	for (; d < devices + nr_devices; d++)
		if ((vendor == PCI_ANY_ID || d->vendor == vendor) &&
		    (device == PCI_ANY_ID || d->device == device))
			return d;
	return NULL;
}
EXPORT_SYMBOL(pci_get_device);

module_id_t pci_owner(const struct pci_dev *pdev)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	module_id_t id = pdev->claim ? pdev->claim->slot.owner : MODULE_NONE;

	spin_unlock_irqrestore(&slot_lock, flags);
	return id;
}

/* ---- the engine ---- */

static struct pci_claim *claim_of(struct slot *s)
{
	return container_of(s, struct pci_claim, slot);
}

/* slot_lock is held, as everywhere that the bit changes.  False: it stays. */
static bool set_master_locked(const struct pci_claim *c, bool on)
{
	uint32_t command;

	assert_spin_held(&slot_lock);
	command = command_change(c->pdev->devfn, on ? 0 : COMMAND_MASTER,
				 on ? COMMAND_MASTER : 0);
	return !!(command & COMMAND_MASTER) == on;
}

/* From here on what the device writes goes nowhere.  False: it goes on. */
static bool quiet_locked(const struct pci_claim *c)
{
	return !guard(BUS_MASTER) || set_master_locked(c, false);
}

static bool claim_is_busy(struct slot *s)
{
	return guard(BUS_MASTER) && READ_ONCE(claim_of(s)->transfers);
}

/*
 * A transfer that nobody has told of, or that begins behind our back, finds
 * bus mastering off: what it writes goes nowhere.
 */
static int claim_hold(struct slot *s, struct binding *b)
{
	struct pci_claim *c = claim_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	int err = 0;

	(void)b;
	if (claim_is_busy(s) || !quiet_locked(c))
		err = -EAGAIN;
	else
		WRITE_ONCE(s->held, true);
	spin_unlock_irqrestore(&slot_lock, flags);
	return err;
}

static void claim_let_go(struct slot *s, struct binding *b)
{
	struct pci_claim *c = claim_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	(void)b;
	WRITE_ONCE(s->held, false);
	if (c->master)
		set_master_locked(c, true);
	spin_unlock_irqrestore(&slot_lock, flags);
}

/* Off already, unless nobody was held: memory goes after this. */
static void claim_bury(struct slot *s, struct binding *b)
{
	struct pci_claim *c = claim_of(s);
	uint32_t flags = spin_lock_irqsave(&slot_lock);

	(void)b;
	c->master = false;
	if (!quiet_locked(c))
		pr_err("pci %s: bus mastering cannot be turned off",
		       c->pdev->name);
	spin_unlock_irqrestore(&slot_lock, flags);
}

/*
 * Cleanup, which may have used the registers, and the ports, is over: the bit
 * is cleared once more, and the device stays as it is.
 */
static void claim_free(struct slot *s)
{
	struct pci_claim *c = claim_of(s);
	uint32_t flags;

	for (int i = 0; i < NR_BARS; i++)
		iounmap(c->bar[i].regs);
	flags = spin_lock_irqsave(&slot_lock);
	if (c->pdev->claim == c) {
		quiet_locked(c);
		c->pdev->claim = NULL;
		c->pdev->dma_mask = UINT32_MAX;
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	kfree(c);
}

static void claim_describe(struct slot *s, char *buf, size_t size)
{
	const struct pci_claim *c = claim_of(s);
	uint32_t n = READ_ONCE(c->transfers);

	snprintf(buf, size, "%04x:%04x, bus master %s, ", c->pdev->vendor,
		 c->pdev->device, READ_ONCE(c->master) ? "on" : "off");
	if (n)
		snprintf(buf + strlen(buf), size - strlen(buf),
			 "transfer under way for %u ms",
			 stamp_age_ms(c->since));
	else
		snprintf(buf + strlen(buf), size - strlen(buf), "idle");
}

static const struct slot_ops pci_ops = {
	.kind = "PCI device",
	.engine = true,
	.hold = claim_hold,
	.let_go = claim_let_go,
	.bury = claim_bury,
	.busy = claim_is_busy,
	.destroy = claim_free,
	.describe = claim_describe,
};

/* ---- enabling ---- */

/*
 * How large it is, is told by the bits that stay zero (6.2.5.1).  Decoding is
 * off, or it would answer at the address that is tried.
 */
static void size_bar(struct pci_claim *c, int i)
{
	uint8_t devfn = c->pdev->devfn;
	uint32_t bar = config_read(devfn, REG_BAR(i)), bits;

	if (!bar || (bar & BAR_IO))
		return;
	if ((bar & BAR_64) &&
	    (i + 1 == NR_BARS || config_read(devfn, REG_BAR(i + 1))))
		return;
	config_write(devfn, REG_BAR(i), UINT32_MAX);
	bits = config_read(devfn, REG_BAR(i)) & ~BAR_FLAGS;
	config_write(devfn, REG_BAR(i), bar);
	c->bar[i].start = bar & ~BAR_FLAGS;
	c->bar[i].size = ~bits + 1;
	/* Its upper half is no address of its own, and zero. */
}

/* Of a bridge the fields lie elsewhere: it has no registers for us. */
static void size_bars(struct pci_claim *c)
{
	uint8_t devfn = c->pdev->devfn;

	if (config_read(devfn, REG_HEADER) & HEADER_TYPE)
		return;
	command_change(devfn, COMMAND_MEMORY, 0);
	for (int i = 0; i < NR_BARS; i++)
		size_bar(c, i);
	command_change(devfn, 0, COMMAND_MEMORY);
}

/* Somebody else has it; or else, whether @owner has. */
static bool is_claimed(const struct pci_dev *pdev, module_id_t owner,
		       bool by_others)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool claimed = pdev->claim &&
		       (pdev->claim->slot.owner != owner) == by_others;

	spin_unlock_irqrestore(&slot_lock, flags);
	return claimed;
}

static void claim_connect(struct pci_claim *c)
{
	uint32_t flags;

	size_bars(c);
	flags = spin_lock_irqsave(&slot_lock);
	c->pdev->claim = c;
	spin_unlock_irqrestore(&slot_lock, flags);
}

/* Under one ledger_mutex: it is not held before it is connected. */
static int claim_register(struct pci_claim *c,
			  const struct slot_registration *reg,
			  struct slot **existing)
{
	module_id_t owner = c->slot.owner;
	bool again = false;
	int err = -EBUSY;

	mutex_lock(&ledger_mutex);
	if (!is_claimed(c->pdev, owner, true))
		err = slot_register(&c->slot, reg, existing);
	if (!err && !*existing) {
		again = is_claimed(c->pdev, owner, false);
		if (!again)
			claim_connect(c);
	}
	mutex_unlock(&ledger_mutex);
	if (again) {
		slot_forget(&c->slot);
		err = -EEXIST;
	}
	return err;
}

int pci_enable_device_owner(struct pci_dev *pdev, module_id_t owner)
{
	struct slot_registration reg = {
		.site = (uintptr_t)__builtin_return_address(0),
	};
	struct slot *existing = NULL;
	struct pci_claim *c;
	int err;

	c = kmalloc_owner(sizeof(*c), __GFP_ZERO, MODULE_NONE);
	if (!c)
		return -ENOMEM;
	slot_setup(&c->slot, &pci_ops, pdev->name, owner);
	c->pdev = pdev;
	err = claim_register(c, &reg, &existing);
	if (existing)
		slot_put(existing);
	slot_put(&c->slot);
	return err;
}
EXPORT_SYMBOL(pci_enable_device_owner);

void *pci_iomap(struct pci_dev *pdev, int bar, size_t max)
{
	struct pci_claim *c = pdev->claim;
	size_t size;
	void *regs;

	if (!c || bar < 0 || bar >= NR_BARS || !c->bar[bar].size)
		return NULL;
	mutex_lock(&ledger_mutex);
	size = c->bar[bar].size;
	if (!c->bar[bar].regs)
		c->bar[bar].regs = ioremap(c->bar[bar].start,
					   max ? min(max, size) : size);
	regs = c->bar[bar].regs;
	mutex_unlock(&ledger_mutex);
	return regs;
}
EXPORT_SYMBOL(pci_iomap);

/* ---- writing memory ---- */

/* A claim that is held keeps its device quiet; what is wanted is noted. */
static void want_master(struct pci_dev *pdev, bool on)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct pci_claim *c = pdev->claim;

	if (c) {
		c->master = on;
		if (!on || !c->slot.held)
			set_master_locked(c, on);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
}

static bool claim_is_dead(const struct pci_dev *pdev, const char *does)
{
	const struct pci_claim *c = pdev->claim;

	if (!c || !owner_is_dead(c->slot.owner))
		return false;
	owner_report_late(c->slot.owner, does, pdev->name);
	return true;
}

void pci_set_master(struct pci_dev *pdev)
{
	if (!claim_is_dead(pdev, "turns on bus mastering of"))
		want_master(pdev, true);
}
EXPORT_SYMBOL(pci_set_master);

void pci_clear_master(struct pci_dev *pdev)
{
	want_master(pdev, false);
}
EXPORT_SYMBOL(pci_clear_master);

/*
 * Begun while it is held, by another engine of the module that is not held yet:
 * it is held no more, which the verdict sees.
 */
bool pci_dma_begin(struct pci_dev *pdev)
{
	struct pci_claim *c;
	uint32_t flags;

	if (claim_is_dead(pdev, "starts a transfer of"))
		return false;
	flags = spin_lock_irqsave(&slot_lock);
	c = pdev->claim;
	if (c) {
		c->transfers++;
		c->since = stamp_of(ktime_get_ns());
		if (c->slot.held) {
			slot_unhold_locked(&c->slot);
			set_master_locked(c, c->master);
		}
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	return c != NULL;
}
EXPORT_SYMBOL(pci_dma_begin);

void pci_dma_end(struct pci_dev *pdev)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	struct pci_claim *c = pdev->claim;
	bool wrong = !c || !c->transfers;

	if (!wrong)
		c->transfers--;
	spin_unlock_irqrestore(&slot_lock, flags);
	if (wrong)
		pr_err("pci %s: a transfer ends that has not begun",
		       pdev->name);
}
EXPORT_SYMBOL(pci_dma_end);

void dma_set_mask(struct pci_dev *pdev, uint32_t mask)
{
	WRITE_ONCE(pdev->dma_mask, mask);
}
EXPORT_SYMBOL(dma_set_mask);

/*
 * A whole page, so that it has one frame and shares it with nobody.  Not
 * searched: the device's writes set no dirty bit, so what it wrote could not be
 * told from what was read before (H51).
 */
void *dma_alloc_coherent_owner(struct pci_dev *pdev, size_t size,
			       dma_addr_t *handle, gfp_t gfp,
			       module_id_t owner)
{
	uintptr_t site = (uintptr_t)__builtin_return_address(0);
	void *p;

	if (!size || size > PAGE_SIZE)
		return NULL;
	p = kmalloc_below(PAGE_SIZE, gfp | GFP_DATA | __GFP_ZERO,
			  READ_ONCE(pdev->dma_mask), owner, site);
	if (p)
		*handle = (dma_addr_t)(*paging_kernel_pte((uintptr_t)p) &
				       PTE_ADDR);
	return p;
}
EXPORT_SYMBOL(dma_alloc_coherent_owner);

void dma_free_coherent(struct pci_dev *pdev, size_t size, void *p,
		       dma_addr_t handle)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool busy = pdev->claim && claim_is_busy(&pdev->claim->slot);

	(void)size;
	spin_unlock_irqrestore(&slot_lock, flags);
	if (busy && p)
		pr_err("pci %s: memory at %08x stays, a transfer is under way",
		       pdev->name, handle);
	else
		kfree(p);
}
EXPORT_SYMBOL(dma_free_coherent);
