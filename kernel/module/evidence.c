/*
 * Evidence: is there a word, anywhere, that could bring somebody into the
 * module?
 *
 * Stacks.  Every word from the saved stack pointer up is read, so registers
 * that were pushed, trap frames one above the other, return addresses and
 * arguments are all seen, whatever the compiler did with frame pointers
 * (H02-H08).  What lies below the stack pointer is dead, and the frame of a
 * user at the top is the user's.  A word counts if it lies in the territory:
 * one subtraction, one compare, one table look-up.
 *
 * Memory.  Kernel data, the heap, and other modules are read word by word
 * (mm/dirty.h says which pages).  A first pass, with the world running, reads
 * all of it; a second, with everybody frozen, what was written since; the
 * verdict the few pages that were written after that.
 *
 * What an examination remembers is the words in the window, not an opinion; it
 * is worth nothing as soon as the task has run again (H50).
 *
 * Nothing here keeps an address of the window in memory that is searched: the
 * hits are on the undertaker's stack, which is not.
 */
#include <kernel/string.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/internal.h>
#include <sched/rq.h>
#include <x86/clock.h>
#include <x86/machine.h>
#include <x86/smp.h>
#include <x86/trap.h>

/* ---- one stack ---- */

struct stack_range {
	const uint32_t	*lo, *hi;
};

/* Which register of a trap frame a word is, if it is one. */
static const char *const frame_names[] = {
	"gs", "fs", "es", "ds", "edi", "esi", "ebp", NULL,
	"ebx", "edx", "ecx", "eax", NULL, NULL, "eip",
};

/*
 * A trap frame out of the kernel is recognised by its code segment and a
 * plausible EFLAGS (bit 1 is always set, Intel SDM vol. 1, 3.4.3).  It serves
 * to say what a word is; whether it counts does not depend on it.
 */
static bool looks_like_frame(const uint32_t *frame, const struct stack_range *r)
{
	const struct trap_frame *f = (const struct trap_frame *)frame;

	if (frame < r->lo || (const uint32_t *)&f->esp > r->hi)
		return false;
	return f->cs == KERNEL_CS && (f->eflags & 2) &&
	       f->eflags < (1u << 22) && f->vector < 256 &&
	       (f->ds & 0xffff) == KERNEL_DS;
}

static void classify(const uint32_t *p, const struct stack_range *r,
		     struct stack_hit *hit)
{
	hit->kind = BLOCK_STACK;
	hit->reg = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(frame_names); i++) {
		if (!frame_names[i] || !looks_like_frame(p - i, r))
			continue;
		hit->kind = i == offsetof(struct trap_frame, eip) / 4 ?
			    BLOCK_EIP : BLOCK_REGISTER;
		hit->reg = frame_names[i];
		return;
	}
}

/* An address of the module's data counts like one of its text (H02, H07). */
static bool is_evidence(const struct territory *terr, uintptr_t word)
{
	if (likely(!territory_has(terr, word)))
		return false;
	return guard(DATA_COUNTS) || module_text_has(word);
}

/*
 * Reads the range, remembers its words in the window, and says whether one of
 * them lies in the territory.  The first such word goes to *@hit.
 */
static bool scan_stack(const struct stack_range *r, struct exam *exam,
		       const struct territory *terr, struct unload_report *rep,
		       struct stack_hit *hit)
{
	bool found = false;

	exam->nr_words = 0;
	rep->examined++;
	rep->words += (uint32_t)(r->hi - r->lo);
	for (const uint32_t *p = r->lo; p < r->hi; p++) {
		uint32_t offset = *p - WINDOW_BASE;

		if (likely(offset >= WINDOW_SIZE))
			continue;
		if (exam->nr_words < EXAM_WORDS) {
			exam->word[exam->nr_words].window_offset = offset;
			exam->word[exam->nr_words].stack_offset =
				(uint16_t)(p - r->lo);
		}
		exam->nr_words++;
		if (found || !is_evidence(terr, *p))
			continue;
		hit->word = *p;
		hit->above_esp = (uint32_t)(p - r->lo);
		classify(p, r, hit);
		found = guard(WHOLE_STACK) || hit->kind == BLOCK_EIP;
	}
	return found;
}

/* Judges what an earlier examination remembered. */
static bool judge_remembered(const struct exam *exam,
			     const struct territory *terr)
{
	for (uint32_t i = 0; i < exam->nr_words; i++)
		if (is_evidence(terr, WINDOW_BASE +
				      exam->word[i].window_offset))
			return true;
	return false;
}

/*
 * A stack is written by its own task only, so what was read of one that has not
 * run since is still there (H42).  The sum looks like no address of a module.
 */
static uint32_t stack_sum(const struct stack_range *r)
{
	uint32_t sum = 0;

	for (const uint32_t *p = r->lo; p < r->hi; p++)
		sum = sum * 31 + *p;
	return sum & ~(1u << 31);
}

static void assert_unwritten(const struct task *t, const struct stack_range *r)
{
	if (t->exam.sum != stack_sum(r))
		panic("the stack of %s[%d] was written since it was examined, "
		      "and not by itself (H42)", t->comm, t->pid);
}

static bool exam_is_fresh(const struct task *t)
{
	return t->exam.valid && t->exam.nr_words <= EXAM_WORDS &&
	       (t->exam.switches == t->switches || !guard(EXAM_GENERATION));
}

/* The debug build looks at the stack itself, and compares. */
bool exam_still_clean(const struct task *t, const struct territory *terr)
{
	return !debug_build && !t->spared && !task_is_running(t) &&
	       exam_is_fresh(t) && !judge_remembered(&t->exam, terr);
}

/* Where a stack's words end that count; above is the user's frame. */
static const uint32_t *stack_end(const struct task *t)
{
	const uint32_t *end = (const uint32_t *)task_stack_top(t);

	if (!guard(USER_FRAME) && t->process)
		end += sizeof(struct trap_frame) / sizeof(*end);
	return end;
}

/* @t does not run: all of it lies between its stack pointer and the top. */
static enum verdict_on_task exam_saved(struct task *t,
				       const struct territory *terr,
				       struct unload_report *rep,
				       struct stack_hit *hit)
{
	struct stack_range r = {
		(const uint32_t *)t->esp, stack_end(t),
	};

	/* Held: its stack was taken from it.  Dead: no word of it is live. */
	if (!t->stack || t->state == TASK_DEAD || !guard(TASK_EVIDENCE))
		return TASK_CLEAN;
	if (debug_build && t->exam.valid && t->exam.switches == t->switches)
		assert_unwritten(t, &r);
	if (exam_is_fresh(t) && !judge_remembered(&t->exam, terr))
		return TASK_CLEAN;
	t->exam.switches = t->switches;
	t->exam.valid = true;
	if (debug_build)
		t->exam.sum = stack_sum(&r);
	return scan_stack(&r, &t->exam, terr, rep, hit) ? TASK_HAS_EVIDENCE
							: TASK_CLEAN;
}

enum verdict_on_task exam_task(struct task *t, const struct territory *terr,
			       struct unload_report *rep,
			       struct stack_hit *hit)
{
	uint32_t flags;
	struct rq *rq = task_rq_lock(t, &flags);
	enum verdict_on_task v = TASK_IS_RUNNING;

	if (!task_is_running(t))
		v = exam_saved(t, terr, rep, hit);
	task_rq_unlock(rq, flags);
	return v;
}

/*
 * In the rendezvous a running task is one that its CPU's interrupt caught: its
 * stack is live from that frame up.  Nothing is remembered of it: it goes on
 * from the frame without a switch, so no count of switches would tell.
 */
static enum verdict_on_task exam_caught(struct task *t,
					const struct territory *terr,
					struct unload_report *rep,
					struct stack_hit *hit)
{
	struct trap_frame *frame = percpus[t->cpu].rendezvous_frame;
	struct stack_range r = {
		(const uint32_t *)frame, stack_end(t),
	};
	struct exam scratch;

	if (t == current)
		return TASK_CLEAN;
	assert(frame);
	if (trap_from_user(frame))
		return TASK_CLEAN;
	return scan_stack(&r, &scratch, terr, rep, hit) ? TASK_HAS_EVIDENCE
							: TASK_CLEAN;
}

enum verdict_on_task exam_task_stopped(struct task *t,
				       const struct territory *terr,
				       struct unload_report *rep,
				       struct stack_hit *hit)
{
	if (task_is_running(t))
		return exam_caught(t, terr, rep, hit);
	return exam_saved(t, terr, rep, hit);
}

/* ---- memory ---- */

struct search {
	const struct territory	*terr;
	struct memory_hits	*hits;
};

static void note_hit(const struct search *s, uintptr_t at, uintptr_t word)
{
	struct memory_hits *hits = s->hits;

	if (hits->expects && hits->expects(s->terr, at))
		return;
	if (hits->n < MEMORY_HITS) {
		hits->at[hits->n] = at;
		hits->word[hits->n] = word;
	}
	hits->n++;
}

static void search_words(const struct search *s, uintptr_t page)
{
	const uint32_t *end = (const uint32_t *)(page + PAGE_SIZE);

	for (const uint32_t *p = (const uint32_t *)page; p < end; p++)
		if (unlikely(territory_has(s->terr, *p)))
			note_hit(s, (uintptr_t)p, *p);
}

/*
 * The frames of an entry; returns how many.  In one of a large page bit 12 is
 * no address but its PAT bit, and bit 7 of a small one, which is that one's,
 * makes it large here: all that either can map (Intel SDM vol. 3, 4.4.2).
 */
static uint32_t frames_of(const pte_t *entry, uint64_t *first)
{
	*first = *entry & PTE_ADDR;
	if (!(*entry & PDE_LARGE))
		return 1;
	*first &= ~(PTES_OF_LARGE * (uint64_t)PAGE_SIZE - 1);
	return PTES_OF_LARGE;
}

/*
 * Where in the territory a frame of it is that @entry has, present or not; 0:
 * it has none, or is the entry by which the territory itself is mapped.
 */
static uintptr_t stray_frame(const struct territory *terr, const pte_t *entry)
{
	uint64_t first;
	uint32_t n = frames_of(entry, &first);

	for (uint32_t i = 0; i < n; i++) {
		uintptr_t va = page_window_address(first + i * PAGE_SIZE);

		if (va && terr->member[window_owner(va)] &&
		    paging_kernel_pte(va) != entry)
			return va;
	}
	return 0;
}

/* Its frames are no module's, nor will be while it has them. */
static bool maps_others(const pte_t *entry)
{
	uint64_t first;
	uint32_t n = frames_of(entry, &first);

	for (uint32_t i = 0; i < n; i++)
		if (!page_is_others(first + i * PAGE_SIZE))
			return false;
	return true;
}

/*
 * The low word of an entry of the direct map is @expected, but for its flags,
 * and there is no address in the high one.
 */
static bool is_direct(const uint32_t *entry, uint32_t expected)
{
	return (entry[0] ^ expected) < PAGE_SIZE &&
	       !(entry[1] & (uint32_t)(PTE_ADDR >> 32));
}

/* False: it has other entries than such as make a table plain. */
static bool search_entry(const struct search *s, const pte_t *entry)
{
	uintptr_t va;

	if (maps_others(entry))
		return true;
	va = stray_frame(s->terr, entry);
	if (unlikely(va))
		note_hit(s, (uintptr_t)entry, va);
	return false;
}

/*
 * A frame is an address, too, for whoever has it in a page table (H46).  Most
 * entries are empty, or those of the direct map, which search_frame() looks at
 * from the other side; a table with no others is plain, and is not read again
 * until it was written.
 */
#define ENTRIES_AT_ONCE	4u

static void search_table(const struct search *s, uintptr_t page)
{
	const pte_t *e = (const pte_t *)page;
	const pte_t *end = (const pte_t *)(page + PAGE_SIZE);
	uintptr_t base = page_table_base(page);
	/* Of no frame of RAM, where it is no table of the direct map. */
	uint32_t expected = base - KERNEL_BASE < DIRECT_MAP_SIZE ?
			    base - KERNEL_BASE : UINT32_MAX - PAGE_SIZE * 512;
	bool plain = true;

	for (; e < end; e += ENTRIES_AT_ONCE) {
		uint32_t at = expected;

		expected += ENTRIES_AT_ONCE * PAGE_SIZE;
		if (!(e[0] | e[1] | e[2] | e[3]))
			continue;
		for (uint32_t i = 0; i < ENTRIES_AT_ONCE; i++)
			if (!is_direct((const uint32_t *)&e[i],
				       at + i * PAGE_SIZE) && e[i])
				plain &= search_entry(s, &e[i]);
	}
	if (plain)
		page_table_set_plain(page, true);
}

/* @page of the window, in the direct map still, or again. */
static bool search_frame(uintptr_t page, void *arg)
{
	const struct search *s = arg;
	const pte_t *direct;
	pte_t own;

	if (!s->terr->member[window_owner(page)])
		return true;
	own = *paging_kernel_pte(page);
	if (!(own & PTE_P))
		return true;		/* its heap has just given it back */
	direct = paging_kernel_pte((uintptr_t)phys_to_virt(own & PTE_ADDR));
	if (unlikely((*direct & PTE_ADDR) == (own & PTE_ADDR)))
		note_hit(s, (uintptr_t)direct, page);
	return true;
}

static bool search_page(uintptr_t page, void *arg)
{
	const struct search *s = arg;

	if (in_window(page) && s->terr->member[window_owner(page)])
		return true;
	s->hits->pages++;
	if (!page_is_table(page))
		search_words(s, page);
	else if (guard(FRAMES))
		search_table(s, page);
	if (s->hits->deadline && clock_ns() > s->hits->deadline) {
		s->hits->gave_up = true;
		return false;
	}
	return true;
}

/* The only addresses that the machine itself keeps in pieces. */
static bool search_descriptor(uintptr_t at, uintptr_t address, void *arg)
{
	const struct search *s = arg;

	if (unlikely(territory_has(s->terr, address)))
		note_hit(s, at, address);
	return true;
}

/*
 * Descriptors are few, and are looked at in each pass: memory_recheck() does
 * not know one from a word.
 *
 * Nor are frames forgotten that the territory gets between two passes: they
 * were free, so no table but the direct map's had them (page_free()), and one
 * that has got them since is dirty.  And nobody has one in a register, about to
 * write it to a table: only window.c deals with frames of the window, and only
 * maps them at their one address there.
 */
void memory_search(const struct territory *terr, enum memory_pass pass,
		   struct memory_hits *hits)
{
	struct search s = { terr, hits };

	hits->n = 0;
	hits->gave_up = false;
	if (pass == MEMORY_ALL)
		searched_for_each(search_page, &s);
	else if (pass == MEMORY_DIRTY)
		dirty_for_each(search_page, &s);
	else if (dirty_harvest(search_page, &s))
		hits->gave_up = true;
	descriptors_for_each(search_descriptor, &s);
	if (guard(FRAMES))
		window_for_each_mapped(search_frame, &s);
}

/*
 * The page of an earlier hit may have been written since, or given back; the
 * words are read where they were, through mappings that stay.
 */
void memory_recheck(const struct territory *terr, struct memory_hits *hits)
{
	uint32_t kept = 0;

	if (hits->n > MEMORY_HITS)
		return;
	for (uint32_t i = 0; i < hits->n; i++) {
		uintptr_t at = hits->at[i];
		const pte_t *pte = paging_kernel_pte(at);
		uintptr_t word;

		if (!pte || !(*pte & PTE_P))
			continue;
		word = page_is_table(at) ?
			stray_frame(terr, (const pte_t *)at) :
			*(const uint32_t *)at;
		if (!territory_has(terr, word))
			continue;
		hits->at[kept] = at;
		hits->word[kept++] = word;
	}
	hits->n = kept;
}
