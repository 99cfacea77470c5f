/*
 * The log from the reader's side: its records by number, and which of them the
 * console shows.
 */
#ifndef DEBUG_DMESG_H
#define DEBUG_DMESG_H

#include <kernel/types.h>

#define DMESG_LINE	256	/* longest text, its NUL included */

struct dmesg_record {
	uint32_t	seq;
	uint32_t	sec, nsec;	/* since boot */
	uint8_t		level;		/* 0 (emergency) to 7 (debug) */
	uint8_t		cpu;
	char		text[DMESG_LINE];	/* ASCII, no newline */
};

/*
 * Copies the first record numbered *@seq or above that the ring still holds
 * and moves *@seq behind it; what was overwritten shows as a gap in
 * @rec->seq.  Start with 0.  False: no more.  Any context, no locks held long.
 */
bool dmesg_read(uint32_t *seq, struct dmesg_record *rec);

/*
 * How messages reach a person.  dev/console.c is the one implementation; it
 * lies above, so it hands itself down.  Each function: any context.
 */
struct log_sink {
	void (*emit)(const char *s, size_t n);		/* to the console */
	void (*control)(const char *s, size_t n);	/* a line to the host */
};

/* What the ring holds and the console shall show is shown at once.  Once. */
void printk_set_sink(const struct log_sink *sink);

/*
 * The console shows records of level @level and more urgent (0 to 7).  Until
 * told otherwise it shows KERN_INFO.
 */
void printk_set_level(unsigned int level);
/* Takes loglevel=N from the command line, if it is there. */
void printk_init(const char *cmdline);
/*
 * The house is lit: from here on KERN_NOTICE, so that the log does not talk
 * over the shell; without effect where loglevel= was given.
 */
void printk_end_boot(void);

#endif
