/*
 * A pointer left in the kernel's memory, those who move it, and the search.
 *
 * Covers H37 H47 H48 H50 H51 and the half of H02 in which a task gets its
 * pointer from memory and not through a door: the module has left a pointer in
 * cell A or B, or none; an interrupt handler may move it from one cell to the
 * other; a task may take it out of a cell into a register, put it back, throw
 * it away or follow it; cleanup may leave another one behind.
 *
 * Each cell is a page with its own dirty bit, and the CPU on which the others
 * run has its translation in the TLB or not: a store through an entry that says
 * dirty leaves no mark in the page table.
 *
 * Left out, and why nothing is lost by it:
 *  - More pages.  The search reads them one after the other; what can go wrong
 *    is that something moves between one read and another, which two show in
 *    both directions.
 *  - More CPUs with a TLB.  Dirty bits of a page are set by whichever stores;
 *    one that has acknowledged and one that has not are told apart in time.
 *  - The store buffer.  A CPU that has acknowledged, or stands in a rendezvous,
 *    has stored before whatever it stored before that (TSO): a store and its
 *    mark are one step.
 *  - More tasks.  One that has a pointer is enough to be missed.  He stands for
 *    frozen ones, and for one that is spared since he holds a mutex (H22): such
 *    a one runs on behind the gate.
 *  - That the harvest may be too large and the verdict out of time: both give
 *    up the round, so they only take behaviour away.
 * The doors are closed and the engines held from the start: users.pml and
 * engines.pml.  Clock: at any moment.
 *
 * Claims.
 *  - gone_means_gone: after the verdict nobody follows a pointer into the
 *    module, but for one that its cleanup hands out.
 *  - nothing_reaches_what_is_freed: when the memory is freed neither a cell nor
 *    a register leads there.
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

#define PAGES	2

bool cell[PAGES];		/* holds a pointer into the module */
bool dirty[PAGES] = 1;		/* in the page table; written since boot */
bool tlb[PAGES];		/* the others' CPU has it, and dirty */
bool gate;
bool in_handler;
bool spared;			/* T: SPARE_EVIDENCE */
bool holds;			/* T: SPARE_LOCK, or it would be */
bool reg;			/* T has the pointer, in a register */
bool on_cpu;			/* T, as far as his examination can tell */
bool ran = 1;			/* T was switched to since he was examined */
bool valid, remembered;		/* task->exam */
bool resurrected;		/* cleanup has left a pointer: its memory is
				 * there still, and what comes of a use its
				 * own fault */

#define may_run		(!gate || spared || holds)
#define reachable	(cell[0] || cell[1] || reg)

/* A store, and what the CPU notes of it (Intel SDM vol. 3, 4.8). */
inline store(p, value)
{
	d_step {
		dirty[p] = (tlb[p] -> dirty[p] : 1);
		tlb[p] = 1;
		cell[p] = value
	}
}

/* An interrupt: the gate does not stop it, a rendezvous waits for its end. */
active proctype handler()
{
	byte from;

end:	do
	:: atomic {
		state == HELD && (cell[0] || cell[1]) ->
		in_handler = 1;
		from = (cell[0] -> 0 : 1);
		if
		:: from == 0 -> say("an interrupt copies A to B")
		:: else -> say("an interrupt copies B to A")
		fi;
		store(1 - from, 1)
	};
		atomic {
			say("and clears where it was");
			store(from, 0);
			in_handler = 0;
			from = 0
		}
	od
}

/* Being on a CPU again is the switch that raises task->switches. */
active proctype task()
{
	byte p;

end:	do
	:: atomic { may_run && !on_cpu -> on_cpu = 1; ran = 1 }
	:: atomic { on_cpu -> on_cpu = 0 }
		:: atomic {
		on_cpu && !reg && cell[0] -> p = 0;
		say("T loads the pointer from A");
		reg = 1
	}
	:: atomic {
		on_cpu && !reg && cell[1] -> p = 1;
		say("T loads the pointer from B");
		reg = 1
	}
	:: atomic {
		on_cpu && reg && cell[p] ->
		say("T clears where it was");
		store(p, 0)
	}
	:: atomic {
		on_cpu && reg && !cell[p] ->
		say("T puts the pointer back");
		store(p, 1);
		reg = 0
	}
	:: atomic {
		on_cpu && reg ->
		say("T follows the pointer");
		claim(gone_means_gone, state != GONE &&
				       (state != DEAD || resurrected));
		reg = 0
	}
	:: atomic { on_cpu && !gate -> holds = 1 }
	:: atomic { on_cpu && holds -> holds = 0 }
	od
}

/* ---- the undertaker ---- */

mtype err;
byte hit;			/* prepared: one bit a page */
bool found;

/* exam_task(), exam_saved() */
#define fresh	(valid && (!ran || !guard(EXAM_GENERATION)))

inline exam_saved()
{
	if
	:: fresh && !remembered -> found = 0
	:: else ->
		valid = 1;
		ran = 0;
		remembered = reg;
		found = reg
	fi
}

inline flush()
{
	d_step {
		if
		:: habit(ALL_CPUS_FLUSH) -> tlb[0] = 0; tlb[1] = 0
		:: else
		fi
	}
}

/* Dirty bits first, then the flush, and only then the first read. */
inline prepare_memory()
{
	hit = 0;
	if
	:: guard(MEMORY_SEARCH) ->
		dirty[0] = 0;
		dirty[1] = 0;
		flush();
		atomic { say("U searches A"); hit = hit | cell[0] };
		atomic { say("U searches B"); hit = hit | (cell[1] << 1) }
	:: else
	fi
}

inline recheck()
{
	hit = (hit & 1 && cell[0]) | ((hit & 2 && cell[1]) << 1)
}

/* dirty_harvest(): all bits, the flush, then the pages. */
inline search_written()
{
	harvest = 0;
	atomic {
		if
		:: dirty[0] -> dirty[0] = 0; harvest = harvest | 1
		:: else
		fi
	};
	atomic {
		if
		:: dirty[1] -> dirty[1] = 0; harvest = harvest | 2
		:: else
		fi
	};
	flush();
	late = harvest & cell[0];
	late = late | (harvest & (cell[1] << 1));
	atomic {
		recheck();
		err = (late || hit -> EBUSY : err)
	}
}

/* In rendezvous: nobody else takes a step, no handler is under way. */
inline verdict(commit)
{
	atomic {
		!in_handler;
		found = 0;
		if
		:: !guard(VERDICT_TASKS)
		:: guard(VERDICT_TASKS) && on_cpu -> found = reg
		:: guard(VERDICT_TASKS) && !on_cpu -> exam_saved()
		fi;
		recheck();
		late = hit | (dirty[0] && cell[0]) |
		       ((dirty[1] && cell[1]) << 1);
		if
		:: found -> err = EAGAIN
		:: !found && guard(VERDICT_MEMORY) && late -> err = EBUSY
		:: else ->
			say("U: the verdict is clean");
			if
			:: commit -> state = DEAD
			:: else
			fi
		fi;
		late = 0;
		hit = 0;
		found = 0
	}
}

inline one_round(commit)
{
	err = SUCCESS;
	prepare_memory();
	/* examine_ahead() */
	atomic {
		if
		:: !on_cpu -> say("U examines T ahead"); exam_saved()
		:: else
		fi
	};
	atomic { gate = 1; say("U closes the gate") };
	(!on_cpu || spared || holds);
	do
	:: atomic {
		if
		:: on_cpu -> err = EAGAIN	/* TASK_IS_RUNNING */
		:: else ->
			exam_saved();
			err = (found -> EAGAIN : SUCCESS);
			spared = found;
			found = 0
		fi
	};
		if
		:: err == SUCCESS -> break
		:: err != SUCCESS -> break	/* 8 ms */
		:: err != SUCCESS		/* another pass */
		fi
	od;
	if
	:: err == SUCCESS && guard(VERDICT_MEMORY) -> search_written()
	:: else
	fi;
	if
	:: err == SUCCESS -> verdict(commit)
	:: else
	fi;
	atomic { gate = 0; spared = 0 }
}

inline rounds(commit)
{
	do
	:: one_round(commit);
		if
		:: err == SUCCESS -> break
		:: err != SUCCESS		/* another */
		:: err != SUCCESS -> break	/* patience, the deadline */
		fi
	od
}

active proctype undertaker()
{
	byte harvest, late;

	atomic {
		state = HELD;
		if
		:: cell[0] = 1; say("the module has left a pointer in A")
		:: cell[1] = 1; say("the module has left a pointer in B")
		:: true
		fi
	};
	rounds(true);
	if
	:: err != SUCCESS -> state = LIVE
	:: else ->
		say("U runs cleanup");
		if
		:: atomic {
			say("cleanup leaves a pointer in A");
			resurrected = 1;
			store(0, 1)
		}
		:: true
		fi;
		if
		:: guard(SECOND_VERDICT) -> rounds(false)
		:: else
		fi;
		if
		:: err == SUCCESS ->
			atomic {
				say("U frees the module");
				claim(nothing_reaches_what_is_freed,
				      !reachable);
				state = GONE
			}
		:: else -> state = ENTOMBED
		fi
	fi
}
