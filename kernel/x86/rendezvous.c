/*
 * The world stands still.  Every other CPU comes here by an interrupt, says so,
 * and waits, deaf to all but us, until the caller is done: that is the instant
 * in which a module is judged.
 *
 * One word, @round, carries it all: a generation, and whether the round is
 * open.  The caller opens it; it is closed, by the caller alone, after the
 * verdict or when somebody is late.  A CPU that enters
 *
 *	reads an open round r   ->  arrived[cpu] = r, waits while round == r
 *	reads a closed round    ->  it is late, returns
 *
 *	    open(r)                    all arrived == r      fn()
 *	CLOSED ------> OPEN(r) ---------------------------> ------> CLOSED
 *	                  |                                            ^
 *	                  '------ timeout, fn() is not called ---------'
 *
 * Why nobody is counted who is not there: arrived[cpu] == r is written by that
 * CPU after it saw r open, and only the close lets it go.  Between the caller's
 * look at arrived[] and the close nothing else closes, so it is still there.
 *
 * Why nobody is held who should not be: generations do not repeat (in 2^31
 * rounds), so a CPU that dozed through the close, even through the opening of
 * the next round, sees round != r.  What it wrote to arrived[] names the old
 * round, which nobody looks for any more; it looks again, and comes to the new
 * one or leaves.
 *
 * Waiting is a halt, not a spin: virtual CPUs that spin take the processor from
 * those that have not come yet, and from the caller, and the world would stand
 * still a hundred times longer.  A halt ends with an interrupt, so the wait has
 * the task priority of the LAPIC raised until only interrupts between CPUs come
 * through, and the close sends one.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <x86/clock.h>
#include <x86/internal.h>
#include <x86/smp.h>
#include <x86/trap.h>

#define ROUND_OPEN	1u	/* bit 0; the generation lies above */

/* Written by the holder of the cross slot only. */
static uint32_t round;
/* The last round that each CPU came to; written by that CPU only. */
static uint32_t arrived[NR_CPUS];

/*
 * Interrupts are off where @round is looked at and on from the halt itself only
 * (sti delays by one instruction), so the close cannot fall in between.  What
 * comes in is a rendezvous interrupt that finds us here and returns, or a
 * reschedule, which is kept for the way out.
 */
static void wait_for_close(uint32_t r)
{
	while (smp_load_acquire(&round) == r) {
		cpu_wait_for_interrupt();
		local_irq_disable();
	}
}

/*
 * A CPU is caught.  The frame is published before the arrival: who sees the one
 * may use the other, and all that this CPU has written.
 */
void rendezvous_interrupt(struct trap_frame *frame)
{
	struct percpu *p = this_cpu();
	uint32_t r;

	/* It has ended a halt in here: whom it interrupted looks at @round. */
	if (p->rendezvous_frame)
		return;
	p->rendezvous_frame = frame;
	lapic_block_devices(true);
	while ((r = smp_load_acquire(&round)) & ROUND_OPEN) {
		smp_store_release(&arrived[p->id], r);
		wait_for_close(r);
	}
	lapic_block_devices(false);
	p->rendezvous_frame = NULL;
}

static void interrupt_others(void)
{
	uint32_t self = cpu_id();

	for (uint32_t i = 0; i < nr_cpus; i++)
		if (i != self)
			lapic_send_ipi(percpus[i].apic_id, VECTOR_RENDEZVOUS);
}

/* The generation goes on by one half at each end: odd is open. */
static void round_open(void)
{
	smp_store_release(&round, round + 1);
	interrupt_others();
}

static void round_close(void)
{
	smp_store_release(&round, round + 1);
	interrupt_others();
}

/*
 * 0, or -ETIMEDOUT and the first CPU that has not come.  In order of their
 * numbers: who has come stays, so none needs a second look.
 */
static int round_gather(uint64_t deadline, uint32_t *late)
{
	uint32_t self = cpu_id();

	for (uint32_t i = 0; i < nr_cpus; i++) {
		while (i != self && smp_load_acquire(&arrived[i]) != round) {
			if (clock_ns() >= deadline) {
				*late = i;
				return -ETIMEDOUT;
			}
			cpu_relax();
		}
	}
	return 0;
}

int smp_rendezvous(int (*fn)(void *arg), void *arg, uint64_t timeout_ns,
		   uint32_t *late, uint64_t *stopped_ns)
{
	uint64_t start;
	int ret;

	cross_acquire();
	/*
	 * Whoever needs this CPU now waits for the slot.  With interrupts on, a
	 * handler here would keep the others standing for as long as it runs.
	 */
	local_irq_disable();
	start = clock_ns();
	round_open();
	ret = round_gather(start + timeout_ns, late);
	if (!ret)
		ret = fn(arg);
	round_close();
	*stopped_ns = clock_ns() - start;
	local_irq_enable();
	cross_release();
	return ret;
}
