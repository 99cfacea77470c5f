/*
 * misdeed KIND: does on purpose what the checks of the debug build are there to
 * see, one kind for each.  The machine does not survive it; if it does, nobody
 * was looking, and the command says so.  Built with DEBUG=1 only.
 *
 * Operands are volatile, or the compiler would know better than to do it.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/ktime.h>
#include <kernel/mutex.h>
#include <kernel/slab.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <lock/preempt.h>
#include <shell/shell.h>
#include <x86/cpu.h>

#ifdef CONFIG_DEBUG

static DEFINE_SPINLOCK(misdeed_first);
static DEFINE_SPINLOCK(misdeed_second);

/* ---- locks ---- */

static noinline void first_then_second(void)
{
	spin_lock(&misdeed_first);
	spin_lock(&misdeed_second);
	spin_unlock(&misdeed_second);
	spin_unlock(&misdeed_first);
}

static noinline void second_then_first(void)
{
	spin_lock(&misdeed_second);
	spin_lock(&misdeed_first);
	spin_unlock(&misdeed_first);
	spin_unlock(&misdeed_second);
}

/* Nobody waits for anybody; the order alone is wrong. */
static void lock_order(void)
{
	first_then_second();
	second_then_first();
}

static void sleep_atomic(void)
{
	spin_lock(&misdeed_first);
	msleep(1);
	spin_unlock(&misdeed_first);
}

/* ---- the heap ---- */

#define ODD_SIZE	1000	/* hardly anybody else asks for so much */
#define MANY		100

/* The write is seen by who is given the same object again. */
static void use_after_free(void)
{
	volatile uint8_t *p = kmalloc(ODD_SIZE, GFP_KERNEL);

	if (!p)
		return;
	kfree((const void *)p);
	p[40] = 1;
	for (int i = 0; i < MANY; i++)
		kmalloc(ODD_SIZE, GFP_KERNEL);
}

static void double_free(void)
{
	void *volatile p = kmalloc(ODD_SIZE, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

/* It fills a slot of the ordinary kernel, which has no red zone behind it. */
static void overrun(void)
{
	volatile uint8_t *p = kmalloc(1024, GFP_KERNEL);

	if (!p)
		return;
	p[1024] = 1;
	kfree((const void *)p);
}

/* ---- what C leaves undefined ---- */

static volatile int by = 40, most = 0x7fffffff, sink;
static volatile int four[4];
static int *volatile nowhere;
static uint8_t bytes[8] __aligned(4);

static void shift(void)
{
	sink = 1 << by;
}

static void overflow(void)
{
	sink = most + 1;
}

static void null(void)
{
	sink = *nowhere;
}

static void bounds(void)
{
	sink = four[by / 10];
}

static void alignment(void)
{
	volatile uintptr_t p = (uintptr_t)bytes + 1;

	sink = *(volatile int *)p;
}

/* ---- a CPU that is kept ---- */

/* Interrupts come, and change nothing. */
static void keep_cpu(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static const struct {
	const char	*name;
	void		(*commit)(void);
} misdeeds[] = {
	{ "lock-order", lock_order },
	{ "sleep-atomic", sleep_atomic },
	{ "use-after-free", use_after_free },
	{ "double-free", double_free },
	{ "overrun", overrun },
	{ "shift", shift },
	{ "overflow", overflow },
	{ "null", null },
	{ "bounds", bounds },
	{ "alignment", alignment },
	{ "keep-cpu", keep_cpu },
};

static int cmd_misdeed(struct command_call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(misdeeds) && call->argc == 2; i++) {
		if (strcmp(call->argv[1], misdeeds[i].name) != 0)
			continue;
		misdeeds[i].commit();
		command_printf(call, "misdeed: nobody has seen it\n");
		return -EIO;
	}
	return command_usage(call, "which?");
}
TEST_COMMAND(misdeed, "KIND", "do what a check of the debug build is to see",
	"lock-order, sleep-atomic, use-after-free, double-free, overrun, "
	"shift,\noverflow, null, bounds, alignment, keep-cpu (make DEBUG=1).\n",
	cmd_misdeed);

#endif
