/*
 * The kernel log: a ring of records that anybody may write to at any moment,
 * and the way of its lines to the console.
 *
 * Writing a record and showing it are apart.  A record is in the ring when
 * printk() returns; it is shown by whoever holds @flushing, one record at a
 * time, so that lines come out whole and in order and nobody waits for another
 * CPU's console.
 *
 * Nothing in the ring can be taken for an address of a module (H09): text is
 * ASCII, times are kept as seconds and nanoseconds, and numbers are small.
 */
#include <kernel/export.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "debug/internal.h"
#include "debug/rawlock.h"
#include "lib/cmdline.h"
#include "x86/clock.h"

#define RECORDS		1024u		/* powers of two */
#define TEXT_SIZE	65536u
#define DEFAULT_LEVEL	5		/* of a message that names none */

struct record {
	uint32_t	sec, nsec;
	uint32_t	text;		/* where in the ring of text */
	uint16_t	len;
	uint8_t		level, cpu;
};

/*
 * Lock key: (l) log_lock  (s) set once at boot  (f) who holds @flushing
 *
 * The ring holds records [first, next), numbered from 0 on; the texts of these
 * fill [text_first, text_next) of the text ring, in order.
 */
static struct raw_lock log_lock;
static struct record records[RECORDS] __no_pointers;	/* (l) */
static char text_ring[TEXT_SIZE] __no_pointers;		/* (l) */
static uint32_t first, next;			/* (l) */
static uint32_t text_next, text_used;		/* (l) */

static const struct log_sink *sink;		/* (s) */
static uint32_t flushing;
static uint32_t shown;				/* (f) next to be shown */
static uint32_t console_level = 6;
static bool level_was_given;			/* (s) */

bool raw_locks_open;

/* log_lock held.  There is one: a line alone fits into the empty rings. */
static void forget_oldest(void)
{
	text_used -= records[first % RECORDS].len;
	first++;
}

static void append_record(int level, uint64_t now, const char *s, size_t len)
{
	uint32_t flags = raw_lock(&log_lock);
	struct record *r;

	while (next - first == RECORDS || text_used + len > TEXT_SIZE)
		forget_oldest();
	r = &records[next % RECORDS];
	*r = (struct record){
		.sec = (uint32_t)(now / 1000000000u),
		.nsec = (uint32_t)(now % 1000000000u),
		.text = text_next,
		.len = (uint16_t)len,
		.level = (uint8_t)level,
		.cpu = (uint8_t)raw_cpu_id(),
	};
	for (size_t i = 0; i < len; i++)
		text_ring[(text_next + i) % TEXT_SIZE] = s[i];
	text_next = (text_next + len) % TEXT_SIZE;
	text_used += len;
	next++;
	raw_unlock(&log_lock, flags);
}

/*
 * By distances from @first, as the numbers wrap: one that is not among those
 * held, of whatever age, begins with the oldest.
 */
bool dmesg_read(uint32_t *seq, struct dmesg_record *rec)
{
	uint32_t flags = raw_lock(&log_lock);
	uint32_t n = *seq - first > next - first ? first : *seq;
	const struct record *r = &records[n % RECORDS];
	bool found = n != next;

	if (found) {
		rec->seq = n;
		rec->sec = r->sec;
		rec->nsec = r->nsec;
		rec->level = r->level;
		rec->cpu = r->cpu;
		for (uint32_t i = 0; i < r->len; i++)
			rec->text[i] = text_ring[(r->text + i) % TEXT_SIZE];
		rec->text[r->len] = '\0';
		*seq = n + 1;
	}
	raw_unlock(&log_lock, flags);
	return found;
}

/* By whoever holds @flushing: @line is his. */
static void show_record(const struct dmesg_record *rec)
{
	static char line[DMESG_LINE + 24];	/* (f) */
	int n;

	if (rec->level > READ_ONCE(console_level))
		return;
	n = scnprintf(line, sizeof(line), "[%5u.%06u] %s\n", rec->sec,
		      rec->nsec / 1000, rec->text);
	sink->emit(line, (size_t)n);
}

/*
 * Shows what has not been shown.  Interrupts are off while a record is under
 * way: its holder is not preempted, so that no other CPU's lines wait for him
 * longer than a line takes.  Who finds the holder at work leaves the record to
 * him: the holder looks again after he has let go.  In a panic he may have been
 * stopped for good, and is not heeded.
 */
static void flush_log(void)
{
	static struct dmesg_record rec;		/* (f) */
	bool more = true;

	while (sink && (more || READ_ONCE(shown) != READ_ONCE(next))) {
		uint32_t flags = local_irq_save();

		if (__atomic_exchange_n(&flushing, 1, __ATOMIC_SEQ_CST) &&
		    !READ_ONCE(raw_locks_open)) {
			local_irq_restore(flags);
			return;
		}
		more = dmesg_read(&shown, &rec);
		if (more)
			show_record(&rec);
		__atomic_exchange_n(&flushing, 0, __ATOMIC_SEQ_CST);
		local_irq_restore(flags);
	}
}

/* The level in front of @*s, which is moved behind it. */
static int take_level(const char **s)
{
	const char *p = *s;

	if (p[0] != '\001' || p[1] < '0' || p[1] > '7')
		return DEFAULT_LEVEL;
	*s += 2;
	return p[1] - '0';
}

/*
 * For the search of memory (H09), and for the console: nobody's text sends it
 * sequences.
 */
static void make_plain_ascii(char *s)
{
	for (; *s; s++) {
		if (*s != '\n' && *s != '\t' && (*s < ' ' || *s > '~'))
			*s = '?';
	}
}

/*
 * Formatted before any lock is taken, on the stack: an argument that faults
 * does so with the log in order.  A message beyond DMESG_LINE is cut, with all
 * of its lines; they have one time and one level.
 */
int vprintk(const char *fmt, va_list ap)
{
	char text[DMESG_LINE];
	int level = take_level(&fmt);
	int n = vscnprintf(text, sizeof(text), fmt, ap);
	uint64_t now = clock_ns();
	char *line = text;

	make_plain_ascii(text);
	do {
		char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);

		append_record(level, now, line, len);
		line += len + (end != NULL);
	} while (*line);
	flush_log();
	return n;
}
EXPORT_SYMBOL(vprintk);

int printk(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintk(fmt, ap);
	va_end(ap);
	return n;
}
EXPORT_SYMBOL(printk);

/* Boot, one CPU: what was logged before is shown now. */
void printk_set_sink(const struct log_sink *s)
{
	sink = s;
	flush_log();
}

void printk_set_level(unsigned int level)
{
	WRITE_ONCE(console_level, min(level, 7u));
}

/* What is no level is said in the log, and changes nothing. */
void printk_init(const char *cmdline)
{
	unsigned int level;
	char text[8];

	if (!cmdline_get(cmdline, "loglevel", text, sizeof(text)))
		return;
	if (kstrtouint(text, 10, &level) || level > 7) {
		pr_warn("loglevel=%s: 0 to 7 was expected", text);
		return;
	}
	printk_set_level(level);
	level_was_given = true;
}

void printk_end_boot(void)
{
	if (!level_was_given)
		printk_set_level(5);
}

void log_open_locks(void)
{
	WRITE_ONCE(raw_locks_open, true);
}

void log_control(const char *json, size_t n)
{
	if (sink)
		sink->control(json, n);
}
