/*
 * Loading a module.
 *
 * Everything about the file is checked before anything is built, and what is
 * built is not visible until all of it stands: on failure nothing of the
 * module remains.  The steps that run the module's own code come last; where
 * one of those fails the module goes the way of an unload, as it may have
 * started threads by then (H29).
 */
#include <kernel/errno.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <fs/file.h>
#include <generated/abi.h>
#include <lib/ctype.h>
#include <mm/mm.h>
#include <module/exports.h>
#include <module/internal.h>
#include <module/modinfo.h>
#include <module/params.h>
#include <module/reloc.h>
#include <module/symbols.h>
#include <sched/freezer.h>

/*
 * All that a load needs to know, on the heap.  It points into the module: gone
 * when the load is over, so that an unload finds that pointer for so long only.
 */
struct load_info {
	const char		*args;
	char			name[OWNER_NAME_LEN];
	void			*file;		/* vmalloc()ed */
	size_t			size;
	struct elf_file		elf;
	struct modinfo		modinfo;
	struct image		image;
	void			*scratch;
	struct elf_error	err;
	struct module		*mod;
	module_id_t		id;
	struct attempt		*expulsion;	/* once its code may run */
	char			*param_text;	/* in mod->extra */
};

static int load_error(struct load_info *info, int err, const char *text)
{
	strscpy(info->err.text, text, sizeof(info->err.text));
	return err;
}

/* ---- the file ---- */

static int read_file(struct load_info *info, const char *path)
{
	int err = fs_read_file(path, &info->file, &info->size);

	if (err == -ENOENT)
		return load_error(info, err, "no such file");
	if (err == -ENOMEM)
		return load_error(info, err, "no memory");
	if (err)
		return elf_fail(&info->err, err, "cannot be read: %s",
				errno_name(err));
	return 0;
}

/*
 * The stamp before the layout: of a module made for other headers that is the
 * thing to be told.  @scratch is data, though it will hold addresses of other
 * modules: the dependencies that are noted with them say the same.
 */
static int check_file(struct load_info *info)
{
	int err = elf_check(info->file, info->size, &info->elf, &info->err);

	if (err)
		return err;
	err = modinfo_check(&info->elf, &info->modinfo, &info->err);
	if (err)
		return err;
	err = modinfo_check_abi(&info->modinfo, ICEBOX_ABI, &info->err);
	if (err)
		return err;
	info->scratch = kmalloc(layout_scratch_size(&info->elf),
				GFP_KERNEL | GFP_DATA);
	if (!info->scratch)
		return load_error(info, -ENOMEM, "no memory");
	return layout_plan(&info->elf, info->scratch, &info->image,
			   &info->err);
}

/* ---- memory ---- */

static uint32_t regions_size(const struct image *image, bool with_init)
{
	uint32_t size = 0;

	for (unsigned int r = 0; r < REGION_COUNT; r++)
		if (with_init || !region_is_init(r))
			size += image->region[r].size;
	return size;
}

/*
 * One block for the image, in the order of the regions: init comes last, and
 * can be cut off.  Writable and not executable until protect_image().
 */
static int alloc_image(struct load_info *info)
{
	struct module *m = info->mod;
	uint32_t at = 0;

	m->memory_size = regions_size(&info->image, true);
	m->kept_size = regions_size(&info->image, false);
	if (!m->memory_size)
		return load_error(info, -ENOEXEC, "holds no code and no data");
	m->memory = window_alloc(m->memory_size, info->id);
	if (!m->memory)
		return load_error(info, -ENOMEM, "no memory");
	for (unsigned int r = 0; r < REGION_COUNT; r++) {
		struct region *reg = &info->image.region[r];

		reg->mem = (uint8_t *)m->memory + at;
		reg->addr = (uint32_t)(uintptr_t)reg->mem;
		m->region[r] = *reg;
		at += reg->size;
	}
	return 0;
}

/* Symbols and the strings of parameters: the dossier's second block. */
static int alloc_extra(struct load_info *info)
{
	struct module *m = info->mod;
	size_t symbols = ALIGN_UP(symbols_size(&info->image), 8u);
	size_t params = params_store_size(info->args);

	m->extra = window_alloc(symbols + params, info->id);
	if (!m->extra)
		return load_error(info, -ENOMEM, "no memory");
	info->param_text = (char *)m->extra + symbols;
	return 0;
}

/*
 * DEFERRED is not told apart: module_revive() was asked before, so it has
 * become that since.
 */
static const char *name_taken(const char *name) __must_hold(&module_lock);
static const char *name_taken(const char *name)
{
	switch (owner_state(module_id_locked(name))) {
	case MODULE_ENTOMBED:
		return "is entombed: its name is free again after a reboot";
	case MODULE_LIVE:
		return "is loaded already";
	default:
		return "is just being loaded or unloaded";
	}
}

/*
 * The name is taken in the critical section that found it free, so of two loads
 * at once one is refused (H28).  What window_alloc() returns is zeroed.
 */
static int alloc_module(struct load_info *info)
{
	struct module *m;
	int err;

	mutex_lock(&module_lock);
	if (module_id_locked(info->name))
		err = load_error(info, -EEXIST, name_taken(info->name));
	else if (!(info->id = module_new_id_locked(info->name)))
		err = load_error(info, -ENFILE, "too many modules");
	else
		err = 0;
	mutex_unlock(&module_lock);
	if (err)
		return err;

	m = window_alloc(sizeof(*m), info->id);
	if (!m) {
		err = load_error(info, -ENOMEM, "no memory");
		goto free_id;
	}
	INIT_LIST_HEAD(&m->ledger.bindings);
	m->id = info->id;
	strscpy(m->name, info->name, sizeof(m->name));
	info->mod = m;
	err = heap_create(info->id);
	if (err) {
		load_error(info, err, "no memory");
		goto free_dossier;
	}
	err = alloc_image(info);
	if (err)
		goto free_heap;
	err = alloc_extra(info);
	if (err)
		goto free_image;
	/*
	 * Last: from here on others find the dossier, and module_destroy() is
	 * what undoes all of this.
	 */
	smp_store_release(&owners[info->id].dossier_page,
			  ((uintptr_t)m - WINDOW_BASE) / PAGE_SIZE + 1);
	return 0;

free_image:
	window_free(m->memory, info->id);
free_heap:
	heap_destroy(info->id, NULL, NULL);
free_dossier:
	window_free(m, info->id);
free_id:
	module_set_state(info->id, MODULE_FREE);
	info->mod = NULL;
	return err;
}

/* ---- linking ---- */

/*
 * Noted once however many symbols there are.  The kernel's own need none: it
 * stays.
 */
static int note_dependency(struct module *m, module_id_t owner,
			   struct elf_error *err)
{
	if (owner == MODULE_NONE || module_uses(m, owner))
		return 0;
	if (m->nr_deps == MODULE_MAX_DEPS)
		return elf_fail(err, -ENOEXEC,
				"uses more than %u other modules",
				MODULE_MAX_DEPS);
	m->deps[m->nr_deps++] = owner;
	return 0;
}

/*
 * Under module_lock: whoever unloads the exporting module sees the dependency
 * or has closed it, and then it exports nothing.
 */
static int resolve(void *ctx, const char *name, uint32_t *value,
		   struct elf_error *err)
{
	struct load_info *info = ctx;
	module_id_t owner;
	uintptr_t addr;
	int ret;

	/* In the dossier, so that the address is the module's own. */
	if (strcmp(name, "__this_module") == 0) {
		*value = (uint32_t)(uintptr_t)&info->mod->id;
		return 0;
	}
	mutex_lock(&module_lock);
	ret = export_find_locked(name, &addr, &owner) ? 0 : -ENOENT;
	if (!ret) {
		*value = addr;
		ret = note_dependency(info->mod, owner, err);
	}
	mutex_unlock(&module_lock);
	return ret;
}

static int find_entry(struct load_info *info, const char *name, bool init,
		      uint32_t *addr)
{
	return symbols_entry_point(&info->image, name, init, addr, &info->err);
}

/* Only init may be freed after load: the others are called later. */
static int find_entries(struct load_info *info)
{
	struct module *m = info->mod;
	uint32_t init, reg, unreg, cleanup;
	int err;

	err = find_entry(info, "init_module", true, &init);
	if (!err)
		err = find_entry(info, "register_module", false, &reg);
	if (!err)
		err = find_entry(info, "unregister_module", false, &unreg);
	if (!err)
		err = find_entry(info, "cleanup_module", false, &cleanup);
	if (err)
		return err;
	m->init = (int (*)(void))(uintptr_t)init;
	m->register_fn = (int (*)(void))(uintptr_t)reg;
	m->unregister_fn = (void (*)(void))(uintptr_t)unreg;
	m->cleanup_fn = (void (*)(void))(uintptr_t)cleanup;
	return 0;
}

/*
 * Who is linked to a name is linked to the one that has it.  From here on @m
 * has its names, or none: of two loads at once one finds them taken.
 */
static int take_exports(struct load_info *info, uint32_t count)
{
	struct module *m = info->mod;
	module_id_t owner;
	int err = 0;

	mutex_lock(&module_lock);
	for (uint32_t i = 0; i < count && !err; i++)
		if (export_is_taken_locked(m->exports[i].name, &owner))
			err = elf_fail(&info->err, -EEXIST, "exports %.64s, "
				       "which %s%s exports already",
				       m->exports[i].name,
				       owner ? "module " : "the kernel",
				       owner ? owner_of(owner)->name : "");
	if (!err)
		m->nr_exports = count;
	mutex_unlock(&module_lock);
	return err;
}

static int find_exports(struct load_info *info)
{
	struct module *m = info->mod;
	struct exports table;
	int err = exports_check(&info->image, &table, &info->err);

	if (err)
		return err;
	if (table.count > MODULE_MAX_EXPORTS)
		return elf_fail(&info->err, -ENOEXEC,
				"exports more than %u symbols",
				MODULE_MAX_EXPORTS);
	/* Nobody reads them as long as nr_exports is 0. */
	for (uint32_t i = 0; i < table.count; i++) {
		struct export e = exports_get(&table, i);

		m->exports[i] = (struct module_export){ e.name, e.value };
	}
	return take_exports(info, table.count);
}

/* The strings lie in the dossier, and live as long as the variables do. */
static int set_params(struct load_info *info)
{
	struct param_store store = {
		.mem = info->param_text,
		.addr = (uint32_t)(uintptr_t)info->param_text,
		.size = params_store_size(info->args),
	};
	struct params params;
	int err = params_check(&info->image, &params, &info->err);

	if (err)
		return err;
	return params_apply(&params, info->args, &store, &info->err);
}

static void protect_region(const struct module *m, unsigned int r,
			   uint64_t prot)
{
	if (m->region[r].size)
		window_protect((void *)(uintptr_t)m->region[r].addr,
			       m->region[r].size, prot);
}

/*
 * Text is not searched for uses of other modules.  Nobody writes to it any
 * more, and what it holds of another module's addresses came by relocation: it
 * is a dependency, and known.  As words, instructions are noise: a call is
 * 0xe8, a short jump 0xeb, like the window's addresses.
 */
static void leave_unsearched(const struct module *m, unsigned int r)
{
	if (m->region[r].size)
		window_set_unsearched((void *)(uintptr_t)m->region[r].addr,
				      m->region[r].size);
}

/*
 * The image is complete: constant data has its relocations and the GOT its
 * addresses.  Nothing is ever writable and executable, not for a moment.
 */
static void protect_image(const struct module *m)
{
	leave_unsearched(m, REGION_TEXT);
	leave_unsearched(m, REGION_INIT_TEXT);
	protect_region(m, REGION_TEXT, PROT_KERNEL_RX);
	protect_region(m, REGION_RODATA, PROT_KERNEL_R);
	protect_region(m, REGION_INIT_TEXT, PROT_KERNEL_RX);
	protect_region(m, REGION_INIT_RODATA, PROT_KERNEL_R);
}

/*
 * Tables are read after relocation, which gives their entries values.  Nothing
 * here is visible outside but the names that take_exports() reserves; on
 * failure the caller destroys all of it.
 */
static int link_module(struct load_info *info)
{
	struct symbol_resolver resolver = { resolve, info };
	struct module *m = info->mod;
	int err;

	layout_copy(&info->image);
	err = reloc_apply(&info->image, &resolver, &info->err);
	if (!err)
		err = find_entries(info);
	if (!err)
		err = find_exports(info);
	if (!err)
		err = set_params(info);
	if (err)
		return err;
	smp_store_release(&m->symbols, symbols_build(&info->image, m->extra));
	protect_image(m);
	gdb_module_loaded(m);
	return 0;
}

/* ---- the module's own code ---- */

/*
 * Nobody is in there: init has returned, and what it would have started was
 * refused, as may_register is not set yet.  The names go before the memory, so
 * that no address which is free has one.
 */
static void free_init_regions(struct module *m)
{
	uint32_t size = m->memory_size - m->kept_size;

	if (!size)
		return;
	symbols_forget(m->symbols,
		       (uint32_t)(uintptr_t)m->memory + m->kept_size, size);
	window_trim((uint8_t *)m->memory + m->kept_size, size, m->id);
	m->init = NULL;
	gdb_module_loaded(m);
}

/* Anything but 0 is a failure; what is no -errno has no name. */
static int routine_failed(struct load_info *info, const char *routine, int err)
{
	if (err > 0 || err <= -ERESTARTSYS)
		return elf_fail(&info->err, -EINVAL, "its %s returned %d, "
				"which is neither 0 nor an error", routine,
				err);
	return elf_fail(&info->err, err, "its %s failed: %s", routine,
			errno_name(err));
}

/* A failed init cleans up after itself: no cleanup is due. */
static int run_init(struct load_info *info)
{
	struct module *m = info->mod;
	int err = m->init ? m->init() : 0;

	if (err) {
		m->init_failed = true;
		return routine_failed(info, "init", err);
	}
	free_init_regions(m);
	return 0;
}

/*
 * Doors that it registers stay closed until module_go_live_locked(); engines
 * run at once, so from here on others may be inside.
 */
static int run_register(struct load_info *info)
{
	struct module *m = info->mod;
	int err;

	owners[m->id].may_register = true;
	err = m->register_fn ? m->register_fn() : 0;
	return err ? routine_failed(info, "register", err) : 0;
}

static int start_module(struct load_info *info)
{
	int err = run_init(info);

	if (!err)
		err = run_register(info);
	if (err)
		return err;
	mutex_lock(&module_lock);
	module_go_live_locked(info->id);
	mutex_unlock(&module_lock);
	return 0;
}

/* ---- all of it ---- */

/*
 * Builds and starts.  Where info->expulsion is left the module's own code has
 * run, and what it did is for that to clear up.
 */
static int load_file(struct load_info *info, const char *path)
{
	int err = read_file(info, path);

	if (!err)
		err = check_file(info);
	if (!err)
		err = alloc_module(info);
	if (err)
		return err;
	err = link_module(info);
	if (!err) {
		info->expulsion = expel_prepare(info->id);
		if (!info->expulsion)
			err = load_error(info, -ENOMEM, "no memory");
	}
	if (err) {
		/* Nothing of it has run, so there is nobody to wait for. */
		module_destroy(info->id, 0, NULL, NULL);
		return err;
	}
	err = start_module(info);
	if (!err) {
		expel_cancel(info->expulsion);
		info->expulsion = NULL;
	}
	return err;
}

/* "-" counts as "_", as in the names that the command unload takes. */
int module_name_from_path(const char *path, char *name, size_t size)
{
	const char *base = strrchr(path, '/');
	size_t len;

	base = base ? base + 1 : path;
	len = strlen(base);
	if (len > 3 && strcmp(base + len - 3, ".ko") == 0)
		len -= 3;
	if (len == 0 || len >= size)
		return -EINVAL;
	memcpy(name, base, len);
	name[len] = '\0';
	for (char *p = name; *p; p++) {
		if (!isprint(*p) || *p == ' ')
			return -EINVAL;
		if (*p == '-')
			*p = '_';
	}
	return 0;
}

/* The frames that point into the module are all below this one. */
static noinline int load_and_forget(const char *path, const char *args,
				    char *err_text, size_t n,
				    struct attempt **expulsion)
{
	struct load_info *info = kzalloc(sizeof(*info), GFP_KERNEL);
	int err;

	*expulsion = NULL;
	if (!info) {
		strscpy(err_text, "no memory", n);
		return -ENOMEM;
	}
	info->args = args;
	module_name_from_path(path, info->name, sizeof(info->name));
	err = load_file(info, path);
	if (err)
		strscpy(err_text, info->err.text, n);
	*expulsion = info->expulsion;
	kfree(info->scratch);
	vfree(info->file);
	kfree(info);
	return err;
}

/*
 * Threads that the module starts, and those that clear up after it, are waited
 * for: nobody freezes the world by hand meanwhile.
 */
static int load_path(const char *path, const char *args, char *err_text,
		     size_t n)
{
	struct attempt *expulsion;
	int err;

	if (!freezer_keep_running()) {
		strscpy(err_text, "the world is frozen by hand: `thaw` first",
			n);
		return -EPERM;
	}
	err = load_and_forget(path, args, err_text, n, &expulsion);
	stack_wipe_dead();
	if (expulsion && module_expel(expulsion))
		scnprintf(err_text + strlen(err_text), n - strlen(err_text),
			  "; it is still being cleared up");
	freezer_keep_no_longer();
	return err;
}

static bool is_blank(const char *s)
{
	while (isspace(*s))
		s++;
	return !*s;
}

int module_load(const char *path, const char *args, char *err_text, size_t n)
{
	char full[128], name[OWNER_NAME_LEN];
	int err;

	if (module_name_from_path(path, name, sizeof(name))) {
		snprintf(err_text, n, "no name for a module: it has 1 to %d "
			 "visible characters", OWNER_NAME_LEN - 1);
		return -EINVAL;
	}
	err = module_revive(name, !is_blank(args), err_text, n);
	if (err != -ENOENT)
		return err;
	if (strchr(path, '/') && strlen(path) >= sizeof(full)) {
		snprintf(err_text, n, "the path is too long");
		return -ENAMETOOLONG;
	}
	if (strchr(path, '/'))
		strscpy(full, path, sizeof(full));
	else
		snprintf(full, sizeof(full), "/lib/modules/%s.ko", name);
	return load_path(full, args, err_text, n);
}
