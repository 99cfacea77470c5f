/*
 * PCI devices, and memory that they write to by themselves (H41).
 *
 * A device that a module has enabled is an engine of the module's, in its
 * ledger: for the verdict it is held, which means that no transfer of its is
 * under way and that it may start none (bus mastering is off).  Reactivated it
 * may again.  At the end it stays off, before any memory of the module goes.
 * There is nothing to do in unregister, and nothing to give back in cleanup.
 */
#ifndef KERNEL_PCI_H
#define KERNEL_PCI_H

#include <kernel/compiler.h>
#include <kernel/slab.h>
#include <kernel/types.h>

struct pci_claim;

/*
 * One for each function found at boot; never freed, so who has a pointer counts
 * nothing.
 *
 * Lock key: (c) constant  (s) slot_lock
 */
struct pci_dev {
	char		name[8];	/* (c) "00:04.0" */
	uint16_t	vendor, device;	/* (c) */
	uint8_t		devfn;		/* (c) */
	uint8_t		irq;		/* (c) for request_irq(); 0: none */
	uint32_t	dma_mask;	/* (s) highest address it can write */
	struct pci_claim *claim;	/* (s) the kernel's; NULL: nobody */
};

#define PCI_ANY_ID	0xffffu		/* no device has it */
/*
 * The next function with these ids behind @from, or from the first one on where
 * @from is NULL; NULL: there is none.  Any context.
 */
struct pci_dev *pci_get_device(uint16_t vendor, uint16_t device,
			       struct pci_dev *from);

/*
 * Makes @pdev @owner's and its registers answer.  In register; when that is
 * called again it is the same claim.
 *
 * 0; -EBUSY: another module has it; -EEXIST: the module itself has; -EPERM: in
 * module_init() or after the verdict; -ENOMEM.  Process context; may sleep.
 */
int __must_check pci_enable_device_owner(struct pci_dev *pdev,
					 module_id_t owner);
#define pci_enable_device(pdev) pci_enable_device_owner(pdev, THIS_MODULE)

/*
 * The registers behind base address @bar (0 to 5) of an enabled device,
 * uncached, at most @max bytes (0: all).  The second time it is the first one's
 * address.  NULL: that is no memory, or there is no room.  The kernel's to take
 * back, after cleanup.  Process context, interrupts on.
 */
void *pci_iomap(struct pci_dev *pdev, int bar, size_t max);

/*
 * Whether an enabled device may read and write memory by itself.  While its
 * module is held that is noted, and done when it is let go; after the verdict
 * pci_set_master() is refused and reported.  A transfer that an earlier owner
 * has started would go on: first see that the device is idle.  Any context.
 */
void pci_set_master(struct pci_dev *pdev);
void pci_clear_master(struct pci_dev *pdev);

/*
 * Around each transfer: before the device is told to start, and when it has
 * said that it is done, or is cut off by pci_clear_master().  In between an
 * unload waits, interrupts, timers and threads running on, until its deadline.
 * So no transfer is lost to an unload that is refused.  One that is not told
 * harms nobody, and may be lost.
 *
 * False: the verdict has passed, start nothing.  Any context.
 */
bool __must_check pci_dma_begin(struct pci_dev *pdev);
void pci_dma_end(struct pci_dev *pdev);

typedef uint32_t dma_addr_t;		/* as the device sees it: physical */

#define DMA_BIT_MASK(n)	((n) >= 32 ? 0xffffffffu : (1u << (n)) - 1)
/* The highest address that @pdev can write; all, unless told.  Any context. */
void dma_set_mask(struct pci_dev *pdev, uint32_t mask);
/*
 * @size bytes, a page at most, zeroed, for @pdev to write to: @owner's memory,
 * data in the sense of GFP_DATA, its address for the device in *@handle.  NULL
 * without memory that @pdev can reach.  Context as kmalloc() has it for @gfp.
 */
void *dma_alloc_coherent_owner(struct pci_dev *pdev, size_t size,
			       dma_addr_t *handle, gfp_t gfp,
			       module_id_t owner);
#define dma_alloc_coherent(pdev, size, handle, gfp) \
	dma_alloc_coherent_owner(pdev, size, handle, gfp, THIS_MODULE)
/*
 * NULL is fine.  While a transfer is under way it is refused and reported: the
 * memory stays.  Any context.
 */
void dma_free_coherent(struct pci_dev *pdev, size_t size, void *p,
		       dma_addr_t handle);

#endif
