/*
 * The kernel's map.  One page directory, shared by all address spaces, with
 * every table it can ever need in place from the start: a map cannot fail for
 * lack of memory, and none leaves a table behind.
 *
 * Entries are 8 bytes and other CPUs walk them at any moment: they change in
 * one piece (cmpxchg8b), which also keeps dirty bits that a CPU sets meanwhile.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/string.h>
#include <x86/internal.h>
#include <x86/machine.h>

#define TABLE_ENTRIES	512u
#define TABLE_SPAN	(TABLE_ENTRIES * PAGE_SIZE)	/* 2 MiB */
#define PDE_KERNEL	(PTE_P | PTE_W)

extern char __kernel_phys_start[], __kernel_phys_end[];
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern char boot_stack_guard[];

/* A page of its own, which is searched for frames, not for addresses. */
#define __table		__aligned(4096) __no_pointers

pte_t pte_nx;
static pte_t kernel_directory[TABLE_ENTRIES] __table;
static pte_t kernel_pdpt[TABLE_ENTRIES] __table;
static pte_t trampoline_directory[TABLE_ENTRIES] __table;
static pte_t trampoline_pdpt[TABLE_ENTRIES] __table;

/* The next page that boot may take; then the first that it has not used. */
static phys_t boot_next;

pte_t pte_exchange(pte_t *pte, pte_t value)
{
	pte_t old = READ_ONCE(*pte);

	while (!cmpxchg8b(pte, &old, value))
		;
	return old;
}

/* The end of the boot module that touches the page at @pa, or 0. */
static phys_t module_end_at(phys_t pa)
{
	for (uint32_t i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];

		if (pa + PAGE_SIZE > m->start && pa < m->end)
			return ALIGN_UP(m->end, PAGE_SIZE);
	}
	return 0;
}

static bool page_is_ram(phys_t pa)
{
	for (uint32_t i = 0; i < boot_info.nr_ranges; i++)
		if (pa >= boot_info.ranges[i].start &&
		    pa < boot_info.ranges[i].end)
			return true;
	return false;
}

/*
 * From the end of the kernel up, past what the boot loader has put there; mm
 * takes over at paging_boot_end().
 */
static phys_t paging_boot_alloc(void)
{
	phys_t pa = boot_next;

	while (!page_is_ram(pa) || module_end_at(pa)) {
		phys_t end = module_end_at(pa);

		pa = end ? end : pa + PAGE_SIZE;
		if (pa >= DIRECT_MAP_SIZE)
			panic("no memory for the kernel's page tables");
	}
	boot_next = pa + PAGE_SIZE;
	memset(phys_to_virt(pa), 0, PAGE_SIZE);	/* boot's map has it */
	return pa;
}

static bool inside(uintptr_t va, const char *start, const char *end)
{
	return va >= (uintptr_t)start && va < (uintptr_t)end;
}

/* No page is both writable and executable. */
static uint64_t direct_map_rights(uintptr_t va)
{
	if (inside(va, __text_start, __text_end))
		return PROT_KERNEL_RX;
	if (inside(va, __rodata_start, __rodata_end))
		return PROT_KERNEL_R;
	return PROT_KERNEL_RW;
}

static void add_tables(uintptr_t start, uintptr_t last)
{
	for (uintptr_t i = (start - KERNEL_BASE) / TABLE_SPAN;
	     i <= (last - KERNEL_BASE) / TABLE_SPAN; i++)
		if (!kernel_directory[i])
			kernel_directory[i] = paging_boot_alloc() | PDE_KERNEL;
}

static void build_direct_map(phys_t ram_end)
{
	uintptr_t end = KERNEL_BASE + ram_end;

	add_tables(KERNEL_BASE, end - 1);
	for (uintptr_t va = KERNEL_BASE; va < end; va += PAGE_SIZE)
		*paging_kernel_pte(va) =
			(va - KERNEL_BASE) | direct_map_rights(va);
	/* Boot's stack becomes that of the idle task: with a guard, too. */
	*paging_kernel_pte((uintptr_t)phys_to_virt((phys_t)boot_stack_guard)) =
		0;
}

/*
 * An application CPU turns paging on at its low address and goes on at a high
 * one: the first 2 MiB are in both places.  Only until it loads the kernel's
 * root.
 */
static void build_trampoline(void)
{
	trampoline_directory[0] = PTE_P | PTE_W | PDE_LARGE;
	trampoline_pdpt[0] = virt_to_phys(trampoline_directory) | PTE_P;
	trampoline_pdpt[3] = virt_to_phys(kernel_directory) | PTE_P;
}

void paging_init(phys_t ram_end)
{
	pte_nx = cpu_has.nx ? 1ull << 63 : 0;
	boot_next = ALIGN_UP((phys_t)__kernel_phys_end, PAGE_SIZE);
	kernel_pdpt[3] = virt_to_phys(kernel_directory) | PTE_P;

	build_direct_map(ram_end);
	add_tables(WINDOW_BASE, UINTPTR_MAX);
	build_trampoline();

	write_cr3(paging_kernel_root());
	/* Boot's entries are not global; with PGE on, ours are from here. */
	cpu_features_enable();
	tlb_flush_all();
}

phys_t paging_boot_end(void)
{
	return boot_next;
}

phys_t paging_kernel_root(void)
{
	return virt_to_phys(kernel_pdpt);
}

phys_t paging_trampoline_root(void)
{
	return virt_to_phys(trampoline_pdpt);
}

pte_t *paging_kernel_pte(uintptr_t va)
{
	pte_t pde, *table;

	if (va < KERNEL_BASE)
		return NULL;
	pde = kernel_directory[(va - KERNEL_BASE) / TABLE_SPAN];
	if (!(pde & PTE_P))
		return NULL;
	table = phys_to_virt(pde & PTE_ADDR);
	return &table[va / PAGE_SIZE % TABLE_ENTRIES];
}

phys_t paging_own_table(uint32_t i, uintptr_t *va)
{
	static pte_t *const above[] = {
		kernel_directory, kernel_pdpt, trampoline_directory,
		trampoline_pdpt,
	};

	*va = 0;
	if (i < ARRAY_SIZE(above))
		return virt_to_phys(above[i]);
	i -= ARRAY_SIZE(above);
	for (uint32_t n = 0; n < TABLE_ENTRIES; n++) {
		if (!kernel_directory[n] || i--)
			continue;
		*va = KERNEL_BASE + n * TABLE_SPAN;
		return (phys_t)(kernel_directory[n] & PTE_ADDR);
	}
	return 0;
}

int paging_prepare(uintptr_t va, size_t size)
{
	if (va < WINDOW_BASE || va >= VMALLOC_END || size > VMALLOC_END - va)
		return -EINVAL;
	return 0;
}

void paging_map(uintptr_t va, phys_t pa, uint64_t prot)
{
	pte_t old = pte_exchange(paging_kernel_pte(va), pa | prot);

	assert(!(old & PTE_P));
}

pte_t paging_unmap(uintptr_t va)
{
	return pte_exchange(paging_kernel_pte(va), 0);
}

/* A and D stay: a right that changes is no reason to miss a write (H51). */
void paging_protect(uintptr_t va, uint64_t prot)
{
	const pte_t keep = PTE_ADDR | PTE_A | PTE_D;
	pte_t *pte = paging_kernel_pte(va);
	pte_t old = READ_ONCE(*pte);

	do {
		assert(old & PTE_P);
	} while (!cmpxchg8b(pte, &old, (old & keep) | prot));
}

void paging_direct_remove(phys_t pa)
{
	paging_unmap((uintptr_t)phys_to_virt(pa));
}

void paging_direct_restore(phys_t pa)
{
	paging_map((uintptr_t)phys_to_virt(pa), pa, PROT_KERNEL_RW);
}

void *paging_map_fixed(enum fixed_page page, phys_t pa, uint64_t prot)
{
	uintptr_t va = FIXED_ADDRESS(page);

	pte_exchange(paging_kernel_pte(va), (pa & PAGE_MASK) | prot);
	invlpg(va);
	return (void *)(va + pa % PAGE_SIZE);
}

void paging_switch(phys_t root)
{
	if (read_cr3() != root)
		write_cr3(root);
}

/* A change of CR4.PGE flushes everything (SDM vol. 3, 4.10.4.1). */
void tlb_flush_all(void)
{
	uint32_t flags = local_irq_save();
	uint32_t cr4 = read_cr4();

	if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
	local_irq_restore(flags);
}
