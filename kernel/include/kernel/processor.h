/*
 * What the CPU is told by who keeps it busy.
 */
#ifndef KERNEL_PROCESSOR_H
#define KERNEL_PROCESSOR_H

/*
 * In every loop that waits for another CPU, or computes without end: it spares
 * the CPU (Intel SDM vol. 2, PAUSE), and where CPUs take turns (-icount) the
 * others get theirs.  Any context; a compiler barrier.
 */
static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
