// sources: kernel/fs/cpio.c kernel/proc/elfexec.c kernel/fs/path.c
/*
 * The readers of files from outside, under sanitizers: cpio archives, program
 * headers, paths.  Every input that a test gives is a heap block of its exact
 * size, so that a read beyond its end is seen.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fs/cpio.h>
#include <fs/path.h>
#include <proc/elfexec.h>

static int tests, failures;

static void report(const char *name, bool ok)
{
	tests++;
	failures += !ok;
	printf("%s %d %s\n", ok ? "ok" : "not ok", tests, name);
}

/* ---- cpio ---- */

static size_t add_record(char *at, unsigned int mode, const char *name,
			 const char *data, unsigned int size)
{
	unsigned int name_size = (unsigned int)strlen(name) + 1;
	size_t n = (size_t)sprintf(at,
		"070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0);

	memcpy(at + n, name, name_size);
	n += name_size;
	while (n & 3)
		at[n++] = 0;
	memcpy(at + n, data, size);
	n += size;
	while (n & 3)
		at[n++] = 0;
	return n;
}

static size_t make_archive(char *at)
{
	size_t n = add_record(at, 040755, "bin", "", 0);

	n += add_record(at + n, 0100755, "bin/true", "program", 7);
	n += add_record(at + n, 0, "TRAILER!!!", "", 0);
	return n;
}

/* Reads to the end; the number of entries or -EINVAL. */
static int walk(const char *image, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct cpio_reader r;
	struct cpio_entry e;
	int n = 0, ret;

	memcpy(copy, image, size);
	cpio_open(&r, copy, size);
	while ((ret = cpio_next(&r, &e)) == 1) {
		assert(e.name[e.name_len] == '\0');
		for (uint32_t i = 0; i < e.size; i++)
			assert(e.data[i] == e.data[i]);
		n++;
	}
	free(copy);
	return ret ? ret : n;
}

static bool archive_is_read(void)
{
	char image[1024];
	struct cpio_reader r;
	struct cpio_entry e;

	cpio_open(&r, image, make_archive(image));
	return cpio_next(&r, &e) == 1 && !strcmp(e.name, "bin") &&
	       cpio_next(&r, &e) == 1 && !strcmp(e.name, "bin/true") &&
	       e.mode == 0100755 && e.size == 7 &&
	       !memcmp(e.data, "program", 7) && cpio_next(&r, &e) == 0;
}

/* Every proper beginning lacks the trailer. */
static bool truncated_archives_are_refused(void)
{
	char image[1024];
	size_t size = make_archive(image);

	for (size_t cut = 0; cut < size - 4; cut++)
		if (walk(image, cut) != -EINVAL)
			return false;
	return true;
}

/* Each byte of the archive replaced by bytes that mean something there. */
static bool damaged_archives_do_no_harm(void)
{
	static const char bytes[] = { 0, '0', '1', '7', 'F', 'f', 'g', -1 };
	char image[1024];
	size_t size = make_archive(image);

	for (size_t at = 0; at < size; at++) {
		char was = image[at];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			image[at] = bytes[i];
			walk(image, size);
		}
		image[at] = was;
	}
	return walk(image, size) == 2;
}

static bool huge_lengths_are_refused(void)
{
	static const int fields[] = { 6, 11 };
	static const char *const values[] = { "FFFFFFFF", "7FFFFFFF",
		"FFFFFF92", "80000000", "00000000" };
	char image[1024];

	for (size_t f = 0; f < 2; f++) {
		for (size_t v = 0; v < 5; v++) {
			size_t size = make_archive(image);

			memcpy(image + 6 + 8 * fields[f], values[v], 8);
			if (walk(image, size) > 2)
				return false;
			if (v < 4 && walk(image, size) != -EINVAL)
				return false;
		}
	}
	return true;
}

/* ---- programs ---- */

struct program {
	uint8_t  ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	struct {
		uint32_t type, offset, vaddr, paddr, filesz, memsz, flags,
			 align;
	} ph[2];
};

static struct program good_program(void)
{
	struct program p = {
		.ident = { 0x7f, 'E', 'L', 'F', 1, 1, 1 },
		.type = 2, .machine = 3, .version = 1, .entry = 0x8048080,
		.phoff = 52, .ehsize = 52, .phentsize = 32, .phnum = 2,
		.ph = {
			{ 1, 0, 0x8048000, 0, 0x200, 0x200, 5, 4096 },
			{ 1, 0x200, 0x8049200, 0, 0x100, 0x9000, 6, 4096 },
		},
	};

	return p;
}

static int plan_of(const struct program *p, struct exec_plan *plan)
{
	void *copy = malloc(sizeof(*p));
	const char *why;
	int err;

	memcpy(copy, p, sizeof(*p));
	err = exec_plan(copy, sizeof(*p), 0x300, plan, &why);
	free(copy);
	return err;
}

static bool program_is_planned(void)
{
	struct program p = good_program();
	struct exec_plan plan;

	return plan_of(&p, &plan) == 0 && plan.nr_segments == 2 &&
	       plan.phdr == 0x8048034 && plan.segments[1].mem_size == 0x9000 &&
	       plan.segments[1].writable && !plan.segments[1].executable;
}

static bool is_refused(struct program p)
{
	struct exec_plan plan;

	return plan_of(&p, &plan) == -ENOEXEC;
}

#define REFUSED(change) ({						\
	struct program p = good_program();				\
	change;								\
	is_refused(p); })

static bool bad_programs_are_refused(void)
{
	return REFUSED(p.ident[4] = 2) && REFUSED(p.type = 3) &&
	       REFUSED(p.machine = 62) && REFUSED(p.phnum = 0) &&
	       REFUSED(p.phnum = 3) && REFUSED(p.phnum = 65535) &&
	       REFUSED(p.phentsize = 0) && REFUSED(p.phoff = 0xfffffff0) &&
	       REFUSED(p.entry = 0) && REFUSED(p.entry = 0x8049200) &&
	       REFUSED(p.ph[0].filesz = 0x201) &&
	       REFUSED(p.ph[1].offset = 0xffffff00) &&
	       REFUSED(p.ph[1].filesz = 0x101) &&
	       REFUSED(p.ph[1].vaddr = 0x8048800) &&
	       REFUSED(p.ph[1].vaddr = 0x1000) &&
	       REFUSED(p.ph[1].memsz = 0xffffffff) &&
	       REFUSED(p.ph[1].vaddr = 0xafffffff) &&
	       REFUSED(p.ph[1].vaddr = 0xc0000000) &&
	       REFUSED(p.ph[0].vaddr = 0) && REFUSED(p.ph[1].type = 3);
}

/* Whatever a program's header says, a plan that is accepted is harmless. */
static bool accepted_plans_are_harmless(void)
{
	srand(1);
	for (int round = 0; round < 200000; round++) {
		struct program p = good_program();
		uint8_t *bytes = (uint8_t *)&p;
		struct exec_plan plan;
		uint64_t last = 0;

		for (int i = 0; i < 3; i++)
			bytes[(size_t)rand() % sizeof(p)] = (uint8_t)rand();
		if (plan_of(&p, &plan))
			continue;
		for (uint32_t i = 0; i < plan.nr_segments; i++) {
			const struct exec_segment *s = &plan.segments[i];
			uint64_t start = s->vaddr & ~0xfffull;

			if (start < 0x1000 || start < last ||
			    (uint64_t)s->vaddr + s->mem_size > 0xb0000000 ||
			    (uint64_t)s->offset + s->file_size > 0x300)
				return false;
			last = ((uint64_t)s->vaddr + s->mem_size + 0xfff) &
			       ~0xfffull;
		}
	}
	return true;
}

/* ---- paths ---- */

static bool joins_to(const char *base, const char *path, const char *want)
{
	char out[32];

	return path_join(base, path, out, sizeof(out)) == 0 &&
	       !strcmp(out, want);
}

static bool paths_are_canonical(void)
{
	char out[8];

	return joins_to("/", "a", "/a") && joins_to("/a/b", "../c", "/a/c") &&
	       joins_to("/a", "/b//c/./d/", "/b/c/d") &&
	       joins_to("/", "../../..", "/") && joins_to("/a", ".", "/a") &&
	       joins_to("/a", "...", "/a/...") && joins_to("", "", "/") &&
	       path_join("/", "1234567", out, 8) == -ENAMETOOLONG &&
	       path_join("/", "123456", out, 8) == 0;
}

int main(void)
{
	printf("TAP version 14\n1..8\n");
	report("archive_is_read", archive_is_read());
	report("truncated_archives_are_refused",
	       truncated_archives_are_refused());
	report("damaged_archives_do_no_harm", damaged_archives_do_no_harm());
	report("huge_lengths_are_refused", huge_lengths_are_refused());
	report("program_is_planned", program_is_planned());
	report("bad_programs_are_refused", bad_programs_are_refused());
	report("accepted_plans_are_harmless", accepted_plans_are_harmless());
	report("paths_are_canonical", paths_are_canonical());
	return failures != 0;
}
