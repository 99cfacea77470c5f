/*
 * What the models of the protocol share: the switches, the states, the claims.
 *
 * guard(NAME) is spelled as in the kernel and is 1, unless spin was given
 * -DNO_NAME.  habit(NAME) is the same for what the kernel never does without
 * and has no switch for: taken away it shows that the claim which stands behind
 * it can fail.  tools/model finds both by name, and takes each away.
 *
 * claim(NAME, condition) is an assertion with a name, and say() what happens in
 * words: both are read from the trail of a failure.
 *
 * In no model:
 *  - H05 H06 H08 H09 H45: what is read of a stack and what a word is.  The
 *    models begin where it is known; ktest exact and its like stand for it.
 *  - H19 H20: births and deaths.  A task is on the list before it can run and
 *    until its stack is freed, so a walk misses nobody; there are no other
 *    steps.
 *  - H26 H31 H35 H38 H40: counting, copying, reclaiming and entombing are the
 *    work of one caller in one step, with nobody to come between.
 *  - H29: a load that fails goes the way of an unload, from the hold on.
 *  - H32 H33 H34 H46: page tables, reuse and tables of the module.  Here
 *    nothing is after GONE, and a claim that nobody touches it then covers them
 *    all.
 *  - H41: a transfer is what an engine has in flight; that the device obeys
 *    when it is told to write no more is supposed.
 *  - H42: a stack has no writer in the models but its own task, which the debug
 *    build asserts of the kernel.
 *
 * Time.  A model has one of two clocks.  "At any moment": a deadline passes
 * whenever it likes, however little was done; who is safe and answered then is
 * so on the slowest machine.  "Patient": a deadline passes only where nobody
 * can take a step (timeout); what is refused then is refused for a reason.
 */
#define second(a, b, ...)	b
#define GONE_1			0, 0,
#define present_3(gone)		second(gone 1, 1, 0)
#define present_2(no)		present_3(GONE_##no)
#define present(no)		present_2(no)
#define guard(name)		present(NO_##name)
#define habit(name)		present(NO_##name)

#define claim(name, condition)	assert(condition)
#define say(text)		printf(text); printf("\n")

mtype = { LIVE, CLOSED, HELD, DEAD, DEFERRED, GONE, ENTOMBED };
mtype = { NO_ANSWER, SUCCESS, EBUSY, ETIMEDOUT, EDEADLK, EINTR, EAGAIN,
	  EPERM, UNFINISHED };

mtype state = LIVE;

/*
 * G1.  From the verdict on nobody but the undertaker and his bearer executes,
 * reads or writes the module: cleanup destroys what others would use.
 */
#define touch()	claim(gone_means_gone, state != DEAD && state != GONE)
