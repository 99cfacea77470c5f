/*
 * The order in which the house is lit, one line a room.
 */
#include <debug/dmesg.h>
#include <debug/kallsyms.h>
#include <dev/console.h>
#include <dev/pci.h>
#include <fs/file.h>
#include <kernel/kthread.h>
#include <kernel/printk.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <lib/cmdline.h>
#include <lib/coroner.h>
#include <lib/format.h>
#include <lib/guard.h>
#include <mm/mm.h>
#include <module/module.h>
#include <module/strategy.h>
#include <proc/process.h>
#include <sched/sched.h>
#include <sched/workqueue.h>
#include <shell/shell.h>
#include <x86/clock.h>
#include <x86/cpu.h>
#include <x86/machine.h>
#include <x86/smp.h>
#include <x86/upcalls.h>

static void seed_randomness(void)
{
	char text[16];
	unsigned int seed = (unsigned int)rdtsc();

	if (cmdline_get(boot_info.cmdline, "seed", text, sizeof(text)))
		kstrtouint(text, 0, &seed);
	prandom_seed(seed);
}

/* What may sleep, in a thread: the boot CPU's first task is its idle task. */
static int light_the_rest(void *arg)
{
	(void)arg;
	reaper_init();
	workqueue_init();
	console_init();
	pci_init();
	fs_init();
	process_init();
	module_init_subsystem();
	watchdog_init(boot_info.cmdline);
	printk_end_boot();
	shell_start();
	return 0;
}

void kmain(void)
{
	vsnprintf_set_symbolizer(sprint_symbol);
	console_init_early();
	printk_init(boot_info.cmdline);
	seed_randomness();
	guards_init(boot_info.cmdline);
	strategy_init(boot_info.cmdline);
	coroner_init(boot_info.cmdline);
	page_init();
	slab_init();
	vmalloc_init();
	window_init();
	machine_init_interrupts();
	sched_init();
	smp_init();
	task_put(kthread_run(light_the_rest, NULL, "init"));
	sched_start();
}
