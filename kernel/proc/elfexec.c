/*
 * The checks on a program before anything of it is mapped.  No sum is formed
 * before it is known to fit: each bound is compared with what is left.  A
 * refusal is a sentence for the log: who started the program has no more than
 * ENOEXEC to go by.
 */
#include <kernel/errno.h>
#include <kernel/string.h>
#include <proc/elfexec.h>

#define PAGE_START(x)	((x) & PAGE_MASK)

/* System V ABI, gABI ch. 4 and 5: Elf32_Ehdr, Elf32_Phdr. */
struct ehdr {
	uint8_t		ident[16];
	uint16_t	type, machine;
	uint32_t	version, entry, phoff, shoff, flags;
	uint16_t	ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct phdr {
	uint32_t	type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

#define ET_EXEC		2
#define EM_386		3
#define PT_LOAD		1
#define PT_INTERP	3
#define PF_X		1u
#define PF_W		2u
#define PF_R		4u

/*
 * NULL, or why it is none.  The program headers have to lie in the bytes at
 * hand, a page in execve(), where linkers put them.  e_version, sections and
 * flags are not looked at, as nothing here depends on them.
 */
static const char *check_ehdr(const struct ehdr *e, size_t head_size)
{
	static const uint8_t magic[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

	if (memcmp(e->ident, magic, sizeof(magic)))
		return "not a 32-bit little-endian ELF file";
	if (e->machine != EM_386)
		return "not for i386";
	if (e->type != ET_EXEC)
		return "not a static program (ET_EXEC)";
	if (e->phentsize != sizeof(struct phdr))
		return "program headers of a foreign size";
	if (e->phnum == 0 || e->phnum > EXEC_MAX_SEGMENTS)
		return "no program headers, or too many";
	if (e->phoff > head_size ||
	    e->phnum * sizeof(struct phdr) > head_size - e->phoff)
		return "program headers outside the beginning of the file";
	return NULL;
}

/*
 * @lowest: the page behind the segment before.  Two in one page would need
 * both's rights.
 *
 * The subtractions stand behind the comparisons that make them safe, so none of
 * the four numbers, of any 32 bits, wraps a sum.
 */
static const char *check_segment(const struct phdr *p, uint32_t file_size,
				 uint32_t lowest)
{
	if (p->filesz > p->memsz)
		return "a segment larger in the file than in memory";
	if (p->offset > file_size || p->filesz > file_size - p->offset)
		return "a segment beyond the end of the file";
	if (p->vaddr < lowest)
		return "segments overlap, descend, or begin at 0";
	if (p->vaddr > EXEC_HIGHEST || p->memsz > EXEC_HIGHEST - p->vaddr)
		return "a segment outside user memory";
	return NULL;
}

/* There is room: check_ehdr() has bounded the headers of all kinds together. */
static void add_segment(struct exec_plan *plan, const struct phdr *p)
{
	struct exec_segment *s = &plan->segments[plan->nr_segments++];

	s->vaddr = p->vaddr;
	s->mem_size = p->memsz;
	s->offset = p->offset;
	s->file_size = p->filesz;
	s->readable = p->flags & PF_R;
	s->writable = p->flags & PF_W;
	s->executable = p->flags & PF_X;
}

/*
 * The program headers as the program itself will find them (AT_PHDR); 0 where
 * no segment brings them along, which only who looks for PT_TLS there will
 * miss.  That all of them are in that segment is not checked: who reads on
 * reads his own memory.
 */
static uint32_t find_phdrs(const struct exec_plan *plan, const struct ehdr *e)
{
	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct exec_segment *s = &plan->segments[i];

		if (e->phoff >= s->offset &&
		    e->phoff - s->offset < s->file_size)
			return s->vaddr + (e->phoff - s->offset);
	}
	return 0;
}

/*
 * Told while execve() can still fail: later it would be a SIGSEGV of the new
 * program, before its first instruction.
 */
static bool entry_is_executable(const struct exec_plan *plan)
{
	for (uint32_t i = 0; i < plan->nr_segments; i++) {
		const struct exec_segment *s = &plan->segments[i];

		if (s->executable && plan->entry >= s->vaddr &&
		    plan->entry - s->vaddr < s->mem_size)
			return true;
	}
	return false;
}

/*
 * What is neither PT_LOAD nor PT_INTERP is advice (PT_NOTE, PT_TLS,
 * PT_GNU_STACK) and is left to the program.  An interpreter cannot be passed
 * over: what wants one is not relocated without it.
 */
static const char *collect(const uint8_t *head, const struct ehdr *e,
			   uint32_t file_size, struct exec_plan *plan)
{
	uint32_t lowest = EXEC_LOWEST;

	for (uint32_t i = 0; i < e->phnum; i++) {
		struct phdr p;
		const char *why;

		/* e_phoff may be any number, aligned or not. */
		memcpy(&p, head + e->phoff + i * sizeof(p), sizeof(p));
		if (p.type == PT_INTERP)
			return "wants an interpreter";
		if (p.type != PT_LOAD || p.memsz == 0)
			continue;
		why = check_segment(&p, file_size, lowest);
		if (why)
			return why;
		/* Nothing wraps: checked to end at EXEC_HIGHEST at most. */
		lowest = PAGE_START(p.vaddr + p.memsz - 1) + PAGE_SIZE;
		add_segment(plan, &p);
	}
	return plan->nr_segments ? NULL : "nothing to load";
}

int exec_plan(const void *head, size_t head_size, uint32_t file_size,
	      struct exec_plan *plan, const char **why)
{
	struct ehdr e;

	*why = "too short";
	if (head_size < sizeof(e))
		return -ENOEXEC;
	memcpy(&e, head, sizeof(e));
	memset(plan, 0, sizeof(*plan));
	*why = check_ehdr(&e, head_size);
	if (!*why)
		*why = collect(head, &e, file_size, plan);
	if (*why)
		return -ENOEXEC;
	plan->entry = e.entry;
	plan->nr_phdrs = e.phnum;
	plan->phdr = find_phdrs(plan, &e);
	if (!entry_is_executable(plan))
		*why = "the entry point lies in no code";
	return *why ? -ENOEXEC : 0;
}
