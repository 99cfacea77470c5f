/*
 * The firmware's tables (ACPI 6.4, 5.2): which CPUs and IOAPICs there are, how
 * the ISA interrupts are wired, and how to switch off.  A table is bytes from
 * outside: lengths and checksums are tested before a field is read, and a table
 * that fails is as good as absent.  Without tables the machine is taken for a
 * PC with one CPU.
 */
#include <kernel/io.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <x86/internal.h>

#define RSDP_SIZE		20u	/* revision 0 */
#define HEADER_SIZE		36u
#define MAX_TABLE_SIZE		(63u * PAGE_SIZE)	/* of FIXED_ACPI */
#define MAX_TABLES		64u
#define BIOS_EBDA_SEGMENT	0x40e	/* real-mode segment, a word */
#define BIOS_ROM_START		0xe0000u
#define BIOS_ROM_END		0x100000u
#define LOW_RAM_END		0xa0000u

#define DEFAULT_LAPIC		0xfee00000u
#define DEFAULT_IOAPIC		0xfec00000u

#define MADT_LAPIC_ADDRESS	36
#define MADT_RECORDS		44
#define MADT_CPU		0
#define MADT_IOAPIC		1
#define MADT_OVERRIDE		2
#define MADT_LAPIC_OVERRIDE	5
#define MADT_CPU_ENABLED	1u
#define INTI_ACTIVE_LOW		3u
#define INTI_LEVEL		(3u << 2)

#define FADT_DSDT		40
#define FADT_PM1A_CONTROL	64
#define FADT_PM1B_CONTROL	68
#define FADT_FLAGS		112
#define FADT_FLAG_RESET		(1u << 10)
#define FADT_RESET_REGISTER	116
#define FADT_RESET_VALUE	128
#define GAS_SPACE_IO		1u

struct acpi_info acpi_info;

/* Fields are little-endian and not aligned. */
static uint16_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

bool acpi_checksum_ok(const void *table, size_t len)
{
	const uint8_t *p = table;
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return sum == 0;
}

void acpi_default_info(struct acpi_info *info)
{
	memset(info, 0, sizeof(*info));
	info->lapic = DEFAULT_LAPIC;
	info->nr_cpus = info->nr_cpus_seen = 1;
	info->apic_ids[0] = cpuid(1, 0).ebx >> 24;
	for (uint32_t i = 0; i < NR_ISA_IRQS; i++)
		info->isa[i].gsi = i;
	/* MP specification, 5.1: the timer hangs on pin 2. */
	info->isa[0].gsi = 2;
	info->nr_ioapics = 1;
	info->ioapics[0].address = DEFAULT_IOAPIC;
}

/* ---- MADT, 5.2.12 ---- */

/*
 * The boot CPU is in the list already, and comes first.  Of one that may be
 * enabled later nothing is made.
 */
static void madt_cpu(struct acpi_info *info, const uint8_t *r)
{
	uint8_t id = r[3];

	if (!(get32(r + 4) & MADT_CPU_ENABLED))
		return;
	for (uint32_t i = 0; i < info->nr_cpus; i++)
		if (info->apic_ids[i] == id)
			return;
	info->nr_cpus_seen++;
	if (info->nr_cpus < NR_CPUS)
		info->apic_ids[info->nr_cpus++] = id;
}

/* Interrupts of those that do not fit are nobody's. */
static void madt_ioapic(struct acpi_info *info, const uint8_t *r)
{
	struct acpi_ioapic *io;

	if (info->nr_ioapics == MAX_IOAPICS)
		return;
	io = &info->ioapics[info->nr_ioapics++];
	io->address = get32(r + 4);
	io->gsi_base = get32(r + 8);
}

/* 5.2.12.5; bus 0 is ISA.  Flags of 0 mean the bus's own way: edge, high. */
static void madt_override(struct acpi_info *info, const uint8_t *r)
{
	uint16_t flags = get16(r + 8);
	struct acpi_isa_irq *isa;

	if (r[2] != 0 || r[3] >= NR_ISA_IRQS)
		return;
	isa = &info->isa[r[3]];
	isa->gsi = get32(r + 4);
	isa->level = (flags & INTI_LEVEL) == INTI_LEVEL;
	isa->active_low = (flags & INTI_ACTIVE_LOW) == INTI_ACTIVE_LOW;
}

/*
 * What is shorter than its kind, or of a kind that is not known (x2APIC, NMIs),
 * is passed over.  An address beyond 4 GiB is not heeded.
 */
static void madt_record(struct acpi_info *info, const uint8_t *r, uint8_t len)
{
	if (r[0] == MADT_CPU && len >= 8)
		madt_cpu(info, r);
	else if (r[0] == MADT_IOAPIC && len >= 12)
		madt_ioapic(info, r);
	else if (r[0] == MADT_OVERRIDE && len >= 10)
		madt_override(info, r);
	else if (r[0] == MADT_LAPIC_OVERRIDE && len >= 12 && !get32(r + 8))
		info->lapic = get32(r + 4);
}

void acpi_parse_madt(struct acpi_info *info, const uint8_t *t, size_t len)
{
	size_t pos = MADT_RECORDS;

	if (len < MADT_RECORDS)
		return;
	info->lapic = get32(t + MADT_LAPIC_ADDRESS);
	info->nr_ioapics = 0;
	/* With tables, pin 2 is told by an override; what was assumed goes. */
	info->isa[0].gsi = 0;
	while (len - pos >= 2) {
		uint8_t n = t[pos + 1];

		/* Else a record of no length would be read for ever. */
		if (n < 2 || n > len - pos)
			break;
		madt_record(info, t + pos, n);
		pos += n;
	}
}

/* ---- FADT, 5.2.9, and the sleep type in the DSDT ---- */

/*
 * How old a table is its length says; what lies beyond is taken for absent.
 * Ports are I/O ports, of 16 bits in fields of 32.
 */
void acpi_parse_fadt(struct acpi_info *info, const uint8_t *t, size_t len)
{
	if (len >= FADT_PM1B_CONTROL + 4) {
		info->pm1a = get32(t + FADT_PM1A_CONTROL);
		info->pm1b = get32(t + FADT_PM1B_CONTROL);
	}
	if (len > FADT_RESET_VALUE && (get32(t + FADT_FLAGS) & FADT_FLAG_RESET)
	    && t[FADT_RESET_REGISTER] == GAS_SPACE_IO
	    && !get32(t + FADT_RESET_REGISTER + 8)) {
		info->reset_port = get32(t + FADT_RESET_REGISTER + 4);
		info->reset_value = t[FADT_RESET_VALUE];
	}
}

/* A small integer of AML at *@pos (20.2.3); false: something else. */
static bool aml_byte(const uint8_t *aml, size_t len, size_t *pos, uint8_t *out)
{
	if (*pos >= len)
		return false;
	if (aml[*pos] <= 1) {			/* ZeroOp, OneOp */
		*out = aml[(*pos)++];
		return true;
	}
	if (aml[*pos] != 0x0a || len - *pos < 2)	/* BytePrefix */
		return false;
	*out = aml[*pos + 1];
	*pos += 2;
	return true;
}

/*
 * Name(_S5_, Package() { a, b, ... }), found without an interpreter of AML: the
 * name, PackageOp, a length of one to four bytes, the number of elements, two
 * numbers of three bits.  The two top bits of the length say how many bytes of
 * it follow (20.2.4); where that leads beyond the end aml_byte() refuses.
 */
void acpi_parse_s5(struct acpi_info *info, const uint8_t *aml, size_t len)
{
	uint8_t a, b;

	for (size_t i = 0; i + 8 < len; i++) {
		size_t pos = i + 5;

		if (memcmp(aml + i, "_S5_", 4) != 0 || aml[i + 4] != 0x12)
			continue;
		pos += 1 + (aml[pos] >> 6) + 1;
		if (aml_byte(aml, len, &pos, &a) &&
		    aml_byte(aml, len, &pos, &b)) {
			info->slp_typ_a = a & 7;
			info->slp_typ_b = b & 7;
			return;
		}
	}
}

/* ---- finding them ---- */

/* The table at @pa, checked, until the next call; NULL if it is none. */
static const uint8_t *table_map(phys_t pa, size_t *len)
{
	uint32_t offset = pa % PAGE_SIZE;
	const uint8_t *t;

	/* Two pages: the header may lie across a border. */
	for (uint32_t i = 0; i < 2; i++)
		paging_map_fixed(FIXED_ACPI + i,
				 (pa & PAGE_MASK) + i * PAGE_SIZE,
				 PROT_KERNEL_R);
	t = (const uint8_t *)FIXED_ADDRESS(FIXED_ACPI) + offset;
	*len = get32(t + 4);
	if (*len < HEADER_SIZE || *len > MAX_TABLE_SIZE || pa + *len < pa)
		return NULL;
	for (uint32_t i = 2; i * PAGE_SIZE < offset + *len; i++)
		paging_map_fixed(FIXED_ACPI + i,
				 (pa & PAGE_MASK) + i * PAGE_SIZE,
				 PROT_KERNEL_R);
	return acpi_checksum_ok(t, *len) ? t : NULL;
}

/* On a border of 16 bytes (5.2.5.1), by the checksum of the first revision. */
static const uint8_t *rsdp_search(phys_t start, phys_t end)
{
	for (phys_t pa = start; pa + RSDP_SIZE <= end; pa += 16) {
		const uint8_t *p = phys_to_virt(pa);

		if (memcmp(p, "RSD PTR ", 8) == 0 &&
		    acpi_checksum_ok(p, RSDP_SIZE))
			return p;
	}
	return NULL;
}

/* 5.2.5.1: the first KiB of the extended BIOS data area, then the ROM. */
static const uint8_t *rsdp_find(void)
{
	phys_t ebda = get16(phys_to_virt(BIOS_EBDA_SEGMENT)) << 4;
	const uint8_t *rsdp = NULL;

	if (ebda >= PAGE_SIZE && ebda + 1024 <= LOW_RAM_END)
		rsdp = rsdp_search(ebda, ebda + 1024);
	if (!rsdp)
		rsdp = rsdp_search(BIOS_ROM_START, BIOS_ROM_END);
	return rsdp;
}

/*
 * The addresses in RSDT or XSDT, those below 4 GiB; returns how many.  XSDT
 * where there is one in reach and the longer checksum of revision 2 fits.
 * Copied out, as the next table is mapped in its place.
 */
static uint32_t root_table_read(const uint8_t *rsdp, phys_t *tables)
{
	bool wide = rsdp[15] >= 2 && get32(rsdp + 24) && !get32(rsdp + 28) &&
		    acpi_checksum_ok(rsdp, 36);
	uint32_t step = wide ? 8 : 4, n = 0;
	size_t len;
	const uint8_t *t = table_map(get32(rsdp + (wide ? 24 : 16)), &len);

	if (!t || memcmp(t, wide ? "XSDT" : "RSDT", 4) != 0)
		return 0;
	for (size_t i = HEADER_SIZE; i + step <= len && n < MAX_TABLES;
	     i += step)
		if (!wide || !get32(t + i + 4))
			tables[n++] = get32(t + i);
	return n;
}

/* First the table itself: the DSDT is mapped where it was. */
static void read_fadt(const uint8_t *t, size_t len)
{
	phys_t dsdt = len >= FADT_DSDT + 4 ? get32(t + FADT_DSDT) : 0;

	acpi_parse_fadt(&acpi_info, t, len);
	t = dsdt ? table_map(dsdt, &len) : NULL;
	if (t && memcmp(t, "DSDT", 4) == 0)
		acpi_parse_s5(&acpi_info, t, len);
}

void acpi_init(void)
{
	phys_t tables[MAX_TABLES];
	const uint8_t *rsdp = rsdp_find();
	uint32_t n = rsdp ? root_table_read(rsdp, tables) : 0;
	bool madt = false;

	acpi_default_info(&acpi_info);
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *t = table_map(tables[i], &len);

		if (!t)
			continue;
		if (memcmp(t, "APIC", 4) == 0) {
			acpi_parse_madt(&acpi_info, t, len);
			madt = true;
		} else if (memcmp(t, "FACP", 4) == 0) {
			read_fadt(t, len);
		}
	}
	if (!madt)
		pr_warn("acpi: no table of CPUs: one CPU is used\n");
	if (acpi_info.nr_cpus_seen > acpi_info.nr_cpus)
		pr_warn("acpi: %u CPUs, of which %u are used\n",
			acpi_info.nr_cpus_seen, acpi_info.nr_cpus);
}
