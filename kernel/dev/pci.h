/*
 * PCI, as the kernel starts it; <kernel/pci.h> is for drivers.
 */
#ifndef DEV_PCI_H
#define DEV_PCI_H

#include <kernel/module_id.h>

struct pci_dev;

/* Finds the devices of bus 0.  Boot, once, before any module is loaded. */
void pci_init(void);

/* The module that has enabled @pdev, or MODULE_NONE.  Any context. */
module_id_t pci_owner(const struct pci_dev *pdev);

#endif
