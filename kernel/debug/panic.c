/*
 * The end, and complaints on the way to it.
 *
 * One CPU dies for all: it stops the others where they stand, opens the locks
 * of log and consoles, and tells what it knows, the most telling first, as
 * each further line may be the one that fails.  It may fail in here, too: then
 * it comes round again and skips what killed it.
 */
#include <kernel/bug.h>
#include <kernel/export.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "debug/backtrace.h"
#include "debug/internal.h"
#include "debug/rawlock.h"
#include "lib/cmdline.h"
#include "lib/json.h"
#include "x86/machine.h"
#include "x86/smp.h"
#include "x86/trap.h"

#define EXIT_PANICKED	0x12	/* what tests/run takes for a panic */
#define NOBODY		(-1)

static int dying_cpu = NOBODY;	/* set once, by compare and exchange */
static int deaths;		/* of the dying CPU's, by itself only */

/*
 * Under tests/run, which names a script, the emulator ends at once and says
 * that it was a panic; else the last screen stays.
 */
static void finish(void) __noreturn;
static void finish(void)
{
	char script[2];

	if (cmdline_get(boot_info.cmdline, "script", script, sizeof(script)))
		machine_exit(EXIT_PANICKED);
	pr_emerg("System halted");
	cpu_halt_forever();
}

/* Each time with less that may fail: a word and the end, the end, nothing. */
static void die_again(void) __noreturn;
static void die_again(void)
{
	switch (++deaths) {
	case 1:
		pr_emerg("panic: died again while telling of it");
		finish();
	case 2:
		finish();
	default:
		cpu_halt_forever();
	}
}

/*
 * Another CPU was first.  It stops this one by an NMI, which also keeps this
 * CPU's place for the report.
 */
static void wait_to_be_stopped(void) __noreturn;
static void wait_to_be_stopped(void)
{
	for (;;)
		cpu_relax();
}

/*
 * Interrupts off first: a task that is moved between asking for its CPU and
 * claiming the death for that would die on another.
 */
void panic_begin(void)
{
	int first = NOBODY, me;

	local_irq_disable();
	me = (int)raw_cpu_id();
	if (!__atomic_compare_exchange_n(&dying_cpu, &first, me, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if (first == me)
			die_again();
		wait_to_be_stopped();
	}
	if (nr_cpus > 1)
		smp_stop_others();
	log_open_locks();
}

/*
 * What does not fit is not sent cut, as it would be no JSON: the bare event
 * stands for it.
 */
static void tell_host(const char *message, const struct backtrace *bt)
{
	static char text[4096];
	struct json_writer w;
	char symbol[128];
	ssize_t n;

	json_init(&w, text, sizeof(text));
	json_object_begin(&w, NULL);
	json_string(&w, "event", "panic");
	json_string(&w, "message", message);
	json_u64(&w, "cpu", (uint64_t)dying_cpu);
	json_array_begin(&w, "backtrace");
	for (uint32_t i = 0; i < bt->n; i++) {
		backtrace_sprint(bt, i, symbol, sizeof(symbol));
		json_string(&w, NULL, symbol);
	}
	json_array_end(&w);
	json_object_end(&w);
	n = json_finish(&w);
	if (n > 0)
		log_control(text, (size_t)n);
	else
		log_control("{\"event\":\"panic\"}", 17);
}

/*
 * Its stack is not changing: it has been stopped for good, or is told as not.
 */
static void print_stopped_cpu(uint32_t cpu)
{
	const struct trap_frame *f = smp_caught_frame(cpu);
	struct backtrace bt;

	if (!f) {
		pr_err("CPU %u did not stop", cpu);
		return;
	}
	if (trap_from_user(f)) {
		pr_err("CPU %u was in user mode at %08x", cpu, f->eip);
		return;
	}
	pr_err("CPU %u stood at", cpu);
	backtrace_from(&bt, f->eip, f->ebp, trap_frame_sp(f),
		       trap_frame_sp(f) + STACK_SPAN);
	backtrace_print(&bt);
}

void panic_end(const char *message, const struct backtrace *bt)
{
	pr_err("CPU %d stood at", dying_cpu);
	backtrace_print(bt);
	tell_host(message, bt);
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		if ((int)cpu != dying_cpu)
			print_stopped_cpu(cpu);
	}
	finish();
}

/* Static, as the stack may be short: one caller gets past panic_begin(). */
void panic(const char *fmt, ...)
{
	static char message[DMESG_LINE - 16];
	static struct backtrace bt;
	va_list ap;

	panic_begin();
	va_start(ap, fmt);
	vscnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	pr_emerg("panic: %s", message);
	backtrace_here(&bt);
	panic_end(message, &bt);
}
EXPORT_SYMBOL(panic);

void warn_at(const char *file, int line, const char *what)
{
	struct backtrace bt;

	pr_warn("WARNING: %s at %s:%d, CPU %u", what, file, line,
		raw_cpu_id());
	backtrace_here(&bt);
	backtrace_print(&bt);
}
EXPORT_SYMBOL(warn_at);
