/*
 * The machine's first and last moments: the first C code, the copy of what the
 * boot loader tells (none of which is believed unchecked), and the ways out.
 */
#include <kernel/bug.h>
#include <kernel/io.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <x86/clock.h>
#include <x86/internal.h>
#include <x86/machine.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

/* Multiboot 0.6.96, 3.3 */
#define MULTIBOOT_LOADED	0x2badb002u
#define MB_HAS_MEMORY		(1u << 0)
#define MB_HAS_CMDLINE		(1u << 2)
#define MB_HAS_MODULES		(1u << 3)
#define MB_HAS_MMAP		(1u << 6)
#define MB_RAM			1u

struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr;
};

struct mb_module {
	uint32_t start, end, cmdline, reserved;
};

struct mb_range {
	uint32_t size;		/* of what follows */
	uint64_t base, length;
	uint32_t type;
} __packed;

#define BOOT_MAP_SIZE		0x40000000u	/* what boot.asm maps */
#define LOW_MEMORY		0x00100000u	/* left to the BIOS */
#define MODULE_CMDLINE		128u

#define DEBUG_EXIT_PORT		0xf4
#define QEMU_PM1A_PORT		0x604
#define QEMU_OLD_PM1A_PORT	0xb004
#define BOCHS_SHUTDOWN_PORT	0x8900
#define PM1_SLEEP_ENABLE	(1u << 13)
#define KEYBOARD_COMMAND_PORT	0x64
#define KEYBOARD_PULSE_RESET	0xfe

extern char boot_stack_guard[];

struct boot_info boot_info;
static char module_cmdlines[BOOT_MAX_MODULES][MODULE_CMDLINE];

/* @size bytes at @pa in boot's map, or NULL.  Good until paging_init(). */
static const void *boot_pointer(uint32_t pa, size_t size)
{
	if (!pa || pa >= BOOT_MAP_SIZE || size > BOOT_MAP_SIZE - pa)
		return NULL;
	return phys_to_virt(pa);
}

/*
 * Byte by byte, as its length is known at its end only; cut where it leaves the
 * map, or does not fit.
 */
static void boot_copy_string(char *dst, uint32_t pa, size_t size)
{
	const char *src;
	size_t i;

	for (i = 0; i < size - 1; i++) {
		src = boot_pointer(pa + i, 1);
		if (!src || !*src)
			break;
		dst[i] = *src;
	}
	dst[i] = '\0';
}

/*
 * Cut to whole pages that the kernel can map; what overlaps is left out.  The
 * first line keeps all that follows below 2^32, whatever 64 bits the loader has
 * put there.
 */
static void add_range(uint64_t start, uint64_t end)
{
	struct boot_info *b = &boot_info;

	if (start >= DIRECT_MAP_SIZE)
		return;
	start = max(ALIGN_UP(start, (uint64_t)PAGE_SIZE), (uint64_t)LOW_MEMORY);
	end = min(ALIGN_DOWN(end, (uint64_t)PAGE_SIZE),
		  (uint64_t)DIRECT_MAP_SIZE);
	if (start >= end)
		return;
	for (uint32_t i = 0; i < b->nr_ranges; i++) {
		if (start < b->ranges[i].end && end > b->ranges[i].start) {
			pr_warn("boot: memory at %08x is listed twice\n",
				(uint32_t)start);
			return;
		}
	}
	if (b->nr_ranges == BOOT_MAX_RANGES) {
		pr_warn("boot: memory at %08x is left unused\n",
			(uint32_t)start);
		return;
	}
	b->ranges[b->nr_ranges].start = start;
	b->ranges[b->nr_ranges++].end = end;
}

/*
 * Multiboot 3.3: an entry's size does not count itself, and may grow in later
 * versions.  Without a map, mem_upper: KiB from 1 MiB up to the first hole.  A
 * size that is none ends the walk, so @pos does not wrap: the length is at most
 * that of boot's map.
 */
static void read_memory_map(const struct mb_info *info)
{
	uint32_t pos = 0, length = info->mmap_length;
	const uint8_t *map = boot_pointer(info->mmap_addr, length);

	if (!(info->flags & MB_HAS_MMAP) || !map) {
		if (info->flags & MB_HAS_MEMORY)
			add_range(LOW_MEMORY, LOW_MEMORY +
				  (uint64_t)info->mem_upper * 1024);
		return;
	}
	while (pos <= length && length - pos >= sizeof(struct mb_range)) {
		struct mb_range r;

		memcpy(&r, map + pos, sizeof(r));
		if (r.size < sizeof(r) - sizeof(r.size) || r.size > length)
			break;
		if (r.type == MB_RAM && r.base + r.length >= r.base)
			add_range(r.base, r.base + r.length);
		pos += r.size + sizeof(r.size);
	}
}

/*
 * The records are copied, as they are gone with boot's map; what they tell of,
 * the archives, stays where it is, and page.c leaves it out of what is free.
 */
static void read_modules(const struct mb_info *info)
{
	uint32_t n = min(info->mods_count, BOOT_MAX_MODULES);
	const struct mb_module *mods =
		boot_pointer(info->mods_addr, n * sizeof(*mods));

	if (!(info->flags & MB_HAS_MODULES) || !mods)
		return;
	if (info->mods_count > n)
		pr_warn("boot: %u modules, the first %u are used\n",
			info->mods_count, n);
	for (uint32_t i = 0; i < n; i++) {
		struct boot_module *m =
			&boot_info.modules[boot_info.nr_modules];
		char *cmdline = module_cmdlines[boot_info.nr_modules];

		if (mods[i].end < mods[i].start ||
		    mods[i].end > DIRECT_MAP_SIZE) {
			pr_warn("boot: module %u lies out of reach\n", i);
			continue;
		}
		boot_copy_string(cmdline, mods[i].cmdline, MODULE_CMDLINE);
		m->start = mods[i].start;
		m->end = mods[i].end;
		m->cmdline = cmdline;
		boot_info.nr_modules++;
	}
}

static phys_t ram_end(void)
{
	phys_t end = 0;

	for (uint32_t i = 0; i < boot_info.nr_ranges; i++)
		end = max(end, boot_info.ranges[i].end);
	return end;
}

/*
 * The order is that of what rests on what: traps before anything can fault,
 * features before the map that uses them, and all that the loader tells before
 * boot's map is left.
 */
void machine_init_early(uint32_t magic, uint32_t info)
{
	const struct mb_info *mb = boot_pointer(info, sizeof(*mb));

	/* The BIOS has the 8259's vectors where the exceptions are. */
	pic_disable();
	gdt_init_cpu(0);
	trap_init_cpu();
	cpu_features_init();
	percpus[0].idle_stack =
		(uintptr_t)phys_to_virt((phys_t)boot_stack_guard + PAGE_SIZE);
	if (magic != MULTIBOOT_LOADED || !mb)
		panic("not started by a Multiboot loader (eax %08x)", magic);
	if (mb->flags & MB_HAS_CMDLINE)
		boot_copy_string(boot_info.cmdline, mb->cmdline,
				 sizeof(boot_info.cmdline));
	read_memory_map(mb);
	read_modules(mb);
	paging_init(ram_end());
}

void machine_start(uint32_t magic, uint32_t info)
{
	clock_mark_boot();
	machine_init_early(magic, info);
	kmain();
}

void machine_init_interrupts(void)
{
	acpi_init();
	lapic_init(acpi_info.lapic);
	lapic_init_cpu();
	ioapic_init();
	clock_init();
	clock_init_cpu();
}

/* In a loop, as an NMI ends a hlt. */
void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" : : : "memory");
}

/*
 * QEMU ends with 2 * @code + 1; without its device nobody listens at that port.
 */
void machine_exit(uint8_t code)
{
	local_irq_disable();
	outb(code, DEBUG_EXIT_PORT);
	machine_poweroff();
}

/*
 * What ACPI says; then the ports of the emulators, for where it says nothing.
 * PM1 control: SLP_TYP in bits 10 to 12, SLP_EN is bit 13 (ACPI 6.4, 4.8.3.2).
 * The rest of the register is overwritten: nobody comes back.  QEMU's sleep
 * type for "off" is 0.
 */
void machine_poweroff(void)
{
	static const char bochs[] = "Shutdown";
	const struct acpi_info *a = &acpi_info;

	local_irq_disable();
	if (a->pm1a)
		outw(PM1_SLEEP_ENABLE | a->slp_typ_a << 10, a->pm1a);
	if (a->pm1b)
		outw(PM1_SLEEP_ENABLE | a->slp_typ_b << 10, a->pm1b);
	outw(PM1_SLEEP_ENABLE, QEMU_PM1A_PORT);
	outw(PM1_SLEEP_ENABLE, QEMU_OLD_PM1A_PORT);
	for (const char *c = bochs; *c; c++)
		outb(*c, BOCHS_SHUTDOWN_PORT);
	cpu_halt_forever();
}

/*
 * ACPI's reset register, the keyboard controller, then a triple fault.  An IDT
 * of one byte has no gate, not for the double fault either.
 */
void machine_reboot(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __packed none = { 0, 0 };

	local_irq_disable();
	if (acpi_info.reset_port)
		outb(acpi_info.reset_value, acpi_info.reset_port);
	outb(KEYBOARD_PULSE_RESET, KEYBOARD_COMMAND_PORT);
	for (uint32_t i = 0; i < 1000000; i++)
		cpu_relax();
	__asm__ volatile("lidt %0; int3" : : "m"(none));
	cpu_halt_forever();
}
