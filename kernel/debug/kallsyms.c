/*
 * Addresses to names.  The kernel's own table is made from the linked image
 * (tools/kallsyms.py) and is constant; modules answer for theirs through one
 * hook.  Whoever asks gets a copy, so that no name outlives its module (H31).
 */
#include <kernel/string.h>
#include "debug/kallsyms.h"

/*
 * Sorted by address; of several names of one address the last is the one to
 * show.  Weak: a kernel linked without the table knows no names.
 */
extern const uint32_t kallsyms_count __weak;
extern const uint32_t kallsyms_addresses[] __weak;
extern const uint32_t kallsyms_names_off[] __weak;
extern const char kallsyms_names[] __weak;

extern const char __text_start[], __kernel_end[];

static bool (*module_lookup)(uintptr_t addr, struct symbol_info *info);

/* Release and acquire: who has the hook sees what was set up before it. */
void kallsyms_set_module_lookup(bool (*fn)(uintptr_t addr,
					   struct symbol_info *info))
{
	smp_store_release(&module_lookup, fn);
}

/* Without the table the weak symbol has the address 0, and no content. */
static uint32_t table_size(void)
{
	return &kallsyms_count ? kallsyms_count : 0;
}

/* How many symbols lie at or below @addr. */
static uint32_t count_up_to(uintptr_t addr)
{
	uint32_t low = 0, high = table_size();

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (kallsyms_addresses[mid] <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The last symbol ends with the image. */
static bool kernel_lookup(uintptr_t addr, struct symbol_info *info)
{
	uintptr_t start, end = (uintptr_t)__kernel_end;
	uint32_t n;

	if (addr < (uintptr_t)__text_start || addr >= end)
		return false;
	n = count_up_to(addr);
	if (!n)
		return false;
	start = kallsyms_addresses[n - 1];
	if (n < table_size())
		end = kallsyms_addresses[n];
	strscpy(info->name, kallsyms_names + kallsyms_names_off[n - 1],
		sizeof(info->name));
	info->module[0] = '\0';
	info->file[0] = '\0';
	info->offset = addr - start;
	info->size = end - start;
	return true;
}

/*
 * The image and the window lie apart: who is asked first makes no difference.
 */
bool kallsyms_lookup(uintptr_t addr, struct symbol_info *info)
{
	bool (*lookup)(uintptr_t, struct symbol_info *) =
		smp_load_acquire(&module_lookup);

	return kernel_lookup(addr, info) || (lookup && lookup(addr, info));
}

int sprint_symbol(char *buf, size_t size, uintptr_t addr)
{
	struct symbol_info info;
	int n;

	if (!kallsyms_lookup(addr, &info))
		return scnprintf(buf, size, "0x%08lx", (unsigned long)addr);
	n = scnprintf(buf, size, "%s+0x%x/0x%x", info.name, info.offset,
		      info.size);
	if (info.module[0])
		n += scnprintf(buf + n, size - (size_t)n, " [%s]",
			       info.module);
	return n;
}
