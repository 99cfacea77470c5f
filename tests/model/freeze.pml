/*
 * Rounds, the gate, and who is let through: does a good module go?
 *
 * Covers H15 H16 H22 H23 H39 and the half of H03 and H04 in which the user must
 * get on for the module to go.  T was preempted or sleeps inside the module,
 * uncounted; he may need a mutex that L has, or an event that L brings about. L
 * is outside, without evidence.  S computes in user mode and never sleeps. The
 * caller waits for his answer, and may have a signal.
 *
 * Left out, and why nothing is lost by it:
 *  - What the verdict is about: users.pml and memory.pml have that it is never
 *    too early.  Here it is one step that finds T clean or does not, and the
 *    question is whether it comes.
 *  - More links in a chain of mutexes: each pass goes one further, and the
 *    chain is finite (freezer_thaw_lock_holders()).
 *  - How long a rest is.  Between two freezes anybody may run, and nobody has
 *    to: there may be many more of them than CPUs.
 * Clock: patient.  A freeze is given up after 8 ms and an attempt after its
 * budget only where nobody who may run has anything to do; so what is refused
 * here is refused because somebody was kept from doing it.
 *
 * Claims.
 *  - nobody_frozen_inside: a freeze is not given up over a task that could run
 *    and stands frozen inside the module (G5).
 *  - no_refusal_without_reason: where T does not sleep inside by his own doing
 *    the module goes (G14).
 *  - caller_is_not_frozen: a signal to the caller is heard behind the gate
 *    (G3).
 *  - world_runs_again: what is frozen is thawed.
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

mtype = { PLAIN, MUTEX, EVENT };
mtype = { NOBODY, BY_L, BY_T };

mtype story;			/* what T needs in there */
bool gate;
bool t_inside = 1, t_asleep, t_spared;
bool slept_of_himself;		/* T waits inside, uncounted, and nobody made
				 * him: he is what a refusal names (H25) */
bool l_spared;			/* SPARE_LOCK */
bool s_on_cpu = 1;
bool caller_spared, signalled, cancelled;
mtype owner = NOBODY;		/* of the mutex */
bool event;
bool news;			/* somebody has taken a step: look again */

#define may_run(spared)	(!gate || (spared))

/* ---- those who run ---- */

proctype user()
{
	atomic {
		may_run(t_spared);
		if
		:: story == MUTEX && owner == NOBODY -> owner = BY_T
		:: story == MUTEX && owner != NOBODY ->
			say("T, inside the module, sleeps on L's mutex");
			t_asleep = 1;
			slept_of_himself = !gate
		:: story == EVENT && !event ->
			if
			:: say("T, inside the module, sleeps for an event");
				t_asleep = 1
			:: say("T, inside the module, spins for an event")
			fi;
			slept_of_himself = 1
		:: else
		fi;
		news = 1
	};
	if
	:: story == MUTEX ->
		do
		:: owner == BY_T -> break
		:: atomic {
			owner != BY_T && !t_asleep && may_run(t_spared);
			if
			:: owner == NOBODY ->
				say("T gets the mutex");
				owner = BY_T
			:: else -> t_asleep = 1
			fi;
			news = 1
		}
		od;
		atomic { may_run(t_spared); owner = NOBODY; news = 1 }
	:: story == EVENT ->
		event;			/* a wake-up is kept for the thaw */
		atomic { t_asleep = 0; news = 1 };
		may_run(t_spared)
	:: else
	fi;
	atomic {
		may_run(t_spared);
		say("T leaves the module");
		t_inside = 0;
		t_spared = 0;		/* freezer_leave_kernel() */
		news = 1
	}
}

proctype holder()
{
	atomic {
		may_run(l_spared);
		if
		:: story == MUTEX ->
			say("L releases the mutex");
			owner = NOBODY
		:: story == EVENT -> say("L brings the event about"); event = 1
		:: else
		fi;
		news = 1
	};
	/* The end of mutex_unlock(); the gate may be in between. */
	atomic {
		may_run(l_spared);
		if
		:: story == MUTEX && t_asleep -> t_asleep = 0
		:: else
		fi;
		l_spared = 0;
		news = 1
	}
}

/* Leaves its CPU at the gate only. */
proctype spinner()
{
end:	do
	:: atomic { gate && s_on_cpu -> s_on_cpu = 0; news = 1 }
	:: atomic { !gate && !s_on_cpu -> s_on_cpu = 1 }
	od
}

/* module_unload(), from the moment his request is taken. */
proctype caller()
{
	if
	:: atomic { signalled = 1; say("the caller is interrupted") };
		atomic {
			may_run(caller_spared);
			cancelled = 1;
			news = 1
		}
	:: true
	fi
}

/* ---- the undertaker ---- */

mtype err;

#define t_found		(t_inside)
#define t_runnable	(t_inside && !t_asleep)

/* freezer_thaw_lock_holders(): locked, a holder that runs was met. */
inline thaw_lock_holders()
{
	locked = 0;
	if
	:: !guard(THAW_LOCK_HOLDERS) || story != MUTEX
	:: else ->
		l_spared = (l_spared && owner == BY_L);
		if
		:: t_spared && t_asleep && owner == BY_L ->
			say("U: L has what T needs: let through");
			l_spared = 1;
			locked = 1
		:: t_spared && t_asleep && owner == NOBODY &&
		   habit(TURN_IS_GIVEN_AGAIN) ->
			say("U: T sleeps on a free mutex: woken");
			t_asleep = 0
		:: else
		fi
	fi
}

/* One pass over the tasks, and what comes of it. */
inline pass()
{
	atomic {
		news = 0;
		thaw_lock_holders();
		if
		:: s_on_cpu -> say("U: S is on a CPU, its stack not to be read")
		:: else
		fi;
		if
		:: t_runnable && guard(SPARE_EVIDENCE) && !t_spared ->
			say("U: T was preempted inside: spared");
			t_spared = 1
		:: else
		fi;
		if
		:: !t_found && !s_on_cpu -> err = SUCCESS
		:: t_found && t_asleep && !s_on_cpu && !locked -> err = EBUSY
		:: else -> err = EAGAIN
		fi
	}
}

/* 8 ms have gone by, and nobody has done anything for long. */
inline give_up()
{
	atomic {
		timeout && habit(FREEZE_IS_GIVEN_UP);
		say("U: the freeze is given up");
		claim(nobody_frozen_inside, !(t_runnable && !t_spared));
		claim(caller_is_not_frozen, !signalled || cancelled)
	}
}

inline thaw()
{
	atomic {
		if
		:: gate -> say("U opens the gate")
		:: else
		fi;
		gate = 0;
		t_spared = 0;
		l_spared = 0
	}
}

inline one_round()
{
	atomic {
		if
		:: guard(FREEZE) -> say("U closes the gate"); gate = 1
		:: else
		fi
	};
	if
	:: guard(FREEZE) -> !s_on_cpu		/* freezer_freeze() */
	:: else
	fi;
	do
	:: pass();
		if
		:: err != EAGAIN || cancelled -> break
		:: else
		fi;
end_wait:	if
		:: news
		:: give_up(); break
		fi
	od;
	thaw()
}

#define ROUNDS	3	/* of patience, and of the budget */

active proctype undertaker()
{
	byte rounds;
	bool locked;

	atomic {
		if
		:: story = PLAIN; say("T is preempted inside the module")
		:: story = MUTEX; owner = BY_L;
			say("T is preempted inside, about to take L's mutex")
		:: story = EVENT;
			say("T is preempted inside, about to wait for L")
		fi;
		caller_spared = habit(CALLER_SPARED);
		run user();
		run holder();
		run spinner();
		run caller()
	};
	do
	:: one_round();
		rounds++;
		if
		:: err == SUCCESS || cancelled || rounds == ROUNDS -> break
		:: else
		fi
	od;
	atomic {
		if
		:: cancelled -> say("U: interrupted")
		:: err == SUCCESS -> say("U: the verdict is clean")
		:: else -> say("U: refused")
		fi;
		claim(no_refusal_without_reason, err == SUCCESS || cancelled ||
		      slept_of_himself)
	}
}

ltl world_runs_again { [] (gate -> <> !gate) }
