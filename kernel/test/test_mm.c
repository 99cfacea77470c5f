/*
 * The memory room on the real machine: page tables, dirty bits and fixups are
 * what no host test can show.
 *
 * A KTEST_EXPECT() that fails returns with all that was taken: so most tests
 * give back first, and judge then.
 */
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <mm/mm.h>
#include <test/ktest.h>

/* The highest id: no module has it while the suites run. */
#define TEST_OWNER	((module_id_t)(MAX_MODULES - 1))

static int nr_leaks;

/* In the kernel's own map, which all address spaces share. */
static bool is_mapped(const void *p)
{
	const pte_t *pte = paging_kernel_pte((uintptr_t)p);

	return pte && *pte & PTE_P;
}

static bool is_all(const void *p, uint8_t value, size_t n)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++) {
		if (b[i] != value)
			return false;
	}
	return true;
}

/* H41: a device that reaches less than all memory gets what it reaches. */
KTEST(mm, a_bound_is_kept)
{
	const phys_t bound = 0x1ffffff;
	phys_t pages[8];
	bool kept = true;

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = page_alloc_below(i % 3, PAGE_KERNEL, bound);
		kept = kept && pages[i] && pages[i] <= bound &&
		       (PAGE_SIZE << i % 3) - 1 <= bound - pages[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			page_free(pages[i], i % 3);
	KTEST_EXPECT(kept);
	KTEST_EXPECT(!page_alloc_below(0, PAGE_KERNEL, PAGE_SIZE - 1));
	KTEST_EXPECT(!page_alloc_below(0, PAGE_KERNEL, 0));
	return NULL;
}


/*
 * A block comes back to where it was taken from, whole.  At least so many, as
 * others take and give meanwhile.
 */
KTEST(mm, freed_pages_are_free)
{
	struct mm_stats before, during, after;
	phys_t pa;

	mm_get_stats(&before);
	pa = page_alloc(4, PAGE_KERNEL);
	KTEST_EXPECT(pa && IS_ALIGNED(pa, PAGE_SIZE << 4));
	mm_get_stats(&during);
	page_free(pa, 4);
	mm_get_stats(&after);
	KTEST_EXPECT(during.by_kind[PAGE_KERNEL] >=
		     before.by_kind[PAGE_KERNEL] + 16);
	KTEST_EXPECT(after.by_kind[PAGE_KERNEL] <
		     during.by_kind[PAGE_KERNEL]);
	return NULL;
}

/* The heap knows of every byte of an object whose it is and who asked. */
KTEST(mm, heap_knows_its_objects)
{
	/* Both sides of what still fits into a slab, red zone included. */
	static const size_t sizes[] = { 1, 16, 100, 2048, 2049, 4096, 100000 };
	struct heap_object obj;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t n = sizes[i];
		uint8_t *p = kmalloc_site(n, __GFP_ZERO, MODULE_NONE,
					  (uintptr_t)&is_all);

		KTEST_EXPECT(p && is_all(p, 0, n) && ksize(p) == n);
		KTEST_EXPECT(heap_find_object((uintptr_t)p + n - 1, &obj));
		KTEST_EXPECT(obj.start == (uintptr_t)p && obj.size == n);
		KTEST_EXPECT(obj.live && obj.owner == MODULE_NONE);
		KTEST_EXPECT(obj.site == (uintptr_t)&is_all);
		kfree(p);
	}
	return NULL;
}

/* No stale pointer stays in a freed object. */
KTEST(mm, freed_object_is_poison)
{
	void **p = kmalloc(200, GFP_KERNEL);
	struct heap_object obj;

	KTEST_EXPECT(p);
	p[7] = (void *)WINDOW_BASE;
	kfree(p);
	/* Somebody else may have it by now; then it is not ours to judge. */
	if (heap_find_object((uintptr_t)p, &obj) && !obj.live)
		KTEST_EXPECT(p[7] != (void *)WINDOW_BASE);
	return NULL;
}

/* Ends a search of memory at the page of @arg: false, it was met. */
static bool is_not_page(uintptr_t page, void *arg)
{
	return page != ALIGN_DOWN((uintptr_t)arg, PAGE_SIZE);
}

/*
 * Pointer objects are searched, data objects are not.  They never share a page,
 * so asking for the page is enough.
 */
KTEST(mm, data_is_not_searched)
{
	void *pointers = kmalloc(100, GFP_KERNEL);
	void *data = kmalloc(100, GFP_KERNEL | GFP_DATA);
	bool found_pointers, found_data;

	KTEST_EXPECT(pointers && data);
	found_pointers = !searched_for_each(is_not_page, pointers);
	found_data = !searched_for_each(is_not_page, data);
	kfree(pointers);
	kfree(data);
	KTEST_EXPECT(found_pointers && !found_data);
	KTEST_EXPECT(!searched_for_each(is_not_page, &nr_leaks));
	return NULL;
}

/* H46: a page of the window has one name. */
KTEST(mm, window_pages_have_no_alias)
{
	uint8_t *p = window_alloc(3 * PAGE_SIZE, TEST_OWNER);
	bool mapped = false, zero, owned;
	unsigned int i;

	KTEST_EXPECT(p);
	for (i = 0; i < 3; i++) {
		pte_t *pte = paging_kernel_pte((uintptr_t)p + i * PAGE_SIZE);

		mapped |= is_mapped(phys_to_virt(*pte & PTE_ADDR));
	}
	zero = is_all(p, 0, 3 * PAGE_SIZE);
	owned = window_owner((uintptr_t)p - 1) == TEST_OWNER &&
		window_owner((uintptr_t)p + 3 * PAGE_SIZE) == TEST_OWNER &&
		!is_mapped(p - PAGE_SIZE) && !is_mapped(p + 3 * PAGE_SIZE);
	window_free(p, TEST_OWNER);
	KTEST_EXPECT(!mapped && zero && owned);
	KTEST_EXPECT(!is_mapped(p));
	return NULL;
}

/* H33: a freed range says who lies there. */
KTEST(mm, freed_window_range_is_a_tombstone)
{
	uint8_t *p = window_alloc(PAGE_SIZE, TEST_OWNER);
	uint32_t number = 0;

	KTEST_EXPECT(p);
	KTEST_EXPECT(window_tombstone((uintptr_t)p, NULL) == MODULE_NONE);
	window_set_unload_number(TEST_OWNER, 1234);
	window_free(p, TEST_OWNER);
	window_set_unload_number(TEST_OWNER, 0);
	KTEST_EXPECT(window_owner((uintptr_t)p) == MODULE_NONE);
	KTEST_EXPECT(window_tombstone((uintptr_t)p, &number) == TEST_OWNER);
	KTEST_EXPECT(number == 1234);
	return NULL;
}

static void count_leak(const struct heap_object *obj, void *arg)
{
	(void)arg;
	if (obj->size == 33 && obj->site == (uintptr_t)&is_all)
		nr_leaks++;
}

/* H38: what a module forgot is named, and reclaimed all the same. */
KTEST(mm, module_heap_names_its_leaks)
{
	void *small, *large, *freed;
	bool in = true;

	KTEST_EXPECT(!heap_create(TEST_OWNER));
	small = kmalloc_site(33, GFP_KERNEL, TEST_OWNER, (uintptr_t)&is_all);
	large = kmalloc_site(70000, GFP_KERNEL, TEST_OWNER, 1);
	freed = kmalloc_site(33, GFP_ATOMIC, TEST_OWNER, (uintptr_t)&is_all);
	in = in_window((uintptr_t)small) && in_window((uintptr_t)large) &&
	     in_window((uintptr_t)freed);
	kfree(freed);
	nr_leaks = 0;
	heap_destroy(TEST_OWNER, count_leak, NULL);
	KTEST_EXPECT(in && nr_leaks == 1);
	KTEST_EXPECT(window_pages(TEST_OWNER) == 0);
	return NULL;
}

/* Pages of the window are left out: a module may point to itself. */
static bool has_no_test_word(uintptr_t page, void *arg)
{
	const uintptr_t *word = (const uintptr_t *)page;
	unsigned int i;

	(void)arg;
	if (in_window(page))
		return true;
	for (i = 0; i < PAGE_SIZE / sizeof(*word); i++) {
		if (window_owner(word[i]) == TEST_OWNER)
			return false;
	}
	return true;
}

/* The heap keeps no account outside the window that points into it. */
KTEST(mm, kernel_memory_does_not_point_to_module_heap)
{
	bool clean;
	void *p;
	int i;

	KTEST_EXPECT(!heap_create(TEST_OWNER));
	for (i = 0; i < 300; i++) {
		p = kmalloc_owner(300, i & 1 ? GFP_DATA : 0, TEST_OWNER);
		if (i % 3 == 0)
			kfree(p);
	}
	p = NULL;
	clean = searched_for_each(has_no_test_word, NULL);
	heap_destroy(TEST_OWNER, NULL, NULL);
	KTEST_EXPECT(clean);
	return NULL;
}

/*
 * H51: a write after dirty_clear() is seen, whatever TLBs held before.  Written
 * before as well, so that the TLB holds the entry as dirty.
 */
KTEST(mm, dirty_bits_show_writes)
{
	bool seen;
	uint32_t *p = kmalloc(64, GFP_KERNEL);

	KTEST_EXPECT(p);
	WRITE_ONCE(p[0], 1);
	dirty_clear();
	WRITE_ONCE(p[0], 2);
	seen = !dirty_for_each(is_not_page, p);
	kfree(p);
	KTEST_EXPECT(seen);
	return NULL;
}

/*
 * H46: a table that was found plain is left out, until somebody writes an
 * entry; then the next walk has it, be it over what was written or, that
 * forgotten, over all.  Nobody unloads while the suites run, and nobody else
 * writes to the table of the fixed pages.
 */
KTEST(mm, written_page_table_is_not_plain)
{
	pte_t *entry = paging_kernel_pte(FIXED_ADDRESS(FIXED_PAGES));
	bool out, unwritten, written, in;

	dirty_clear();
	page_table_set_plain(ALIGN_DOWN((uintptr_t)entry, PAGE_SIZE), true);
	out = searched_for_each(is_not_page, entry);
	unwritten = dirty_for_each(is_not_page, entry);
	pte_exchange(entry, PAGE_SIZE);		/* not present */
	written = !dirty_for_each(is_not_page, entry);
	dirty_clear();
	in = !searched_for_each(is_not_page, entry);
	pte_exchange(entry, 0);
	KTEST_EXPECT(out && unwritten && written && in);
	return NULL;
}

/* H46: what page_alloc() gives out has no second name, not for a driver. */
KTEST(mm, ioremap_maps_no_memory)
{
	void *p = kmalloc(64, GFP_KERNEL), *regs;

	KTEST_EXPECT(p);
	regs = ioremap(virt_to_phys(p) - PAGE_SIZE, PAGE_SIZE + 1);
	iounmap(regs);
	kfree(p);
	KTEST_EXPECT(!regs);
	return NULL;
}

/*
 * Stacks come zeroed, with guards that are not mapped.  The second is the first
 * again, most likely, out of what is kept for the next.
 */
KTEST(mm, stacks_are_guarded)
{
	uint8_t *stack = stack_alloc(MODULE_NONE);
	bool zero, guarded;

	KTEST_EXPECT(stack);
	zero = is_all(stack, 0, KERNEL_STACK_SIZE);
	guarded = !is_mapped(stack - 1) &&
		  !is_mapped(stack + KERNEL_STACK_SIZE);
	memset(stack, 0xee, KERNEL_STACK_SIZE);
	stack_free(stack, MODULE_NONE);
	stack = stack_alloc(MODULE_NONE);
	KTEST_EXPECT(stack && zero && guarded);
	zero = is_all(stack, 0, KERNEL_STACK_SIZE);
	stack_free(stack, MODULE_NONE);
	KTEST_EXPECT(zero);
	return NULL;
}

/* As a fault would bring it, seen by its other name in the direct map. */
static uint8_t *page_of(struct mm *mm, uintptr_t va, uint32_t access)
{
	uint8_t *page = NULL;

	mutex_lock(&mm->lock);
	if (!mm_fault_in_locked(mm, va, access))
		page = phys_to_virt(*paging_user_pte(mm->root, va, false) &
				    PTE_ADDR);
	mutex_unlock(&mm->lock);
	return page;
}

/*
 * What the child writes the parent does not read, and the other way round.  The
 * pages are brought by hand: this thread has no address space to fault in.
 */
KTEST(mm, fork_copies_on_write)
{
	const uintptr_t va = 0x400000;
	struct mm *parent = mm_create(), *child = NULL;
	uint8_t *p = NULL, *c = NULL;
	bool shared, apart;

	KTEST_EXPECT(parent);
	if (!mm_map(parent, va, PAGE_SIZE, VM_READ | VM_WRITE) &&
	    !mm_write(parent, va, "parent", 7))
		child = mm_fork(parent);
	if (child) {
		p = page_of(parent, va, VM_READ);
		c = page_of(child, va, VM_READ);
	}
	shared = p && p == c;
	if (shared)
		c = page_of(child, va, VM_WRITE);
	if (c)
		strscpy((char *)c, "child", 6);
	apart = p && c && p != c && !strcmp((char *)p, "parent");
	mm_put(child);
	mm_put(parent);
	KTEST_EXPECT(shared && apart);
	return NULL;
}

/*
 * A bad user pointer is an error and no more.  Nothing is mapped there for this
 * thread; behind it lies what is no user's.
 */
KTEST(mm, bad_user_pointers_fail)
{
	char buf[16];

	KTEST_EXPECT(copy_from_user(buf, (void *)0x1000, 16) == 16);
	KTEST_EXPECT(copy_to_user((void *)0x1000, buf, 16) == 16);
	KTEST_EXPECT(copy_to_user((void *)KERNEL_BASE, buf, 16) == 16);
	KTEST_EXPECT(copy_to_user((void *)(USER_TOP - 8), buf, 16) == 16);
	KTEST_EXPECT(copy_from_user(buf, (void *)-8, 16) == 16);
	KTEST_EXPECT(strncpy_from_user(buf, (void *)0x1000, 16) < 0);
	return NULL;
}
