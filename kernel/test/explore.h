/*
 * What the explorer (tools/explore) and its scenes in the kernel tell each
 * other: a schedule goes in, what became of it comes out.  Both lie in memory
 * that the tool reads and writes while the machine stands; words only, in the
 * order that its Schedule and Result have them.
 */
#ifndef TEST_EXPLORE_H
#define TEST_EXPLORE_H

#include <kernel/types.h>

#define EXPLORE_SEGMENTS	8u
#define EXPLORE_MARKS		96u
#define EXPLORE_NOBODY		0xffu

enum explore_actor {
	EXPLORE_USER,		/* on his way through the module */
	EXPLORE_UNLOADER,	/* who asks, the undertaker, the bearers */
	EXPLORE_ACTORS
};

/*
 * Who runs, and for how many instructions (0: to his end), one after the
 * other.  Counted from the mark at which he is let go.
 */
struct explore_schedule {
	uint32_t	nr;
	struct {
		uint32_t actor, ticks;
	} segment[EXPLORE_SEGMENTS];
};

/* At the end of a segment that was cut short. */
struct explore_stop {
	uint32_t	segment;
	uint32_t	actor;		/* EXPLORE_NOBODY: his did not run */
	uint32_t	not_eip;	/* inverted: no address of a module */
	uint32_t	entered;	/* ticks since the mark */
	uint32_t	past;		/* its tick, as it was seen */
	uint32_t	late;		/* preemption was off */
	uint32_t	state;		/* enum module_state */
	uint32_t	frozen;
	uint32_t	count;		/* the actors' alone */
	uint32_t	inside;		/* an address of it in what is live */
};

struct explore_result {
	uint32_t	nr_stops;
	struct explore_stop stop[EXPLORE_SEGMENTS];
	struct {
		uint32_t finished, result, called, started;
		uint32_t stack;		/* lowest byte */
	} actor[EXPLORE_ACTORS];
	uint32_t	outcome;	/* enum unload_outcome */
	uint32_t	spared, rounds;
	uint32_t	lent;		/* a stopped one had a mutex */
	uint32_t	state;		/* when all had come to their end */
	uint32_t	second_error;	/* of the unload after it */
	uint32_t	left_behind;	/* the census */
	uint32_t	nr_marks;
	uint32_t	mark[EXPLORE_MARKS];	/* TSC, low words */
};

extern struct explore_schedule explore_schedule;
extern struct explore_result explore_result;

/*
 * For the tool's breakpoints: the scene is set, its end is judged; and one that
 * its plugin counts instructions by.  They do nothing else.
 */
void explore_ready(void);
void explore_done(void);
void explore_mark(void);

#endif
