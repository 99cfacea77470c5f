/*
 * Port I/O and memory-mapped registers.  Any context, no lock: who shares a
 * device serialises.  Accesses stay in program order: ports always, registers
 * as ioremap() maps them uncached (Intel SDM vol. 3, 11.3).
 */
#ifndef KERNEL_IO_H
#define KERNEL_IO_H

#include <kernel/types.h>

uint8_t inb(uint16_t port);
uint16_t inw(uint16_t port);
uint32_t inl(uint16_t port);
/* Value first, as in Linux. */
void outb(uint8_t value, uint16_t port);
void outw(uint16_t value, uint16_t port);
void outl(uint32_t value, uint16_t port);

static inline uint32_t readl(const volatile void *addr)
{
	return *(const volatile uint32_t *)addr;
}

static inline void writel(uint32_t value, volatile void *addr)
{
	*(volatile uint32_t *)addr = value;
}

#endif
