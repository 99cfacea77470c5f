/*
 * Threads, for the scheduler's own files.
 */
#ifndef SCHED_KTHREAD_H
#define SCHED_KTHREAD_H

struct task;

/*
 * @t is dead and off its CPU for good: its stack is the reaper's to free.  The
 * scheduler's; no lock of a queue held, interrupts off.
 */
void reaper_notify(struct task *t);

/*
 * A held thread ends where it stands: its stack was taken from it, it leaves
 * the list, whoever waits for it is woken.  After the verdict.
 */
void task_end_held(struct task *t);

#endif
