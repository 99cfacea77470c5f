/*
 * Interrupt lines.
 */
#ifndef KERNEL_INTERRUPT_H
#define KERNEL_INTERRUPT_H

#include <kernel/module_id.h>
#include <kernel/types.h>

typedef enum { IRQ_NONE, IRQ_HANDLED } irqreturn_t;
typedef irqreturn_t (*irq_handler_t)(int irq, void *dev);

/*
 * @handler(@irq, @dev) is called with interrupts off for each interrupt of ISA
 * line @irq.  One handler a line: -EBUSY.  @name is copied.  -EINVAL: no such
 * line; -EPERM: in module_init() or after the verdict; -ENOMEM.
 *
 * While the module is held an interrupt that comes is kept, and handed in when
 * the module is let go.  Process context.
 */
int request_irq_owner(unsigned int irq, irq_handler_t handler,
		      const char *name, void *dev, module_id_t owner);
#define request_irq(irq, handler, name, dev) \
	request_irq_owner(irq, handler, name, dev, THIS_MODULE)

/* The handler runs on no CPU on return (H10).  Process context. */
void free_irq_owner(unsigned int irq, module_id_t owner);
#define free_irq(irq) free_irq_owner(irq, THIS_MODULE)

#endif
