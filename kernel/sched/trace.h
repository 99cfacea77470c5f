/*
 * Where a task is, for ps, bt and reports.
 */
#ifndef SCHED_TRACE_H
#define SCHED_TRACE_H

#include <debug/backtrace.h>

struct task;

enum trace_result {
	TRACE_SAVED,		/* the backtrace of a task that does not run */
	TRACE_RUNNING,		/* it is on a CPU; from trace_running(): the
				 * backtrace of that moment */
	TRACE_USER,		/* on a CPU, in user mode */
	TRACE_DEAD,
};

/*
 * @t referenced.  Its stack does not change under the walk: the lock of its
 * run queue is held, interrupts off.  TRACE_RUNNING leaves @bt empty.  Process
 * context.
 */
enum trace_result trace_task(struct task *t, struct backtrace *bt);

/*
 * The same, for one that runs: all CPUs stand still for the walk, after which
 * *eip is where it was.  Falls back on trace_task() where it has left its CPU.
 */
enum trace_result trace_running(struct task *t, struct backtrace *bt,
				uintptr_t *eip);

/*
 * The index of the first of @bt that is not the machinery of sleeping and
 * switching; bt->n where there is none.  Any context.
 */
uint32_t trace_place(const struct backtrace *bt);

#endif
