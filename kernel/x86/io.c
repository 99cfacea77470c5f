/*
 * Port I/O (Intel SDM vol. 1, ch. 19).  The CPU has written what it has to
 * before it goes to a port (19.6); the "memory" keeps the compiler to the same,
 * for what a device is to find when it is told to look.
 */
#include <kernel/export.h>
#include <kernel/io.h>

uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
EXPORT_SYMBOL(inb);

uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
EXPORT_SYMBOL(inw);

uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
EXPORT_SYMBOL(inl);

void outb(uint8_t value, uint16_t port)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
EXPORT_SYMBOL(outb);

void outw(uint16_t value, uint16_t port)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
EXPORT_SYMBOL(outw);

void outl(uint32_t value, uint16_t port)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
EXPORT_SYMBOL(outl);
