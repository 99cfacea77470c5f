/*
 * Users on their way through the module, and the verdict over their stacks.
 *
 * Covers H01 H02 H03 H04 H07 H21 H24 H25 H27 H30 H43 H49: a user loads the
 * binding, enters, takes a count in there or does not, calls the kernel, sleeps
 * there or not, comes back or ends in a tail jump, gives the count back or
 * keeps it for his next visit, and leaves.  He may be preempted between any two
 * of these, and for as long as it pleases.
 *
 * Left out, and why nothing is lost by it:
 *  - CPUs.  A user who may run may be on one at any look (the walk then says
 *    "running") or off it, which covers every number of CPUs.  That freezing
 *    waits for each CPU is one step: what a task does before it leaves its CPU
 *    it might have done before the gate was closed.
 *  - Words.  Of a stack only the kinds of evidence are kept: an EIP in the
 *    text, another word that points to text, one that points to data.  That is
 *    all that the kernel's tests tell apart (is_evidence(), scan_stack()).
 *  - Memory, engines, routines that hang, callers: the other models.
 *  - The number of users: two, as the claims are about one and the others
 *    matter to him by the count alone, which two show in all its orders.
 * Clock: at any moment.
 *
 * Claims.
 *  - gone_means_gone: after the verdict nobody executes, reads or writes the
 *    module (G1).
 *  - binding_is_there: who enters by a door has a binding in his hand.
 *  - counted_users_find_it: who holds a count does not find the module gone.
 *  - refusal_is_invisible: of an attempt that is refused no newcomer has an
 *    error (G2).
 *  - no_invalid_end: nobody waits for ever.
 */
#include "protocol.h"

#define N	2

#define EIP	1	/* executes the module */
#define RET	2	/* has an address of its text on the stack */
#define DATA	4	/* has one of its data, in a register or on the stack */

mtype = { OPEN, SHUT, VOID };

bool binding = 1;		/* the slot's only pointer into the module */
mtype phase = OPEN;		/* of the slot */
byte count;
bool gate;			/* freezer_gate_closed */
bool spared[N];			/* SPARE_EVIDENCE */
byte ev[N];
bool asleep[N];
bool keeps[N];			/* took a count, and has left with it */
bool linked;			/* another module is linked to this one */
bool wake, woken;		/* owner.wake_undertaker; undertaker_wait */
bool err_seen;			/* a newcomer was told ENODEV */

#define tsay(text)	printf("T%d ", me + 1); say(text)
#define may_run(t)	(!gate || spared[t])

/* ---- a user ---- */

inline put()
{
	atomic {
		may_run(me);
		tsay("gives his count back, inside the module");
		touch();
		count--;
		keeps[me] = 0;
		ev[me] = EIP
	}
	/* count_dropped(): he is inside still (H49) */
	atomic {
		may_run(me);
		if
		:: wake && count == 0 ->
			if
			:: habit(LAST_USER_ONLY_WAKES) -> woken = 1
			:: else ->
				tsay("is the last, and frees the module");
				state = GONE
			fi
		:: else
		fi
	}
}

/* In the module, on its own text, until he is out of it. */
inline visit()
{
	if
	:: keeps[me] -> put()
	:: !keeps[me] ->
		if
		:: atomic {
			may_run(me);
			tsay("takes a count, inside the module");
			touch();
			count++;
			keeps[me] = 1
		}
		:: true
		fi
	fi;
	if
	:: atomic {
		may_run(me);
		tsay("calls a kernel function from the module");
		touch();
		ev[me] = RET
	};
		if
		:: atomic {
			may_run(me);
			tsay("sleeps there");
			asleep[me] = 1
		};
			atomic { asleep[me] = 0 }	/* frozen or not */
		:: true
		fi;
		atomic {
			may_run(me);
			tsay("returns into the module");
			touch();
			ev[me] = EIP
		}
	:: true
	fi;
	if
	:: keeps[me] -> put()
	:: true
	fi;
	if
	:: atomic {
		may_run(me);
		tsay("returns from the module");
		touch()
	}
	:: atomic {
		may_run(me);
		tsay("jumps out of the module, its data in a register");
		touch();
		ev[me] = DATA
	};
		atomic {
			may_run(me);
			tsay("reads the module's data");
			touch()
		}
	fi;
	/* and on to user mode: freezer_leave_kernel() */
	atomic {
		ev[me] = 0;
		spared[me] = 0;
		got = 0
	}
}

/* slot_binding(): loaded once, and the loaded value is tested (H43). */
inline load()
{
	if
	:: habit(LOAD_ONCE) ->
		atomic {
			may_run(me);
			got = binding;
			if
			:: got -> ev[me] = DATA; tsay("loads the binding")
			:: else
			fi
		}
	:: else ->
		atomic {
			may_run(me);
			got = phase == OPEN;
			if
			:: got -> tsay("tests the flag beside the binding")
			:: else
			fi
		};
		if
		:: got ->
			atomic {
				may_run(me);
				tsay("loads the binding, untested");
				claim(binding_is_there, binding);
				ev[me] = DATA
			}
		:: else
		fi
	fi
}

proctype user(byte me)
{
	bool got;

	do
	:: load();
		if
		:: got ->
			atomic {
				may_run(me);
				tsay("enters the module, not counted");
				touch();
				ev[me] = EIP
			};
			visit()
		:: else ->
			/* the system-call boundary: an empty stack */
			atomic {
				phase != SHUT || !habit(NEWCOMERS_WAIT);
				if
				:: phase == SHUT ->
					tsay("is told that there is no device");
					err_seen = 1
				:: phase == VOID && keeps[me] ->
					tsay("is counted, and finds no door");
					claim(counted_users_find_it,
					      state != DEAD && state != GONE)
				:: phase == VOID && !keeps[me] -> err_seen = 1
				:: else
				fi
			}
		fi
	/* The text of the other module has the address: never searched. */
	:: atomic {
		linked && may_run(me);
		tsay("calls it from a dependent module");
		touch();
		ev[me] = EIP
	};
		visit()
	od
}

/* ---- the undertaker ---- */

#define found_saved(t) \
	(guard(TASK_EVIDENCE) && found_caught(t))
#define found_caught(t) \
	((ev[t] & EIP) || (guard(WHOLE_STACK) && ((ev[t] & RET) || \
			   (guard(DATA_COUNTS) && (ev[t] & DATA)))))

mtype err;
bool opt_d, opt_w, was_deferred;

/* examine_one(): under the lock of the task's run queue, so in one step. */
inline examine(t)
{
	atomic {
		if
		:: may_run(t) -> again = 1	/* TASK_IS_RUNNING */
		:: !found_saved(t) -> spared[t] = 0
		:: found_saved(t) && asleep[t] -> sleeper = 1
		:: found_saved(t) && !asleep[t] ->
			again = 1;
			if
			:: guard(SPARE_EVIDENCE) && !spared[t] ->
				say("U: T was preempted with evidence: spared");
				spared[t] = 1
			:: else
			fi
		fi
	}
}

/* One instant; a task that may run is caught running, or it is not. */
inline verdict()
{
	atomic {
		err = SUCCESS;
		if
		:: guard(SECOND_COUNT) && count -> err = EBUSY
		:: else
		fi;
		i = 0;
		do
		:: i < N && guard(VERDICT_TASKS) ->
			if
			:: found_saved(i) -> err = EAGAIN
			:: may_run(i) && found_caught(i) -> err = EAGAIN
			:: !found_saved(i)
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: err == SUCCESS ->
			say("U: the verdict is clean: DEAD");
			state = DEAD
		:: else
		fi
	}
}

inline one_round()
{
	err = SUCCESS;
	atomic {
		if
		:: guard(SECOND_COUNT) && count -> err = EBUSY
		:: else
		fi
	};
	if
	:: err == SUCCESS ->
		atomic {
			if
			:: guard(FREEZE) -> gate = 1; say("U closes the gate")
			:: else
			fi
		};
		do
		:: atomic { again = 0; sleeper = 0 };
			examine(0);
			examine(1);
			if
			:: !again && !sleeper -> verdict(); break
			:: !again && sleeper -> err = EBUSY; break
			:: again -> err = EAGAIN; break	/* 8 ms */
			:: again
			fi
		od;
		atomic {
			gate = 0;
			spared[0] = 0;
			spared[1] = 0
		}
	:: else
	fi
}

inline defer()
{
	atomic {
		say("U: DEFERRED: no doors, deleted when the last has left");
		state = DEFERRED;
		phase = VOID
	};
	wake = 1
}

inline reactivate()
{
	if
	:: was_deferred -> defer()
	:: else ->
		atomic {
			say("U: refused: reactivated");
			claim(refusal_is_invisible, !err_seen);
			state = LIVE;
			binding = 1;
			phase = OPEN
		}
	fi
}

inline attempt()
{
	/* 1: look */
	err = SUCCESS;
	atomic {
		was_deferred = state == DEFERRED;
		if
		:: linked && guard(DEPENDENTS) -> err = EBUSY
		:: count && habit(COUNT_FIRST) && !opt_d && !opt_w ->
			err = EBUSY
		:: else
		fi
	};
	/* 2: close, as far as nobody has revived it meanwhile */
	atomic {
		if
		:: err == SUCCESS && (was_deferred -> state == DEFERRED :
						      state == LIVE) ->
			say("U: CLOSED");
			state = CLOSED;
			wake = 0;
			err_seen = 0
		:: else -> err = EPERM
		fi
	};
	if
	:: err == SUCCESS ->
		atomic {
			if
			:: !was_deferred ->
				say("U: unregister withdraws the binding");
				binding = 0;
				phase = SHUT
			:: else
			fi
		};
		if
		:: opt_w ->
			if
			:: count == 0
			:: true			/* its end */
			fi
		:: else
		fi;
		atomic {
			if
			:: count -> err = EBUSY
			:: else -> state = HELD
			fi
		};
		do
		:: err == SUCCESS && state == HELD -> one_round()
		:: err == EAGAIN -> one_round()
		:: err == EAGAIN -> err = ETIMEDOUT
		:: err == EBUSY && state == HELD -> one_round()
		:: err == EBUSY -> break
		:: err == ETIMEDOUT -> break
		:: state == DEAD -> break
		od;
		if
		:: state == DEAD ->
			atomic {
				say("U: cleaned up and freed");
				phase = VOID;
				state = GONE
			}
		:: else ->
			if
			:: opt_d && count && !was_deferred -> defer()
			:: else -> reactivate()
			fi
		fi
	:: else
	fi
}

active proctype undertaker()
{
	byte i;
	bool again, sleeper;

	atomic {
		if
		:: linked = 1
		:: linked = 0
		fi;
		run user(0);
		run user(1)
	};
end_idle:
	do
	:: state == LIVE ->
		atomic {
			if
			:: opt_d = 0; opt_w = 0
			:: opt_d = 1; opt_w = 0
			:: opt_d = 0; opt_w = 1
			fi
		};
		attempt()
	:: state == DEFERRED ->
		/* prepare_to_wait(), the condition, the sleep */
		woken = 0;
		if
		:: atomic { count == 0 -> opt_d = 0; opt_w = 0 };
			attempt()
		:: else ->
end_asleep:		woken
		fi
	/* module_revive(): under module_lock, like the close */
	:: atomic {
		state == DEFERRED ->
		say("load revives it");
		state = LIVE;
		wake = 0;
		binding = 1;
		phase = OPEN
	}
	:: state == GONE -> break
	od;
end_gone:
	false
}

/* H49: a deferred module whose users have left is not forgotten. */
#define forgotten (state == DEFERRED && count == 0 && wake)
