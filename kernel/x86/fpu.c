/*
 * The FPU and SSE registers belong to user mode alone: the kernel is compiled
 * without them.  They are saved and restored at a switch of processes.
 */
#include <kernel/bug.h>
#include <kernel/string.h>
#include <x86/internal.h>
#include <x86/machine.h>

#define MXCSR_DEFAULT	0x1f80u	/* all exceptions masked */

/* The state of a new program; constant after the boot CPU's init. */
static struct fpu_state fpu_clean;

void fpu_init_cpu(void)
{
	uint32_t mxcsr = MXCSR_DEFAULT;

	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
	if (cpu_has.fxsr)
		write_cr4(read_cr4() | CR4_OSFXSR);
	__asm__ volatile("fninit");
	if (cpu_has.sse) {
		write_cr4(read_cr4() | CR4_OSXMMEXCPT);
		__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	}
	if (this_cpu()->id == 0)
		fpu_save(&fpu_clean);
}

void fpu_init_state(struct fpu_state *s)
{
	*s = fpu_clean;
}

/* fxsave and fxrstor want 16 bytes (SDM vol. 2), or fault. */
void fpu_save(struct fpu_state *s)
{
	assert(IS_ALIGNED((uintptr_t)s, 16));
	if (cpu_has.fxsr)
		__asm__ volatile("fxsave %0" : "=m"(*s));
	else	/* fnsave resets the FPU: put back what the caller still uses */
		__asm__ volatile("fnsave %0; frstor %0" : "+m"(*s));
}

void fpu_restore(const struct fpu_state *s)
{
	assert(IS_ALIGNED((uintptr_t)s, 16));
	if (cpu_has.fxsr)
		__asm__ volatile("fxrstor %0" : : "m"(*s));
	else
		__asm__ volatile("frstor %0" : : "m"(*s));
}
