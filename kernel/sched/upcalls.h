/*
 * What the scheduler asks of the rooms above it.
 */
#ifndef SCHED_UPCALLS_H
#define SCHED_UPCALLS_H

struct trap_frame;

/*
 * proc: signals are pending and the current task is about to return to user
 * mode through @frame.  Interrupts on; may not return (the task ends).
 */
void process_deliver_signals(struct trap_frame *frame);

#endif
