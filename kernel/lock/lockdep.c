/*
 * The lock-order checker: learns which lock is taken while which is held, and
 * dies at the first pair of orders that could end in a deadlock, whether or not
 * it does this time.  Built with DEBUG=1 only.
 *
 * The orders are a graph over classes of locks; each edge keeps the backtrace
 * of the place that drew it.  Before a lock is waited for, an edge is drawn to
 * its class from each class held; if there is a way back, two tasks can wait
 * for each other.  A lock that interrupt handlers take may not be taken with
 * interrupts on: that is an edge from the lock to itself, by way of a handler.
 *
 * What an interrupted task holds counts as held in the handler: it cannot let
 * go before the handler has ended.
 *
 * Edges are tested without a lock and drawn under one; none is ever erased.
 * The graph lives on after a module whose locks it knows: it has their names,
 * not their addresses, and places in modules as offsets in the window, as no
 * memory of the kernel may hold an address of a module.
 */
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <debug/backtrace.h>
#include <debug/rawlock.h>
#include <lock/lockdep.h>
#include <x86/cpu.h>
#include <x86/paging.h>

#ifdef CONFIG_DEBUG

#define NR_CLASSES	128	/* class 0 is none */
#define NR_EDGES	1024
#define TRACE_DEPTH	7
#define NAME_LEN	20

struct trace {
	uint32_t	n;
	uint32_t	pc[TRACE_DEPTH];	/* in the window: offset */
};

/*
 * Lock key: (g) graph_lock to write, constant once nr_classes covers it
 *	(1) set once, by one store
 */
struct lock_class {
	char		name[NAME_LEN];		/* (g) */
	enum lock_kind	kind;			/* (g) */
	bool		in_handler;		/* (1) a handler has taken it */
	bool		irqs_on;		/* (1) taken with them on */
	struct trace	handler_trace;		/* before @in_handler is set */
	struct trace	irqs_on_trace;		/* before @irqs_on is set */
	uint32_t	next[NR_CLASSES / 32];	/* (g) set of classes */
};

struct edge {
	uint32_t	from, to;
	struct trace	trace;
};

static struct raw_lock graph_lock;
static struct lock_class classes[NR_CLASSES] __no_pointers;
static uint32_t nr_classes = 1;			/* (g) */
static struct edge edges[NR_EDGES] __no_pointers;
static uint32_t nr_edges;			/* (g) */

static struct lock_stack cpu_spinlocks[NR_CPUS];
static struct lock_stack *cpu_mutexes[NR_CPUS];	/* of the task there */
static struct lock_stack boot_mutexes;

static bool tolerant;
static uint32_t reports;

/* Who dies takes what locks it can get, in any order. */
static bool lockdep_is_off(void)
{
	return READ_ONCE(raw_locks_open) || !percpus[0].self;
}

/* ---- traces ---- */

static void trace_take(struct trace *t)
{
	struct backtrace bt;

	backtrace_here(&bt);
	t->n = 0;
	/* The first two are the checker and the lock's own function. */
	for (uint32_t i = 2; i < bt.n && t->n < TRACE_DEPTH; i++) {
		uint32_t pc = bt.pc[i];

		t->pc[t->n++] = pc - WINDOW_BASE < WINDOW_SIZE ?
			pc - WINDOW_BASE : pc;
	}
}

static void trace_print(const struct trace *t)
{
	struct backtrace bt = { 0 };

	for (uint32_t i = 0; i < t->n; i++)
		bt.pc[bt.n++] = t->pc[i] < WINDOW_SIZE ?
			t->pc[i] + WINDOW_BASE : t->pc[i];
	backtrace_print(&bt);
}

/* ---- classes ---- */

static uint32_t class_find(const char *name, enum lock_kind kind)
{
	for (uint32_t c = 1; c < nr_classes; c++)
		if (classes[c].kind == kind &&
		    strncmp(classes[c].name, name, NAME_LEN - 1) == 0)
			return c;
	return 0;
}

/* 0: there are too many, this lock is not checked. */
static uint32_t class_of(uint32_t *cache, const char *name,
			 enum lock_kind kind)
{
	uint32_t c = READ_ONCE(*cache), flags;

	if (likely(c))
		return c;
	if (!name)
		name = "nameless";
	flags = raw_lock(&graph_lock);
	c = class_find(name, kind);
	if (!c && nr_classes < NR_CLASSES) {
		c = nr_classes;
		strscpy(classes[c].name, name, NAME_LEN);
		classes[c].kind = kind;
		nr_classes++;
	}
	WRITE_ONCE(*cache, c);
	raw_unlock(&graph_lock, flags);
	return c;
}

static const char *kind_name(uint32_t c)
{
	return classes[c].kind == LOCK_SPIN ? "spinlock" : "mutex";
}

/* ---- complaints ---- */

static void complain(const char *what, uint32_t c)
{
	if (READ_ONCE(tolerant)) {
		__atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED);
		return;
	}
	panic("lock order: %s %s %s", kind_name(c), classes[c].name, what);
}

static void print_edge(uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < nr_edges; i++) {
		if (edges[i].from != from || edges[i].to != to)
			continue;
		pr_err("holding %s %s, %s %s was taken:", kind_name(from),
		       classes[from].name, kind_name(to), classes[to].name);
		trace_print(&edges[i].trace);
		return;
	}
}

/* ---- the graph ---- */

static bool edge_is_drawn(uint32_t from, uint32_t to)
{
	return READ_ONCE(classes[from].next[to / 32]) & 1u << to % 32;
}

/*
 * Breadth first from @from to @to: @via[c] is where c was reached from.  A way
 * of no steps counts where both are one class.  Under graph_lock.
 */
static bool find_way(uint32_t from, uint32_t to, uint8_t *via)
{
	uint8_t queue[NR_CLASSES];
	uint32_t head = 0, tail = 0;

	memset(via, 0, NR_CLASSES);
	queue[tail++] = (uint8_t)from;
	via[from] = (uint8_t)from;
	while (head < tail && !via[to]) {
		uint32_t c = queue[head++];

		for (uint32_t n = 1; n < nr_classes; n++) {
			if (via[n] || !edge_is_drawn(c, n))
				continue;
			via[n] = (uint8_t)c;
			queue[tail++] = (uint8_t)n;
		}
	}
	return via[to] != 0;
}

/* True: the new edge closes a circle, along @via. */
static bool edge_draw(uint32_t from, uint32_t to, uint8_t *via)
{
	uint32_t flags = raw_lock(&graph_lock);
	bool circle = false;

	if (!edge_is_drawn(from, to)) {
		circle = find_way(to, from, via);
		if (nr_edges < NR_EDGES) {
			edges[nr_edges].from = from;
			edges[nr_edges].to = to;
			trace_take(&edges[nr_edges].trace);
			nr_edges++;
		}
		classes[from].next[to / 32] |= 1u << to % 32;
	}
	raw_unlock(&graph_lock, flags);
	return circle;
}

static void check_edge(uint32_t from, uint32_t to)
{
	uint8_t via[NR_CLASSES];

	if (edge_is_drawn(from, to) || !edge_draw(from, to, via))
		return;
	if (!READ_ONCE(tolerant)) {
		print_edge(from, to);
		for (uint32_t c = from; c != to; c = via[c])
			print_edge(via[c], c);
	}
	complain(from == to ? "is taken while another of its name is held" :
		 "is taken here, and elsewhere what is held here after it",
		 to);
}

/* ---- interrupts ---- */

static void check_interrupts(uint32_t c)
{
	struct lock_class *class = &classes[c];
	bool handler = in_interrupt();

	if (handler ? class->in_handler : class->irqs_on || irqs_disabled())
		return;
	trace_take(handler ? &class->handler_trace : &class->irqs_on_trace);
	if (handler)
		__atomic_store_n(&class->in_handler, true, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&class->irqs_on, true, __ATOMIC_SEQ_CST);
	if (!READ_ONCE(class->in_handler) || !READ_ONCE(class->irqs_on))
		return;
	if (!READ_ONCE(tolerant)) {
		pr_err("%s was taken by an interrupt handler:", class->name);
		trace_print(&class->handler_trace);
		pr_err("and with interrupts on:");
		trace_print(&class->irqs_on_trace);
	}
	complain("is for handlers, too, and taken with interrupts on", c);
}

/* ---- what is held ---- */

static void push(struct lock_stack *s, uint32_t c)
{
	assert(s->n < LOCKDEP_DEPTH);
	s->class[s->n++] = c;
}

/* Not always the last: locks may be released in any order. */
static void pop(struct lock_stack *s, uint32_t c)
{
	for (uint32_t i = s->n; i-- > 0;) {
		if (s->class[i] != c)
			continue;
		s->n--;
		for (; i < s->n; i++)
			s->class[i] = s->class[i + 1];
		return;
	}
}

static void check_held(const struct lock_stack *s, uint32_t c)
{
	for (uint32_t i = 0; i < s->n; i++)
		check_edge(s->class[i], c);
}

static struct lock_stack *this_task_mutexes(void)
{
	struct lock_stack *s = cpu_mutexes[cpu_id()];

	return s ? s : &boot_mutexes;
}

/*
 * In a handler the task's mutexes are not looked at: it can wait for none of
 * them, and their stack may be half changed.
 */
void lockdep_acquire_spin(uint32_t *class, const char *name,
			  enum lock_how how)
{
	uint32_t c, flags;

	if (lockdep_is_off())
		return;
	c = class_of(class, name, LOCK_SPIN);
	if (!c)
		return;
	if (how == LOCK_WAITING) {
		check_interrupts(c);
		check_held(&cpu_spinlocks[cpu_id()], c);
		if (!in_interrupt())
			check_held(this_task_mutexes(), c);
	}
	flags = local_irq_save();
	push(&cpu_spinlocks[cpu_id()], c);
	local_irq_restore(flags);
}

void lockdep_release_spin(uint32_t class)
{
	uint32_t flags;

	if (lockdep_is_off() || !class)
		return;
	flags = local_irq_save();
	pop(&cpu_spinlocks[cpu_id()], class);
	local_irq_restore(flags);
}

/* With preemption off, so that the stack found is the caller's. */
void lockdep_acquire_mutex(uint32_t *class, const char *name,
			   enum lock_how how)
{
	uint32_t c;

	if (lockdep_is_off())
		return;
	if (how == LOCK_WAITING)
		might_sleep();
	preempt_disable();
	c = class_of(class, name, LOCK_MUTEX);
	if (c && how == LOCK_WAITING)
		check_held(this_task_mutexes(), c);
	if (c)
		push(this_task_mutexes(), c);
	preempt_enable_no_resched();
}

void lockdep_release_mutex(uint32_t class)
{
	if (lockdep_is_off() || !class)
		return;
	preempt_disable();
	pop(this_task_mutexes(), class);
	preempt_enable_no_resched();
}

void lockdep_switch(struct lock_stack *mutexes)
{
	cpu_mutexes[cpu_id()] = mutexes;
}

/* Before a CPU's first switch the house is being lit; nobody can wait. */
void might_sleep(void)
{
	const struct lock_stack *s = &cpu_spinlocks[cpu_id()];

	if (lockdep_is_off() || !cpu_mutexes[cpu_id()] ||
	    (preempt_count() == 0 && !irqs_disabled() && !in_interrupt()))
		return;
	if (s->n)
		pr_err("spinlock %s is held",
		       classes[s->class[s->n - 1]].name);
	panic("sleeping while atomic: preempt_count %u, interrupts %s%s",
	      preempt_count(), irqs_disabled() ? "off" : "on",
	      in_interrupt() ? ", in a handler" : "");
}

uint32_t lockdep_tolerate(bool on)
{
	WRITE_ONCE(tolerant, on);
	return __atomic_exchange_n(&reports, 0, __ATOMIC_RELAXED);
}

#endif
