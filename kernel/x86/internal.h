/*
 * What the files of the x86 room say to each other, and to nobody else.
 */
#ifndef X86_INTERNAL_H
#define X86_INTERNAL_H

#include <kernel/types.h>
#include <x86/cpu.h>
#include <x86/paging.h>

struct trap_frame;

/* machine.c: first C code, from boot.asm. */
void machine_start(uint32_t magic, uint32_t info) __noreturn;

/* features.c: what there is; then, on each CPU, the use of it. */
void cpu_features_init(void);
void cpu_features_enable(void);

/*
 * gdt.c: GDT, TSS and %fs of this CPU, which is to be @cpu.  Before it there is
 * no this_cpu() here.  Interrupts off.
 */
void gdt_init_cpu(uint32_t cpu);
/* trap.c: the interrupt descriptors, as descriptors_for_each(). */
bool gates_for_each(bool (*fn)(uintptr_t at, uintptr_t address, void *arg),
		    void *arg);
/* From the task gate of vector 8. */
void double_fault(void) __noreturn;

/* entry.asm */
extern const uint32_t trap_stubs[256];
void trap_dispatch(struct trap_frame *frame);

/* acpi.c: what the tables say, checked; without them, what a PC has. */
#define MAX_IOAPICS	4
#define NR_ISA_IRQS	16

struct acpi_ioapic {
	phys_t		address;
	uint32_t	gsi_base;
};

/* Where an ISA interrupt arrives; edge and active high unless told. */
struct acpi_isa_irq {
	uint32_t	gsi;
	bool		level, active_low;
};

struct acpi_info {
	phys_t			lapic;
	uint32_t		nr_cpus;	/* the boot CPU included */
	uint32_t		nr_cpus_seen;	/* above NR_CPUS: left out */
	uint8_t			apic_ids[NR_CPUS];
	uint32_t		nr_ioapics;
	struct acpi_ioapic	ioapics[MAX_IOAPICS];
	struct acpi_isa_irq	isa[NR_ISA_IRQS];
	uint16_t		pm1a, pm1b;	/* control ports; 0: none */
	uint8_t			slp_typ_a, slp_typ_b;
	uint16_t		reset_port;	/* 0: none */
	uint8_t			reset_value;
};
extern struct acpi_info acpi_info;	/* constant after acpi_init() */

/* Boot CPU, after paging_init(): tables are mapped one at a time. */
void acpi_init(void);
/*
 * The parts that judge bytes from outside, apart from how they are found.  @len
 * is how many there are; what lies beyond is not read.  Any context.
 */
bool acpi_checksum_ok(const void *table, size_t len);
void acpi_default_info(struct acpi_info *info);
void acpi_parse_madt(struct acpi_info *info, const uint8_t *t, size_t len);
void acpi_parse_fadt(struct acpi_info *info, const uint8_t *t, size_t len);
void acpi_parse_s5(struct acpi_info *info, const uint8_t *aml, size_t len);

/* pic.c: no more interrupts from the 8259 pair. */
void pic_disable(void);

/* lapic.c: @physical is its address; then each CPU its own. */
void lapic_init(phys_t physical);
void lapic_init_cpu(void);
/* Is it mapped yet?  Before, there is nobody to send to. */
bool lapic_present(void);
/* This CPU's: preemption off.  lapic_eoi() ends the interrupt in service. */
uint32_t lapic_id(void);
void lapic_eoi(void);
/*
 * Interrupts from devices and the timer wait, here; those between CPUs come.
 * Interrupts off.
 */
void lapic_block_devices(bool block);
/*
 * Any context; returns when the interrupt is on its way.  What this CPU wrote
 * before is seen by the handler.
 */
void lapic_send_ipi(uint32_t apic_id, uint8_t vector);
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, phys_t page);
/*
 * This CPU's timer counts down from @count at the undivided rate; 0 stops it.
 * Preemption off.
 */
void lapic_timer_init_cpu(void);
void lapic_timer_start(uint32_t count);
uint32_t lapic_timer_count(void);

/* ioapic.c */
/* Boot CPU, after its LAPIC; all lines are masked. */
void ioapic_init(void);
/* A device interrupt came by @vector; interrupts off, EOI included. */
void irq_dispatch(uint8_t vector);

/* clock.c: time 0 is here. */
void clock_mark_boot(void);
/* Busy for @ns; after clock_init().  Any context. */
void clock_delay(uint64_t ns);

/* paging.c: the root whose first 2 MiB are where they are, for trampolines. */
phys_t paging_trampoline_root(void);
/* All of this CPU's TLB, global entries too.  Preemption off. */
void tlb_flush_all(void);

/* cross.c: the right to make all CPUs do something, one holder at a time. */
/*
 * Interrupts on, no spinlock held; the holder is not preempted.  It waits for
 * other holders, and may be preempted meanwhile.
 */
void cross_acquire(void);
void cross_release(void);
/* On the CPU that is called; interrupts off. */
void cross_call_interrupt(void);

/* rendezvous.c: returns when the world goes on.  Interrupts off. */
void rendezvous_interrupt(struct trap_frame *frame);

/* smp.c: an NMI came; does not return if this CPU is to stop. */
void smp_stop_interrupt(struct trap_frame *frame);
/*
 * ap.asm's C entry, on the stack of smp_ap_stack[], under the trampoline's map.
 */
void smp_ap_main(uint32_t apic_id) __noreturn;
extern uintptr_t smp_ap_stack[256];

#endif
