/*
 * Several CPUs: interrupts between them, calls, TLB shootdown, rendezvous.
 */
#ifndef X86_SMP_H
#define X86_SMP_H

#include <kernel/types.h>

/* Starts the application CPUs (INIT-SIPI-SIPI, MP spec B.4).  Boot, once. */
void smp_init(void);

/*
 * Makes @cpu pass through its interrupt exit, where it reschedules.  Any
 * context.
 */
void smp_send_reschedule(uint32_t cpu);

/* An NMI for @cpu, which comes whatever it does.  Any context. */
void smp_send_nmi(uint32_t cpu);

/*
 * Runs @fn(@arg) on every other CPU, in interrupt context, and waits until all
 * have returned.  Interrupts on, preemption may be on; no spinlock held that
 * an interrupt handler takes.  One at a time (serialised inside).
 */
void smp_call_others(void (*fn)(void *arg), void *arg);

/*
 * After return no CPU has a translation of [@va, @va + @size) older than the
 * call: every CPU has acknowledged (H32, H51).  Same context as above.
 * size 0: everything, global entries too.
 */
void tlb_shootdown(uintptr_t va, size_t size);

/*
 * All other CPUs stand still, deaf to devices and timers, each having saved
 * where it was (percpu.rendezvous_frame; the caller's own is NULL), while
 * @fn(@arg) runs on the calling CPU with interrupts off.  Returns what @fn
 * returns; -ETIMEDOUT if not everybody came within @timeout_ns, and then @fn
 * did not run; *late is the first missing CPU.
 * Process context, interrupts on, no spinlock held.  @fn takes no lock and
 * allocates nothing: a CPU may have been caught inside a spinlock.
 * *stopped_ns: how long the world stood still.
 */
int smp_rendezvous(int (*fn)(void *arg), void *arg, uint64_t timeout_ns,
		   uint32_t *late, uint64_t *stopped_ns);

/*
 * Stops the other CPUs for good, and saves where each was (panic).  Any
 * context; who does not come within a second is not waited for.
 */
void smp_stop_others(void);

/*
 * A CPU's context as smp_stop_others() or a rendezvous found it, or NULL.  It
 * stands still for who stopped it only.
 */
struct trap_frame *smp_caught_frame(uint32_t cpu);

#endif
