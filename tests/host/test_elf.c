// sources: kernel/module/elf.c kernel/module/layout.c kernel/module/reloc.c kernel/module/symbols.c kernel/module/modinfo.c kernel/module/exports.c kernel/module/params.c kernel/lib/kstrto.c
/*
 * The door of the module loader: good files pass, whoever compiled them; a
 * file cut off anywhere, each file of tests/badfiles, and random damage are
 * refused with a text or loaded, and never lead the loader outside its memory.
 */
#include "loader.h"

#ifndef MUTATIONS
#define MUTATIONS	20000
#endif

static uint32_t seed = 1;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static int load_copy(struct loaded *l, const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	return load(l, copy, size, "");
}

/* Every file that a compiler made passes through all steps. */
static void good_files_load(const char *path)
{
	struct loaded l;
	size_t size;
	void *bytes = read_file(path, &size);
	int rc = load(&l, bytes, size, "");

	if (rc)
		printf("# %s: %d %s\n", path, rc, l.err.text);
	ok(rc == 0, "good_file_loads: %s", file_name(path));
	unload(&l);
}

/* The section table is last, so whatever is cut off, something is missing. */
static void truncated_files_are_refused(const char *path)
{
	struct loaded l;
	size_t size, cut, passed = 0;
	void *bytes = read_file(path, &size);

	for (cut = 0; cut < size; cut++) {
		if (load_copy(&l, bytes, cut) == 0 || !l.err.text[0])
			passed++;
		unload(&l);
	}
	free(bytes);
	ok(passed == 0, "truncated_file_is_refused: %s", file_name(path));
}

/* Most bytes of a file are code; damage goes where the loader looks. */
static size_t damage_offset(const uint8_t *bytes, size_t size)
{
	const struct elf32_ehdr *eh = (const void *)bytes;
	const struct elf32_shdr *sec = (const void *)(bytes + eh->e_shoff);
	uint32_t i = random32() % eh->e_shnum;

	switch (random32() % 8) {
	case 0:
		return random32() % sizeof(*eh);
	case 1:
	case 2:
	case 3:
		return eh->e_shoff + random32() % (eh->e_shnum * sizeof(*sec));
	case 4:
		return random32() % size;
	default:
		if (sec[i].sh_type == SHT_NOBITS || !sec[i].sh_size)
			return random32() % size;
		return sec[i].sh_offset + random32() % sec[i].sh_size;
	}
}

static void damage(uint8_t *bytes, const uint8_t *intact, size_t size)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 4, 8, 0x7f, 0xff, 0xfff, 0x1000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, 0xffffffff,
	};
	size_t at = damage_offset(intact, size);
	uint32_t value = values[random32() % ARRAY_SIZE(values)];
	size_t len = 1u << random32() % 3;

	if (random32() % 2)
		value = random32();
	if (random32() % 2)
		at &= ~(size_t)3;
	if (len > size - at)
		len = size - at;
	memcpy(bytes + at, &value, len);
}

/* Whatever the table was built from, look-ups stay inside it. */
static void look_up(const struct loaded *l)
{
	struct symbols_hit info;
	volatile size_t length;
	uint32_t addr;
	int i;

	for (i = 0; i < REGION_COUNT; i++)
		for (addr = 0; addr < l->image.region[i].used; addr += 61)
			if (symbols_lookup(l->symbols, l->image.region[i].addr +
					   addr, &info))
				length = strlen(info.name);
	(void)length;
}

static void damaged_files_do_no_harm(const char *path, int rounds)
{
	struct loaded l;
	size_t size;
	void *bytes = read_file(path, &size);
	int i, n, mute = 0, refused = 0, rc;
	uint8_t *copy;

	for (i = 0; i < rounds; i++) {
		copy = malloc(size);
		memcpy(copy, bytes, size);
		for (n = random32() % 4; n >= 0; n--)
			damage(copy, bytes, size);
		rc = load(&l, copy, size, "limit=4 loud title=a tag=bcd");
		if (l.symbols && l.image.region[REGION_DATA].used < 100000)
			look_up(&l);
		refused += rc != 0;
		mute += rc && !l.err.text[0];
		unload(&l);
	}
	free(bytes);
	printf("# %s: %d damaged, %d refused\n", file_name(path), rounds,
	       refused);
	ok(!mute && refused > 0, "damaged_file_does_no_harm: %s",
	   file_name(path));
}

/* One line of the table: file, a tab, the text its refusal has to contain. */
static void bad_file_is_refused(const char *line)
{
	char path[256], name[64];
	const char *expected = strchr(line, '\t') + 1;
	struct loaded l;
	size_t size;
	void *bytes;
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)(expected - 1 - line), line);
	snprintf(path, sizeof(path), "%s/bad/%s", module_dir, name);
	bytes = read_file(path, &size);
	rc = load(&l, bytes, size, "");
	if (!rc || !strstr(l.err.text, expected))
		printf("# %s: %d\n#      got %s\n# expected %s\n", name, rc,
		       rc ? l.err.text : "no refusal", expected);
	ok(rc && strstr(l.err.text, expected), "bad_file_is_refused: %s", name);
	unload(&l);
}

static void bad_files_are_refused(void)
{
	char text[256];
	FILE *table;

	snprintf(text, sizeof(text), "/usr/bin/python3 tests/badfiles/make.py "
		 "%s/badbase.ko %s/bad", module_dir, module_dir);
	run_command(text);
	snprintf(text, sizeof(text), "%s/bad/expected.tsv", module_dir);
	table = fopen(text, "r");
	while (table && fgets(text, sizeof(text), table)) {
		text[strcspn(text, "\n")] = '\0';
		bad_file_is_refused(text);
	}
	if (table)
		fclose(table);
}

static void misaligned_buffer_is_refused(const char *path)
{
	struct elf_error err;
	struct elf_file elf;
	size_t size;
	char *bytes = read_file(path, &size);
	char *moved = malloc(size + 1);

	memcpy(moved + 1, bytes, size);
	ok(elf_check(moved + 1, size, &elf, &err) == -EINVAL, "%s",
	   "misaligned_buffer_is_refused");
	free(moved);
	free(bytes);
}

int main(void)
{
	glob_t files;
	size_t i;

	make_modules(&files);
	for (i = 0; i < files.gl_pathc; i++)
		good_files_load(files.gl_pathv[i]);
	for (i = 0; i < files.gl_pathc; i++)
		if (strstr(files.gl_pathv[i], "/gcc-kernel.ko") ||
		    strstr(files.gl_pathv[i], "/clang-one.ko"))
			truncated_files_are_refused(files.gl_pathv[i]);
	misaligned_buffer_is_refused(files.gl_pathv[0]);
	for (i = 0; i < files.gl_pathc; i++)
		if (!strstr(files.gl_pathv[i], "-debug"))
			damaged_files_do_no_harm(files.gl_pathv[i], MUTATIONS /
						 (int)files.gl_pathc + 100);
	bad_files_are_refused();
	remove_modules(&files);
	return finish();
}
