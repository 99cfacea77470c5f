/*
 * One CPU makes all others do something.  A function call on every CPU, and on
 * top of it the TLB shootdown; rendezvous.c shares the right to do so.
 *
 * The right is one slot, cross_owner.  Why that cannot deadlock:
 *
 *  - Who holds the slot is not preempted and takes no lock until it gives it
 *    back, so it waits for nothing but the other CPUs' interrupts.
 *  - Who waits for the slot holds nothing of ours and has interrupts on, so it
 *    answers the holder.  Between two tries it may be preempted, even for
 *    good: nobody needs a waiter to make progress.
 *  - A CPU that has interrupts off does not wait for the slot (asserted), and
 *    whatever it does wait for, a spinlock, is held by somebody who likewise
 *    neither holds nor waits for the slot: a lock that is taken with interrupts
 *    off on one CPU is taken so on all.
 */
#include <kernel/bug.h>
#include <x86/internal.h>
#include <x86/smp.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

#define MAX_SINGLE_FLUSHES	32u

/* CPU id + 1 of who has the slot; 0: free. */
static uint32_t cross_owner;
/* A bit for each CPU that may have halted until the slot is free. */
static uint32_t cross_halted;

/*
 * The call under way, the slot holder's: all stands when @sequence does, and
 * stays until @missing is 0.
 */
static struct {
	void		(*fn)(void *arg);
	void		*arg;
	uint32_t	caller;		/* CPU id */
	uint32_t	missing;	/* CPUs that have not done it */
	uint32_t	sequence;
	uint32_t	done[NR_CPUS];	/* by CPU, its own: the last it did */
} call;

static bool cross_try_acquire(void)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&cross_owner, &free, cpu_id() + 1,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * A wait by halting: virtual CPUs that spin take the processor from those that
 * the holder waits for.  No wake-up is lost: the bit is set before the slot is
 * looked at, here, and the slot is freed before the bits are looked at, there
 * (both with locked instructions); and sti takes effect with the halt.
 */
static void cross_halt(void)
{
	uint32_t bit = 1u << cpu_id();

	__atomic_or_fetch(&cross_halted, bit, __ATOMIC_SEQ_CST);
	local_irq_disable();
	if (READ_ONCE(cross_owner))
		cpu_wait_for_interrupt();
	else
		local_irq_enable();
	__atomic_and_fetch(&cross_halted, ~bit, __ATOMIC_SEQ_CST);
}

/*
 * All of them: one that is chosen might be preempted, and the rest sleep on.
 * Any interrupt ends a halt; this one does nothing else.
 */
static void cross_wake(void)
{
	uint32_t halted = __atomic_load_n(&cross_halted, __ATOMIC_SEQ_CST);

	for (uint32_t i = 0; i < nr_cpus; i++)
		if (halted & (1u << i))
			lapic_send_ipi(percpus[i].apic_id, VECTOR_RESCHEDULE);
}

/* Interrupts are on; a reschedule that came meanwhile is made good. */
static void allow_preemption(void)
{
	preempt_enable_no_resched();
	if (need_resched() && !preempt_count())
		preempt_schedule();
}

void cross_acquire(void)
{
	assert(!irqs_disabled());
	for (;;) {
		preempt_disable();
		if (cross_try_acquire())
			return;
		cross_halt();
		allow_preemption();
	}
}

void cross_release(void)
{
	__atomic_exchange_n(&cross_owner, 0, __ATOMIC_SEQ_CST);
	cross_wake();
	allow_preemption();
}

/*
 * On each CPU that is called; interrupts off.  The last one wakes the caller,
 * whose number it has to know before: the next call may begin at the 0.
 */
void cross_call_interrupt(void)
{
	uint32_t *done = &call.done[cpu_id()];
	uint32_t sequence = smp_load_acquire(&call.sequence), caller;

	if (*done == sequence)
		return;
	call.fn(call.arg);
	*done = sequence;
	caller = call.caller;
	if (!__atomic_sub_fetch(&call.missing, 1, __ATOMIC_SEQ_CST))
		lapic_send_ipi(percpus[caller].apic_id, VECTOR_RESCHEDULE);
}

/*
 * The slot is held.  The caller's own @done is set too, lest a stray interrupt
 * call @fn here.
 */
static void call_others(void (*fn)(void *arg), void *arg)
{
	uint32_t self = cpu_id();

	local_irq_disable();
	call.fn = fn;
	call.arg = arg;
	call.caller = self;
	call.missing = nr_cpus - 1;
	call.done[self] = call.sequence + 1;
	smp_store_release(&call.sequence, call.sequence + 1);
	for (uint32_t i = 0; i < nr_cpus; i++)
		if (i != self)
			lapic_send_ipi(percpus[i].apic_id, VECTOR_CALL);
	/*
	 * Off from the look to the halt, so the last one's interrupt ends it.
	 */
	while (smp_load_acquire(&call.missing)) {
		cpu_wait_for_interrupt();
		local_irq_disable();
	}
	local_irq_enable();
}

void smp_call_others(void (*fn)(void *arg), void *arg)
{
	if (nr_cpus == 1)
		return;
	cross_acquire();
	call_others(fn, arg);
	cross_release();
}

struct tlb_range {
	uintptr_t va;
	size_t size;
};

/* Interrupts off, or no preemption at least: it is this CPU's TLB. */
static void tlb_flush_range(void *arg)
{
	const struct tlb_range *r = arg;

	if (!r->size || r->size > MAX_SINGLE_FLUSHES * PAGE_SIZE) {
		tlb_flush_all();
		return;
	}
	for (size_t i = 0; i < r->size; i += PAGE_SIZE)
		invlpg(r->va + i);
}

/*
 * The range lies on the caller's stack, where the others read it until they
 * have acknowledged, and write nothing (H42).
 */
void tlb_shootdown(uintptr_t va, size_t size)
{
	uintptr_t start = va & PAGE_MASK;
	struct tlb_range r = {
		start, size ? ALIGN_UP(va - start + size, PAGE_SIZE) : 0
	};

	/* Nobody else runs: there is no CPU to be moved to, either. */
	if (nr_cpus == 1) {
		tlb_flush_range(&r);
		return;
	}
	cross_acquire();
	tlb_flush_range(&r);
	call_others(tlb_flush_range, &r);
	cross_release();
}
