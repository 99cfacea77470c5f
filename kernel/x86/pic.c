/*
 * The two 8259 interrupt controllers of the PC.  The IOAPIC replaces them: they
 * are moved away from the exceptions' vectors, as a spurious interrupt of
 * theirs cannot be masked, and then masked.
 */
#include <kernel/io.h>
#include <x86/internal.h>

#define PIC1_COMMAND	0x20
#define PIC1_DATA	0x21
#define PIC2_COMMAND	0xa0
#define PIC2_DATA	0xa1
#define PIC_VECTOR_BASE	0x20
#define ICW1_INIT_ICW4	0x11
#define ICW4_8086	0x01

/* ICW1 to ICW4 in order, then the masks (Intel 8259A data sheet). */
void pic_disable(void)
{
	outb(ICW1_INIT_ICW4, PIC1_COMMAND);
	outb(ICW1_INIT_ICW4, PIC2_COMMAND);
	outb(PIC_VECTOR_BASE, PIC1_DATA);
	outb(PIC_VECTOR_BASE + 8, PIC2_DATA);
	outb(1 << 2, PIC1_DATA);	/* the second hangs on line 2 */
	outb(2, PIC2_DATA);
	outb(ICW4_8086, PIC1_DATA);
	outb(ICW4_8086, PIC2_DATA);
	outb(0xff, PIC1_DATA);
	outb(0xff, PIC2_DATA);
}
