/*
 * Wrong: has its device (QEMU's edu) interrupt, and does not quiet it.
 *
 * The level stays up, so the interrupt comes again as soon as its handler has
 * returned, and its CPU does nothing else.  The handler says each time that it
 * knows nothing of it: the kernel masks the line after a while, and names it.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/interrupt.h>
#include <kernel/io.h>
#include <kernel/module.h>
#include <kernel/pci.h>

static struct pci_dev *pdev;
static uint8_t *regs;

static irqreturn_t look_away(int irq, void *dev)
{
	(void)irq;
	(void)dev;
	return IRQ_NONE;
}

static int storm_command(struct command_call *call)
{
	(void)call;
	writel(1, regs + 0x60);
	return 0;
}

static int ignores_interrupt_init(void)
{
	pdev = pci_get_device(0x1234, 0x11e8, NULL);
	return pdev ? 0 : -ENODEV;
}

static int ignores_interrupt_register(void)
{
	int err = pci_enable_device(pdev);

	if (err)
		return err;
	regs = pci_iomap(pdev, 0, 0x100);
	if (!regs)
		return -ENODEV;
	err = request_irq(pdev->irq, look_away, "look_away", NULL);
	if (err)
		return err;
	return register_command("storm", storm_command, "raise an interrupt");
}

static void ignores_interrupt_unregister(void)
{
	unregister_command("storm");
}

static void ignores_interrupt_cleanup(void)
{
	writel(1, regs + 0x64);
}

module_init(ignores_interrupt_init);
module_register(ignores_interrupt_register);
module_unregister(ignores_interrupt_unregister);
module_cleanup(ignores_interrupt_cleanup);
MODULE_DESCRIPTION("wrong: an interrupt that nobody quiets");
MODULE_LICENSE("MIT");
