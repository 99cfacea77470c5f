/*
 * Tombstones: what stood where, after it is gone, so that a touch of freed
 * module memory can be told by name (G13).
 *
 * The window remembers of each page whose it was last (mm/window.h).  Here the
 * last modules that went have their functions copied, as offsets in the window
 * and never as addresses, in memory that is static: a module that goes leaves
 * nothing behind that could be counted as a leak.
 *
 * Written by the undertaker, one at a time; read by a machine that is about to
 * die, which takes no lock and can bear a half-written entry.
 */
#include <kernel/string.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <module/symbols.h>

#define TOMBSTONES	16
#define TOMB_SYMBOLS	28

struct tombstone {
	module_id_t	id;		/* 0: empty */
	uint32_t	unload_number;
	char		name[OWNER_NAME_LEN];
	uint32_t	offset, size;	/* of the text, in the window */
	uint32_t	nr_symbols;
	struct {
		uint32_t offset;	/* in the window */
		char	 name[28];
	} symbol[TOMB_SYMBOLS];
};

static struct tombstone tombstones[TOMBSTONES] __no_pointers;
static uint32_t next_tombstone;		/* the undertaker only */

static bool is_in_text(const struct module *m, uint32_t addr)
{
	return addr - m->region[REGION_TEXT].addr <
	       m->region[REGION_TEXT].size;
}

static void copy_symbols(struct tombstone *t, const struct module *m)
{
	const struct symbols *s = m->symbols;

	for (uint32_t i = 0; s && i < s->entry_count; i++) {
		const struct symbols_entry *e = &s->entry[i];

		if (t->nr_symbols == TOMB_SYMBOLS || !is_in_text(m, e->addr))
			continue;
		t->symbol[t->nr_symbols].offset = e->addr - WINDOW_BASE;
		strscpy(t->symbol[t->nr_symbols].name, s->strings + e->name,
			sizeof(t->symbol[0].name));
		t->nr_symbols++;
	}
}

void tombstone_set(const struct module *m, uint32_t unload_number)
{
	struct tombstone *t = &tombstones[next_tombstone++ % TOMBSTONES];

	memset(t, 0, sizeof(*t));
	strscpy(t->name, m->name, sizeof(t->name));
	t->unload_number = unload_number;
	t->offset = m->region[REGION_TEXT].addr - WINDOW_BASE;
	t->size = m->region[REGION_TEXT].size;
	copy_symbols(t, m);
	t->id = m->id;
}

static const struct tombstone *tombstone_at(uint32_t offset)
{
	for (uint32_t i = 0; i < TOMBSTONES; i++)
		if (tombstones[i].id &&
		    offset - tombstones[i].offset < tombstones[i].size)
			return &tombstones[i];
	return NULL;
}

/* The last symbol at or below, as they are sorted by address. */
static void name_symbol(const struct tombstone *t, uint32_t offset, char *buf,
			size_t size)
{
	uint32_t best = TOMB_SYMBOLS;

	for (uint32_t i = 0; i < t->nr_symbols; i++)
		if (t->symbol[i].offset <= offset)
			best = i;
	if (best == TOMB_SYMBOLS)
		snprintf(buf, size, "text+0x%x", offset - t->offset);
	else
		snprintf(buf, size, "%s+0x%x", t->symbol[best].name,
			 offset - t->symbol[best].offset);
}

static void describe_living(uintptr_t addr, char *text, size_t size)
{
	module_id_t id = window_owner(addr);

	snprintf(text, size, "address 0x%08lx belongs to module %s (%s)",
		 (unsigned long)addr, owners[id].name,
		 owner_state_name(owner_state(id)));
}

static void describe_dead(uintptr_t addr, module_id_t id, uint32_t unload,
			  char *text, size_t size)
{
	const struct tombstone *t = tombstone_at(addr - WINDOW_BASE);
	char symbol[48] = "its data or heap";

	if (!unload) {
		snprintf(text, size,
			 "address 0x%08lx was of module %s, whose load failed",
			 (unsigned long)addr, owners[id].name);
		return;
	}
	if (t)
		name_symbol(t, addr - WINDOW_BASE, symbol, sizeof(symbol));
	snprintf(text, size,
		 "address 0x%08lx was %s of module %s, gone since unload %u",
		 (unsigned long)addr, symbol,
		 t ? t->name : owners[id].name, unload);
}

bool tombstone_autopsy(uintptr_t addr, char *text, size_t size)
{
	uint32_t unload = 0;
	module_id_t id;

	if (!in_window(addr))
		return false;
	id = window_tombstone(addr, &unload);
	if (window_owner(addr))
		describe_living(addr, text, size);
	else if (id)
		describe_dead(addr, id, unload, text, size);
	else
		snprintf(text, size, "address 0x%08lx lies in the module "
			 "window, where no module ever was",
			 (unsigned long)addr);
	return true;
}
