/*
 * The registry: which modules there are, their symbols, who depends on whom.
 *
 * It is the array owners[] of sched/owner.c; the dossier of a module is found
 * by computing its address from the page number there.  Ids are used in turn,
 * so that a stale one names the dead module for as long as possible.
 */
#include <kernel/errno.h>
#include <kernel/export.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <debug/backtrace.h>
#include <debug/kallsyms.h>
#include <fs/file.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <module/symbols.h>
#include <x86/smp.h>

DEFINE_MUTEX(module_lock);

static module_id_t last_id;		/* module_lock */

extern const struct kernel_symbol __ksymtab_start[], __ksymtab_end[];

/*
 * NULL before the dossier is built and once it is unlinked.  For how long the
 * pointer is good is said at unlink_dossier().
 */
struct module *module_of(module_id_t id)
{
	return (struct module *)ledger_of(id);
}

/* A module that is GONE has its name for the reports only: it holds none. */
static bool state_is_present(enum module_state s)
{
	return s != MODULE_FREE && s != MODULE_GONE;
}

module_id_t module_id_locked(const char *name)
{
	assert_mutex_held(&module_lock);
	for (module_id_t id = 1; id < MAX_MODULES; id++)
		if (state_is_present(owner_state(id)) &&
		    strcmp(owners[id].name, name) == 0)
			return id;
	return MODULE_NONE;
}

/*
 * The release pairs with owner_state(): who sees the state sees what was done
 * before it.
 */
void module_set_state_locked(module_id_t id, enum module_state s)
{
	assert_mutex_held(&module_lock);
	smp_store_release(&owners[id].state, (uint32_t)s);
}

void module_set_state(module_id_t id, enum module_state s)
{
	mutex_lock(&module_lock);
	module_set_state_locked(id, s);
	mutex_unlock(&module_lock);
}

/*
 * The state before the doors: whoever comes in by one finds the module LIVE.
 * What a DEFERRED one had of retries is forgotten.
 */
void module_go_live_locked(module_id_t id)
{
	module_set_state_locked(id, MODULE_LIVE);
	WRITE_ONCE(owners[id].wake_undertaker, false);
	owners[id].retries = 0;
	owners[id].retry_at = stamp_of(0);
	ledger_open_doors(id);
}

/*
 * The search begins behind the id given last, and never gives 0.  The whole
 * record is new: who has a stale id sees zeros, and then another module.
 */
module_id_t module_new_id_locked(const char *name)
{
	for (unsigned int i = 1; i < MAX_MODULES; i++) {
		module_id_t id = (module_id_t)
			((last_id + i - 1) % (MAX_MODULES - 1) + 1);
		struct owner *o = &owners[id];

		if (state_is_present(owner_state(id)))
			continue;
		last_id = id;
		memset(o, 0, sizeof(*o));
		spin_lock_init(&o->sites_lock, "owner_sites");
		strscpy(o->name, name, sizeof(o->name));
		module_set_state_locked(id, MODULE_LOADING);
		return id;
	}
	return MODULE_NONE;
}

/* ---- symbols ---- */

static bool kernel_export_find(const char *name, uintptr_t *value)
{
	for (const struct kernel_symbol *s = __ksymtab_start;
	     s < __ksymtab_end; s++) {
		if (strcmp(s->name, name))
			continue;
		*value = s->value;
		return true;
	}
	return false;
}

static bool module_export_find(const struct module *m, const char *name,
			       uintptr_t *value)
{
	for (uint32_t i = 0; i < m->nr_exports; i++) {
		if (strcmp(m->exports[i].name, name))
			continue;
		*value = m->exports[i].value;
		return true;
	}
	return false;
}

/*
 * LIVE only: what is being loaded may fail yet, what is closed may go.  The
 * caller notes the dependency before it gives module_lock up.
 */
bool export_find_locked(const char *name, uintptr_t *value, module_id_t *owner)
{
	assert_mutex_held(&module_lock);
	*owner = MODULE_NONE;
	if (kernel_export_find(name, value))
		return true;
	for (module_id_t id = 1; id < MAX_MODULES; id++) {
		if (owner_state(id) != MODULE_LIVE ||
		    !module_export_find(module_of(id), name, value))
			continue;
		*owner = id;
		return true;
	}
	return false;
}

/* It is live, or may be: it is being loaded, or may be reactivated. */
static bool may_live(enum module_state s)
{
	return s == MODULE_LOADING || s == MODULE_LIVE || s == MODULE_CLOSED ||
	       s == MODULE_HELD || s == MODULE_DEFERRED;
}

bool export_is_taken_locked(const char *name, module_id_t *owner)
{
	uintptr_t value;

	assert_mutex_held(&module_lock);
	*owner = MODULE_NONE;
	if (kernel_export_find(name, &value))
		return true;
	for (module_id_t id = 1; id < MAX_MODULES; id++) {
		const struct module *m = module_of(id);

		if (!m || !may_live(owner_state(id)) ||
		    !module_export_find(m, name, &value))
			continue;
		*owner = id;
		return true;
	}
	return false;
}

/*
 * Interrupts are off from the load of dossier_page to the last byte copied:
 * what unlink_dossier() waits for (H34).
 */
static bool copy_symbol(module_id_t id, uintptr_t addr,
			struct symbol_info *info)
{
	const struct module *m = module_of(id);
	const struct symbols *symbols;
	struct symbols_hit hit;

	if (!m)
		return false;
	symbols = smp_load_acquire(&m->symbols);
	if (!symbols || !symbols_lookup(symbols, addr, &hit))
		return false;
	strscpy(info->name, hit.name, sizeof(info->name));
	strscpy(info->module, m->name, sizeof(info->module));
	strscpy(info->file, hit.file ? hit.file : "", sizeof(info->file));
	info->offset = hit.offset;
	info->size = hit.size;
	return true;
}

/*
 * For backtraces, in any context, so without a lock.  @addr need not be
 * evidence: who prints a backtrace has it from memory that is not searched,
 * and the module may go meanwhile.
 */
static bool lookup_in_modules(uintptr_t addr, struct symbol_info *info)
{
	module_id_t id = window_owner(addr);
	uint32_t flags;
	bool found;

	if (!id)
		return false;
	flags = local_irq_save();
	found = copy_symbol(id, addr, info);
	local_irq_restore(flags);
	return found;
}

/*
 * Without a lock: @addr is in the territory of an unload, and the undertaker,
 * who asks, is the one who would take the dossier away.
 */
bool module_text_has(uintptr_t addr)
{
	module_id_t id = window_owner(addr);
	const struct module *m = id ? module_of(id) : NULL;

	return m && addr - m->region[REGION_TEXT].addr <
		    m->region[REGION_TEXT].size;
}

void describe_address(uintptr_t addr, char *buf, size_t size)
{
	struct symbol_info info;
	const char *close = "";

	if (!kallsyms_lookup(addr, &info)) {
		snprintf(buf, size, "0x%08lx", (unsigned long)addr);
		return;
	}
	if (info.file[0])
		close = ")";
	snprintf(buf, size, "%s+0x%x%s%s%s", info.name, info.offset,
		 info.file[0] ? " (" : "", info.file, close);
}

uintptr_t module_symbol(const char *module, const char *symbol)
{
	uint32_t addr = 0;
	module_id_t id;

	mutex_lock(&module_lock);
	id = module_id_locked(module);
	if (id && module_of(id) && module_of(id)->symbols)
		symbols_find(module_of(id)->symbols, symbol, &addr);
	mutex_unlock(&module_lock);
	return addr;
}

/* ---- dependencies ---- */

bool module_uses(const struct module *m, module_id_t dep)
{
	for (uint32_t i = 0; i < m->nr_deps; i++)
		if (m->deps[i] == dep)
			return true;
	return false;
}

/*
 * One that is being loaded counts from its first dependency on; an entombed one
 * counts for ever, as it may still be run.
 */
module_id_t dependent_locked(module_id_t id, const bool *in_set,
			     module_id_t after)
{
	assert_mutex_held(&module_lock);
	for (module_id_t other = after + 1; other < MAX_MODULES; other++) {
		if (!state_is_present(owner_state(other)) || in_set[other])
			continue;
		if (module_of(other) && module_uses(module_of(other), id))
			return other;
	}
	return MODULE_NONE;
}

/* ---- looking ---- */

/* Cut where @buf ends, like the list below: they are for a line on a screen. */
static void list_dependents(module_id_t id, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (module_id_t other = 1; other < MAX_MODULES; other++) {
		if (!state_is_present(owner_state(other)) ||
		    !module_of(other) || !module_uses(module_of(other), id))
			continue;
		len += (size_t)scnprintf(buf + len, size - len, "%s%s",
					 len ? " " : "", owners[other].name);
	}
}

/* Who a DEFERRED module waits for: "12 reader, 13 reader". */
static void list_users(module_id_t id, char *buf, size_t size)
{
	struct open_note note;
	size_t len = 0;

	for (uint32_t n = 0; len + 1 < size &&
	     chrdev_nth_open(id, n, &note); n++) {
		struct task *t = task_find(note.opener);

		len += (size_t)scnprintf(buf + len, size - len, "%s%d %s",
					 n ? ", " : "", note.opener,
					 t ? t->comm : "(gone)");
		if (t)
			task_put(t);
	}
	for (size_t i = 0; i < OWNER_SITES; i++) {
		struct owner_site s = owner_site(id, i);

		if (s.window_offset)
			len += (size_t)scnprintf(buf + len, size - len,
						 "%s%d counts %d",
						 len ? ", " : "", s.pid,
						 s.count);
	}
}

/* Under module_lock, so the dossier stays; the counts are of the moment. */
static void fill_info(module_id_t id, struct module_info *info)
{
	const struct module *m = module_of(id);

	memset(info, 0, sizeof(*info));
	info->id = id;
	strscpy(info->name, owners[id].name, sizeof(info->name));
	info->state = owner_state(id);
	info->size = window_pages(id) * PAGE_SIZE;
	info->users = owner_count(id);
	info->opens = (uint32_t)atomic_read(&owners[id].opens);
	info->text = m ? m->region[REGION_TEXT].addr : 0;
	list_dependents(id, info->used_by, sizeof(info->used_by));
	if (info->state == MODULE_DEFERRED)
		list_users(id, info->blocked_by, sizeof(info->blocked_by));
}

bool module_next(module_id_t after, struct module_info *info)
{
	bool found = false;

	mutex_lock(&module_lock);
	for (unsigned int id = after + 1u; id < MAX_MODULES && !found; id++) {
		if (!state_is_present(owner_state((module_id_t)id)))
			continue;
		fill_info((module_id_t)id, info);
		found = true;
	}
	mutex_unlock(&module_lock);
	return found;
}

bool module_find(const char *name, struct module_info *info)
{
	module_id_t id;

	mutex_lock(&module_lock);
	id = module_id_locked(name);
	if (id)
		fill_info(id, info);
	mutex_unlock(&module_lock);
	return id != MODULE_NONE;
}

/* ---- the end ---- */

/* To have been run is all: see unlink_dossier(). */
static void nothing(void *arg)
{
	(void)arg;
}

/*
 * On return nobody reads the dossier, nor will.  Those who find it by its
 * number hold module_lock, or have interrupts off from that load to their last
 * read of it (under slot_lock, or in copy_symbol()), wherever they were called
 * from, a fault handler included.  So a CPU answers the call with no such
 * reader half-way, and what it loads after its answer is 0: the store comes
 * before the interrupt is sent.  A shootdown would come too late, as it
 * follows the unmapping; and it ends, as nobody waits with interrupts off for
 * what needs this CPU (x86/cross.c).
 */
static void unlink_dossier(module_id_t id)
{
	mutex_lock(&module_lock);
	WRITE_ONCE(owners[id].dossier_page, 0);
	mutex_unlock(&module_lock);
	smp_call_others(nothing, NULL);
}

/*
 * H34: unlinked, waited for, freed.  Until the dossier is unlinked ledger and
 * symbols serve: heap_destroy() has the places of leaks named, tombstone_set()
 * copies the names of functions.  Of the memory the dossier goes last.
 */
void module_destroy(module_id_t id, uint32_t unload_number,
		    void (*leak)(const struct heap_object *o, void *arg),
		    void *arg)
{
	struct module *m = module_of(id);
	void *memory = m->memory, *extra = m->extra;

	ledger_release(id);
	window_set_unload_number(id, unload_number);
	heap_destroy(id, leak, arg);
	if (unload_number)		/* else none of its code ever ran */
		tombstone_set(m, unload_number);
	gdb_module_unloaded(m);
	unlink_dossier(id);
	window_free(memory, id);
	window_free(extra, id);
	window_free(m, id);
	module_set_state(id, MODULE_GONE);
}

/*
 * A call that the compiler may neither inline nor drop, with @mod as argument.
 */
noinline void gdb_module_loaded(const struct module *mod)
{
	(void)mod;
	barrier();
}

noinline void gdb_module_unloaded(const struct module *mod)
{
	(void)mod;
	barrier();
}

void module_init_subsystem(void)
{
	kallsyms_set_module_lookup(lookup_in_modules);
	debug_set_autopsy(tombstone_autopsy);
	undertaker_init();
}
