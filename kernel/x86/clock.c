/*
 * Time.  The TSC says what time it is; each CPU's LAPIC timer says when it has
 * come.  Both rates are measured at boot against channel 2 of the PIT, which
 * runs at 1193182 Hz on every PC.
 *
 * A virtual CPU may lose its processor between any two instructions, for
 * milliseconds.  So the measurement waits for nothing to happen: it reads all
 * three counters at two moments, each as close together as several tries allow,
 * and the best pair of moments counts.
 */
#include <kernel/bug.h>
#include <kernel/io.h>
#include <kernel/ktime.h>
#include <kernel/printk.h>
#include <x86/clock.h>
#include <x86/internal.h>

#define PIT_HZ			1193182u
#define PIT_CHANNEL2		0x42
#define PIT_COMMAND		0x43
#define PIT_START_CHANNEL2	0xb0	/* both bytes, mode 0 */
#define PIT_LATCH_CHANNEL2	0x80
#define SPEAKER_PORT		0x61
#define SPEAKER_GATE2		(1u << 0)
#define SPEAKER_SOUND		(1u << 1)
#define SPEAKER_OUT2		(1u << 5)	/* channel 2 has run out */

#define MEASURE_PIT_TICKS	6000u	/* 5 ms */
#define MEASURE_TRIES		5u
#define SAMPLE_TRIES		8u
#define MAX_ARM_NS		(2 * NSEC_PER_SEC)

/* x * mult >> shift converts from one rate to another; shift is 32 at most. */
struct scale {
	uint32_t mult, shift;
};

struct sample {
	uint64_t	tsc;		/* in the middle of the reading */
	uint64_t	spread;		/* TSC ticks that the reading took */
	uint32_t	lapic;
	uint16_t	pit;
};

struct rates {
	uint64_t	tsc_hz, lapic_hz;
	uint64_t	spread;
};

/* Constant after clock_init(). */
static uint64_t boot_tsc;
static struct scale tsc_to_ns, ns_to_lapic;

/* The finest scale whose multiplier still fits its 32 bits. */
static struct scale scale_make(uint64_t from_hz, uint64_t to_hz)
{
	struct scale s = { 0, 32 };

	while ((to_hz << s.shift) / from_hz > UINT32_MAX)
		s.shift--;
	s.mult = (to_hz << s.shift) / from_hz;
	return s;
}

/* Exact to the last bit for any @v: neither product exceeds 64 bits. */
static uint64_t scale_apply(uint64_t v, struct scale s)
{
	uint64_t high = (v >> 32) * s.mult;
	uint64_t low = (v & UINT32_MAX) * s.mult;

	return (high << (32 - s.shift)) + (low >> s.shift);
}

static void pit_start(void)
{
	outb((inb(SPEAKER_PORT) & ~SPEAKER_SOUND) | SPEAKER_GATE2,
	     SPEAKER_PORT);
	outb(PIT_START_CHANNEL2, PIT_COMMAND);
	outb(0xff, PIT_CHANNEL2);
	outb(0xff, PIT_CHANNEL2);
}

/* A latched count stands until both its bytes are read (8254 data sheet). */
static uint16_t pit_latched(void)
{
	uint8_t low = inb(PIT_CHANNEL2);

	return low | inb(PIT_CHANNEL2) << 8;
}

static struct sample sample_once(void)
{
	struct sample s;
	uint64_t before = rdtsc();

	outb(PIT_LATCH_CHANNEL2, PIT_COMMAND);
	s.lapic = lapic_timer_count();
	s.spread = rdtsc() - before;
	s.tsc = before + s.spread / 2;
	s.pit = pit_latched();
	return s;
}

static struct sample sample_best(void)
{
	struct sample best = sample_once();

	for (uint32_t i = 1; i < SAMPLE_TRIES; i++) {
		struct sample s = sample_once();

		if (s.spread < best.spread)
			best = s;
	}
	return best;
}

/*
 * False: the PIT ran out meanwhile and goes on from its top, so that a
 * difference may be a whole turn short.
 */
static bool measure_once(struct rates *r)
{
	struct sample a, b;
	uint32_t ticks;

	pit_start();
	lapic_timer_start(UINT32_MAX);
	a = sample_best();
	do {
		/* Port reads are slow where instructions count as time. */
		for (uint32_t i = 0; i < 5000; i++)
			__asm__ volatile("");
		cpu_relax();
		outb(PIT_LATCH_CHANNEL2, PIT_COMMAND);
		ticks = a.pit - pit_latched();
		if (inb(SPEAKER_PORT) & SPEAKER_OUT2)
			return false;
	} while (ticks < MEASURE_PIT_TICKS);
	b = sample_best();
	if (inb(SPEAKER_PORT) & SPEAKER_OUT2)
		return false;
	ticks = a.pit - b.pit;
	r->tsc_hz = (b.tsc - a.tsc) * PIT_HZ / ticks;
	r->lapic_hz = (uint64_t)(a.lapic - b.lapic) * PIT_HZ / ticks;
	r->spread = a.spread + b.spread;
	return r->tsc_hz && r->lapic_hz;
}

void clock_mark_boot(void)
{
	boot_tsc = rdtsc();
}

void clock_init(void)
{
	struct rates best = { .spread = UINT64_MAX };

	lapic_timer_init_cpu();
	for (uint32_t i = 0, good = 0; i < 50 && good < MEASURE_TRIES; i++) {
		struct rates r;

		if (!measure_once(&r))
			continue;
		good++;
		if (r.spread < best.spread)
			best = r;
	}
	lapic_timer_start(0);
	if (best.spread == UINT64_MAX)
		panic("the PIT does not run: no clock");
	ns_to_lapic = scale_make(NSEC_PER_SEC, best.lapic_hz);
	tsc_to_ns = scale_make(best.tsc_hz, NSEC_PER_SEC);
	pr_info("clock: TSC %u kHz, LAPIC timer %u kHz\n",
		(uint32_t)(best.tsc_hz / 1000),
		(uint32_t)(best.lapic_hz / 1000));
}

void clock_init_cpu(void)
{
	lapic_timer_init_cpu();
}

/* The TSCs of all CPUs are taken for one: nothing here corrects them. */
uint64_t clock_ns(void)
{
	return scale_apply(rdtsc() - boot_tsc, tsc_to_ns);
}

void clock_arm(uint64_t ns)
{
	uint64_t now = clock_ns();
	uint64_t wait = ns > now ? min(ns - now, MAX_ARM_NS) : 0;

	/* Rounded up: not before its time, and 0 would be never. */
	clock_arm_ticks(scale_apply(wait, ns_to_lapic) + 1);
}

#ifdef CONFIG_LAB
uint64_t clock_trap;
uint32_t clock_entered;
static bool its_own;		/* the CPU is in the timer's interrupt */

void clock_enter_interrupt(void)
{
	clock_entered = (uint32_t)rdtsc();
	its_own = true;
}

void clock_leave_interrupt(void)
{
	its_own = false;
}

/*
 * One that is past and not seen has its interrupt pending, or would lose it
 * here: it may have passed since the timer was armed for it, by the few
 * instructions from here to the timer.  So it is armed for once more; where the
 * interrupt was pending that is the same one.
 */
static noinline uint32_t limit_to_trap(uint32_t count)
{
	uint64_t now = rdtsc();

	if (clock_trap > now)
		return (uint32_t)min(clock_trap - now, (uint64_t)count);
	return its_own ? count : 1;
}
#else
static uint32_t limit_to_trap(uint32_t count)
{
	return count;
}
#endif

void clock_arm_ticks(uint32_t count)
{
	assert(irqs_disabled());
	if (unlikely(clock_trap))
		count = limit_to_trap(count);
	lapic_timer_start(count);
}

void clock_delay(uint64_t ns)
{
	uint64_t end = clock_ns() + ns;

	while (clock_ns() < end)
		cpu_relax();
}
