/*
 * The request and its answer: routines that hang, users that stay, deadlines,
 * and signals.
 *
 * Covers H17 H18 H24 H25 H28 H36 H44: unregister returns, waits until nobody is
 * counted, forgets a door, returns when nobody waits for it any more, or never;
 * cleanup returns or never does; a user is counted or not, and leaves or stays,
 * or wants to come in once more before he goes; he may be the caller himself.
 * The request is plain or with -w; the caller may be interrupted at any moment;
 * a second one asks for the same.
 *
 * Left out, and why nothing is lost by it:
 *  - What a round does: it finds the world clean, a user, or too little time.
 *    Why it finds what it finds is the other models' matter.
 *  - Register on the way back may hang like unregister, and is waited for in
 *    the same way; here it returns.
 *  - What the second caller does but wait: the first one does it.
 *  - Further requests.  An attempt leaves behind a module that is LIVE, GONE,
 *    ENTOMBED or DEAD and kept, and what a second one makes of each is here.
 *    What becomes of the one that is kept: deferred.pml.
 * Clock: at any moment, or patient, as the first step of the undertaker says.
 *
 * Claims.
 *  - always_answered: who asks gets an answer (G3).
 *  - doors_open_again: after a refusal the doors open.
 *  - not_by_the_clock: what no waiting can change is refused at once, and not
 *    when the time is over (G3, G7, G11).
 *  - no_door_open_when_held: no door leads into a module that is held.
 *  - no_free_under_users: nobody is inside, and no routine, when it is freed.
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

#define CALLERS	2

mtype = { IDLE, ASKED, RUNNING, DONE, ABANDONED };
mtype = { UNREGISTER, CLEANUP };
mtype = { RETURNS, DRAINS, FORGETS, HANGS };
mtype = { OPEN, SHUT, VOID };
mtype = { NOBODY, LEAVES, STAYS, NESTS, CALLER };

bool patient;
mtype unregister;		/* what the routine does */
mtype user;			/* what he does; CALLER: awaits the answer */
bool inside;			/* in the module, or with a file of it */
bool counted;
bool opt_w;

mtype door = OPEN;
bool withdrawn;			/* binding.withdrawn: what the ledger knows */
mtype phase = IDLE;		/* the bearer's */
mtype order;
bool abandoned;			/* owner.abandoned */

byte asking;			/* bits: a request that is in the queue */
byte serving = CALLERS;		/* whose; CALLERS: nobody's */
bool cancelled;
bool answered[CALLERS];

/*
 * What can pass only by doing something else than wait: the caller's own file;
 * a door that nobody closes any more; a routine that waits for a user who waits
 * for the doors, where -w has not asked for just that.
 */
#define in_vain	((inside && user == CALLER && serving == 0) || \
		 (unregister == FORGETS && withdrawn == 0 && \
		  phase != RUNNING) || \
		 (unregister == DRAINS && user == NESTS && inside && !opt_w))

bool expired;			/* the deadline of the step has passed */

/* What it means to go on as there is no more time. */
inline late()
{
	say("U: the time is over");
	claim(not_by_the_clock, !patient || !in_vain)
}

/* ---- the others ---- */

proctype a_user()
{
	if
	:: user == NOBODY -> inside = 0; counted = 0
	:: user == LEAVES -> atomic { inside = 0; counted = 0 }
	:: user == NESTS ->
		door != SHUT;		/* a second open, before the close */
		atomic { inside = 0; counted = 0 }
	:: else				/* there he stays */
	fi
}

/* Stamps of the one clock are reached, whoever does what meanwhile. */
proctype clock()
{
end:	do
	:: atomic {
		!expired && serving != CALLERS &&
		(!patient || timeout) ->
		expired = 1
	}
	od
}

/* module_unload() */
proctype caller(byte me)
{
	bool impatient;

	atomic {
		asking = asking | (1 << me);
		if
		:: me == 0 -> impatient = 1
		:: true
		fi
	};
	if
	:: answered[me]
	/* A signal: the undertaker is told, and finishes. */
	:: atomic {
		!answered[me] && serving == me && impatient ->
		say("the caller is interrupted");
		cancelled = 1
	};
		answered[me]
	/* Off the queue, by a signal or as its turn has not come in time. */
	:: atomic {
		!answered[me] && (asking & (1 << me)) &&
		serving != CALLERS && impatient ->
		asking = asking & ~(1 << me);
		answered[me] = 1
	}
	fi;
	atomic {
		if
		:: user == CALLER && me == 0 -> inside = 0; counted = 0
		:: else
		fi
	}
}

/* slot_withdraw(), of a door */
inline withdraw()
{
	atomic {
		withdrawn = 1;
		if
		:: door == VOID
		:: door != VOID && abandoned ->
			say("the routine withdraws, and is believed abandoned")
		:: else -> say("the routine withdraws the door"); door = SHUT
		fi
	}
}

inline bearer_done()
{
	atomic {
		if
		:: phase == RUNNING -> phase = DONE
		:: else -> say("the routine returns, late")
		fi
	};
	if
	:: phase == ABANDONED && order == UNREGISTER ->
		/* came_back_to_life(), then register and the doors */
		state != CLOSED;
		atomic {
			if
			:: state == LIVE ->
				withdrawn = 0;
				door = OPEN
			:: else
			fi;
			abandoned = 0;
			phase = IDLE
		}
	:: else
	fi
}

proctype bearer()
{
end:	do
	:: atomic {
		phase == ASKED && order == UNREGISTER ->
		phase = RUNNING;
		if
		:: unregister = RETURNS
		:: unregister = DRAINS; say("unregister waits for users")
		:: unregister = FORGETS; say("unregister forgets a door")
		:: unregister = HANGS; say("unregister does not return")
		fi
	};
		if
		:: unregister == RETURNS -> withdraw()
		:: unregister == DRAINS ->
			withdraw();
end_drain:		!counted
		:: unregister == FORGETS
		:: unregister == HANGS ->
			if
			:: true ->
end_never:			false
			:: true -> withdraw()	/* some day */
			fi
		fi;
		bearer_done()
	:: atomic {
		phase == ASKED && order == CLEANUP ->
		phase = RUNNING;
		if
		:: true
		:: say("cleanup does not return"); goto end_never_2
		fi
	};
		bearer_done()
	od;
end_never_2:
	false
}
/* ---- the undertaker ---- */

mtype err;
bool nr_unregistered;

#define interrupted (cancelled && state != DEAD)

/* routine_run(): the routine has returned, err is 0; else it is abandoned. */
inline routine(which)
{
	atomic {
		order = which;
		err = SUCCESS;
		phase = ASKED;
		expired = (which == CLEANUP -> 0 : expired)
	};
	if
	:: phase == DONE
	:: phase == RUNNING && which == UNREGISTER && cancelled
	:: atomic {
		phase != DONE && expired && habit(ROUTINES_ARE_ABANDONED) ->
		late()
	}
	fi;
	if
	:: atomic { phase == ASKED && which == UNREGISTER ->
		phase = IDLE; err = ETIMEDOUT }
	:: phase != ASKED ->
		/* abandon() */
		if
		:: phase == DONE
		:: phase == RUNNING && !habit(ABANDONED_THEN_MARKED) ->
			abandoned = (which == UNREGISTER)
		:: phase == RUNNING && habit(ABANDONED_THEN_MARKED)
		fi;
		atomic {
			if
			:: phase == RUNNING ->
				say("U: the routine is abandoned");
				phase = ABANDONED;
				err = ETIMEDOUT
			:: else -> abandoned = 0
			fi
		};
		/* It finds the mark before the module lives again. */
		if
		:: err == ETIMEDOUT -> abandoned = (which == UNREGISTER)
		:: else
		fi;
		if
		:: err == SUCCESS -> phase = IDLE
		:: else
		fi
	fi
}

/* Look again: as the clock goes on, or when something has changed. */
#define another_round \
	(!patient || interrupted || (err == EBUSY && !inside && door != OPEN))

/* verdict_rounds(), and patience_is_over() */
inline rounds()
{
	do
	:: atomic {
		if
		:: interrupted -> err = EINTR
		:: !interrupted && (inside || door == OPEN) ->
			say("U: a round finds a user, or a door");
			err = EBUSY
		:: !interrupted && !inside && door != OPEN ->
			if
			:: err = SUCCESS
			:: !patient ->
				say("U: a round has too little time");
				err = EAGAIN
			fi
		fi
	};
end_round:	if
		:: err == SUCCESS || err == EINTR -> break
		:: atomic {
			(err == EBUSY || err == EAGAIN) && expired &&
			((err == EBUSY && !opt_w) || guard(DEADLINE)) ->
			late();
			err = (err == EAGAIN -> ETIMEDOUT : EBUSY)
		};
			break
		:: atomic {
			(err == EBUSY || err == EAGAIN) && another_round &&
			!(expired && ((err == EBUSY && !opt_w) ||
				      guard(DEADLINE)))
		}
		fi
	od
}

inline look()
{
	atomic {
		if
		:: abandoned -> err = EBUSY
		:: !abandoned && state != LIVE -> err = EPERM
		:: !abandoned && state == LIVE ->
			if
			:: inside && user == CALLER && serving == 0 &&
			   guard(CALLER_OUTSIDE) -> err = EDEADLK
			:: else ->
				if
				:: counted && habit(COUNT_FIRST) && !opt_w ->
					err = EBUSY
				:: else -> err = SUCCESS
				fi
			fi
		fi
	}
}

inline close_doors()
{
	state = CLOSED;
	routine(UNREGISTER);
	nr_unregistered = (err == SUCCESS || phase == ABANDONED);
	if
	:: err == SUCCESS && guard(LEDGER_CLOSED) && !withdrawn -> err = EBUSY
	:: else
	fi
}

inline wait_for_users()
{
	if
	:: counted && opt_w ->
		if
		:: !counted
		:: cancelled
		:: atomic { counted && expired -> late() }
		fi
	:: else
	fi;
	atomic {
		if
		:: cancelled -> err = EINTR
		:: !cancelled && counted -> err = EBUSY
		:: else
		fi
	}
}

inline reactivate()
{
	atomic {
		say("U: refused: reactivated");
		state = LIVE;
		if
		:: nr_unregistered && phase != ABANDONED -> withdrawn = 0
		:: else
		fi;
		door = OPEN
	}
}

/* second_verdict() and what comes of it */
inline settle()
{
	expired = 0;			/* step_deadline() */
	rounds();
	atomic {
		if
		:: err == SUCCESS ->
			claim(no_free_under_users, !inside && phase == IDLE);
			say("U: gone");
			state = GONE
		:: err == ETIMEDOUT -> err = UNFINISHED
		:: else -> state = ENTOMBED
		fi
	}
}

inline attempt()
{
	look();
	if
	:: err == SUCCESS ->
		close_doors();
		if
		:: err == SUCCESS -> wait_for_users()
		:: else
		fi;
		if
		:: err == SUCCESS ->
			atomic {
				state = HELD;
				claim(no_door_open_when_held, door != OPEN ||
				      unregister == FORGETS)
			};
			rounds()
		:: else
		fi;
		if
		:: err == SUCCESS ->
			atomic {
				say("U: the verdict is clean");
				state = DEAD;
				door = VOID
			};
			routine(CLEANUP);
			if
			:: err == SUCCESS || !habit(HUNG_CLEANUP_ENTOMBS) ->
				settle()
			:: else -> state = ENTOMBED
			fi
		:: else -> reactivate()
		fi
	:: else
	fi
}

active proctype undertaker()
{
	atomic {
		if
		:: patient = 0
		:: patient = 1
		fi;
		if
		:: user = NOBODY
		:: user = LEAVES; inside = 1; counted = 1
		:: user = LEAVES; inside = 1
		:: user = STAYS; inside = 1; counted = 1;
			say("T is counted, and stays")
		:: user = STAYS; inside = 1;
			say("T sleeps inside, uncounted, and stays")
		:: user = NESTS; inside = 1; counted = 1;
			say("T is counted, and opens the device once more")
		:: user = CALLER; inside = 1; counted = 1;
			say("the caller himself has a file of it open")
		fi;
		run a_user();
		run bearer();
		run clock();
		run caller(0);
		run caller(1)
	};
end:	do
	:: atomic {
		asking ->
		if
		:: asking & 1 -> asking = asking & ~1; serving = 0
		:: asking & 2 -> asking = asking & ~2; serving = 1
		fi;
		if
		:: opt_w = 0
		:: opt_w = 1; say("unload -w")
		fi;
		expired = 0
	};
		attempt();
		atomic {
			answered[serving] = 1;
			serving = CALLERS;
			cancelled = 0;
			err = NO_ANSWER;
			nr_unregistered = 0;
			opt_w = 0;
			expired = 0;
			unregister = RETURNS
		}
	od
}

#define asked		((asking & 1) || serving == 0)
ltl always_answered	{ [] (asked -> <> !asked) }
ltl doors_open_again	{ [] (state == CLOSED -> <> (door != SHUT)) }
