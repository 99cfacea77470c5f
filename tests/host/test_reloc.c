// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * What the loader makes of a file: where the parts lie, what the relocations
 * wrote, and what addresses are called, for the shapes module as each compiler
 * makes it.
 */
#include "loader.h"

/* Regions hold what they should: code here, constants there, no W beside X. */
static int layout_separates(const struct loaded *l)
{
	const uint32_t data = 1u << REGION_DATA, text = 1u << REGION_TEXT;
	const uint32_t rodata = 1u << REGION_RODATA;
	const struct image *m = &l->image;
	int i;

	for (i = 0; i < REGION_COUNT; i++)
		if (m->region[i].size % PAGE_SIZE ||
		    m->region[i].size < m->region[i].used)
			return 0;
	return image_at(m, where(l, "shapes_switch"), 1, text) &&
	       image_at(m, where(l, "shapes_value"), 4, data) &&
	       image_at(m, where(l, "shapes_ops"), 12, rodata) &&
	       image_at(m, where(l, "shapes_common"), 4, data) &&
	       image_at(m, where(l, "shapes_zeroed"), 4000, data) &&
	       image_at(m, where(l, "init_module"), 1,
			1u << REGION_INIT_TEXT) &&
	       image_at(m, where(l, "shapes_setup"), 4,
			1u << REGION_INIT_DATA) &&
	       where(l, "shapes_common_page") % 4096 == 0 &&
	       where(l, "shapes_wide") % 64 == 0;
}

/* Pointers in data, read back, lead to what the source says. */
static int pointers_are_right(const struct loaded *l)
{
	const char *name = image_string(&l->image,
					peek(l, where(l, "shapes_ops") + 4),
					REGIONS_ALL);

	return peek(l, where(l, "shapes_value_ptr")) ==
		where(l, "shapes_value") &&
	       peek(l, where(l, "shapes_changing")) ==
		where(l, "shapes_switch") &&
	       peek(l, where(l, "shapes_ops") + 8) ==
		where(l, "shapes_squares") + 8 &&
	       name && !strcmp(name, "minus");
}

/* Addresses have the names, offsets and files that a person expects. */
static int symbols_name_addresses(const struct loaded *l)
{
	struct symbols_hit info;
	uint32_t addr = where(l, "shapes_switch");

	if (!addr || !symbols_lookup(l->symbols, addr + 2, &info) ||
	    strcmp(info.name, "shapes_switch") || info.offset != 2 ||
	    info.size < 3)
		return 0;
	if (!symbols_lookup(l->symbols, where(l, "limit"), &info) ||
	    !info.file || strcmp(info.file, "shapes.c"))
		return 0;
	addr = l->image.region[REGION_TEXT].addr;
	return !symbols_lookup(l->symbols, addr - 1, &info) &&
	       !symbols_lookup(l->symbols, 0, &info) &&
	       symbols_lookup(l->symbols, addr, &info) &&
	       !where(l, ".L1") && !where(l, "no_such_symbol") &&
	       symbols_lookup(l->symbols, where(l, "shapes_common") + 3,
			      &info) &&
	       !strcmp(info.name, "shapes_common") && info.offset == 3;
}

/* clang gives a static function the name of its alias and forgets its own. */
static uint32_t entry(const struct loaded *l, const char *verb)
{
	char own[32], alias[32];

	snprintf(own, sizeof(own), "shapes_%s", verb);
	snprintf(alias, sizeof(alias), "%s_module", verb);
	return where(l, own) ? where(l, own) : where(l, alias);
}

/* Freed init code loses its name, everything else keeps it. */
static int init_symbols_are_forgotten(const struct loaded *l)
{
	const struct region *init = &l->image.region[REGION_INIT_TEXT];
	uint32_t addr = entry(l, "init");
	struct symbols_hit info;

	if (!addr || !symbols_lookup(l->symbols, addr, &info) ||
	    !strstr(info.name, "init"))
		return 0;
	symbols_forget(l->symbols, init->addr, init->size);
	return !symbols_lookup(l->symbols, addr, &info) &&
	       !entry(l, "init") && entry(l, "cleanup");
}

static int entry_points_are_found(struct loaded *l)
{
	uint32_t addr[4];

	return !entry_points(l, addr) && addr[0] == entry(l, "init") &&
	       addr[1] == entry(l, "register") &&
	       addr[2] == entry(l, "unregister") &&
	       addr[3] == entry(l, "cleanup");
}

static int exports_are_read(const struct loaded *l)
{
	uint32_t i;

	for (i = 0; i < l->exports.count; i++) {
		struct export sym = exports_get(&l->exports, i);

		if (!sym.value || sym.value != where(l, sym.name))
			return 0;
	}
	return l->exports.count == 2;
}

/* A global has lost its source file, unless the module has only one. */
static int globals_know_an_only_file(const struct loaded *l, int one)
{
	struct symbols_hit info;

	if (!symbols_lookup(l->symbols, where(l, "shapes_switch"), &info))
		return 0;
	return one ? info.file && !strcmp(info.file, "shapes.c") : !info.file;
}

/* Each undefined symbol is asked for once, and the others never. */
static int names_are_resolved_once(const struct loaded *l)
{
	int calls = 0;
	struct symbol_resolver resolver = { resolve_host, &calls };
	struct image image = l->image;
	struct elf_error err;
	uint32_t i;

	for (i = 0; i < l->elf.symbol_count; i++)
		image.symbol[i].resolved = false;
	layout_copy(&image);
	if (reloc_apply(&image, &resolver, &err))
		return 0;
	return calls == 4;	/* host_add, host_value and two weak ones */
}

static void check_module(const char *path)
{
	const char *name = file_name(path);
	struct loaded l;
	size_t size;
	void *bytes = read_file(path, &size);

	if (load(&l, bytes, size, "")) {
		printf("# %s\n", l.err.text);
		ok(0, "loads: %s", name);
		unload(&l);
		return;
	}
	ok(layout_separates(&l), "layout_separates: %s", name);
	ok(pointers_are_right(&l), "pointers_are_right: %s", name);
	ok(entry_points_are_found(&l), "entry_points_are_found: %s", name);
	ok(exports_are_read(&l), "exports_are_read: %s", name);
	ok(symbols_name_addresses(&l), "symbols_name_addresses: %s", name);
	ok(globals_know_an_only_file(&l, strstr(name, "-one") != NULL),
	   "globals_know_an_only_file: %s", name);
	ok(init_symbols_are_forgotten(&l), "init_symbols_are_forgotten: %s",
	   name);
	ok(names_are_resolved_once(&l), "names_are_resolved_once: %s", name);
	unload(&l);
}

/* The relocated code of every compiler runs and computes what it should. */
static int build_exec(void)
{
	char text[512];

	snprintf(text, sizeof(text), "${CROSS_COMPILE:-i686-linux-gnu-}gcc "
		 "-static -std=gnu11 -O1 -DHOST_TEST -Ikernel/include -Ikernel "
		 "-Itests/host -o %s/exec tests/host/ko/exec.c "
		 "kernel/module/elf.c kernel/module/layout.c "
		 "kernel/module/reloc.c kernel/module/symbols.c "
		 "kernel/module/modinfo.c kernel/module/exports.c "
		 "kernel/module/params.c kernel/lib/kstrto.c 2>&1",
		 module_dir);
	return system(text) == 0;
}

static void relocated_code_runs(const glob_t *files)
{
	char text[512];
	size_t i;

	if (!build_exec()) {
		ok(1, "%s # SKIP no i386 C library to link with",
		   "relocated_code_runs");
		return;
	}
	fflush(stdout);
	for (i = 0; i < files->gl_pathc; i++) {
		snprintf(text, sizeof(text), "%s/exec %s", module_dir,
			 files->gl_pathv[i]);
		if (!strstr(text, "badbase"))
			ok(system(text) == 0, "relocated_code_runs: %s",
			   file_name(files->gl_pathv[i]));
		fflush(stdout);
	}
}

int main(void)
{
	glob_t files;
	size_t i;

	make_modules(&files);
	for (i = 0; i < files.gl_pathc; i++)
		if (!strstr(files.gl_pathv[i], "badbase"))
			check_module(files.gl_pathv[i]);
	relocated_code_runs(&files);
	remove_modules(&files);
	return finish();
}
