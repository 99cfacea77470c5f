/*
 * The real-time clock (Motorola MC146818, here in the chip set): /dev/rtc with
 * its periodic interrupt, and the time of day.
 *
 * It shows a driver of real hardware.  Unregister takes away the device only;
 * the line is the kernel's to hold, and cleanup, when nobody is left, makes
 * the chip silent.  The chip merges interrupts: it raises no other one until
 * register C was read, so while the line is held, or a CPU is late, there is
 * one interrupt for many periods.  The handler goes by the time that has
 * passed, and no tick is lost.
 */
#include <kernel/atomic.h>
#include <kernel/command.h>
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/interrupt.h>
#include <kernel/io.h>
#include <kernel/ktime.h>
#include <kernel/module.h>
#include <kernel/slab.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

static unsigned int hz = 1024;
module_param(hz, uint, 0444);
MODULE_PARM_DESC(hz, "interrupts a second, a power of two from 2 to 8192");

#define RTC_IRQ		8
#define PORT_INDEX	0x70
#define PORT_DATA	0x71

/* MC146818 data sheet, "Registers"; A to D. */
#define REG_A		0x0a
#define REG_B		0x0b
#define REG_C		0x0c
#define A_UIP		0x80		/* the time is about to change */
#define A_RATE		0x0f		/* 32768 >> (rate - 1) Hz */
#define B_PIE		0x40		/* periodic interrupt */
#define B_BINARY	0x04
#define B_24H		0x02
#define C_PF		0x40		/* a period has passed */

/* As Linux has them. */
#define RTC_RD_TIME	0x80247009u
#define RTC_IRQP_READ	0x8004700bu
#define RTC_PF		0x40u
#define RTC_IRQF	0x80u

struct rtc_time {
	int sec, min, hour, mday, mon, year, wday, yday, isdst;
};

/* An open file: what of @ticks it was told. */
struct reader {
	uint32_t seen;
};

static DEFINE_SPINLOCK(chip);		/* the ports, and: */
/* Stamps, as what lies in memory is searched for addresses of others. */
static struct stamp accounted;		/* up to here ticks are counted */
static struct stamp began;
static uint32_t ticks;			/* read freely */
static uint32_t interrupts;
static bool phase_known;
static uint32_t period;			/* ns; constant after init */
static DECLARE_WAIT_QUEUE_HEAD(tick_wait);

static uint8_t chip_read(uint8_t reg)
{
	outb(reg, PORT_INDEX);
	return inb(PORT_DATA);
}

static void chip_write(uint8_t reg, uint8_t value)
{
	outb(reg, PORT_INDEX);
	outb(value, PORT_DATA);
}

/* ---- ticks ---- */

/*
 * Whether the period from @since has passed.  The chip and the kernel do not
 * share a clock: half a period of tolerance.
 */
static bool has_passed(uint64_t since, uint64_t now)
{
	return now + period / 2 >= since + period;
}

static void account(uint64_t now)
{
	uint64_t until = stamp_ns(accounted);

	while (has_passed(until, now)) {
		until += period;
		WRITE_ONCE(ticks, ticks + 1);
	}
	accounted = stamp_of(until);
}

/*
 * Periods begin where the chip's do, which the first interrupt tells: half-way
 * between two, whether an interrupt is a little late would decide what it
 * counts.  So the beginning moves by half a period at most.
 */
static void find_phase(uint64_t now)
{
	uint64_t nearest = stamp_ns(began);

	while (has_passed(nearest, now))
		nearest += period;
	began = accounted = stamp_of(stamp_ns(began) + now - nearest);
}

static void tick(uint64_t now)
{
	interrupts++;
	if (!phase_known)
		find_phase(now);
	phase_known = true;
	account(now);
}

static irqreturn_t rtc_interrupt(int irq, void *dev)
{
	uint32_t flags = spin_lock_irqsave(&chip);
	bool ours = chip_read(REG_C) & C_PF;

	(void)irq;
	(void)dev;
	if (ours)
		tick(ktime_get_ns());
	spin_unlock_irqrestore(&chip, flags);
	wake_up(&tick_wait);
	return ours ? IRQ_HANDLED : IRQ_NONE;
}

/*
 * Periodic interrupts at @hz.  Register C is read last: a period that passed
 * before that would keep the chip silent.  Doing so again changes nothing, but
 * for a tick that the handler finds by the time.
 */
static void chip_start(void)
{
	uint32_t flags = spin_lock_irqsave(&chip);
	uint8_t rate = 1;

	while ((32768u >> (rate - 1)) > hz)
		rate++;
	chip_write(REG_A, (chip_read(REG_A) & ~A_RATE) | rate);
	chip_write(REG_B, chip_read(REG_B) | B_PIE);
	chip_read(REG_C);
	spin_unlock_irqrestore(&chip, flags);
}

static void chip_stop(void)
{
	uint32_t flags = spin_lock_irqsave(&chip);

	chip_write(REG_B, chip_read(REG_B) & ~B_PIE);
	chip_read(REG_C);
	spin_unlock_irqrestore(&chip, flags);
}

/* ---- the time of day ---- */

static int from_bcd(uint8_t v, uint8_t mode)
{
	return mode & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

/* Registers 0, 2, 4, 6 to 9; false while they change. */
static bool chip_read_time(uint8_t raw[7], uint8_t *mode)
{
	static const uint8_t regs[7] = { 0, 2, 4, 6, 7, 8, 9 };
	uint32_t flags = spin_lock_irqsave(&chip);
	bool stable = !(chip_read(REG_A) & A_UIP);

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		raw[i] = chip_read(regs[i]);
	*mode = chip_read(REG_B);
	spin_unlock_irqrestore(&chip, flags);
	return stable;
}

/* UIP announces a change 244 us ahead: time enough to read. */
static void read_time(struct rtc_time *t)
{
	uint8_t raw[7], mode;
	bool pm;

	while (!chip_read_time(raw, &mode))
		;
	pm = !(mode & B_24H) && (raw[2] & 0x80);
	memset(t, 0, sizeof(*t));
	t->sec = from_bcd(raw[0], mode);
	t->min = from_bcd(raw[1], mode);
	t->hour = from_bcd(raw[2] & 0x7f, mode);
	if (!(mode & B_24H))
		t->hour = t->hour % 12 + (pm ? 12 : 0);
	t->wday = from_bcd(raw[3], mode) - 1;
	t->mday = from_bcd(raw[4], mode);
	t->mon = from_bcd(raw[5], mode) - 1;
	t->year = from_bcd(raw[6], mode) + 100;	/* since 1900 */
}

/* ---- the device ---- */

static int rtc_open(struct inode *inode, struct file *file)
{
	struct reader *r = kmalloc(sizeof(*r), GFP_KERNEL);

	(void)inode;
	if (!r)
		return -ENOMEM;
	r->seen = READ_ONCE(ticks);
	file->private_data = r;
	return 0;
}

static int rtc_release(struct inode *inode, struct file *file)
{
	(void)inode;
	kfree(file->private_data);
	return 0;
}

/* Linux's format: the ticks since the last read, above a byte of flags. */
static ssize_t rtc_read(struct file *file, char __user *buf, size_t n,
			loff_t *pos)
{
	struct reader *r = file->private_data;
	uint32_t now, data;
	int err;

	(void)pos;
	if (n < sizeof(data))
		return -EINVAL;
	if (READ_ONCE(ticks) == r->seen && (file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	err = wait_event_interruptible(tick_wait, READ_ONCE(ticks) != r->seen);
	if (err)
		return err;
	now = READ_ONCE(ticks);
	data = (now - r->seen) << 8 | RTC_PF | RTC_IRQF;
	if (copy_to_user(buf, &data, sizeof(data)))
		return -EFAULT;
	r->seen = now;
	return sizeof(data);
}

static unsigned int rtc_poll(struct file *file, struct poll_table *pt)
{
	const struct reader *r = file->private_data;

	poll_wait(file, &tick_wait, pt);
	return READ_ONCE(ticks) != r->seen ? POLLIN : 0;
}

static long rtc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct rtc_time t;

	(void)file;
	switch (cmd) {
	case RTC_RD_TIME:
		read_time(&t);
		if (copy_to_user((void __user *)arg, &t, sizeof(t)))
			return -EFAULT;
		return 0;
	case RTC_IRQP_READ:
		if (copy_to_user((void __user *)arg, &hz, sizeof(hz)))
			return -EFAULT;
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations rtc_fops = {
	.open = rtc_open,
	.release = rtc_release,
	.read = rtc_read,
	.poll = rtc_poll,
	.unlocked_ioctl = rtc_ioctl,
};

static const struct miscdevice rtc_misc = {
	.name = "rtc",
	.fops = &rtc_fops,
};

/* ---- the command ---- */

/*
 * What account() would have by now.  Modules have no 64-bit division: this one
 * goes bit by bit.
 */
static uint32_t periods_between(uint64_t since, uint64_t now)
{
	uint64_t rest = now + period / 2 - since;
	uint32_t n = 0;

	if (!has_passed(since, now))
		return 0;
	for (int bit = 31; bit >= 0; bit--) {
		if (rest >> bit < period)
			continue;
		rest -= (uint64_t)period << bit;
		n |= 1u << bit;
	}
	return n;
}

static int rtc_command(struct command_call *call)
{
	uint32_t seen, by, flags;
	struct rtc_time t;
	uint64_t since, now;

	read_time(&t);
	flags = spin_lock_irqsave(&chip);
	seen = ticks;
	by = interrupts;
	since = stamp_ns(began);
	now = ktime_get_ns();
	spin_unlock_irqrestore(&chip, flags);
	command_printf(call, "rtc: %d-%02d-%02d %02d:%02d:%02d, %u Hz: "
		       "%u ticks by %u interrupts, %u by the clock\n",
		       t.year + 1900, t.mon + 1, t.mday, t.hour, t.min, t.sec,
		       hz, seen, by, periods_between(since, now));
	return 0;
}

/* ---- the module ---- */

static int rtc_init(void)
{
	if (hz < 2 || hz > 8192 || (hz & (hz - 1)))
		return -EINVAL;
	period = 1000000000u / hz;
	began = accounted = stamp_in_ms(0);
	return 0;
}

static int rtc_register(void)
{
	int err = request_irq(RTC_IRQ, rtc_interrupt, "rtc", NULL);

	if (err)
		return err;
	chip_start();
	err = misc_register(&rtc_misc);
	if (err)
		return err;
	return register_command("rtc", rtc_command,
				"print the time of day and the ticks so far");
}

static void rtc_unregister(void)
{
	unregister_command("rtc");
	misc_deregister(&rtc_misc);
}

static void rtc_cleanup(void)
{
	chip_stop();
}

module_init(rtc_init);
module_register(rtc_register);
module_unregister(rtc_unregister);
module_cleanup(rtc_cleanup);
MODULE_DESCRIPTION("the real-time clock");
MODULE_LICENSE("MIT");
