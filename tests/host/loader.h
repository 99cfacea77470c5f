/*
 * What the tests of the module loader share: KTAP lines, files in memory of
 * exactly their size (so that ASan sees a read past the end), and the loader's
 * steps one after the other, as the kernel goes through them.
 */
#ifndef TESTS_HOST_LOADER_H
#define TESTS_HOST_LOADER_H

#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <module/elf.h>
#include <module/exports.h>
#include <module/layout.h>
#include <module/modinfo.h>
#include <module/params.h>
#include <module/reloc.h>
#include <module/symbols.h>

#define HOST_ADD_ADDR	0x00101000u
#define HOST_VALUE_ADDR	0x00102000u
#define DOSSIER_ADDR	0xe0800000u

/* Each of a loaded module's parts; free with unload(). */
struct loaded {
	void *bytes;
	size_t size;
	struct elf_file elf;
	void *scratch;
	struct image image;
	struct modinfo info;
	struct exports exports;
	struct params params;
	struct param_store store;
	void *symbol_mem;
	struct symbols *symbols;
	struct elf_error err;
};

static int test_count, test_failures;

static inline void ok(int good, const char *fmt, const char *name)
{
	printf("%sok %d - ", good ? "" : "not ", ++test_count);
	printf(fmt, name);
	putchar('\n');
	test_failures += !good;
}

static inline int finish(void)
{
	printf("1..%d\n", test_count);
	return test_failures ? 1 : 0;
}

static inline void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	void *bytes;

	if (!f) {
		perror(path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	*size = ftell(f);
	rewind(f);
	bytes = malloc(*size ? *size : 1);
	if (fread(bytes, 1, *size, f) != *size)
		exit(1);
	fclose(f);
	return bytes;
}

static inline void run_command(const char *command)
{
	if (system(command)) {
		printf("Bail out! %s\n", command);
		exit(1);
	}
}

/* A scratch directory; make_modules() fills it, remove_modules() deletes it. */
static char module_dir[] = "/tmp/icebox-ko-XXXXXX";

static inline void make_modules(glob_t *found)
{
	char text[128];

	if (!mkdtemp(module_dir))
		exit(1);
	snprintf(text, sizeof(text), "tests/host/ko/build %s", module_dir);
	run_command(text);
	snprintf(text, sizeof(text), "%s/*.ko", module_dir);
	if (glob(text, 0, NULL, found))
		exit(1);
}

static inline void remove_modules(glob_t *found)
{
	char text[128];

	globfree(found);
	snprintf(text, sizeof(text), "rm -r %s", module_dir);
	run_command(text);
}

static inline const char *file_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static inline int resolve_host(void *ctx, const char *name, uint32_t *value,
			       struct elf_error *err)
{
	(void)err;
	++*(int *)ctx;
	if (!strcmp(name, "host_add") || !strcmp(name, "printk"))
		*value = HOST_ADD_ADDR;
	else if (!strcmp(name, "host_value"))
		*value = HOST_VALUE_ADDR;
	else
		return -ENOENT;
	return 0;
}

static inline void give_memory(struct image *image)
{
	uint32_t addr = 0xe0000000;
	int i;

	for (i = 0; i < REGION_COUNT; i++) {
		image->region[i].mem = malloc(image->region[i].size + 1);
		image->region[i].addr = addr;
		addr += image->region[i].size + PAGE_SIZE;
	}
}

static inline void unload(struct loaded *l)
{
	int i;

	for (i = 0; i < REGION_COUNT; i++)
		free(l->image.region[i].mem);
	free(l->scratch);
	free(l->store.mem);
	free(l->symbol_mem);
	free(l->bytes);
}

static inline int entry_points(struct loaded *l, uint32_t addr[4])
{
	static const char *const name[] = {
		"init_module", "register_module", "unregister_module",
		"cleanup_module",
	};
	int i, rc = 0;

	for (i = 0; i < 4 && !rc; i++)
		rc = symbols_entry_point(&l->image, name[i], i == 0, &addr[i],
					 &l->err);
	return rc;
}

/* All that happens to a file before code of it runs; takes over @bytes. */
static inline int load(struct loaded *l, void *bytes, size_t size,
		       const char *args)
{
	int calls = 0;
	struct symbol_resolver resolver = { resolve_host, &calls };
	uint32_t addr[4];
	int rc;

	memset(l, 0, sizeof(*l));
	l->bytes = bytes;
	l->size = size;
	rc = elf_check(bytes, size, &l->elf, &l->err);
	if (!rc)
		rc = modinfo_check(&l->elf, &l->info, &l->err);
	if (!rc)
		rc = modinfo_check_abi(&l->info, "host-test", &l->err);
	if (rc)
		return rc;
	l->scratch = malloc(layout_scratch_size(&l->elf));
	rc = layout_plan(&l->elf, l->scratch, &l->image, &l->err);
	if (rc)
		return rc;
	give_memory(&l->image);
	layout_copy(&l->image);
	rc = reloc_apply(&l->image, &resolver, &l->err);
	if (!rc)
		rc = entry_points(l, addr);
	if (!rc)
		rc = exports_check(&l->image, &l->exports, &l->err);
	if (!rc)
		rc = params_check(&l->image, &l->params, &l->err);
	if (rc)
		return rc;
	l->store.size = params_store_size(args);
	l->store.mem = malloc(l->store.size);
	l->store.addr = DOSSIER_ADDR;
	rc = params_apply(&l->params, args, &l->store, &l->err);
	l->symbol_mem = malloc(symbols_size(&l->image));
	l->symbols = symbols_build(&l->image, l->symbol_mem);
	return rc;
}

static inline uint32_t peek(const struct loaded *l, uint32_t addr)
{
	const uint8_t *p = image_at(&l->image, addr, 4, REGIONS_ALL);
	uint32_t value = 0;

	if (p)
		memcpy(&value, p, 4);
	return value;
}

/* The address of a symbol of the module, 0 where there is none. */
static inline uint32_t where(const struct loaded *l, const char *name)
{
	uint32_t addr = 0;

	symbols_find(l->symbols, name, &addr);
	return addr;
}

#endif
