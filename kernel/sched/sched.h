/*
 * Tasks and the scheduler.
 *
 * Every CPU has a run queue; its lock is held across the context switch and
 * released by the task that was switched to, so that whoever holds the lock of
 * a task's queue sees the task either running or completely saved.  Interrupts
 * are off under it: a rendezvous never catches a CPU inside.
 *
 * The freezer's gate is tested where the next task is picked: while it is
 * closed only spared tasks are (freezer.h).
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <kernel/atomic.h>
#include <kernel/bug.h>
#include <kernel/ktime.h>
#include <kernel/list.h>
#include <kernel/module_id.h>
#include <kernel/wait.h>
#include <kernel/mutex.h>
#include <lock/lockdep.h>
#include <sched/ktimer.h>
#include <sched/watchdog.h>
#include <x86/cpu.h>
#include <x86/machine.h>
#include <x86/switch.h>

struct mm;
struct process;
struct trap_frame;

enum task_state {
	TASK_RUNNABLE,		/* on a run queue, or running */
	TASK_SLEEPING,		/* task->sleep_mode says what may wake it */
	TASK_DEAD,		/* will not run again; stack still there */
};

/* Why the freezer's gate lets a task through. */
enum spare_reason {
	SPARE_UNDERTAKER	= 1u << 0,	/* for ever */
	SPARE_CALLER		= 1u << 1,	/* waits for the undertaker */
	SPARE_ENGINE		= 1u << 2,	/* a thread of the module */
	SPARE_EVIDENCE		= 1u << 3,	/* its stack names the module */
	SPARE_LOCK		= 1u << 4,	/* a spared one waits for it */
	SPARE_CONSOLE		= 1u << 5,	/* frozen by hand: the shells */
};

/*
 * What an examination remembers of a stack: the words that lie in the window,
 * as offsets from WINDOW_BASE so that the memory search does not find them
 * here, to be judged against the territory later (H50).
 */
#define EXAM_WORDS	6
struct exam {
	uint64_t	switches;	/* task->switches when it was made */
	uint16_t	nr_words;	/* in all; more than fit: look again */
	bool		valid;
	uint32_t	sum;		/* of the stack, in the debug build */
	struct {
		uint32_t	window_offset;
		uint16_t	stack_offset;	/* from the top, in words */
	} word[EXAM_WORDS];
};

#define TASK_COMM_LEN	16

/*
 * Lock key: (q) lock of the run queue of @cpu  (l) tasklist_lock
 *	(o) the task itself only  (c) constant once it can be seen
 *	(f) the undertaker only  (w) lock of the wait queue it is on
 *	(t) threads of modules: the module room, through slot.h
 */
struct task {
	uintptr_t		esp;		/* (q) while not running */
	uintptr_t		stack;		/* (c) (t) lowest byte, or 0 */
	uint32_t		cpu;		/* (q) */
	enum task_state		state;		/* (q) */
	bool			on_rq;		/* (q) queued or running */
	bool			held;		/* (q) engine: not queued */
	bool			stopped;	/* (q) by a test: not queued */
	bool			preferred;	/* (q) for one slice or less */
	uint8_t			spared;		/* (q) enum spare_reason bits */
	struct list_head	run_link;	/* (q) */
	uint32_t		slice_left;	/* (q) ns */
	struct stamp		switched_in;	/* (q) ns, last time */
	uint64_t		switches;	/* (q) to this task */
	struct stamp		runtime;	/* (q) ns */
	struct stamp		sleep_since;	/* (q) ns, while SLEEPING */

	pid_t			pid;		/* (c) */
	module_id_t		owner;		/* (c) whose code it runs; 0 */
	char			comm[TASK_COMM_LEN];	/* (o) */
	struct list_head	tasks;		/* (l) */
	atomic_t		refs;
	struct process		*process;	/* (c) NULL: kernel thread */
	struct mm		*mm;		/* (o) NULL: kernel thread */
	struct user_state	*user;		/* (c) NULL: kernel thread */

	enum wait_mode		sleep_mode;	/* (o) */
	uintptr_t		sleep_site;	/* (o) who asked to sleep, as
						 * window offset + 1, or 0 */
	struct wait_queue_entry	wait;		/* (w) */
	struct ktimer		sleep_timer;
	struct stamp		sleep_deadline;	/* (o) 0: none */
	bool			timed_out;	/* (q) */
	struct mutex		*blocked_on;	/* (o) read by the freezer */
	uint32_t		mutexes_held;	/* (o) */
#ifdef CONFIG_DEBUG
	struct lock_stack	mutexes;	/* (o) which */
#endif

	uint32_t		signals;	/* (q) set of 1 << (sig - 1) */
	int			syscall;	/* (o) number, -1 outside */
	uint32_t		announce;	/* (o) what spawn waits for */
	bool			wipe_after;	/* (o) this call, the stack */
	bool			faulted;	/* (o) it cannot go on */
	struct slot		*restart_slot;	/* (o) see slot.h */
	uint32_t		restart_generation;	/* (o) */

	int			(*thread_fn)(void *);	/* (c) of the kernel */
	void			*thread_arg;	/* (c) of the kernel */
	struct kthread		*kthread;	/* (c) NULL: a process */
	int			exit_code;	/* (o) */
	bool			gone;		/* stack freed; never again */
	struct list_head	dead_link;	/* the reaper's */
	struct wait_queue_head	exit_wait;	/* for @gone */

	struct exam		exam;		/* (f) */
	bool			exam_reported;	/* (f) */
#ifdef CONFIG_DEBUG
	struct watched		watched;	/* the watchdog only */
#endif
};

extern struct spinlock tasklist_lock;		/* taken with interrupts off */
extern struct list_head tasklist;		/* of all tasks with a stack */

/* ---- core.c ---- */

void sched_init(void);			/* boot CPU: its idle task, queues */
void sched_start(void) __noreturn;	/* boot CPU becomes its idle task */

/*
 * Gives the CPU away: for good where the task is DEAD, until woken where it is
 * SLEEPING, else until its turn comes.  Process context, no spinlock;
 * interrupts on or off (restored).
 */
void schedule(void);
void yield(void);
/* A preemption point for long kernel work; process context. */
void cond_resched(void);

/* Makes a sleeping task runnable; false if it was not asleep.  Any context. */
bool wake_up_task(struct task *t);

/* A signal is pending that ends a sleep of @mode. */
bool signal_pending_mode(const struct task *t, enum wait_mode mode);
bool signal_pending(const struct task *t);	/* any */
bool fatal_signal_pending(const struct task *t);
/* Any context.  Kernel threads take signals too: as a request to give up. */
void send_signal(struct task *t, int sig);
void clear_signals(struct task *t);

/* Locks the run queue of @t.  Interrupts are off until the unlock. */
struct rq *task_rq_lock(struct task *t, uint32_t *flags) __no_lock_analysis;
void task_rq_unlock(struct rq *rq, uint32_t flags) __no_lock_analysis;
/* @t is on a CPU at this instant; under its queue's lock or in a rendezvous. */
bool task_is_running(const struct task *t);
struct task *cpu_current(uint32_t cpu);

/* The live part of a task's stack: [lo, hi), user frame left out. */
uintptr_t task_stack_top(const struct task *t);

/*
 * Zeroes the dead part of the current stack.  What module code and its callers
 * left there would show through the holes in later frames, and whoever sleeps
 * in those would hold the module for as long as he sleeps (H09).  For who has
 * called a module, in a function of its own, and goes on.  Any context.  No
 * call: the frame of one would cover what is to be wiped.
 */
static __always_inline void stack_wipe_dead(void)
{
	uintptr_t bottom = current->stack;

	if (bottom)			/* else an idle task's: not examined */
		stack_wipe(bottom);
}

/*
 * The same for the nearest @bytes only: after a call that has read the clock,
 * in what every task passes through.  A time may be any number.
 */
static __always_inline void stack_wipe_near(uintptr_t bytes)
{
	uintptr_t bottom = current->stack;

	if (bottom)
		stack_wipe(max(bottom, stack_pointer() - bytes));
}

/*
 * Engines: keeps a sleeping task from running, whoever wakes it, until
 * task_let_go(), which wakes it.  False: it is not asleep.
 */
bool task_hold(struct task *t);
void task_let_go(struct task *t);

/*
 * For whoever an unload waits for: @t comes before all that are not spared,
 * once, for a slice at most or until it sleeps, whichever is first.  Asleep, it
 * has that when it wakes.  So a routine of a module begins at once on a crowded
 * machine.  Who computes for ever is soon a task among others, unless it is
 * preferred again.  Any context.
 */
void task_prefer(struct task *t);

/* Sets bits of task->spared and moves the task where it belongs. */
void task_spare(struct task *t, uint8_t reason);
void task_unspare(struct task *t, uint8_t reason);

/*
 * For tests that stop a task at an instruction of their choice (test/exact.h).
 * NULL in ordinary life; else called at the end of each timer interrupt.
 */
extern void (*sched_timer_hook)(const struct trap_frame *frame);
#ifdef CONFIG_LAB
/* NULL, or called when an idle CPU has been interrupted.  Interrupts on. */
extern void (*sched_idle_hook)(void);
#else
#define sched_idle_hook	((void (*)(void))NULL)
#endif
/*
 * The interrupted task is preempted as soon as that may be, and then is on no
 * queue: it stands for one that has the worst of luck with its turn.  It runs
 * again once it is spared, or by task_go_on().  Interrupts off.
 */
void task_stop_current(void);
void task_go_on(struct task *t);

/* ---- task.c ---- */

/*
 * A new task with a stack, listed (so that no freeze misses it, H19), not yet
 * runnable.  NULL: no memory.  Holds one reference for the caller.
 */
struct task *task_create(const char *comm, module_id_t owner);
void task_start(struct task *t);	/* makes it runnable, once */
void task_get(struct task *t);
void task_put(struct task *t);		/* the last one frees the record */
/* With a reference, or NULL.  Any context with interrupts on. */
struct task *task_find(pid_t pid);
/* The current task ends; its record stays until the last task_put(). */
void task_exit(int code) __noreturn;
/* Waits until @t is dead and its stack is gone.  Process context. */
int task_reap(struct task *t);
/*
 * Calls @fn for each task with its record pinned and no lock held.  Tasks born
 * meanwhile may be left out.  Process context; stops where @fn returns false.
 */
void task_for_each(bool (*fn)(struct task *t, void *arg), void *arg);
/*
 * The same, but for those that @pass passes over, which costs next to nothing
 * and writes to nobody's record.  It is called under a spinlock, interrupts
 * off; what it looks at may change at once unless the world is frozen.
 */
void task_for_each_but(bool (*pass)(const struct task *t, void *arg),
		       bool (*fn)(struct task *t, void *arg), void *arg);
unsigned int task_count(void);

void reaper_init(void);			/* boot, once the scheduler is there */

#endif
