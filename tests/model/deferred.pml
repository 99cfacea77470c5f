/*
 * What the undertaker does without being asked: a deferred module whose last
 * user leaves, and a dead one that there was no time to examine.
 *
 * Covers H49, the half of it that users.pml does not have: who drops the last
 * count only wakes the undertaker, so a wake-up that gets lost would leave the
 * module there for ever.  Two users, counted as the module is deferred, drop
 * their counts; one who was inside, not counted, may take a count once more and
 * drop it; an attempt may fail for evidence and is put off; load may revive it.
 * Or an attempt is kept at DEAD, its caller has taken his answer or not yet,
 * and the machine is too busy for a while.
 *
 * Left out, and why nothing is lost by it:
 *  - What an attempt does.  It succeeds or not, and is made or put off.
 *  - The mutex around the state: each change of it is one step here.
 *  - Other reasons to wake him, which could only hide a loss.
 * Clock: at any moment, but for a retry, whose time comes.
 *
 * Claims.
 *  - not_forgotten: a deferred module that nobody is counted of is tried, again
 *    and again, until it goes or is revived (G6).
 *  - kept_is_settled: a kept attempt comes to its end once the machine lets it.
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

byte count = 2;
byte wake;			/* owner.wake_undertaker */
bool runnable;			/* the undertaker was woken since he looked */
bool due = 1;			/* retry_at has passed */
bool timer;			/* he sleeps with a deadline */
bool trying;			/* an attempt is under way */
bool busy = 1;			/* no round comes to an end */
bool taken;			/* the caller has his answer: refs is 1 */

/* owner_open_put(), module_put(): the count first, then the flag. */
inline put()
{
	bool flag;

	if
	:: habit(COUNT_THEN_FLAG) ->
		atomic { count--; say("T drops a count") };
		atomic { flag = wake; say("T looks whether to wake") }
	:: else ->
		atomic { flag = wake; say("T looks whether to wake") };
		atomic { count--; say("T drops a count") }
	fi;
	atomic {
		if
		:: flag && count == 0 -> runnable = 1
		:: else
		fi
	}
}

proctype user()
{
	put();
	if
	:: count < 2 ->
		atomic { count++; say("one who is inside takes a count") };
		put()
	:: true
	fi
}

/* The time of a retry comes, and so does that of his sleep. */
proctype clock()
{
end:	do
	:: !due -> due = 1
	:: atomic { timer && due -> timer = 0; runnable = 1 }
	od
}

proctype loader()
{
	if
	:: atomic {
		state == DEFERRED && !trying ->
		say("load revives it");
		state = LIVE;
		wake = 0
	}
	:: true
	fi
}

proctype caller()
{
	taken = 1
}

proctype machine()
{
	busy = 0
}

/* waits_for_retry(), attempt_deferred_next(), attempt_deferred_is_due() */
#define waits	((state == DEFERRED && count == 0) || \
		 (state == DEAD && habit(KEPT_IS_TRIED_AGAIN)))
#define is_due	(waits && due)

active proctype undertaker()
{
	if
	:: atomic {
		state = DEAD;
		say("U: no time to examine it: kept");
		run caller();
		run machine();
		run clock()
	}
	/* defer_one_locked(): the state, then the flag. */
	:: atomic {
		run user();
		run user();
		run clock();
		run loader()
	};
		atomic { state = DEFERRED; say("U: DEFERRED") }
	fi;
	if
	:: state == DEFERRED -> wake = 1
	:: else
	fi;
end_asleep: do
	:: state != DEFERRED && state != DEAD -> break
	:: else ->
		/* prepare_to_wait(), the condition, the deadline, the sleep */
		runnable = 0;
		if
		:: atomic { is_due -> trying = 1 };
			if
			:: atomic {
				(state == DEFERRED && count == 0) ||
				(state == DEAD && taken && !busy) ->
				state = GONE;
				trying = 0
			};
				break
			:: atomic {
				state == DEFERRED || busy || !taken ->
				say("U: tried, and put off");
				due = 0;
				trying = 0
			}
			fi
		:: else ->
			atomic {
				timer = waits;
				if
				:: timer && due -> runnable = 1
				:: else
				fi
			};
end_sleeps:		atomic { runnable -> timer = 0 }
		fi
	od
}

#define idle		(state == DEFERRED && count == 0 && !trying)
ltl not_forgotten	{ [] (idle -> <> !idle) }
ltl kept_is_settled	{ [] (state == DEAD -> <> (state != DEAD)) }
