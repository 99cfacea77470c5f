/*
 * QEMU's educational PCI device (-device edu; docs/specs/edu.txt there):
 * /dev/edu, to which a number is written and from which its factorial is read,
 * and /dev/edublock, a block of bytes that the device keeps.
 *
 * It shows a device that writes memory by itself.  A transfer takes a tenth of
 * a second and nobody need wait for it: who wrote a block has gone long before,
 * and unload is asked for with the transfer in flight.  pci_dma_begin() and
 * pci_dma_end() around it are all that is to be done about that: the kernel
 * waits, with the interrupt and the timer running on, and then keeps the device
 * from writing before the buffer goes.  If the unload is refused the transfer
 * was not lost, and nobody has noticed.
 *
 * The device is not believed: it has to say who it is, and a transfer that does
 * not end in time is cut off.
 */
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/interrupt.h>
#include <kernel/io.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/mutex.h>
#include <kernel/pci.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

static unsigned int vendor = 0x1234;
module_param(vendor, uint, 0444);
MODULE_PARM_DESC(vendor, "of the PCI device");

static unsigned int device = 0x11e8;
module_param(device, uint, 0444);
MODULE_PARM_DESC(device, "the PCI device");

static unsigned int timeout_ms = 2000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "for a transfer or a factorial, 1 to 60000");

/* Registers, 32 bits each. */
#define REG_ID			0x00
#define REG_LIVENESS		0x04	/* reads as the inverse */
#define REG_FACTORIAL		0x08
#define REG_STATUS		0x20
#define REG_IRQ_STATUS		0x24
#define REG_IRQ_ACK		0x64
#define REG_DMA_FROM		0x80
#define REG_DMA_TO		0x88
#define REG_DMA_COUNT		0x90
#define REG_DMA_COMMAND		0x98
#define REGS_SIZE		0x100

#define ID_EDU			0x010000edu
#define STATUS_IRQ		0x80	/* one when a factorial is ready */
#define IRQ_FACTORIAL		0x001
#define IRQ_DMA			0x100
#define DMA_RUN			0x01
#define DMA_TO_RAM		0x02
#define DMA_IRQ			0x04

#define ADDRESS_BITS		28
#define DEVICE_BUFFER		0x40000	/* in the device's own addresses */
/* It has 4096 bytes, but QEMU stops at a transfer that touches the last. */
#define BLOCK			2048
#define FACTORIAL_MAX		12	/* of what 32 bits hold */

enum transfer {
	IDLE,
	RUNNING,
	FAILED,			/* the last one did not end in time */
};

static struct pci_dev *pdev;		/* constant after init */
static dma_addr_t buffer_at;		/* the same, for the device */
static struct timer *watchdog;		/* constant after register */
static bool primed;			/* register only */

static DEFINE_MUTEX(users);		/* who uses the device, and: */
static char *buffer;			/* the device's while RUNNING */
static char *block;			/* what the device was given last */
static size_t length;			/* of the block */

static DEFINE_SPINLOCK(chip);		/* the registers, and: */
static uint8_t *regs;			/* constant after register */
static enum transfer transfer;
static struct stamp transfer_end;	/* at the latest */
static bool computing;
static unsigned int factorial;
static unsigned int transfers, failures, interrupts;
static DECLARE_WAIT_QUEUE_HEAD(event);

static uint32_t reg_read(unsigned int reg)
{
	return readl(regs + reg);
}

static void reg_write(unsigned int reg, uint32_t value)
{
	writel(value, regs + reg);
}

/* ---- transfers ---- */

static void transfer_finish_locked(enum transfer outcome)
{
	transfer = outcome;
	if (outcome == FAILED)
		failures++;
	else
		transfers++;
	pci_dma_end(pdev);
}

/*
 * The device may come to it yet.  Without bus mastering that writes nothing,
 * and until it has said that it is through it is given no other one.
 */
static void transfer_late(void *arg)
{
	uint32_t flags = spin_lock_irqsave(&chip);
	bool late = transfer == RUNNING && stamp_passed(transfer_end);

	(void)arg;
	if (late) {
		pci_clear_master(pdev);
		transfer_finish_locked(FAILED);
	}
	spin_unlock_irqrestore(&chip, flags);
	if (late) {
		pr_err("edu: a transfer has not ended within %u ms; cut off\n",
		       timeout_ms);
		wake_up(&event);
	}
}

/* An interrupt of an earlier transfer would look like this one's. */
static void transfer_command_locked(bool to_ram)
{
	reg_write(REG_IRQ_ACK, IRQ_DMA);
	reg_write(REG_DMA_FROM, to_ram ? DEVICE_BUFFER : buffer_at);
	reg_write(REG_DMA_TO, to_ram ? buffer_at : DEVICE_BUFFER);
	reg_write(REG_DMA_COUNT, BLOCK);
	reg_write(REG_DMA_COMMAND, DMA_RUN | DMA_IRQ |
		  (to_ram ? DMA_TO_RAM : 0));
}

/* The caller has @users, and has seen that none is RUNNING.  Waits for none. */
static int transfer_start(bool to_ram)
{
	uint32_t flags = spin_lock_irqsave(&chip);
	int err = 0;

	if (reg_read(REG_DMA_COMMAND) & DMA_RUN) {
		err = -EBUSY;
	} else if (!pci_dma_begin(pdev)) {
		err = -ENODEV;
	} else {
		pci_set_master(pdev);
		transfer = RUNNING;
		transfer_end = stamp_in_ms(timeout_ms);
		transfer_command_locked(to_ram);
		mod_timer(watchdog, stamp_ns(transfer_end));
	}
	spin_unlock_irqrestore(&chip, flags);
	return err;
}

/* The watchdog sees to it that this comes to an end. */
static int transfer_wait(void)
{
	return wait_event_interruptible(event,
					READ_ONCE(transfer) != RUNNING);
}

/* ---- interrupts ---- */

static irqreturn_t edu_interrupt(int irq, void *dev)
{
	uint32_t flags = spin_lock_irqsave(&chip);
	uint32_t status = reg_read(REG_IRQ_STATUS);

	(void)irq;
	(void)dev;
	reg_write(REG_IRQ_ACK, status);
	if (status)
		interrupts++;
	if ((status & IRQ_FACTORIAL) && computing) {
		factorial = reg_read(REG_FACTORIAL);
		computing = false;
	}
	if ((status & IRQ_DMA) && transfer == RUNNING)
		transfer_finish_locked(IDLE);
	spin_unlock_irqrestore(&chip, flags);
	if (!status)
		return IRQ_NONE;
	wake_up(&event);
	return IRQ_HANDLED;
}

/* ---- /dev/edu ---- */

/* -EIO: the device does not answer. */
static int factorial_wait(void)
{
	int err = wait_event_mode(event, !READ_ONCE(computing),
				  WAIT_INTERRUPTIBLE, stamp_in_ms(timeout_ms));

	if (err != -ETIMEDOUT)
		return err;
	pr_err("edu: no factorial within %u ms\n", timeout_ms);
	return -EIO;
}

static int factorial_start(unsigned int n)
{
	uint32_t flags;
	int err;

	if (mutex_lock_interruptible(&users))
		return -EINTR;
	err = factorial_wait();
	if (!err) {
		flags = spin_lock_irqsave(&chip);
		computing = true;
		reg_write(REG_FACTORIAL, n);
		spin_unlock_irqrestore(&chip, flags);
	}
	mutex_unlock(&users);
	return err;
}

static ssize_t edu_write(struct file *file, const char __user *buf, size_t n,
			 loff_t *pos)
{
	char text[12];
	unsigned int number;
	int err;

	(void)file;
	(void)pos;
	if (!n || n >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, n))
		return -EFAULT;
	if (text[n - 1] == '\n')
		text[n - 1] = '\0';
	text[n] = '\0';
	if (kstrtouint(text, 10, &number) || number > FACTORIAL_MAX)
		return -EINVAL;
	err = factorial_start(number);
	return err ? err : (ssize_t)n;
}

static ssize_t edu_read(struct file *file, char __user *buf, size_t n,
			loff_t *pos)
{
	char text[12];
	size_t len;
	int err;

	(void)file;
	if (*pos)
		return 0;
	err = factorial_wait();
	if (err)
		return err;
	len = (size_t)scnprintf(text, sizeof(text), "%u\n",
				READ_ONCE(factorial));
	if (n < len)
		return -EINVAL;
	if (copy_to_user(buf, text, len))
		return -EFAULT;
	*pos += len;
	return (ssize_t)len;
}

static const struct file_operations edu_fops = {
	.read = edu_read,
	.write = edu_write,
};

static const struct miscdevice edu_misc = { .name = "edu", .fops = &edu_fops };

/* ---- /dev/edublock ---- */

/* The device, with no transfer under way. */
static int block_lock(void) __try_acquires(0, &users);

static int block_lock(void) __no_lock_analysis
{
	int err;

	if (mutex_lock_interruptible(&users))
		return -EINTR;
	err = transfer_wait();
	if (err)
		mutex_unlock(&users);
	return err;
}

/*
 * What was behind the new bytes is zero.  A write that fails before it is on
 * its way leaves the block as it was.
 */
static int block_give_locked(const char *bytes, size_t n, size_t at)
{
	int err;

	memcpy(buffer, block, at);
	memcpy(buffer + at, bytes, n);
	memset(buffer + at + n, 0, BLOCK - at - n);
	err = transfer_start(false);
	if (err)
		return err;
	memcpy(block, buffer, BLOCK);
	length = at + n;
	return 0;
}

static int block_give(const char *bytes, size_t n, size_t at)
{
	int err = block_lock();

	if (err)
		return err;
	err = block_give_locked(bytes, n, at);
	mutex_unlock(&users);
	return err;
}

/* On its way to the device when it returns, and not there yet. */
static ssize_t block_write(struct file *file, const char __user *buf, size_t n,
			   loff_t *pos)
{
	size_t at = (size_t)min(*pos, (loff_t)BLOCK);
	char *bytes;
	int err;

	(void)file;
	n = min(n, BLOCK - at);
	if (!n)
		return -ENOSPC;
	bytes = kmalloc(n, GFP_KERNEL | GFP_DATA);
	if (!bytes)
		return -ENOMEM;
	err = copy_from_user(bytes, buf, n) ? -EFAULT :
	      block_give(bytes, n, at);
	kfree(bytes);
	if (err)
		return err;
	*pos += n;
	return (ssize_t)n;
}

/* What is in the buffer yet is not what the device has kept: it is cleared. */
static int block_fetch_locked(bool wait)
{
	int err;

	memset(buffer, 0, BLOCK);
	err = transfer_start(true);
	if (!err && wait)
		err = transfer_wait();
	if (!err && READ_ONCE(transfer) == FAILED)
		err = -EIO;
	return err;
}

static ssize_t block_read(struct file *file, char __user *buf, size_t n,
			  loff_t *pos)
{
	int err = block_lock();

	(void)file;
	if (err)
		return err;
	if ((size_t)*pos >= length) {
		n = 0;
		goto unlock;
	}
	err = block_fetch_locked(true);
	if (err)
		goto unlock;
	n = min(n, length - (size_t)*pos);
	if (copy_to_user(buf, buffer + (size_t)*pos, n))
		err = -EFAULT;
	else
		*pos += n;
unlock:
	mutex_unlock(&users);
	return err ? err : (ssize_t)n;
}

static const struct file_operations block_fops = {
	.read = block_read,
	.write = block_write,
};

static const struct miscdevice block_misc = {
	.name = "edublock",
	.fops = &block_fops,
};

/* ---- the command ---- */

/* Leaves a transfer in flight that writes to memory (H41). */
static int edu_fetch(void)
{
	int err = block_lock();

	if (err)
		return err;
	err = block_fetch_locked(false);
	mutex_unlock(&users);
	return err;
}

static int edu_command(struct command_call *call)
{
	static const char *const names[] = { "idle", "running", "failed" };

	if (call->argc == 2 && strcmp(call->argv[1], "fetch") == 0)
		return edu_fetch();
	if (call->argc == 2 && strcmp(call->argv[1], "wait") == 0) {
		int err = transfer_wait();

		if (err)
			return err;
		return READ_ONCE(transfer) == FAILED ? -EIO : 0;
	}
	if (call->argc != 1)
		return -EINVAL;
	command_printf(call, "edu: pci %s, irq %u, %s, %u transfers, "
		       "%u failed, %u interrupts\n", pdev->name, pdev->irq,
		       names[READ_ONCE(transfer)], READ_ONCE(transfers),
		       READ_ONCE(failures), READ_ONCE(interrupts));
	return 0;
}

/* ---- the module ---- */

static int edu_init(void)
{
	if (!timeout_ms || timeout_ms > 60000)
		return -EINVAL;
	pdev = pci_get_device((uint16_t)vendor, (uint16_t)device, NULL);
	if (!pdev) {
		pr_err("edu: there is no PCI device %04x:%04x\n", vendor,
		       device);
		return -ENODEV;
	}
	dma_set_mask(pdev, DMA_BIT_MASK(ADDRESS_BITS));
	block = kzalloc(BLOCK, GFP_KERNEL | GFP_DATA);
	if (!block)
		return -ENOMEM;
	buffer = dma_alloc_coherent(pdev, BLOCK, &buffer_at, GFP_KERNEL);
	if (buffer)
		return 0;
	kfree(block);
	return -ENOMEM;
}

/* Before a byte is written to what may be another device. */
static int edu_identify(void)
{
	uint32_t id;

	regs = pci_iomap(pdev, 0, REGS_SIZE);
	if (!regs || !pdev->irq) {
		pr_err("edu: PCI device %s has no %s\n", pdev->name,
		       regs ? "interrupt" : "registers");
		return -ENODEV;
	}
	id = reg_read(REG_ID);
	if (id == ID_EDU) {
		reg_write(REG_LIVENESS, id);
		if (reg_read(REG_LIVENESS) == ~id)
			return 0;
	}
	pr_err("edu: PCI device %s is none (it says %08x)\n", pdev->name, id);
	return -ENODEV;
}

/*
 * A transfer that was started before us would write to where we are.  What it
 * tells of is not for us.  The first time only: later there are our own.
 */
static int edu_prime(void)
{
	struct stamp end = stamp_in_ms(timeout_ms);

	while (reg_read(REG_DMA_COMMAND) & DMA_RUN) {
		if (stamp_passed(end)) {
			pr_err("edu: a transfer of before does not end\n");
			return -EIO;
		}
		msleep(1);
	}
	reg_write(REG_IRQ_ACK, reg_read(REG_IRQ_STATUS));
	reg_write(REG_STATUS, STATUS_IRQ);
	primed = true;
	return 0;
}

static int edu_register_interfaces(void)
{
	int err = misc_register(&edu_misc);

	if (!err)
		err = misc_register(&block_misc);
	if (!err)
		err = register_command("edu", edu_command,
				       "the PCI device edu: fetch, wait");
	return err;
}

static int edu_register(void)
{
	int err = pci_enable_device(pdev);

	if (!err)
		err = edu_identify();
	if (!err && !primed)
		err = edu_prime();
	if (err)
		return err;
	watchdog = timer_create("edu", transfer_late, NULL);
	if (!watchdog)
		return -ENOMEM;
	err = request_irq(pdev->irq, edu_interrupt, "edu", NULL);
	return err ? err : edu_register_interfaces();
}

static void edu_unregister(void)
{
	unregister_command("edu");
	misc_deregister(&block_misc);
	misc_deregister(&edu_misc);
}

static void edu_cleanup(void)
{
	if (primed) {
		reg_write(REG_STATUS, 0);
		reg_write(REG_IRQ_ACK, reg_read(REG_IRQ_STATUS));
	}
	dma_free_coherent(pdev, BLOCK, buffer, buffer_at);
	kfree(block);
}

module_init(edu_init);
module_register(edu_register);
module_unregister(edu_unregister);
module_cleanup(edu_cleanup);
MODULE_DESCRIPTION("QEMU's educational PCI device");
MODULE_LICENSE("MIT");
