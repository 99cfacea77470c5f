/*
 * Commands about the machine: CPUs, memory, the log, and its various ends.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/pci.h>
#include <kernel/random.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <debug/dmesg.h>
#include <dev/pci.h>
#include <mm/mm.h>
#include <sched/owner.h>
#include <sched/rq.h>
#include <sched/sched.h>
#include <x86/machine.h>
#include "shell.h"

static int no_arguments(struct command_call *call)
{
	return call->argc > 1 ?
		command_usage(call, "it takes no arguments") : 0;
}

/* ---- the log ---- */

struct dmesg_options {
	unsigned int	level;
	bool		clear;
};

static int dmesg_parse(struct command_call *call, struct dmesg_options *o)
{
	for (int i = 1; i < call->argc; i++) {
		const char *word = call->argv[i];

		if (strcmp(word, "-c") == 0) {
			o->clear = true;
		} else if (strcmp(word, "-n") == 0) {
			if (i + 1 == call->argc)
				return command_usage(call, "-n: which level?");
			if (command_number(call, call->argv[++i], "a level",
					   &o->level))
				return -EINVAL;
			if (o->level > 7)
				return command_usage(call, "levels are 0 to 7");
		} else {
			return command_usage(call, "%s: what is that?", word);
		}
	}
	return 0;
}

/*
 * Records below this number were cleared: they are not shown again.  One word;
 * of two consoles that clear at once the last store stands.
 */
static uint32_t dmesg_first;

/*
 * Records are copied one by one, so that the log's lock is not held while they
 * are printed; a gap in the numbers says that the ring came round.
 */
static int dmesg_show(struct command_call *call, bool clear)
{
	struct dmesg_record *rec = kmalloc(sizeof(*rec), GFP_DATA);
	uint32_t seq = READ_ONCE(dmesg_first), next = seq;

	if (!rec)
		return -ENOMEM;
	while (dmesg_read(&seq, rec) && !signal_pending(current)) {
		if (rec->seq != next && next)
			command_printf(call, "(%u lines were overwritten)\n",
				       rec->seq - next);
		next = rec->seq + 1;
		command_printf(call, "[%5u.%06u] %s\n", rec->sec,
			       rec->nsec / 1000, rec->text);
	}
	kfree(rec);
	if (signal_pending(current))
		return -EINTR;
	if (clear && !io_of(call)->error)
		WRITE_ONCE(dmesg_first, next);
	return 0;
}

static int cmd_dmesg(struct command_call *call)
{
	struct dmesg_options o = { .level = 8 };
	int err = dmesg_parse(call, &o);

	if (err)
		return err;
	if (o.level <= 7) {
		printk_set_level(o.level);
		return 0;
	}
	return dmesg_show(call, o.clear);
}
COMMAND(dmesg, "[-n LEVEL] [-c]", "print the kernel's log",
	"-c  print it, and leave it out the next time\n"
	"-n  print nothing; from now on show messages of this level and more\n"
	"    urgent ones on the console: 0 emergency, 3 error, 4 warning,\n"
	"    5 notice, 6 info, 7 debug\n", cmd_dmesg);

/* ---- memory ---- */

/*
 * Without module_lock: a line may mix a module with its successor.  It is for
 * people, and the page counts are single loads.
 */
static void mem_modules(struct command_call *call)
{
	for (module_id_t id = 1; id < MAX_MODULES; id++) {
		enum module_state s = owner_state(id);

		if (s == MODULE_FREE || s == MODULE_GONE)
			continue;
		command_printf(call, "  %-16s %6u KiB  %s\n",
			       owner_of(id)->name, window_pages(id) * 4,
			       owner_state_name(s));
	}
}

static int cmd_mem(struct command_call *call)
{
	static const char *const kind[PAGE_USER + 1] = {
		[PAGE_RESERVED]	= "reserved",
		[PAGE_FREE]	= "free",
		[PAGE_KERNEL]	= "kernel",
		[PAGE_TABLE]	= "page tables",
		[PAGE_SLAB]	= "heap",
		[PAGE_SLAB_DATA] = "heap, data",
		[PAGE_WINDOW]	= "modules",
		[PAGE_USER]	= "programs",
	};
	struct mm_stats s;

	if (no_arguments(call))
		return -EINVAL;
	mm_get_stats(&s);
	command_printf(call, "  %-16s %6u KiB\n", "in all",
		       s.pages_total * 4);
	for (unsigned int i = 0; i <= PAGE_USER; i++)
		command_printf(call, "  %-16s %6u KiB\n", kind[i],
			       s.by_kind[i] * 4);
	command_printf(call, "%u heap objects, %u bytes\n", s.heap_objects,
		       s.heap_bytes);
	mem_modules(call);
	return 0;
}
COMMAND(mem, "", "what the memory is used for",
	"Pages by their use, the heap's objects, and what each module has in\n"
	"the module window. Memory of the kind `data' holds no pointers and\n"
	"is never searched for pointers into a module.\n", cmd_mem);

/* ---- CPUs ---- */

/* Tenths of a percent of the time since boot. */
/*
 * Read while it changes: a torn value is bounded here, and gone the next time.
 */
static unsigned int idle_share(uint32_t cpu)
{
	uint64_t idle = stamp_ns(rqs[cpu].idle_time) / NSEC_PER_USEC;
	uint64_t all = ktime_get_ns() / NSEC_PER_USEC;

	return all ? (unsigned int)min(idle * 1000 / all, (uint64_t)1000) : 0;
}

static void print_cpu(struct command_call *call, uint32_t cpu)
{
	struct rq *rq = &rqs[cpu];
	unsigned int idle = idle_share(cpu);
	char comm[TASK_COMM_LEN];
	uint32_t flags;
	pid_t pid;

	/* While the lock is held the task does not leave, nor die. */
	flags = spin_lock_irqsave(&rq->lock);
	memcpy(comm, rq->curr->comm, sizeof(comm));
	pid = rq->curr->pid;
	spin_unlock_irqrestore(&rq->lock, flags);
	command_printf(call, "%3u  %4u %10u  %10u %3u.%u%%  %.15s (%d)\n", cpu,
		       percpus[cpu].apic_id, (unsigned int)rq->switches,
		       (unsigned int)percpus[cpu].irqs, idle / 10, idle % 10,
		       comm, pid);
}

static int cmd_cpus(struct command_call *call)
{
	if (no_arguments(call))
		return -EINVAL;
	command_printf(call, "CPU  APIC   SWITCHES  INTERRUPTS   IDLE  RUNS\n");
	for (uint32_t i = 0; i < nr_cpus; i++)
		print_cpu(call, i);
	return 0;
}
COMMAND(cpus, "", "list the CPUs, what runs",
	"Context switches, interrupts (those between CPUs included), the\n"
	"share of time since boot in which there was nothing to do, and the\n"
	"task that is on it at this moment.\n", cmd_cpus);

/* ---- what it is ---- */

static int cmd_uptime(struct command_call *call)
{
	/* 32 bits of milliseconds: they begin again after 49 days. */
	uint32_t ms = (uint32_t)(ktime_get_ns() / NSEC_PER_MSEC);

	command_printf(call, "up %u.%03u s\n", ms / 1000, ms % 1000);
	return 0;
}
COMMAND(uptime, "", "how long the machine is up",
	"In seconds of the machine's own time since it found its clock.\n",
	cmd_uptime);

static int cmd_version(struct command_call *call)
{
	command_printf(call, "Icebox %s\n", ICEBOX_VERSION);
	return 0;
}
COMMAND(version, "", "tell the version", "As the welcome does.\n",
	cmd_version);

static int cmd_seed(struct command_call *call)
{
	command_printf(call, "%u\n", prandom_get_seed());
	return 0;
}
COMMAND(seed, "", "tell the seed of all chance",
	"Module addresses and all else that is random follows from it. Given\n"
	"as seed=N on the kernel's command line it makes a run repeatable.\n",
	cmd_seed);

/* ---- devices ---- */

static int cmd_lspci(struct command_call *call)
{
	struct pci_dev *d = NULL;

	if (no_arguments(call))
		return -EINVAL;
	command_printf(call, "DEVICE   ID         IRQ  MODULE\n");
	while ((d = pci_get_device(PCI_ANY_ID, PCI_ANY_ID, d))) {
		module_id_t id = pci_owner(d);

		command_printf(call, "%-8s %04x:%04x  %3u  %s\n", d->name,
			       d->vendor, d->device, d->irq,
			       id == MODULE_NONE ? "-" : owner_of(id)->name);
	}
	return 0;
}
COMMAND(lspci, "", "list PCI devices",
	"Of bus 0, with the module that has each; an IRQ of 0 is none.\n",
	cmd_lspci);

/* ---- its ends ---- */

/* The control channel first: after the next call nobody reports anything. */
static int cmd_poweroff(struct command_call *call)
{
	if (no_arguments(call))
		return -EINVAL;
	shell_announce_exit();
	machine_poweroff();
}
COMMAND(poweroff, "", "switch the machine off",
	"At once: there are no disks to save anything to.\n", cmd_poweroff);

static int cmd_reboot(struct command_call *call)
{
	if (no_arguments(call))
		return -EINVAL;
	shell_announce_exit();
	machine_reboot();
}
COMMAND(reboot, "", "start the machine again", "At once.\n", cmd_reboot);

static int cmd_panic(struct command_call *call)
{
	(void)call;
	panic("the command panic was given");
}
TEST_COMMAND(panic, "", "stop the machine as a broken kernel does",
	"A test of the report: the backtraces of all CPUs.\n", cmd_panic);

static int cmd_oops(struct command_call *call)
{
	static volatile uintptr_t nowhere;	/* the compiler cannot know */

	(void)call;
	return *(volatile int *)nowhere;
}
TEST_COMMAND(oops, "", "read address 0 in the kernel",
	"A test of the report of a fault; the machine does not survive it.\n",
	cmd_oops);

/* Nothing that is maskable comes through, the scheduler included. */
static void __noreturn spin_for_ever(void)
{
	preempt_disable();
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int cmd_hang(struct command_call *call)
{
	(void)call;
	spin_for_ever();
}
TEST_COMMAND(hang, "", "stop this CPU for ever, interrupts off",
	"A test of who notices: with one CPU the machine is dead.\n",
	cmd_hang);
