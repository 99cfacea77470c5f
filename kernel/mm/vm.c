/*
 * User address spaces.  An area says what a program may do in a range; a page
 * is brought when it is first touched, and shared by fork until it is first
 * written.  It protects that a frame is freed only when no address space and
 * no TLB refers to it, and that a write never reaches a page of another space.
 *
 * An entry with an address and no present bit is a page in an area that allows
 * nothing at all: it keeps its content.  An entry that is not writable in an
 * area that is says: look who shares the page before the write.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <mm/internal.h>
#include <x86/cpu.h>
#include <x86/smp.h>

#define TABLE_SPAN	0x200000u	/* of one page table */
#define BATCH		64u		/* pages that wait for one flush */

/*
 * Numbers of a program, unchecked: nothing is added before it is known to fit.
 * What passes lies below USER_TOP, and so below the window: areas and page
 * tables may keep it (H09).
 */
static bool range_is_valid(uintptr_t start, size_t size)
{
	return IS_ALIGNED(start, PAGE_SIZE) && IS_ALIGNED(size, PAGE_SIZE) &&
	       size && start >= VM_LOWEST && start < USER_TOP &&
	       size <= USER_TOP - start;
}

static bool pte_has_page(pte_t pte)
{
	return pte & PTE_ADDR;
}

static phys_t pte_page(pte_t pte)
{
	return (phys_t)(pte & PTE_ADDR);
}

/* The rights of a page in an area; a shared one is not written to. */
static uint64_t pte_rights(uint32_t prot, bool shared)
{
	uint64_t rights = PTE_U | PTE_NX;

	if (prot)
		rights |= PTE_P;
	if ((prot & VM_WRITE) && !shared)
		rights |= PTE_W;
	if (prot & VM_EXEC)
		rights &= ~PTE_NX;
	return rights;
}

/* ---- TLBs ---- */

/*
 * Forgets translations of @mm in [@start, @end).  If the caller is its only
 * user, no other CPU has any: they came into a TLB while this task ran there,
 * and each switch away from it loaded another CR3 (mm_switch), which drops
 * them, as no user page is global (Intel SDM vol. 3, 4.10.4.1).  If the task
 * moves to another CPU before the line with interrupts off, that CPU too has
 * just loaded CR3.
 */
static void flush(struct mm *mm, uintptr_t start, uintptr_t end)
{
	uint32_t flags;

	if (mm != current_mm() || atomic_read(&mm->users) != 1) {
		tlb_shootdown(start, end - start);
		return;
	}
	flags = local_irq_save();
	write_cr3(read_cr3());
	local_irq_restore(flags);
}

void mm_switch(struct mm *mm)
{
	paging_switch(mm ? mm->root : paging_kernel_root());
}

/* ---- areas ---- */

static struct vm_area *find_area_locked(struct mm *mm, uintptr_t addr)
{
	struct vm_area *a;

	list_for_each_entry(a, &mm->areas, link) {
		if (addr < a->start)
			return NULL;
		if (addr < a->end)
			return a;
	}
	return NULL;
}

static bool overlaps_locked(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vm_area *a;

	list_for_each_entry(a, &mm->areas, link) {
		if (a->start < end && start < a->end)
			return true;
	}
	return false;
}

static struct vm_area *create_area(uintptr_t start, uintptr_t end,
				   uint32_t prot)
{
	struct vm_area *a = kmalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	a->start = start;
	a->end = end;
	a->prot = prot;
	return a;
}

/* @area overlaps none. */
static void insert_area_locked(struct mm *mm, struct vm_area *area)
{
	struct vm_area *a;

	list_for_each_entry(a, &mm->areas, link) {
		if (a->start > area->start)
			break;
	}
	list_add_tail(&area->link, &a->link);	/* before @a, or at the end */
}

static void delete_area_locked(struct vm_area *a)
{
	list_del(&a->link);
	kfree(a);
}

/* Neighbours that allow the same become one. */
static void merge_areas_locked(struct mm *mm)
{
	struct vm_area *a, *next, *last = NULL;

	list_for_each_entry_safe(a, next, &mm->areas, link) {
		if (last && last->end == a->start && last->prot == a->prot) {
			last->end = a->end;
			delete_area_locked(a);
		} else {
			last = a;
		}
	}
}

/* No area crosses @addr any more.  -ENOMEM; what is mapped stays the same. */
static int split_area_locked(struct mm *mm, uintptr_t addr)
{
	struct vm_area *a = find_area_locked(mm, addr), *tail;

	if (!a || a->start == addr)
		return 0;
	tail = create_area(addr, a->end, a->prot);
	if (!tail)
		return -ENOMEM;
	a->end = addr;
	list_add(&tail->link, &a->link);
	return 0;
}

static int split_range_locked(struct mm *mm, uintptr_t start, uintptr_t end)
{
	int err = split_area_locked(mm, start);

	return err ? err : split_area_locked(mm, end);
}

static int map_locked(struct mm *mm, uintptr_t start, size_t size,
		      uint32_t prot)
{
	struct vm_area *a;

	if (overlaps_locked(mm, start, start + size))
		return -EEXIST;
	a = create_area(start, start + size, prot);
	if (!a)
		return -ENOMEM;
	insert_area_locked(mm, a);
	merge_areas_locked(mm);
	return 0;
}

/* ---- pages ---- */

/*
 * The entry of *@va or of the first page behind it that has a table, before
 * @end; *@va is that page then.  NULL: none.
 */
static pte_t *next_pte(phys_t root, uintptr_t *va, uintptr_t end)
{
	while (*va < end) {
		pte_t *pte = paging_user_pte(root, *va, false);

		if (pte)
			return pte;
		*va = ALIGN_DOWN(*va, TABLE_SPAN) + TABLE_SPAN;
	}
	return NULL;
}

/* Takes up to BATCH pages out of [*@va, @end); *@va is where it stopped. */
static uint32_t take_pages(phys_t root, uintptr_t *va, uintptr_t end,
			   phys_t *batch)
{
	uint32_t n = 0;
	pte_t *pte;

	while (n < BATCH && (pte = next_pte(root, va, end)) != NULL) {
		if (pte_has_page(*pte))
			batch[n++] = pte_page(pte_take(pte));
		*va += PAGE_SIZE;
	}
	return n;
}

/*
 * Frees what is in the range.  @live: the space may be loaded somewhere.  The
 * pages cannot be chained through their records as others are: another space
 * may have the same page on its way out.
 *
 * A page is put when no TLB has it any more: it may be the last reference, and
 * the frame somebody else's a moment later.
 */
static void free_pages_locked(struct mm *mm, uintptr_t start, uintptr_t end,
			      bool live)
{
	/* Physical addresses, below DIRECT_MAP_SIZE: no evidence (H09). */
	phys_t batch[BATCH];
	uintptr_t va = start, from;
	uint32_t n;

	do {
		from = va;
		n = take_pages(mm->root, &va, end, batch);
		if (n && live)
			flush(mm, from, va);
		while (n)
			page_put(batch[--n]);
	} while (va < end);
}

/*
 * A copy of its own of a shared page for entry @pte.  -ENOMEM, and nothing has
 * changed.  Between the two states the entry is empty and the TLBs are told:
 * no CPU reads the old page by one address and writes the copy by the same.
 */
static int unshare_page_locked(struct mm *mm, pte_t *pte, uintptr_t va)
{
	phys_t old = pte_page(*pte), copy = page_alloc(0, PAGE_USER);

	if (!copy)
		return -ENOMEM;
	/* Nobody writes to @old while our reference keeps it shared. */
	memcpy(phys_to_virt(copy), phys_to_virt(old), PAGE_SIZE);
	pte_take(pte);
	flush(mm, va, va + PAGE_SIZE);
	/* Not present: the caller gives it its rights. */
	pte_make_present(pte, copy);
	page_put(old);
	return 0;
}

/*
 * Makes @pte the entry of a page with all the rights that @prot and sharing
 * allow; for a @write the page becomes the space's own first.
 */
static int bring_page_locked(struct mm *mm, const struct vm_area *area,
			     uintptr_t va, bool write)
{
	pte_t *pte = paging_user_pte(mm->root, va, true);
	phys_t page;
	int err;

	if (!pte)
		return -ENOMEM;
	if (!pte_has_page(*pte)) {
		page = page_alloc_zeroed(PAGE_USER);
		if (!page)
			return -ENOMEM;
		pte_make_present(pte, page | pte_rights(area->prot, false));
		return 0;
	}
	if (write && page_is_shared(pte_page(*pte))) {
		err = unshare_page_locked(mm, pte, va);
		if (err)
			return err;
	}
	/*
	 * Rights are but added: a TLB that does not know faults again.  Who
	 * finds himself the last of those who shared it gets it to write to.
	 */
	page = pte_page(*pte);
	pte_make_present(pte, page | (*pte & (PTE_A | PTE_D)) |
			 pte_rights(area->prot, page_is_shared(page)));
	return 0;
}

int mm_fault_in_locked(struct mm *mm, uintptr_t addr, uint32_t access)
{
	struct vm_area *a = find_area_locked(mm, addr);

	/* Once it is there, a page without VM_READ can be read all the same. */
	if (!a || (a->prot & access) != access)
		return -EFAULT;
	return bring_page_locked(mm, a, ALIGN_DOWN(addr, PAGE_SIZE),
				 access & VM_WRITE);
}

/* ---- birth and death ---- */

struct mm *mm_create(void)
{
	struct mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	mm->root = paging_new_root();
	if (!mm->root)
		goto free_mm;
	mutex_init(&mm->lock, "mm");
	INIT_LIST_HEAD(&mm->areas);
	atomic_set(&mm->users, 1);
	return mm;

free_mm:
	kfree(mm);
	return NULL;
}

void mm_get(struct mm *mm)
{
	atomic_inc(&mm->users);
}

/* Nobody else knows of @mm; a dying task may still have it loaded here. */
static void destroy(struct mm *mm)
{
	struct vm_area *a, *next;
	uint32_t flags;

	flags = local_irq_save();
	/* Not moved to another CPU between the look and the load. */
	if (read_cr3() == mm->root)
		mm_switch(NULL);
	local_irq_restore(flags);

	list_for_each_entry_safe(a, next, &mm->areas, link) {
		free_pages_locked(mm, a->start, a->end, false);
		delete_area_locked(a);
	}
	paging_free_root(mm->root);
	kfree(mm);
}

void mm_put(struct mm *mm)
{
	if (mm && atomic_dec_and_test(&mm->users))
		destroy(mm);
}

/* ---- fork ---- */

/*
 * The pages of @area are shared by both, and neither writes to them.  The right
 * to write goes before the reference comes; TLBs are the caller's to tell, for
 * all areas at once.  -ENOMEM: what was shared so far the child's end puts
 * back, and the parent's next write gets its right back by a fault.
 */
static int share_pages_locked(struct mm *child, struct mm *mm,
			      const struct vm_area *area)
{
	uintptr_t va = area->start;
	pte_t *from, *to;

	for (; (from = next_pte(mm->root, &va, area->end)); va += PAGE_SIZE) {
		if (!pte_has_page(*from))
			continue;
		to = paging_user_pte(child->root, va, true);
		if (!to)
			return -ENOMEM;
		pte_clear_low(from, (uint32_t)PTE_W);
		page_get(pte_page(*from));
		pte_make_present(to, *from & ~(PTE_A | PTE_D));
	}
	return 0;
}

static int copy_areas_locked(struct mm *child, struct mm *mm)
{
	struct vm_area *a, *copy;
	int err;

	list_for_each_entry(a, &mm->areas, link) {
		copy = create_area(a->start, a->end, a->prot);
		if (!copy)
			return -ENOMEM;
		/* Listed first: destroy() frees what it finds in areas. */
		list_add_tail(&copy->link, &child->areas);
		err = share_pages_locked(child, mm, a);
		if (err)
			return err;
	}
	return 0;
}

struct mm *mm_fork(struct mm *mm)
{
	struct mm *child = mm_create();
	int err;

	if (!child)
		return NULL;
	mutex_lock(&mm->lock);
	child->brk_start = mm->brk_start;
	child->brk = mm->brk;
	err = copy_areas_locked(child, mm);
	/* Before the child can run, and before a failed one gives pages back:
	 * who writes by an old entry would write to a shared page. */
	flush(mm, 0, USER_TOP);
	mutex_unlock(&mm->lock);
	if (!err)
		return child;
	mm_put(child);
	return NULL;
}

/* ---- what system calls ask for ---- */

int mm_map(struct mm *mm, uintptr_t start, size_t size, uint32_t prot)
{
	int err;

	if (!range_is_valid(start, size))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = map_locked(mm, start, size, prot);
	mutex_unlock(&mm->lock);
	return err;
}

/*
 * All that can fail is the split, and that comes first; where it does, a seam
 * may stay between two areas that allow the same.  After it an area lies inside
 * the range or outside.
 */
static int unmap_locked(struct mm *mm, uintptr_t start, size_t size)
{
	uintptr_t end = start + size;
	struct vm_area *a, *next;
	int err;

	err = split_range_locked(mm, start, end);
	if (err)
		return err;
	list_for_each_entry_safe(a, next, &mm->areas, link) {
		if (a->start < start || a->end > end)
			continue;
		free_pages_locked(mm, a->start, a->end, true);
		delete_area_locked(a);
	}
	return 0;
}

int mm_unmap(struct mm *mm, uintptr_t start, size_t size)
{
	int err;

	if (!range_is_valid(start, size))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = unmap_locked(mm, start, size);
	mutex_unlock(&mm->lock);
	return err;
}

/*
 * The right to write is given by the next fault, which looks for sharers.  An
 * entry is empty between the halves of its change: who faults on it meanwhile
 * waits for mm->lock.
 */
static void set_rights_locked(struct mm *mm, const struct vm_area *a)
{
	uintptr_t va = a->start;
	pte_t *pte, old;

	for (; (pte = next_pte(mm->root, &va, a->end)); va += PAGE_SIZE) {
		if (!pte_has_page(*pte))
			continue;
		old = pte_take(pte);
		pte_make_present(pte, pte_page(old) |
				 pte_rights(a->prot, true));
	}
}

static bool is_all_mapped_locked(struct mm *mm, uintptr_t start, uintptr_t end)
{
	struct vm_area *a;

	while (start < end) {
		a = find_area_locked(mm, start);
		if (!a)
			return false;
		start = a->end;
	}
	return true;
}

static int protect_locked(struct mm *mm, uintptr_t start, uintptr_t end,
			  uint32_t prot)
{
	struct vm_area *a;
	int err;

	if (!is_all_mapped_locked(mm, start, end))
		return -ENOMEM;
	err = split_range_locked(mm, start, end);
	if (err)
		return err;
	list_for_each_entry(a, &mm->areas, link) {
		if (a->start < start || a->end > end)
			continue;
		a->prot = prot;
		set_rights_locked(mm, a);
	}
	/*
	 * One for all, before the lock goes: rights taken are taken on return.
	 */
	flush(mm, start, end);
	merge_areas_locked(mm);
	return 0;
}

int mm_protect(struct mm *mm, uintptr_t start, size_t size, uint32_t prot)
{
	int err;

	if (!range_is_valid(start, size))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = protect_locked(mm, start, start + size, prot);
	mutex_unlock(&mm->lock);
	return err;
}

uintptr_t mm_find_free(struct mm *mm, size_t size)
{
	uintptr_t top = VM_MMAP_TOP;
	struct list_head *p;

	if (!size || !IS_ALIGNED(size, PAGE_SIZE))
		return 0;
	for (p = mm->areas.prev; p != &mm->areas; p = p->prev) {
		const struct vm_area *a = list_entry(p, struct vm_area, link);

		if (a->end <= top && top - a->end >= size)
			return top - size;
		top = min(top, a->start);
	}
	return top - VM_LOWEST >= size ? top - size : 0;
}

int mm_map_anywhere(struct mm *mm, uintptr_t *start, size_t size,
		    uint32_t prot)
{
	uintptr_t at;
	int err;

	if (!size || !IS_ALIGNED(size, PAGE_SIZE))
		return -EINVAL;
	mutex_lock(&mm->lock);
	at = mm_find_free(mm, size);
	err = at ? map_locked(mm, at, size, prot) : -ENOMEM;
	mutex_unlock(&mm->lock);
	if (!err)
		*start = at;
	return err;
}

void mm_init_brk(struct mm *mm, uintptr_t start)
{
	mutex_lock(&mm->lock);
	mm->brk_start = start;
	mm->brk = start;
	mutex_unlock(&mm->lock);
}

/*
 * -EEXIST of an area in the way is -ENOMEM to brk().  @brk is at most USER_TOP
 * where it is rounded, so that it does not wrap.
 */
static int set_brk_locked(struct mm *mm, uintptr_t brk)
{
	uintptr_t old_end = ALIGN_UP(mm->brk, PAGE_SIZE), end;
	int err = 0;

	if (brk < mm->brk_start)
		return -EINVAL;
	if (brk > USER_TOP)
		return -ENOMEM;
	end = ALIGN_UP(brk, PAGE_SIZE);
	if (end > old_end)
		err = map_locked(mm, old_end, end - old_end,
				 VM_READ | VM_WRITE);
	else if (end < old_end)
		err = unmap_locked(mm, end, old_end - end);
	if (err)
		return -ENOMEM;
	mm->brk = brk;
	return 0;
}

int mm_set_brk(struct mm *mm, uintptr_t brk)
{
	int err;

	mutex_lock(&mm->lock);
	err = set_brk_locked(mm, brk);
	mutex_unlock(&mm->lock);
	return err;
}

/*
 * @n bytes that lie in one page; by the direct map, as the space is not loaded
 * here, and whatever the program itself may do there: its text comes this way.
 */
static int write_page_locked(struct mm *mm, uintptr_t dst, const void *src,
			     size_t n)
{
	uintptr_t page = ALIGN_DOWN(dst, PAGE_SIZE);
	struct vm_area *a = find_area_locked(mm, dst);
	uint8_t *frame;
	int err;

	if (!a)
		return -EFAULT;
	err = bring_page_locked(mm, a, page, true);
	if (err)
		return err;
	frame = phys_to_virt(pte_page(*paging_user_pte(mm->root, page, false)));
	memcpy(frame + (dst - page), src, n);
	return 0;
}

int mm_write(struct mm *mm, uintptr_t dst, const void *src, size_t n)
{
	const uint8_t *from = src;
	size_t part;
	int err = 0;

	mutex_lock(&mm->lock);
	while (n && !err) {
		part = min(n, (size_t)(PAGE_SIZE - dst % PAGE_SIZE));
		err = write_page_locked(mm, dst, from, part);
		dst += part;
		from += part;
		n -= part;
	}
	mutex_unlock(&mm->lock);
	return err;
}
