/*
 * Steps through the corpus, one instruction at a time, and looks at each
 * instant where the nearest word is (H45).
 *
 * The processor's trap flag stops after each instruction, in the program
 * itself, on a stack of its own.  The territory's pages are not accessible
 * while a function runs: an access faults, is noted, and is let through for
 * that one instruction.  So "until the last access" is measured, not guessed.
 *
 * Looked at are the seven general registers and the words from ESP up to the
 * function's return address.  What lies above, the caller's, would have the
 * pointer anyway and is left out; his registers are cleared.
 *
 * Prints for each function: name, steps, steps without a word near, and how far
 * outside the territory the nearest word was at most.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define WALK_NAME(name)	ref_##name
#include "walk.c"
#undef WALK_NAME
#define WALK_NAME(name)	walk_##name
CORPUS(WALK_DECLARE)
CONTROL(WALK_DECLARE)

#define PAGE		4096u
#define MARGIN		PAGE		/* kernel/mm/window.c */
#define TERRITORY	0x60000000u
#define OTHER		0x70000000u
#define SIZE		(2 * PAGE)
#define N		61u		/* no multiple of what is unrolled */
#define MAX_STEPS	200000u
#define TF		0x100

typedef u32 __attribute__((regparm(3))) walk_t WALK_ARGS;

static uint32_t distance[MAX_STEPS];	/* of the nearest word; 0: inside */
static uint32_t nr_steps, last_access;
static uintptr_t entry, entry_esp;	/* the function; 0: not reached */
static int is_open, is_stepping;

static const int registers[] = {
	REG_EAX, REG_EBX, REG_ECX, REG_EDX, REG_ESI, REG_EDI, REG_EBP,
};

/* How far a word is outside: its bias, if it is a pointer at all. */
static uint32_t distance_of(uint32_t word)
{
	if (word < TERRITORY)
		return TERRITORY - word;
	if (word > TERRITORY + SIZE)
		return word - (TERRITORY + SIZE);
	return 0;
}

static uint32_t nearest(const greg_t *r)
{
	uint32_t best = UINT32_MAX, d;
	uintptr_t at;

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		d = distance_of((uint32_t)r[registers[i]]);
		best = d < best ? d : best;
	}
	for (at = (uintptr_t)r[REG_ESP]; at < entry_esp; at += 4) {
		d = distance_of(*(const uint32_t *)at);
		best = d < best ? d : best;
	}
	return best;
}

static void protect(int prot)
{
	if (mprotect((void *)TERRITORY, SIZE, prot))
		abort();
	is_open = prot != PROT_NONE;
}

/* Before the instruction at EIP.  Past the return there is no more to see. */
static void on_trap(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (!entry_esp && (uintptr_t)r[REG_EIP] == entry)
		entry_esp = (uintptr_t)r[REG_ESP];
	if (!entry_esp)
		return;
	if ((uintptr_t)r[REG_ESP] > entry_esp || nr_steps == MAX_STEPS) {
		r[REG_EFL] &= ~TF;
		is_stepping = 0;
		protect(PROT_READ | PROT_WRITE);
		return;
	}
	if (is_open)
		protect(PROT_NONE);
	distance[nr_steps++] = nearest(r);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (!is_stepping || (uintptr_t)info->si_addr - TERRITORY >= SIZE)
		_Exit(3);
	last_access = nr_steps;		/* its step is the one before */
	protect(PROT_READ | PROT_WRITE);
}

static void catch_signals(void)
{
	static char stack[65536];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&alt, NULL);
	sa.sa_sigaction = on_trap;
	sigaction(SIGTRAP, &sa, NULL);
	sa.sa_sigaction = on_fault;
	sigaction(SIGSEGV, &sa, NULL);
}

/* With no word of the caller's in a register but the three arguments. */
static u32 call_stepping(walk_t *fn, void *t, void *o, u32 n)
{
	u32 result = (u32)(uintptr_t)t;

	__asm__ volatile(
		"push %%ebx; push %%esi; push %%edi; push %%ebp\n\t"
		"push %[fn]\n\t"
		"xor %%ebx, %%ebx; xor %%esi, %%esi\n\t"
		"xor %%edi, %%edi; xor %%ebp, %%ebp\n\t"
		"pushf; orl $0x100, (%%esp); popf\n\t"
		"call *(%%esp)\n\t"
		"nop\n\t"
		"pop %%ecx; pop %%ebp; pop %%edi; pop %%esi; pop %%ebx"
		: "+a" (result), "+d" (o), "+c" (n)
		: [fn] "S" (fn)
		: "memory", "cc");
	return result;
}

/* ---- what they find ---- */

static void fill_words(u32 *p)
{
	for (u32 i = 0; i < N; i++)
		p[i] = i * 5 + 2;
}

static void fill_text(char *p)
{
	for (u32 i = 0; i < N; i++)
		p[i] = (char)('a' + i % 5);
	p[N] = '\0';
}

static void fill_list(struct node *p)
{
	for (u32 i = 0; i < N; i++) {
		/* Not in the order of addresses. */
		struct node *at = &p[i * 7 % N];

		at->next = i + 1 < N ? &p[(i + 1) * 7 % N] : NULL;
		at->prev = i ? &p[(i - 1) * 7 % N] : NULL;
		at->key = i * 3 + 1;
	}
	*(u32 *)OTHER = (N - 1) * 3 + 1;
}

static size_t size_of(enum kind kind)
{
	return kind == LIST ? N * sizeof(struct node) :
	       kind == RECORD ? N * sizeof(struct record) :
	       kind == TEXT ? N + 1 : N * sizeof(u32);
}

/* At the very beginning of the territory, or up to its very end. */
static void *prepare(enum kind kind, int at_end)
{
	char *p = (char *)TERRITORY;

	if (at_end)
		p += (SIZE - size_of(kind)) & ~(kind == TEXT ? 0u : 3u);
	memset((void *)TERRITORY, 0, SIZE);
	memset((void *)OTHER, 0, SIZE);
	fill_words((u32 *)OTHER);
	switch (kind) {
	case WORDS:
	case END:
		fill_words((u32 *)p);
		return kind == END ? p + N * sizeof(u32) : p;
	case TEXT:
		fill_text(p);
		fill_text((char *)OTHER);
		return p;
	case LIST:
		fill_list((struct node *)p);
		return p;
	case RECORD:
		for (u32 i = 0; i < N * sizeof(struct record) / 4; i++)
			((u32 *)p)[i] = i;
		return &((struct record *)p)->member;
	}
	abort();
}

/* ---- a function ---- */

struct result {
	uint32_t steps, holes, reach;
};

static void step_through(walk_t *fn, walk_t *ref, enum kind kind, int at_end,
			 const char *name, struct result *result)
{
	u32 want = ref(prepare(kind, at_end), (void *)OTHER, N), got;
	void *t = prepare(kind, at_end);

	nr_steps = last_access = 0;
	entry = (uintptr_t)fn;
	entry_esp = 0;
	is_stepping = 1;
	protect(PROT_NONE);
	got = call_stepping(fn, t, (void *)OTHER, N);
	if (got != want || !last_access || is_stepping ||
	    nr_steps == MAX_STEPS) {
		printf("%s: returned %u, not %u, after %u steps, the last "
		       "access in %u\n", name, got, want, nr_steps,
		       last_access);
		exit(2);
	}
	for (uint32_t i = 0; i < last_access; i++) {
		result->steps++;
		if (distance[i] > MARGIN)
			result->holes++;
		else if (distance[i] > result->reach)
			result->reach = distance[i];
	}
}

static void measure(walk_t *fn, walk_t *ref, enum kind kind, const char *name)
{
	struct result r = { 0, 0, 0 };

	step_through(fn, ref, kind, 0, name, &r);
	step_through(fn, ref, kind, 1, name, &r);
	printf("%s %u %u %u\n", name, r.steps, r.holes, r.reach);
}

static void map(uintptr_t at)
{
	if (mmap((void *)at, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at) {
		perror("mmap");
		exit(2);
	}
}

#define MEASURE(name, kind) measure(walk_##name, ref_##name, kind, #name);

int main(void)
{
	map(TERRITORY);
	map(OTHER);
	catch_signals();
	CORPUS(MEASURE)
	CONTROL(MEASURE)
	return 0;
}
