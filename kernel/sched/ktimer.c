/*
 * Kernel timers: one pairing heap for each CPU (Fredman, Sedgewick, Sleator,
 * Tarjan 1986).  Arming is constant time, expiring logarithmic, and there is
 * no tick: the CPU's timer is armed for the smallest.
 *
 * In the heap @prev is the left sibling, or the parent for a first child.
 *
 * The base's lock is a leaf and is released while a function runs;
 * base->running says which, so that a cancellation can wait for it (H10), and
 * so that it is not run on two CPUs at a time: a timer that is running stays
 * where it runs, whoever arms it.
 */
#include <kernel/bug.h>
#include <kernel/spinlock.h>
#include <sched/ktimer.h>
#include <x86/clock.h>
#include <x86/cpu.h>

/* Lock key: (b) lock, taken with interrupts off */
struct ktimer_base {
	struct spinlock	lock;
	struct ktimer	*root;		/* (b) */
	struct ktimer	*running;	/* (b) to write */
};

static struct ktimer_base bases[NR_CPUS] = {
	[0 ... NR_CPUS - 1] = { .lock = SPINLOCK_INIT("timer_base") },
};

static uint64_t expiry(const struct ktimer *t)
{
	return stamp_ns(t->expires);
}

/* Two roots become one; either may be NULL. */
static struct ktimer *heap_meld(struct ktimer *a, struct ktimer *b)
{
	struct ktimer *lower;

	if (!a || !b)
		return a ? a : b;
	if (expiry(b) < expiry(a)) {
		lower = a;
		a = b;
		b = lower;
	}
	b->sibling = a->child;
	if (b->sibling)
		b->sibling->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* Melds a list of siblings pairwise, then the pairs from the right. */
static struct ktimer *heap_merge_siblings(struct ktimer *first)
{
	struct ktimer *pairs = NULL, *root = NULL;

	while (first) {
		struct ktimer *a = first, *b = a->sibling;

		first = b ? b->sibling : NULL;
		a->sibling = a->prev = NULL;
		if (b)
			b->sibling = b->prev = NULL;
		a = heap_meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct ktimer *next = pairs->sibling;

		pairs->sibling = NULL;
		root = heap_meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void heap_remove(struct ktimer_base *base, struct ktimer *t)
{
	struct ktimer *rest = heap_merge_siblings(t->child);

	if (t == base->root) {
		base->root = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->sibling;
		else
			t->prev->sibling = t->sibling;
		if (t->sibling)
			t->sibling->prev = t->prev;
		base->root = heap_meld(base->root, rest);
	}
	if (base->root)
		base->root->prev = base->root->sibling = NULL;
	t->child = t->sibling = t->prev = NULL;
	t->queued = false;
}

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t))
{
	*t = (struct ktimer){ .fn = fn };
}

/* In place of a base: @t is on its way from one to another, for an instant. */
#define CPU_BETWEEN	UINT32_MAX

/*
 * Locks the base that @t is in, or was in last.  Under that lock @t stays out
 * of every other base: whoever takes it to one comes by here first.
 */
static struct ktimer_base *base_lock(struct ktimer *t,
				     uint32_t *flags) __no_lock_analysis
{
	for (;;) {
		uint32_t cpu = READ_ONCE(t->cpu);

		if (cpu == CPU_BETWEEN) {
			cpu_relax();
			continue;
		}
		*flags = spin_lock_irqsave(&bases[cpu].lock);
		if (READ_ONCE(t->cpu) == cpu)
			return &bases[cpu];
		spin_unlock_irqrestore(&bases[cpu].lock, *flags);
	}
}

/*
 * From @base, locked, to this CPU's, locked on return.  Interrupts are off, so
 * that it takes but an instant.
 *
 * A timer whose function is running stays in @base: from another heap it could
 * be run there before the function is over.  That CPU needs no telling, it
 * looks at its heap again when the function has returned.
 */
static struct ktimer_base *base_move(struct ktimer_base *base,
				     struct ktimer *t) __no_lock_analysis
{
	struct ktimer_base *here = &bases[cpu_id()];

	if (base == here || base->running == t)
		return base;
	WRITE_ONCE(t->cpu, CPU_BETWEEN);
	spin_unlock(&base->lock);
	spin_lock(&here->lock);
	WRITE_ONCE(t->cpu, cpu_id());
	return here;
}

/*
 * It runs where it was armed, as a rule: that CPU's timer is ours to set.  The
 * CPU that had it before is interrupted for nothing and looks again.
 */
void ktimer_start(struct ktimer *t, uint64_t expires) __no_lock_analysis
{
	uint32_t flags;
	struct ktimer_base *base = base_lock(t, &flags);
	bool first;

	if (t->queued)
		heap_remove(base, t);
	base = base_move(base, t);
	t->expires = stamp_of(expires);
	t->queued = true;
	base->root = heap_meld(base->root, t);
	/* A function of ours is followed by a look at what is next. */
	first = base->root == t && base == &bases[cpu_id()] && !base->running;
	spin_unlock(&base->lock);
	if (first)
		sched_arm_timer(expires);
	local_irq_restore(flags);
}

/*
 * Off the heap, and whether its function runs: both as of one moment, under the
 * lock that an arming and the end of the function take, too.  Where it runs is
 * the base that it is in (base_move).
 */
static bool cancel(struct ktimer *t, bool *running) __no_lock_analysis
{
	uint32_t flags;
	struct ktimer_base *base = base_lock(t, &flags);
	bool queued = t->queued;

	if (queued)
		heap_remove(base, t);
	*running = base->running == t;
	spin_unlock_irqrestore(&base->lock, flags);
	return queued;
}

bool ktimer_cancel(struct ktimer *t)
{
	bool running;

	return cancel(t, &running);
}

bool ktimer_running(const struct ktimer *t)
{
	for (uint32_t c = 0; c < nr_cpus; c++)
		if (__atomic_load_n(&bases[c].running, __ATOMIC_SEQ_CST) == t)
			return true;
	return false;
}

/*
 * While it runs, its function may arm it again: the last look is at one that
 * neither runs nor is armed.
 */
bool ktimer_cancel_sync(struct ktimer *t)
{
	bool running, queued = cancel(t, &running);

	while (running) {
		cpu_relax();
		queued |= cancel(t, &running);
	}
	return queued;
}

uint64_t ktimer_next(void)
{
	struct ktimer_base *base = &bases[cpu_id()];
	uint32_t flags = spin_lock_irqsave(&base->lock);
	uint64_t next = base->root ? expiry(base->root) : UINT64_MAX;

	spin_unlock_irqrestore(&base->lock, flags);
	return next;
}

static struct ktimer *take_due(struct ktimer_base *base, uint64_t now)
{
	struct ktimer *t = base->root;

	if (!t || expiry(t) > now)
		return NULL;
	heap_remove(base, t);
	return t;
}

/*
 * Due as of now: one that arms itself for at once, or for sooner than this
 * takes, has its next run with the next interrupt, and who was interrupted may
 * give the CPU away before.
 */
uint64_t ktimer_run_due(void)
{
	struct ktimer_base *base = &bases[cpu_id()];
	uint64_t now = clock_ns();

	for (;;) {
		struct ktimer *t;
		uint32_t flags = spin_lock_irqsave(&base->lock);

		t = take_due(base, now);
		__atomic_store_n(&base->running, t, __ATOMIC_SEQ_CST);
		spin_unlock_irqrestore(&base->lock, flags);
		if (!t)
			return ktimer_next();
		t->fn(t);
	}
}
