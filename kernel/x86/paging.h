/*
 * Page tables (PAE, NX; Intel SDM vol. 3, 4.4) and the map of the kernel's
 * address space:
 *
 *	00000000 .. bfffffff	user, one map an address space
 *	c0000000 .. e7ffffff	direct map of physical memory, 4 KiB pages, RW
 *				NX (the kernel image lies in it, W^X by section)
 *	e8000000 .. efffffff	the module window: images, module heap, stacks
 *				of module threads, dossiers; nothing else
 *	f0000000 .. ffbfffff	vmalloc: kernel stacks with guards, devices
 *	ffc00000 .. ffffffff	fixed: LAPIC, IOAPIC, temporary maps
 *
 * The kernel's part is one page directory that all address spaces share, so a
 * change there is seen by all and only TLBs remain to be told.
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include <kernel/types.h>

#define KERNEL_BASE	0xc0000000u
#define DIRECT_MAP_SIZE	0x28000000u	/* RAM above 640 MiB is left unused */
#define WINDOW_BASE	0xe8000000u
#define WINDOW_SIZE	0x08000000u
#define VMALLOC_BASE	0xf0000000u
#define VMALLOC_END	0xffc00000u
#define USER_TOP	0xc0000000u

typedef uint64_t pte_t;
typedef uint32_t phys_t;	/* all RAM used lies below 4 GiB */
#define PHYS_ANYWHERE	0xffffffffu	/* as a bound: there is none */

#define PTE_P		(1ull << 0)
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_PCD		(1ull << 4)
#define PTE_A		(1ull << 5)
#define PTE_D		(1ull << 6)
#define PDE_LARGE	(1ull << 7)	/* of a directory: this many pages */
#define PTES_OF_LARGE	512u
#define PTE_G		(1ull << 8)
/* 0 on a CPU without no-execute, where the bit is reserved. */
extern pte_t pte_nx;
#define PTE_NX		pte_nx
#define PTE_ADDR	0x000ffffffffff000ull

#define PROT_KERNEL_RW	(PTE_P | PTE_W | PTE_NX | PTE_G)
#define PROT_KERNEL_R	(PTE_P | PTE_NX | PTE_G)
#define PROT_KERNEL_RX	(PTE_P | PTE_G)
#define PROT_DEVICE	(PTE_P | PTE_W | PTE_NX | PTE_PCD | PTE_G)

/*
 * By the direct map, of what lies below the end of RAM: but for frames of the
 * window, and the guard below boot's stack.
 */
static inline void *phys_to_virt(phys_t pa)
{
	return (void *)(pa + KERNEL_BASE);
}

static inline phys_t virt_to_phys(const void *va)
{
	return (phys_t)va - KERNEL_BASE;	/* direct map only */
}

/*
 * The kernel's final map: everything of the boot's identity map goes, sections
 * get their rights.  Boot CPU, once; takes its table pages from
 * paging_boot_alloc() as the page allocator does not exist yet.
 * @ram_end: end of physical memory, cut to DIRECT_MAP_SIZE.
 */
void paging_init(phys_t ram_end);
/* First physical byte that boot has not used; constant after paging_init(). */
phys_t paging_boot_end(void);

/*
 * The @i-th page of the tables that the kernel's map is made of, trampoline and
 * roots included; 0: there are no more.  *@va: the address that its first entry
 * maps; 0: it is one of the levels above.  Any context.
 */
phys_t paging_own_table(uint32_t i, uintptr_t *va);

/*
 * The PTE of kernel address @va, or NULL where no table is there.  Any context.
 */
pte_t *paging_kernel_pte(uintptr_t va);

/*
 * All tables of the window, the vmalloc and the fixed area exist from the start
 * (800 KiB), so that no map there can fail and none is left behind.  0, or
 * -EINVAL where the range lies elsewhere.  Any context.
 */
int paging_prepare(uintptr_t va, size_t size);

/*
 * Changes one entry, of the kernel's or a user's, in one piece (two halves
 * would be seen by a CPU that walks the table, and lose a dirty bit that it
 * sets meanwhile).  Returns the old one.  Any context; TLBs are the caller's to
 * tell.
 */
pte_t pte_exchange(pte_t *pte, pte_t value);

/*
 * Maps one page of the window or vmalloc area; the entry was empty, so no TLB
 * is told.  Any context; the caller serialises for @va.
 */
void paging_map(uintptr_t va, phys_t pa, uint64_t prot);
/* Takes the entry away and returns it; the caller flushes (smp.h) after. */
pte_t paging_unmap(uintptr_t va);
/* Replaces the rights; the caller flushes. */
void paging_protect(uintptr_t va, uint64_t prot);
/*
 * Takes a direct-map page away, or gives it back (H46: module pages have no
 * alias).  The caller flushes after the removal.
 */
void paging_direct_remove(phys_t pa);
void paging_direct_restore(phys_t pa);

/* One page each of the fixed area. */
enum fixed_page {
	FIXED_LAPIC,
	FIXED_IOAPIC,			/* and the next three */
	FIXED_ACPI = FIXED_IOAPIC + 4,	/* 64 pages: one table at a time */
	FIXED_PAGES = FIXED_ACPI + 64
};
#define FIXED_ADDRESS(page)	(VMALLOC_END + (page) * PAGE_SIZE)
/* Maps @pa there, in place of what was.  Boot only: no other CPU is told. */
void *paging_map_fixed(enum fixed_page page, phys_t pa, uint64_t prot);

/*
 * User address spaces.  A root is the physical address of a PDPT; its fourth
 * entry is the kernel's directory.
 */
/* 0: no memory.  Any context. */
phys_t paging_new_root(void);
/* Frees tables, not what they map.  It is loaded nowhere. */
void paging_free_root(phys_t root);
/*
 * @create: allocate tables on the way; NULL: not there, or no memory.  Tables
 * stay until the root goes.  The caller serialises for @root.
 */
pte_t *paging_user_pte(phys_t root, uintptr_t va, bool create);
phys_t paging_kernel_root(void);
/* Loads CR3 if it differs.  Preemption off. */
void paging_switch(phys_t root);

#endif
