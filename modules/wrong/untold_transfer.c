/*
 * Wrong: has its device (QEMU's edu) write memory without telling the kernel.
 *
 * Nobody waits for a transfer that nobody knows of.  The device is quiet all
 * the same before the buffer goes: it loses the transfer, which is the module's
 * fault, and nobody else loses anything (H41).  The transfer that an earlier
 * owner has left is waited for in register, as one has to.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/io.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/pci.h>
#include <kernel/string.h>

static struct pci_dev *pdev;
static dma_addr_t buffer_at;
static void *buffer;
static uint8_t *regs;

static int untold_command(struct command_call *call)
{
	(void)call;
	writel(0x40000, regs + 0x80);	/* from the device's own memory */
	writel(buffer_at, regs + 0x88);
	writel(2048, regs + 0x90);
	writel(3, regs + 0x98);		/* run, to RAM */
	return 0;
}

static int untold_transfer_init(void)
{
	pdev = pci_get_device(0x1234, 0x11e8, NULL);
	if (!pdev)
		return -ENODEV;
	buffer = dma_alloc_coherent(pdev, 2048, &buffer_at, GFP_KERNEL);
	return buffer ? 0 : -ENOMEM;
}

static int untold_transfer_register(void)
{
	int err = pci_enable_device(pdev);

	if (err)
		return err;
	regs = pci_iomap(pdev, 0, 0x100);
	if (!regs)
		return -ENODEV;
	while (readl(regs + 0x98) & 1)
		msleep(1);
	pci_set_master(pdev);
	return register_command("untold", untold_command, "transfer a block");
}

static void untold_transfer_unregister(void)
{
	unregister_command("untold");
}

/* Another wrong thing, which is refused and reported. */
static void untold_transfer_cleanup(void)
{
	pci_set_master(pdev);
	dma_free_coherent(pdev, 2048, buffer, buffer_at);
}

module_init(untold_transfer_init);
module_register(untold_transfer_register);
module_unregister(untold_transfer_unregister);
module_cleanup(untold_transfer_cleanup);
MODULE_DESCRIPTION("wrong: a transfer that nobody knows of");
MODULE_LICENSE("MIT");
