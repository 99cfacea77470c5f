/*
 * Loads a module file into memory of this process and runs its
 * shapes_selfcheck(): what relocation made of the code is right if the code
 * works.  test_reloc.c compiles it for the i386, statically.  Exit status 0, or
 * 1 with a line that says what is wrong.
 */
#include <sys/mman.h>
#include "loader.h"

static int host_value = 1234;

static int host_add(int a, int b)
{
	return a + b;
}

static int resolve(void *ctx, const char *name, uint32_t *value,
		   struct elf_error *err)
{
	static const struct {
		const char *name;
		const void *value;
	} known[] = {
		{ "host_add", host_add }, { "host_value", &host_value },
		{ "memcpy", memcpy }, { "memset", memset },
	};
	size_t i;

	(void)ctx;
	(void)err;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i].name))
			continue;
		*value = (uint32_t)(uintptr_t)known[i].value;
		return 0;
	}
	return -ENOENT;
}

static void map_regions(struct image *image)
{
	int i;

	for (i = 0; i < REGION_COUNT; i++) {
		struct region *region = &image->region[i];

		if (!region->size)
			continue;
		region->mem = mmap(NULL, region->size,
				   PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (region->mem == MAP_FAILED)
			exit(2);
		region->addr = (uint32_t)(uintptr_t)region->mem;
	}
}

int main(int argc, char **argv)
{
	struct symbol_resolver resolver = { resolve, NULL };
	struct elf_error err = { "" };
	struct elf_file elf;
	struct image image;
	uint32_t symbol;
	size_t size;
	void *bytes;
	int line;

	if (argc != 2)
		return 2;
	bytes = read_file(argv[1], &size);
	if (elf_check(bytes, size, &elf, &err) ||
	    layout_plan(&elf, malloc(layout_scratch_size(&elf)), &image,
			&err)) {
		printf("# %s\n", err.text);
		return 1;
	}
	map_regions(&image);
	layout_copy(&image);
	symbol = elf_find_symbol(&elf, "shapes_selfcheck");
	if (!symbol || reloc_apply(&image, &resolver, &err)) {
		printf("# %s\n", err.text);
		return 1;
	}
	line = ((int (*)(void))(uintptr_t)image_symbol_addr(&image, symbol))();
	if (line)
		printf("# %s: shapes.c line %d\n", file_name(argv[1]), line);
	return line ? 1 : 0;
}
