/*
 * The machine as the boot loader hands it over, and how to leave it.
 */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include <kernel/types.h>

struct boot_module {
	uint32_t start, end;		/* physical */
	const char *cmdline;
};

#define BOOT_MAX_MODULES	16u
#define BOOT_MAX_RANGES		32u

struct boot_range {
	/* Usable RAM, whole pages, between 1 MiB and DIRECT_MAP_SIZE. */
	uint32_t start, end;
};

/* Copied out of the Multiboot information before anything overwrites it. */
struct boot_info {
	char			cmdline[512];
	uint32_t		nr_ranges;
	struct boot_range	ranges[BOOT_MAX_RANGES];
	uint32_t		nr_modules;
	struct boot_module	modules[BOOT_MAX_MODULES];
};
extern struct boot_info boot_info;	/* constant after machine_init() */

/*
 * GDT, IDT, CPU features, Multiboot information, paging; called by boot.asm's
 * C entry before kmain().  ACPI, APICs and other CPUs come with smp_init().
 */
void machine_init_early(uint32_t magic, uint32_t info);
/*
 * ACPI tables, LAPIC, IOAPIC, clock.  After the page allocator is there; boot
 * CPU, interrupts off.
 */
void machine_init_interrupts(void);

/*
 * TSS.esp0 of this CPU: where the next trap from user mode begins.  Preemption
 * off.
 */
void cpu_set_kernel_stack(uintptr_t top);

/*
 * QEMU's isa-debug-exit, if there is one; then ACPI power off; then halt.  Any
 * context, a panic too: they take no lock.
 */
void machine_exit(uint8_t code) __noreturn;
void machine_poweroff(void) __noreturn;
void machine_reboot(void) __noreturn;

/* Aligned to 16 bytes, or fxsave faults; so never on a kernel stack. */
struct fpu_state { uint8_t bytes[512]; } __aligned(16);
/*
 * What a user program has in the CPU beyond its trap frame.  He chooses every
 * bit of it, so it is kept where no pointers are looked for (GFP_DATA).
 */
#define USER_TLS_ENTRIES	3
#define USER_WORDS		5
struct user_state {
	struct fpu_state fpu;
	uint64_t	 tls[USER_TLS_ENTRIES];	/* set_thread_area() */
	uint32_t	 words[USER_WORDS];	/* of a call under way */
};
/* Boot CPU first: its state after this is that of every new program. */
void fpu_init_cpu(void);
/*
 * fpu_save() leaves the registers as they are.  Preemption off for the last
 * two: the registers are one task's.
 */
void fpu_init_state(struct fpu_state *s);
void fpu_save(struct fpu_state *s);
void fpu_restore(const struct fpu_state *s);

/*
 * Calls @fn for each address in a descriptor or task state of any CPU, its
 * parts put together, and for where it lies, until it returns false.  Not for
 * the TLS entries: what a user has there leads nobody in the kernel anywhere.
 * Any context, no lock.
 */
bool descriptors_for_each(bool (*fn)(uintptr_t at, uintptr_t address,
				     void *arg), void *arg);
/*
 * One user TLS descriptor of this CPU's GDT.  By address, as what is handed
 * over by value stays on the stack of who is switched away from, and half of a
 * descriptor may be any number (H09).  Preemption off.
 */
void gdt_set_tls(uint32_t index, const uint64_t *descriptor);

#endif
