/*
 * PCI, as the kernel starts it; <kernel/pci.h> is for drivers.
 */
#ifndef DEV_PCI_H
#define DEV_PCI_H

/* Finds the devices of bus 0.  Boot, once, before any module is loaded. */
void pci_init(void);

#endif
