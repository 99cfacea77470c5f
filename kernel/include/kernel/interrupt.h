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
 * @handler(@irq, @dev) is called for each interrupt of ISA line @irq, with
 * interrupts off, on one CPU at a time; it takes no mutex and does not sleep.
 * After 10000 times IRQ_NONE in a row the line is masked, with a message, until
 * the module is held and let go.  @name is copied, @dev is the caller's.
 * One handler a line.  Asked for again, with the same name, by a module that is
 * reactivated, it is the same line with this handler.
 *
 * 0; -EBUSY: somebody has the line; -EEXIST: the module itself has; -EINVAL: no
 * such line; -EPERM: in module_init() or after the verdict; -ENOMEM.
 *
 * While the module is held the line is masked: an edge that comes is kept, once
 * for several, and handed in when the module is let go; a level is there still.
 * Process context; may sleep.
 */
int request_irq_owner(unsigned int irq, irq_handler_t handler,
		      const char *name, void *dev, module_id_t owner);
#define request_irq(irq, handler, name, dev) \
	request_irq_owner(irq, handler, name, dev, THIS_MODULE)

/*
 * Masks the line and gives it back; the handler runs on no CPU on return (H10).
 * Nothing happens where the line is not @owner's.  Process context, no spinlock
 * held, not from a handler.
 */
void free_irq_owner(unsigned int irq, module_id_t owner);
#define free_irq(irq) free_irq_owner(irq, THIS_MODULE)

#endif
