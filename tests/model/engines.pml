/*
 * What runs module code by itself: a timer, work, a thread; held, let go,
 * ended.
 *
 * Covers H10 H11 H12 H13 H14 H15: a callback that is in flight, that arms
 * itself again, or that a user inside the module arms during an attempt which
 * is then refused or not; a thread that computes, sleeps in the module, sleeps
 * inside a kernel call, owns a mutex, or returns and dies.
 *
 * Left out, and why nothing is lost by it:
 *  - Interrupt lines.  A handler is in flight as a timer's function is, and an
 *    edge noted is an arming; that line_hold() and line_run() cannot miss each
 *    other is a matter of memory order, which spin knows nothing of.
 *  - More engines.  They share a lock and nothing else: each is held, let go
 *    and ended by itself, and the verdict wants all of them.
 *  - Engines born meanwhile: under ledger_mutex they are born as held.
 *  - The search.  What it would find is said outright: a binding in a slot, and
 *    the record of a thread that is not held (memory.pml).
 * Clock: at any moment.
 *
 * Claims.
 *  - gone_means_gone: after the verdict no engine executes the module.
 *  - no_refusal_without_reason: an engine is no pointer that was left; it is
 *    held and the module goes, or it is what the refusal names (G14).
 *  - nothing_is_lost: who was armed before or during an attempt that is refused
 *    is armed after it (G2).
 *  - engines_run_again: after a refusal none is held.
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

mtype = { TIMER, WORK, THREAD };
mtype = { COMPUTES, SLEEPS, SLEEPS_IN_KERNEL, DYING, REAPED };

mtype kind;
bool binding = 1;		/* in the slot */
bool held;			/* slot->held, kthread->hold */

/* A timer or work. */
bool armed;			/* on the heap, in the queue */
bool pending;			/* noted while held */
bool owed;			/* armed, and has not been called since */
bool running;			/* ktimer_running(), work->running */
bool inside;			/* of it: module code is executed */

/* A thread. */
mtype t_is = COMPUTES;
bool t_owns;			/* a mutex */
bool t_held;			/* task_hold() */

/* A user inside the module, who arms the callback. */
bool user;

/* mod_timer(), queue_work(): in one step under slot_lock. */
inline arm()
{
	if
	:: state == DEAD || state == GONE -> say("an arming is refused")
	:: (state != DEAD && state != GONE) && held ->
		say("an arming is noted");
		if
		:: habit(ARMING_IS_NOTED) -> pending = 1
		:: else
		fi;
		owed = 1
	:: else -> armed = 1; owed = 1
	fi
}

proctype callback()
{
	bool b;

end:	do
	:: atomic {
		armed -> armed = 0; running = 1; owed = 0;
		say("the callback is taken from its queue")
	};
		b = binding;
		if
		:: b ->
			atomic {
				say("it runs in the module");
				touch();
				inside = 1
			};
			if
			:: atomic { arm() }
			:: true
			fi;
			atomic { touch(); inside = 0 }
		:: else
		fi;
		running = 0
	od
}

proctype thread()
{
end:	do
	:: atomic {
		t_is == COMPUTES ->
		touch();
		if
		:: t_is = SLEEPS; say("the thread sleeps in the module")
		:: t_is = SLEEPS_IN_KERNEL;
			say("the thread sleeps in a kernel call")
		:: t_owns = !t_owns
		:: !t_owns ->
			t_is = DYING;
			say("the thread returns for good")
		fi
	}
	/* Woken; where it is held a wake-up is forgotten. */
	:: atomic {
		(t_is == SLEEPS || t_is == SLEEPS_IN_KERNEL) && !t_held ->
		t_is = COMPUTES
	}
	/* Its last instructions are the kernel's, on the module's stack. */
	:: atomic {
		t_is == DYING ->
		say("the dead thread leaves its stack");
		touch();
		t_is = REAPED
	}
	od
}

proctype arming_user()
{
end:	do
	:: atomic { state == LIVE -> say("T enters the module"); user = 1 };
		if
		:: atomic { touch(); say("T arms the callback"); arm() }
		:: true
		fi;
		atomic { touch(); say("T leaves the module"); user = 0 }
	od
}

/* ---- the undertaker ---- */

mtype err;
bool expired;			/* the attempt's deadline has passed */

proctype clock()
{
end:	do
	:: atomic { state == HELD && !expired -> expired = 1 }
	od
}

/* 0, or it does not come to rest: timer_hold(), work_hold(). */
inline hold_callback()
{
	atomic {
		held = 1;
		if
		:: armed -> armed = 0; pending = 1
		:: else
		fi
	};
	atomic {
		err = (running -> EAGAIN : SUCCESS);
		binding = (running -> binding : 0)
	}
}

/* kthread_hold() */
inline hold_thread()
{
	held = 1;
	atomic {
		if
		:: t_is == REAPED || (t_is == DYING && !habit(REAPED_FIRST)) ->
			err = SUCCESS
		:: t_is == SLEEPS && !t_owns -> t_held = 1; err = SUCCESS
		:: else -> err = EAGAIN
		fi;
		binding = (err == SUCCESS -> 0 : binding)
	}
}

inline hold()
{
	if
	:: !guard(HOLD_ENGINES) -> err = SUCCESS
	:: guard(HOLD_ENGINES) && !binding -> err = SUCCESS
	:: guard(HOLD_ENGINES) && binding && kind == THREAD -> hold_thread()
	:: guard(HOLD_ENGINES) && binding && kind != THREAD -> hold_callback()
	fi
}

/*
 * Handlers are not caught under way: they run with interrupts off.  Work is: it
 * is on a worker's stack.  A thread that is not held has its stack in the
 * territory, and its record leads there.
 */
inline verdict()
{
	atomic {
		!(kind == TIMER && running);
		if
		:: user || inside -> err = EAGAIN
		:: !user && !inside && guard(HOLD_ENGINES) &&
		   (binding || !held) -> err = EAGAIN
		:: !user && !inside && !guard(HOLD_ENGINES) &&
		   (binding || (kind == THREAD && t_is != REAPED)) ->
			say("U: a pointer to the module is left");
			err = EBUSY
		:: else ->
			say("U: the verdict is clean");
			state = DEAD;
			err = SUCCESS
		fi
	}
}

inline let_go()
{
	atomic {
		held = 0;
		binding = 1;
		if
		:: pending -> armed = 1; pending = 0
		:: else
		fi;
		t_held = 0;
		claim(nothing_is_lost, !owed || armed)
	}
}

active proctype undertaker()
{
	atomic {
		if
		:: kind = TIMER; run callback(); run arming_user()
		:: kind = WORK; run callback(); run arming_user()
		:: kind = THREAD; run thread()
		fi;
		run clock();
		if
		:: kind != THREAD -> armed = 1; owed = 1
		:: else
		fi
	};
end:	do
	:: state == LIVE ->
		atomic {
			state = HELD;
			expired = 0;
			say("U: holds the engines")
		};
		do
		:: hold();
			if
			:: err == SUCCESS -> verdict()
			:: else
			fi;
			if
			:: err == SUCCESS -> break
			:: err == EBUSY ->
				claim(no_refusal_without_reason, err != EBUSY);
				break
			:: err == EAGAIN && expired &&
			   habit(HOLD_HAS_A_DEADLINE) -> break
			:: err == EAGAIN &&
			   !(expired && habit(HOLD_HAS_A_DEADLINE))
			fi
		od;
		if
		:: state == DEAD ->
			atomic {
				armed = 0;
				pending = 0;
				say("U: cleaned up and freed");
				state = GONE
			};
			break
		:: else -> let_go(); state = LIVE; say("U: refused: let go")
		fi
	od
}

ltl engines_run_again { [] ((held && state != DEAD && state != GONE) ->
			    <> (!held || state == DEAD)) }
