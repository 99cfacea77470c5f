/*
 * What the CPU can do.  The kernel runs on anything with PAE, CPUID and a TSC;
 * what guards it better (NX, SMEP, SMAP, UMIP) is used where it is found.  PAE,
 * and what else the way to C needs, boot.asm has looked for.
 */
#include <kernel/bug.h>
#include <x86/internal.h>
#include <x86/machine.h>

#define CPUID1_EDX_TSC		(1u << 4)
#define CPUID1_EDX_CX8		(1u << 8)
#define CPUID1_EDX_PGE		(1u << 13)
#define CPUID1_EDX_CMOV		(1u << 15)
#define CPUID1_EDX_FXSR		(1u << 24)
#define CPUID1_EDX_SSE		(1u << 25)
#define CPUID7_EBX_SMEP		(1u << 7)
#define CPUID7_EBX_SMAP		(1u << 20)
#define CPUID7_ECX_UMIP		(1u << 2)
#define CPUID_EXT1_EDX_NX	(1u << 20)

/* What the compiler (i686) and the kernel's own code take for granted. */
#define CPUID1_EDX_NEEDED \
	(CPUID1_EDX_TSC | CPUID1_EDX_CX8 | CPUID1_EDX_CMOV)

struct cpu_features cpu_has;

/*
 * A leaf beyond the highest is answered with another's data (SDM vol. 2,
 * CPUID), so the highest is asked for first.  Once, on the boot CPU: the others
 * are taken to be like it.
 */
void cpu_features_init(void)
{
	uint32_t max = cpuid(0, 0).eax;
	uint32_t ext_max = cpuid(0x80000000u, 0).eax;
	struct cpuid_regs r = cpuid(1, 0);

	if ((r.edx & CPUID1_EDX_NEEDED) != CPUID1_EDX_NEEDED)
		panic("this CPU lacks TSC, CMPXCHG8B or CMOV (features %08x)",
		      r.edx);
	cpu_has.pge = r.edx & CPUID1_EDX_PGE;
	cpu_has.fxsr = r.edx & CPUID1_EDX_FXSR;
	cpu_has.sse = cpu_has.fxsr && (r.edx & CPUID1_EDX_SSE);
	if (max >= 7) {
		r = cpuid(7, 0);
		cpu_has.smep = r.ebx & CPUID7_EBX_SMEP;
		cpu_has.smap = r.ebx & CPUID7_EBX_SMAP;
		cpu_has.umip = r.ecx & CPUID7_ECX_UMIP;
	}
	if (ext_max >= 0x80000001u)
		cpu_has.nx = cpuid(0x80000001u, 0).edx & CPUID_EXT1_EDX_NX;
}

/*
 * WP: read-only holds for the kernel, too, for its text and for copies on
 * write.
 */
void cpu_features_enable(void)
{
	uint32_t cr4 = read_cr4();

	if (cpu_has.pge)
		cr4 |= CR4_PGE;
	if (cpu_has.smep)
		cr4 |= CR4_SMEP;
	if (cpu_has.smap)
		cr4 |= CR4_SMAP;
	if (cpu_has.umip)
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	write_cr0(read_cr0() | CR0_WP);
	fpu_init_cpu();
}
