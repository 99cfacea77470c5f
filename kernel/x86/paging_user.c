/*
 * The user's part of an address space: three page directories of its own beside
 * the kernel's.  All three are there from the start, because a CPU keeps the
 * four entries of a PDPT to itself from the load of CR3 on (SDM vol. 3, 4.4.1):
 * one that appears later would have to be announced.
 *
 * The caller serialises changes to one root.
 */
#include <kernel/bug.h>
#include <x86/internal.h>
#include <x86/upcalls.h>

#define USER_DIRECTORIES	3u
#define TABLE_ENTRIES		512u
#define DIRECTORY_SPAN		(1u << 30)
#define TABLE_SPAN		(TABLE_ENTRIES * PAGE_SIZE)
/* The rights are the page's own; the levels above allow everything. */
#define PDE_USER		(PTE_P | PTE_W | PTE_U)

phys_t paging_new_root(void)
{
	const pte_t *kernel = phys_to_virt(paging_kernel_root());
	phys_t root = mm_alloc_table(0);
	pte_t *pdpt = phys_to_virt(root);

	if (!root)
		return 0;
	for (uint32_t i = 0; i < USER_DIRECTORIES; i++) {
		phys_t dir = mm_alloc_table(root);

		if (!dir) {
			paging_free_root(root);
			return 0;
		}
		pdpt[i] = dir | PTE_P;
	}
	pdpt[3] = kernel[3];
	return root;
}

/*
 * What @entry has goes back when the entry is empty: whoever gets the frame has
 * it alone, or a search for frames would take this table for one that maps it.
 */
static void free_table_of(pte_t *entry)
{
	phys_t table = (phys_t)(*entry & PTE_ADDR);

	*entry = 0;
	mm_free_table(table);
}

static void free_directory(pte_t *entry)
{
	pte_t *dir = phys_to_virt(*entry & PTE_ADDR);

	for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
		if (dir[i] & PTE_P)
			free_table_of(&dir[i]);
	free_table_of(entry);
}

void paging_free_root(phys_t root)
{
	pte_t *pdpt = phys_to_virt(root);

	assert(root != paging_kernel_root() && root != read_cr3());
	for (uint32_t i = 0; i < USER_DIRECTORIES; i++)
		if (pdpt[i] & PTE_P)
			free_directory(&pdpt[i]);
	mm_free_table(root);
}

pte_t *paging_user_pte(phys_t root, uintptr_t va, bool create)
{
	const pte_t *pdpt = phys_to_virt(root);
	pte_t *pde, *table;

	assert(va < USER_TOP);
	pde = phys_to_virt(pdpt[va / DIRECTORY_SPAN] & PTE_ADDR);
	pde += va / TABLE_SPAN % TABLE_ENTRIES;
	/* An empty entry is in no TLB or walk cache: nobody is told. */
	if (!(*pde & PTE_P)) {
		phys_t pa = create ? mm_alloc_table(root) : 0;

		if (!pa)
			return NULL;
		pte_exchange(pde, pa | PDE_USER);
	}
	table = phys_to_virt(*pde & PTE_ADDR);
	return &table[va / PAGE_SIZE % TABLE_ENTRIES];
}
