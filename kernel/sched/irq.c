/*
 * Interrupt lines for drivers.
 *
 * The machine's entry for a line calls irq_entry(), which loads the binding
 * once.  Held, a line is masked, and what comes is kept as its trigger mode
 * asks for (x86/ioapic.c).  A level line is masked in the IOAPIC: nobody quiets
 * the device, so it would interrupt again as soon as it was acknowledged; the
 * device itself holds the level for the unmask.  An edge is forgotten by an
 * IOAPIC that is masked, and some devices raise no second one before the first
 * was served: such a line stays open there, and the edge is noted, once for
 * several, to be delivered at the unmask.  Devices merge interrupts likewise
 * whenever they are served late.
 */
#include <kernel/atomic.h>
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/interrupt.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <sched/owner.h>
#include <sched/sched.h>
#include <sched/slot.h>
#include <x86/smp.h>
#include <x86/trap.h>

#define NR_LINES	24
#define UNKNOWN_MAX	10000u

/*
 * Lock key: (s) slot_lock  (a) atomic  (c) constant
 */
struct irq_line {
	struct slot	slot;
	unsigned int	irq;		/* (c) ISA */
	uint32_t	gsi;		/* (c) */
	atomic_t	running;	/* (a) handlers under way: 0 or 1 */
	atomic_t	pending;	/* (a) past the mask, not handed in */
	atomic_t	count;		/* (a) handled; wraps */
	uint32_t	unknown;	/* who has set @running: in a row, not
					 * of the handler's device */
};

/* (s), and ledger_mutex to fill in; entries read freely */
static struct irq_line *lines[NR_LINES];

static struct irq_line *line_of(struct slot *s)
{
	return container_of(s, struct irq_line, slot);
}

static bool line_may_run(struct irq_line *l)
{
	return slot_binding(&l->slot) && !READ_ONCE(l->slot.held);
}

/*
 * A level that nobody quiets would come again at once, for ever, and this CPU
 * do nothing else.
 */
static void line_count_unknown(struct irq_line *l, irqreturn_t result)
{
	l->unknown = result == IRQ_HANDLED ? 0 : l->unknown + 1;
	if (l->unknown < UNKNOWN_MAX)
		return;
	l->unknown = 0;
	irq_mask(l->gsi);
	pr_err("irq %s: its handler knows nothing of %u interrupts; it is "
	       "masked", l->slot.name, UNKNOWN_MAX);
}

/*
 * Hands a pending interrupt in.  A handler runs on one CPU at a time: who finds
 * it running leaves the interrupt to that CPU, which looks at @pending again
 * after it has cleared @running.  And @running is set before the binding is
 * loaded: who takes the binding away and then finds 0 knows that nobody has it
 * any more (H10).  Interrupts off.
 */
static noinline void line_run(struct irq_line *l)
{
	while (atomic_read(&l->pending) && line_may_run(l) &&
	       !atomic_xchg(&l->running, 1)) {
		struct binding *b = slot_binding(&l->slot);

		if (b && !READ_ONCE(l->slot.held) &&
		    atomic_xchg(&l->pending, 0)) {
			line_count_unknown(l,
				((irq_handler_t)b->fn)((int)l->irq, b->arg));
			atomic_set(&l->count, atomic_read(&l->count) + 1);
		}
		atomic_xchg(&l->running, 0);
	}
}

static void irq_entry(uint32_t gsi)
{
	struct irq_line *l = READ_ONCE(lines[gsi]);

	if (!l)
		return;
	atomic_set(&l->pending, 1);
	line_run(l);
	stack_wipe_dead();
}

/* Not so while it is being connected, or where that has failed. */
static bool is_connected(const struct irq_line *l)
{
	return READ_ONCE(lines[l->gsi]) == l;
}

/*
 * An interrupt that has passed the mask already finds @held, or is running: the
 * fence orders our store before our look, atomic_xchg() those of line_run().
 */
static int line_hold(struct slot *s, struct binding *b)
{
	struct irq_line *l = line_of(s);

	(void)b;
	WRITE_ONCE(s->held, true);
	smp_mb();
	if (is_connected(l))
		irq_mask(l->gsi);
	return atomic_read(&l->running) ? -EAGAIN : 0;
}

/*
 * What was past the mask comes first: the device is served by the time its
 * level counts again.
 */
static void line_let_go(struct slot *s, struct binding *b)
{
	struct irq_line *l = line_of(s);
	uint32_t flags;

	(void)b;
	WRITE_ONCE(s->held, false);
	smp_mb();
	flags = local_irq_save();
	line_run(l);
	local_irq_restore(flags);
	if (is_connected(l))
		irq_unmask(l->gsi);
}

static void nothing(void *arg)
{
	(void)arg;
}

/*
 * A CPU that has read lines[], and has not said so in @running yet, has its
 * interrupts off until the handler is over: it answers the call after that,
 * and then nobody knows @l.
 */
static void line_release(struct irq_line *l)
{
	uint32_t flags = spin_lock_irqsave(&slot_lock);
	bool connected = is_connected(l);

	if (connected) {
		irq_mask(l->gsi);
		WRITE_ONCE(lines[l->gsi], NULL);
	}
	spin_unlock_irqrestore(&slot_lock, flags);
	smp_call_others(nothing, NULL);
	if (connected)
		irq_set_entry(l->gsi, NULL);
}

static void line_bury(struct slot *s, struct binding *b)
{
	(void)b;
	line_release(line_of(s));
}

static void line_free(struct slot *s)
{
	kfree(line_of(s));
}

static void line_describe(struct slot *s, char *buf, size_t size)
{
	snprintf(buf, size, "irq %u, %d handled%s", line_of(s)->irq,
		 atomic_read(&line_of(s)->count),
		 atomic_read(&line_of(s)->running) ? ", running" : "");
}

static const struct slot_ops irq_ops = {
	.kind = "interrupt",
	.engine = true,
	.hold = line_hold,
	.let_go = line_let_go,
	.bury = line_bury,
	.destroy = line_free,
	.describe = line_describe,
};

/* -EBUSY: somebody has the line.  Asked for while held, it stays masked. */
static int line_connect(struct irq_line *l)
{
	int err = irq_set_entry(l->gsi, irq_entry);

	assert_mutex_held(&ledger_mutex);
	if (err)
		return err;
	WRITE_ONCE(lines[l->gsi], l);
	if (!READ_ONCE(l->slot.held))
		irq_unmask(l->gsi);
	return 0;
}

/*
 * Under one ledger_mutex: a module that is being held must not come between
 * the entry in the ledger and the line's being unmasked.
 */
static int line_register(struct irq_line *l,
			 const struct slot_registration *reg,
			 struct slot **existing)
{
	int err;

	mutex_lock(&ledger_mutex);
	err = slot_register(&l->slot, reg, existing);
	if (err || *existing) {
		mutex_unlock(&ledger_mutex);
		return err;
	}
	err = line_connect(l);
	mutex_unlock(&ledger_mutex);
	if (err)
		slot_forget(&l->slot);
	return err;
}

int request_irq_owner(unsigned int irq, irq_handler_t handler,
		      const char *name, void *dev, module_id_t owner)
{
	struct slot_registration reg = {
		.fn = (void (*)(void))handler,
		.arg = dev,
		.site = (uintptr_t)__builtin_return_address(0),
	};
	char key[SLOT_NAME_LEN];
	struct slot *existing;
	struct irq_line *l;
	int err;

	if (irq > 15 || irq_isa_to_gsi(irq) >= NR_LINES)
		return -EINVAL;
	l = kmalloc_owner(sizeof(*l), __GFP_ZERO, MODULE_NONE);
	if (!l)
		return -ENOMEM;
	snprintf(key, sizeof(key), "%u %s", irq, name);
	slot_setup(&l->slot, &irq_ops, key, owner);
	l->irq = irq;
	l->gsi = irq_isa_to_gsi(irq);
	err = line_register(l, &reg, &existing);
	if (existing)
		slot_put(existing);
	slot_put(&l->slot);
	return err;
}
EXPORT_SYMBOL(request_irq_owner);

void free_irq_owner(unsigned int irq, module_id_t owner)
{
	struct irq_line *l = NULL;

	if (irq <= 15 && irq_isa_to_gsi(irq) < NR_LINES)
		l = lines[irq_isa_to_gsi(irq)];
	if (!l || l->slot.owner != owner)
		return;
	slot_get(&l->slot);
	line_release(l);
	slot_forget(&l->slot);
	slot_put(&l->slot);
}
EXPORT_SYMBOL(free_irq_owner);
