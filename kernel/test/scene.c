/*
 * Commands that set a scene for the tests in tests/: they wait for what the
 * shell itself has no command to wait for, count what there is, and do on
 * purpose what a broken kernel does by accident.
 *
 * Nothing here keeps an address of the module window: offsets only, or a
 * module would not go for our sake.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/kallsyms.h>
#include <mm/mm.h>
#include <module/module.h>
#include <proc/process.h>
#include <sched/rq.h>
#include <sched/signal.h>
#include <sched/trace.h>
#include <shell/shell.h>
#include <test/census.h>
#include <x86/cpu.h>
#include <x86/machine.h>
#include <x86/smp.h>
#include <x86/trap.h>

#define PATIENCE_MS	30000

/* ---- waiting ---- */

/*
 * Polls: what is waited for here tells nobody when it comes.  @holds may sleep,
 * and take its time: the bound is looked at in between.
 */
static int wait_until(struct command_call *call, bool (*holds)(void *arg),
		      void *arg)
{
	struct stamp end = stamp_in_ms(PATIENCE_MS);

	while (!holds(arg)) {
		if (stamp_passed(end)) {
			command_printf(call, "%s: not within %u s\n",
				       call->argv[0], 30);
			return -ETIMEDOUT;
		}
		if (msleep_interruptible(1))
			return -EINTR;
	}
	return 0;
}

/*
 * What lsmod knows has addresses of the module in it: not searched (GFP_DATA).
 */
struct awaited {
	const char		*name, *state;
	struct module_info	info;
};

/* Where nothing of that name is known it is gone. */
static bool module_is_in_state(void *arg)
{
	struct awaited *a = arg;

	if (!module_find(a->name, &a->info))
		return strcmp(a->state, "gone") == 0;
	return strcmp(a->state, owner_state_name(a->info.state)) == 0;
}

static int cmd_await(struct command_call *call)
{
	struct awaited *a;
	int err;

	if (call->argc != 3)
		return command_usage(call, "which module, in which state?");
	a = kzalloc(sizeof(*a), GFP_KERNEL | GFP_DATA);
	if (!a)
		return -ENOMEM;
	a->name = call->argv[1];
	a->state = call->argv[2];
	err = wait_until(call, module_is_in_state, a);
	kfree(a);
	return err;
}
TEST_COMMAND(await, "MODULE STATE", "wait until a module is in a state",
	"As lsmod names them: live, closed, held, deferred, entombed, gone.\n"
	"For tests; gives up after 30 seconds.\n", cmd_await);

/* ---- who is inside ---- */

struct insiders {
	module_id_t	id;
	unsigned int	wanted, cpus;
};

/*
 * It executes the module, or will come back to it.  From its trap frame upward:
 * what lies below is dead.
 */
static bool is_inside(uint32_t cpu, module_id_t id)
{
	const struct trap_frame *f = smp_caught_frame(cpu);
	const uintptr_t *top, *p;

	if (!f || trap_from_user(f) || task_is_idle(cpu_current(cpu)))
		return false;
	top = (const uintptr_t *)task_stack_top(cpu_current(cpu));
	for (p = (const uintptr_t *)f; p < top; p++) {
		if (in_window(*p) && window_owner(*p) == id)
			return true;
	}
	return false;
}

/* In a rendezvous. */
static int count_insiders(void *arg)
{
	struct insiders *in = arg;

	in->cpus = 0;
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		in->cpus += is_inside(cpu, in->id);
	return 0;
}

/* Where the rendezvous fails the last count stands, which was not enough. */
static bool enough_are_inside(void *arg)
{
	struct insiders *in = arg;
	uint64_t stopped_ns;
	uint32_t late;

	smp_rendezvous(count_insiders, in, 10 * NSEC_PER_MSEC, &late,
		       &stopped_ns);
	return in->cpus >= in->wanted;
}

static int cmd_inside(struct command_call *call)
{
	struct insiders in = { .cpus = 0 };
	struct module_info *info;
	bool found;

	if (call->argc != 3)
		return command_usage(call, "which module, and how many CPUs?");
	if (command_number(call, call->argv[2], "a number of CPUs",
			   &in.wanted))
		return -EINVAL;
	info = kzalloc(sizeof(*info), GFP_KERNEL | GFP_DATA);
	if (!info)
		return -ENOMEM;
	found = module_find(call->argv[1], info);
	in.id = info->id;
	kfree(info);
	return found ? wait_until(call, enough_are_inside, &in) : -ENOENT;
}
TEST_COMMAND(inside, "MODULE N", "wait until N CPUs are in a module at once",
	"The machine is stopped for a look again and again. For tests; gives\n"
	"up after 30 seconds.\n", cmd_inside);

/* ---- who sleeps where ---- */

struct sleeper {
	const char		*name, *function;
	struct backtrace	bt;
	struct symbol_info	symbol;
	pid_t			pid;
};

/*
 * No lock is held between the backtrace and the state: a task that wakes just
 * then is told as asleep, as it would be an instant before.
 */
static bool is_asleep_there(struct task *t, void *arg)
{
	struct sleeper *s = arg;

	if (strcmp(t->comm, s->name) || trace_task(t, &s->bt) != TRACE_SAVED ||
	    READ_ONCE(t->state) != TASK_SLEEPING)
		return true;
	for (uint32_t i = 0; i < s->bt.n && !s->pid; i++)
		if (kallsyms_lookup(s->bt.pc[i], &s->symbol) &&
		    strcmp(s->symbol.name, s->function) == 0)
			s->pid = t->pid;
	return !s->pid;
}

static bool somebody_is_asleep_there(void *arg)
{
	struct sleeper *s = arg;

	s->pid = 0;
	task_for_each(is_asleep_there, s);
	return s->pid != 0;
}

static int cmd_asleep(struct command_call *call)
{
	struct sleeper *s;
	int err;

	if (call->argc != 3)
		return command_usage(call, "who, and in which function?");
	s = kzalloc(sizeof(*s), GFP_KERNEL | GFP_DATA);
	if (!s)
		return -ENOMEM;
	s->name = call->argv[1];
	s->function = call->argv[2];
	err = wait_until(call, somebody_is_asleep_there, s);
	if (!err)
		command_printf(call, "asleep: pid %d\n", s->pid);
	kfree(s);
	return err;
}
TEST_COMMAND(asleep, "NAME FUNCTION", "wait until a task sleeps in a function",
	"Anywhere in its backtrace; prints its pid. For tests; gives up after\n"
	"30 seconds.\n", cmd_asleep);

/* ---- tasks by name ---- */

struct victims {
	const char	*name;
	int		sig;
	unsigned int	n;
};

/* By pid: the process may be over by then, and its record freed. */
static bool kill_if_named(struct task *t, void *arg)
{
	struct victims *v = arg;

	if (t->process && strcmp(t->comm, v->name) == 0 &&
	    process_kill(t->pid, v->sig) == 0)
		v->n++;
	return true;
}

static int cmd_killall(struct command_call *call)
{
	struct victims v = { .sig = SIGTERM };
	int first = 1;

	if (call->argc > 1 && strcmp(call->argv[1], "-9") == 0) {
		v.sig = SIGKILL;
		first = 2;
	}
	if (call->argc != first + 1)
		return command_usage(call, "which programs?");
	v.name = call->argv[first];
	task_for_each(kill_if_named, &v);
	return v.n ? 0 : -ESRCH;
}
COMMAND(killall, "[-9] NAME", "end the programs of a name",
	"SIGTERM, or SIGKILL with -9. `wait` waits until they have gone.\n",
	cmd_killall);

static bool interrupt_if_named(struct task *t, void *arg)
{
	struct victims *v = arg;

	if (!t->process && strcmp(t->comm, v->name) == 0) {
		send_signal(t, SIGINT);
		v->n++;
	}
	return true;
}

static int cmd_interrupt(struct command_call *call)
{
	struct victims v = { .sig = SIGINT };

	if (call->argc != 2)
		return command_usage(call, "which command?");
	v.name = call->argv[1];
	task_for_each(interrupt_if_named, &v);
	return v.n ? 0 : -ESRCH;
}
TEST_COMMAND(interrupt, "NAME", "interrupt the commands of a name",
	"As Ctrl-C does, on whatever console, in the background too.\n",
	cmd_interrupt);

/* ---- what is left behind ---- */

static struct census before;	/* of the one script that counts */

/* The rest is compared once it has come to rest (census_settle). */
static int cmd_census(struct command_call *call)
{
	struct census after;
	char text[120];

	if (call->argc == 1) {
		census_take(&before);
		return 0;
	}
	if (call->argc != 2 || strcmp(call->argv[1], "check"))
		return command_usage(call, "check, or nothing");
	if (census_settle(&before, &after))
		return 0;
	census_describe(&before, &after, text, sizeof(text));
	command_printf(call, "census: %s\n", text);
	return -EBUSY;
}
TEST_COMMAND(census, "[check]", "count all there is, or compare with that",
	"Free memory, heap objects, module pages, tasks, modules. `census`\n"
	"counts; `census check` fails if there is more now than then. It\n"
	"waits up to 5 seconds for those who are still leaving.\n",
	cmd_census);

/* ---- a scene without an end ---- */

static struct ktimer limit_timer;

/* In interrupt context.  Who waits for the machine reads it from its log. */
static void limit_reached(struct ktimer *t)
{
	bool idle = true;

	(void)t;
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		idle &= task_is_idle(cpu_current(cpu));
	pr_err("limit: no end, and %s", idle ? "nobody runs" : "somebody runs");
	machine_poweroff();
}

static int cmd_limit(struct command_call *call)
{
	unsigned int s;

	if (call->argc != 2)
		return command_usage(call, "how many seconds?");
	if (command_number(call, call->argv[1], "a number of seconds", &s))
		return -EINVAL;
	ktimer_init(&limit_timer, limit_reached);
	ktimer_start(&limit_timer, ktime_get_ns() + s * NSEC_PER_SEC);
	return 0;
}
TEST_COMMAND(limit, "SECONDS", "switch the machine off after so long",
	"Seconds of the machine's own time: under -icount a scene that has no\n"
	"end ends at the same instruction each time. Once.\n", cmd_limit);

/* ---- whoever comes after (H41) ---- */

/*
 * Free pages, taken by somebody else: a chain through each one's last word, the
 * rest of it filled.
 */
static phys_t hoard;

#define HOARD_LEAVES	512u		/* pages for everybody else */
#define HOARD_WORD	0x48414d53u
#define HOARD_LINK	(PAGE_SIZE / 4 - 1)

static uint32_t hoard_take(void)
{
	struct mm_stats s;
	uint32_t n, wanted;

	mm_drain_caches();
	mm_get_stats(&s);
	wanted = s.pages_free > HOARD_LEAVES ? s.pages_free - HOARD_LEAVES : 0;
	for (n = 0; n < wanted; n++) {
		phys_t pa = page_alloc(0, PAGE_KERNEL);
		uint32_t *page;

		if (!pa)
			break;
		page = phys_to_virt(pa);
		for (uint32_t i = 0; i < HOARD_LINK; i++)
			page[i] = HOARD_WORD;
		page[HOARD_LINK] = hoard;
		hoard = pa;
	}
	return n;
}

/* The words that somebody has changed. */
static uint32_t hoard_give_back(void)
{
	uint32_t changed = 0;

	while (hoard) {
		const uint32_t *page = phys_to_virt(hoard);
		phys_t pa = hoard;

		for (uint32_t i = 0; i < HOARD_LINK; i++)
			changed += page[i] != HOARD_WORD;
		hoard = page[HOARD_LINK];
		page_free(pa, 0);
	}
	return changed;
}

static int cmd_hoard(struct command_call *call)
{
	uint32_t n;

	if (call->argc == 1 && !hoard) {
		n = hoard_take();
		command_printf(call, "hoard: %u pages\n", n);
		return n ? 0 : -ENOMEM;
	}
	if (call->argc != 2 || strcmp(call->argv[1], "check"))
		return command_usage(call, "check, or nothing");
	n = hoard_give_back();
	if (!n)
		return 0;
	command_printf(call, "hoard: somebody wrote to it, %u words\n", n);
	return -EIO;
}
TEST_COMMAND(hoard, "[check]", "take all memory that is free, or look at it",
	"`hoard' leaves 2 MiB; `hoard check' fails if anybody wrote to what\n"
	"it took, and gives it back. For tests of devices.\n",
	cmd_hoard);

/* ---- damage ---- */

/* Where a function of a module is, or was; an offset in the window, + 1. */
static uint32_t ghost;

static int ghost_keep(struct command_call *call)
{
	uintptr_t addr = module_symbol(call->argv[2], call->argv[3]);

	if (!addr) {
		command_printf(call, "ghost: there is no %s in %s\n",
			       call->argv[3], call->argv[2]);
		return -ENOENT;
	}
	ghost = addr - WINDOW_BASE + 1;
	return 0;
}

/*
 * Reads again and again, and has the address for two instructions only: what is
 * read takes its place.
 */
static int ghost_spin(void)
{
	while (!signal_pending(current)) {
		uint32_t word = ghost;

		asm volatile("addl %1, %0\n\t"
			     "movl (%0), %0\n\t"
			     "xorl %0, %0"
			     : "+r" (word) : "i" (WINDOW_BASE - 1) : "cc");
		cpu_relax();
	}
	return 0;
}

/* The touch is the test: whoever comes back from it was not unloaded. */
static int ghost_touch(const char *how)
{
	uintptr_t addr = WINDOW_BASE + ghost - 1;

	if (strcmp(how, "call") == 0)
		return ((int (*)(void))addr)();
	if (strcmp(how, "read") == 0) {
		(void)*(const volatile int *)addr;
		return 0;
	}
	if (strcmp(how, "write"))
		return -EINVAL;
	*(volatile int *)addr = 0;
	return 0;
}

static int cmd_ghost(struct command_call *call)
{
	if (call->argc == 4 && strcmp(call->argv[1], "keep") == 0)
		return ghost_keep(call);
	if (call->argc != 2 || !ghost)
		return command_usage(call, "keep what first, then which?");
	if (strcmp(call->argv[1], "spin") == 0)
		return ghost_spin();
	return ghost_touch(call->argv[1]);
}
TEST_COMMAND(ghost, "keep MODULE SYMBOL | call | read | write | spin",
	"touch a function of a module after its unload",
	"A test of the autopsy; the machine does not survive it. `spin` reads\n"
	"until it is killed.\n", cmd_ghost);

/* ---- a pointer that is never where one looks (H47, H51) ---- */

/*
 * Two places far apart, one of which has the address at any time: a timer moves
 * it from one to the other and back.  Searched memory, both of them.
 */
static struct {
	struct ktimer	timer;
	uintptr_t	*first, *second;
	uint64_t	period;
	bool		running;
} juggler;

#define JUGGLE_NS	(20 * NSEC_PER_USEC)

static void juggle(struct ktimer *t)
{
	uintptr_t addr = *juggler.first;

	*juggler.first = *juggler.second;
	*juggler.second = addr;
	ktimer_start(t, ktime_get_ns() + JUGGLE_NS);
}

static int juggle_start(struct command_call *call)
{
	uintptr_t addr = module_symbol(call->argv[1], call->argv[2]);

	if (!addr || juggler.running)
		return addr ? -EBUSY : -ENOENT;
	juggler.first = kzalloc(sizeof(uintptr_t), GFP_KERNEL);
	juggler.second = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!juggler.first || !juggler.second) {
		kfree(juggler.first);
		kfree(juggler.second);
		return -ENOMEM;
	}
	*juggler.first = addr;
	ktimer_init(&juggler.timer, juggle);
	juggler.running = true;
	ktimer_start(&juggler.timer, ktime_get_ns() + JUGGLE_NS);
	return 0;
}

/* Whoever has the pointer uses it at last. */
static int juggle_stop(void)
{
	uintptr_t addr;

	if (!juggler.running)
		return -ENOENT;
	ktimer_cancel_sync(&juggler.timer);
	juggler.running = false;
	addr = *juggler.first | *juggler.second;
	kfree(juggler.first);
	kfree(juggler.second);
	(void)*(const volatile int *)addr;
	return 0;
}

static int cmd_juggle(struct command_call *call)
{
	if (call->argc == 2 && strcmp(call->argv[1], "stop") == 0)
		return juggle_stop();
	if (call->argc != 3)
		return command_usage(call, "which function, or stop?");
	return juggle_start(call);
}
TEST_COMMAND(juggle, "MODULE SYMBOL | stop",
	"keep an address in memory that changes all the time",
	"A timer moves it to and fro; `juggle stop` reads what it points to.\n"
	"For tests of the search.\n", cmd_juggle);

/* ---- a pointer that is in memory, or in a register (H50) ---- */

static struct {
	struct task	*task;
	uintptr_t	*place;		/* searched; 0: the thread has it */
} carrier;

#define CARRY_NS	(300 * NSEC_PER_USEC)

static void carry_on(uint64_t ns)
{
	uint64_t end = ktime_get_ns() + ns;

	while (ktime_get_ns() < end)
		cpu_relax();
}

/* While it is in use it is nowhere but here. */
static noinline void use_for_a_while(void)
{
	uintptr_t addr = *carrier.place;

	WRITE_ONCE(*carrier.place, 0);
	carry_on(CARRY_NS);
	(void)*(const volatile int *)addr;
	WRITE_ONCE(*carrier.place, addr);
}

static int carry(void *arg)
{
	(void)arg;
	while (!kthread_should_stop()) {
		use_for_a_while();
		stack_wipe_dead();
		carry_on(CARRY_NS);
	}
	return 0;
}

static int carry_start(uintptr_t addr)
{
	carrier.place = kzalloc(sizeof(uintptr_t), GFP_KERNEL);
	if (!carrier.place)
		return -ENOMEM;
	*carrier.place = addr;
	carrier.task = kthread_run(carry, NULL, "carrier");
	if (carrier.task)
		return 0;
	kfree(carrier.place);
	return -ENOMEM;
}

static int cmd_carry(struct command_call *call)
{
	uintptr_t addr;

	if (call->argc == 2 && strcmp(call->argv[1], "stop") == 0) {
		if (!carrier.task)
			return -ENOENT;
		kthread_stop(carrier.task);
		carrier.task = NULL;
		kfree(carrier.place);
		return 0;
	}
	if (call->argc != 3)
		return command_usage(call, "which function, or stop?");
	addr = module_symbol(call->argv[1], call->argv[2]);
	if (!addr || carrier.task)
		return addr ? -EBUSY : -ENOENT;
	return carry_start(addr);
}
TEST_COMMAND(carry, "MODULE SYMBOL | stop",
	"keep an address in memory, and use it now and then",
	"A thread takes it out of memory, reads what is there, and puts it\n"
	"back. For tests of what is remembered of a stack.\n", cmd_carry);
/* ---- a pointer that is left somewhere (H37) ---- */

/*
 * One at a time: the word that has it, the descriptor, or the page-table entry.
 */
static uintptr_t planted_data = 1;	/* not in .bss */
static uintptr_t planted_bss;
static struct {
	void	*heap;			/* to be freed, or NULL */
	uintptr_t *word;		/* that has it, or NULL */
	uint64_t *descriptor, before;	/* or this */
	pte_t	*entry;			/* or this */
	struct mm *mm;			/* whose it is; NULL: the kernel's */
} planted;

/* Of a segment bits 16 to 39 and 56 to 63, of a gate 0 to 15 and 48 to 63. */
static uint64_t segment_with_base(uint32_t base)
{
	return (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

static uint64_t gate_with_offset(uint32_t offset)
{
	return (offset & 0xffff) | (uint64_t)(offset >> 16) << 48;
}

/* Nobody uses the null segment, nor the last vector but one. */
static int plant_descriptor(bool is_gate, uintptr_t addr)
{
	planted.descriptor = is_gate ? &read_idt()[0xfe] : &read_gdt()[0];
	planted.before = *planted.descriptor;
	*planted.descriptor = is_gate ? gate_with_offset(addr)
				      : segment_with_base(addr);
	return 0;
}

/* The stack of ring 1, which nobody has, in this CPU's task state. */
static uintptr_t *task_state_word(void)
{
	uint64_t d = read_gdt()[9];
	uint32_t base = (uint32_t)(d >> 16 & 0xffffff) |
			(uint32_t)(d >> 56) << 24;

	return (uintptr_t *)(base + 12);
}

static noinline uintptr_t *heap_word(size_t size, size_t at)
{
	planted.heap = kzalloc(size, GFP_KERNEL);
	return planted.heap ? (uintptr_t *)((uint8_t *)planted.heap + at)
			    : NULL;
}

static uintptr_t *place_of(const char *where)
{
	if (strcmp(where, "data") == 0)
		return &planted_data;
	if (strcmp(where, "bss") == 0)
		return &planted_bss;
	if (strcmp(where, "percpu") == 0)	/* a CPU that does not run */
		return &percpus[NR_CPUS - 1].idle_stack;
	if (strcmp(where, "heap") == 0)
		return heap_word(48, 20);
	if (strcmp(where, "large") == 0)
		return heap_word(5 * PAGE_SIZE, 4 * PAGE_SIZE + 8);
	if (strcmp(where, "tss") == 0)
		return task_state_word();
	return NULL;
}

static bool first_process(struct task *t, void *arg)
{
	struct mm **mm = arg;

	if (!t->mm)
		return true;
	mm_get(t->mm);
	*mm = t->mm;
	return false;
}

/* Where nothing lies: beyond the fixed pages, and above a user's mmaps. */
static pte_t *free_entry(const char *where)
{
	pte_t *entry;

	if (strcmp(where, "user"))
		return paging_kernel_pte(FIXED_ADDRESS(FIXED_PAGES));
	task_for_each(first_process, &planted.mm);
	if (!planted.mm)
		return NULL;
	mutex_lock(&planted.mm->lock);
	entry = paging_user_pte(planted.mm->root, VM_MMAP_TOP, true);
	mutex_unlock(&planted.mm->lock);
	if (!entry) {
		mm_put(planted.mm);
		planted.mm = NULL;
	}
	return entry;
}

/*
 * A large page that the frame lies in, not present, in an entry of the root
 * that no CPU looks at.
 */
static int plant_large_page(pte_t own)
{
	const uint64_t mask = PTES_OF_LARGE * (uint64_t)PAGE_SIZE - 1;

	planted.entry = (pte_t *)phys_to_virt(paging_kernel_root()) + 511;
	pte_exchange(planted.entry, (own & PTE_ADDR & ~mask) | PDE_LARGE);
	return 0;
}

/* A second name for the frame behind @addr (H46), which nobody uses. */
static int plant_entry(const char *where, uintptr_t addr)
{
	pte_t own = *paging_kernel_pte(addr);
	pte_t *entry;

	if (!(own & PTE_P))
		return -EINVAL;
	if (strcmp(where, "largepage") == 0)
		return plant_large_page(own);
	if (strcmp(where, "direct") == 0)
		entry = paging_kernel_pte((uintptr_t)
			phys_to_virt((phys_t)(own & PTE_ADDR)));
	else
		entry = free_entry(where);
	if (!entry)
		return -ENOENT;
	pte_exchange(entry, (own & PTE_ADDR) | PROT_KERNEL_RW);
	planted.entry = entry;
	return 0;
}

static void uproot_entry(void)
{
	pte_exchange(planted.entry, 0);
	tlb_shootdown(0, 0);
	mm_put(planted.mm);
}

static bool is_entry(const char *where)
{
	return strcmp(where, "alias") == 0 || strcmp(where, "direct") == 0 ||
	       strcmp(where, "user") == 0 || strcmp(where, "largepage") == 0;
}

static int plant(const char *where, uintptr_t addr)
{
	bool is_gate = strcmp(where, "gate") == 0;

	if (planted.word || planted.descriptor || planted.entry)
		return -EBUSY;
	if (is_entry(where))
		return plant_entry(where, addr);
	if (is_gate || strcmp(where, "segment") == 0)
		return plant_descriptor(is_gate, addr);
	planted.word = place_of(where);
	if (!planted.word)
		return -ENOENT;
	*planted.word = addr;
	return 0;
}

/* The freed object keeps it, if nobody clears it. */
static int uproot(bool and_clear)
{
	if (planted.descriptor)
		*planted.descriptor = planted.before;
	else if (planted.entry)
		uproot_entry();
	else if (!planted.word)
		return -ENOENT;
	else if (and_clear)
		*planted.word = 0;
	kfree(planted.heap);
	memset(&planted, 0, sizeof(planted));
	return 0;
}

static int cmd_plant(struct command_call *call)
{
	uintptr_t addr;
	int bias = 0;

	if (call->argc == 2 && strcmp(call->argv[1], "clear") == 0)
		return uproot(true);
	if (call->argc == 2 && strcmp(call->argv[1], "free") == 0)
		return planted.heap ? uproot(false) : -ENOENT;
	if (call->argc < 4 || call->argc > 5 ||
	    (call->argc == 5 && kstrtoint(call->argv[4], 10, &bias)))
		return command_usage(call, "where, and what address?");
	addr = module_symbol(call->argv[2], call->argv[3]);
	return addr ? plant(call->argv[1], addr + (uintptr_t)bias) : -ENOENT;
}
TEST_COMMAND(plant, "WHERE MODULE SYMBOL [BIAS] | clear | free",
	"leave an address of a module somewhere",
	"WHERE is data, bss, percpu, heap, large (heap), segment, gate, tss;\n"
	"or a page-table entry that maps the page: alias (the kernel's),\n"
	"direct (its direct map's), largepage (one that is not present), user\n"
	"(of the first process there is).\n"
	"BIAS is added to it. `plant clear' takes it away; `plant free' frees\n"
	"the heap object with the address in it. For tests of the search.\n",
	cmd_plant);

static int cmd_where(struct command_call *call)
{
	struct module_info info;

	if (call->argc != 2 || !module_find(call->argv[1], &info))
		return command_usage(call, "which module?");
	command_printf(call, "%u\n", (unsigned int)info.text);
	return 0;
}
TEST_COMMAND(where, "MODULE", "print the address of a module's text",
	"As a number, for a program that is to aim at it.\n", cmd_where);

/* More than a stack holds, and used after the call: no loop can be made of
 * it. */
static noinline int dig(int depth)
{
	volatile char hole[256];

	hole[0] = (char)depth;
	return depth ? dig(depth - 1) + hole[0] : 0;
}

static int cmd_dig(struct command_call *call)
{
	(void)call;
	return dig(1000);
}
TEST_COMMAND(dig, "", "let a kernel stack overflow",
	"A test of the guard page; the machine does not survive it.\n",
	cmd_dig);

/*
 * The first saved register of a task that sleeps on, without the lock of its
 * queue, as it is done by whoever goes wild: the checksum has to see it.
 */
static int cmd_scribble(struct command_call *call)
{
	struct task *t;
	int pid;

	if (call->argc != 2 || kstrtoint(call->argv[1], 10, &pid))
		return command_usage(call, "on whose stack?");
	t = task_find(pid);
	if (!t || READ_ONCE(t->state) != TASK_SLEEPING || !t->stack) {
		if (t)
			task_put(t);
		return -ESRCH;
	}
	*(uint32_t *)t->esp ^= 1;
	task_put(t);
	return 0;
}
TEST_COMMAND(scribble, "PID", "write to the stack of a task that sleeps",
	"A test of the stack checksums (make DEBUG=1).\n", cmd_scribble);
