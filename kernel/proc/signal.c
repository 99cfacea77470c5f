/*
 * Signals, as far as processes have them: a signal ends a process, or is
 * ignored, or is blocked and kept.  There are no handlers, and no stopping.
 * What is ignored is dropped where it is sent, so that it wakes nobody.
 */
#include <kernel/errno.h>
#include <proc/internal.h>
#include <sched/signal.h>
#include <sched/upcalls.h>

/* Whose default action is nothing; stopping is nothing too, by choice. */
#define SIG_DEFAULT_IGNORED						\
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | \
	 SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | \
	 SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIG_ALL		(SIGNAL_BIT(SIGNAL_MAX) * 2u - 1u)
#define SIG_NOT_MASKED	(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

static bool drops_locked(const struct process *p, int sig)
{
	return (SIGNAL_BIT(sig) & (p->sig_ignored | SIG_DEFAULT_IGNORED)) != 0;
}

/*
 * process_lock held: who claims the zombie has to take it first, so the task is
 * there.  A process that is about to end gets it for nothing.
 */
static void signal_process_locked(struct process *p, int sig)
{
	if (p->exited || drops_locked(p, sig))
		return;
	if (SIGNAL_BIT(sig) & p->sig_blocked)
		p->sig_held |= SIGNAL_BIT(sig);
	else
		send_signal(p->task, sig);
}

/* @sig 0 asks whether there is such a process (kill(2)). */
int process_kill(pid_t pid, int sig)
{
	struct process *p;

	if (sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	spin_lock(&process_lock);
	p = process_find_locked(pid);
	if (p && sig)
		signal_process_locked(p, sig);
	spin_unlock(&process_lock);
	return p ? 0 : -ESRCH;
}

/* Takes all that is pending, in one step: none is lost between two. */
static uint32_t take_signals(void)
{
	uint32_t flags, pending;
	struct rq *rq = task_rq_lock(current, &flags);

	pending = current->signals;
	current->signals = 0;
	task_rq_unlock(rq, flags);
	return pending;
}

/* What was sent past process_kill(), a pipe's SIGPIPE, may be blocked, too. */
static uint32_t hold_blocked(struct process *p, uint32_t pending)
{
	uint32_t held = pending & p->sig_blocked;

	if (!held)
		return pending;
	spin_lock(&process_lock);
	p->sig_held |= held;
	spin_unlock(&process_lock);
	return pending & ~held;
}

/*
 * Returns where all that was pending is ignored.  Nothing of @frame changes:
 * without handlers there is nothing to come back from.
 */
void process_deliver_signals(struct trap_frame *frame)
{
	struct process *p = current->process;
	uint32_t pending = take_signals();

	(void)frame;
	if (pending & SIGNAL_BIT(SIGKILL))
		process_exit(SIGKILL);
	/* Neither to ignore nor to block helps: it would fault for ever. */
	if (current->faulted)
		process_exit(SIGSEGV);
	pending = hold_blocked(p, pending);
	pending &= ~(p->sig_ignored | SIG_DEFAULT_IGNORED);
	/*
	 * As wait4() tells an end by a signal: its number, no core.  Of several
	 * it is the lowest.
	 */
	if (pending)
		process_exit(__builtin_ctz(pending) + 1);
}

/*
 * What is held is dropped when it is released, what is pending when it is
 * delivered: a signal ignored by then has no effect, as POSIX has it.
 */
int signal_set_ignored(int sig, bool ignored)
{
	struct process *p = current->process;

	if (sig < 1 || sig > SIGNAL_MAX || (SIGNAL_BIT(sig) & SIG_NOT_MASKED))
		return -EINVAL;
	spin_lock(&process_lock);
	if (ignored)
		p->sig_ignored |= SIGNAL_BIT(sig);
	else
		p->sig_ignored &= ~SIGNAL_BIT(sig);
	spin_unlock(&process_lock);
	return 0;
}

bool signal_is_ignored(int sig)
{
	return (current->process->sig_ignored & SIGNAL_BIT(sig)) != 0;
}

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

/*
 * What was kept and is not blocked any more arrives now.  Several of a kind
 * were kept as one, as signals are (signal(7)).
 */
static void release_held_locked(struct process *p)
{
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		if (!(p->sig_held & ~p->sig_blocked & SIGNAL_BIT(sig)))
			continue;
		p->sig_held &= ~SIGNAL_BIT(sig);
		signal_process_locked(p, sig);
	}
}

/*
 * As in Linux, @how is not looked at where there is no set.  Bit 31 stays
 * clear, whatever the user wants: a set is never an address (H09).
 */
int signal_set_mask(int how, const uint32_t *set, uint32_t *old)
{
	struct process *p = current->process;
	uint32_t mask = set ? *set & SIG_ALL & ~SIG_NOT_MASKED : 0;
	int err = 0;

	spin_lock(&process_lock);
	*old = p->sig_blocked;
	if (!set)
		;
	else if (how == SIG_BLOCK)
		p->sig_blocked |= mask;
	else if (how == SIG_UNBLOCK)
		p->sig_blocked &= ~mask;
	else if (how == SIG_SETMASK)
		p->sig_blocked = mask;
	else
		err = -EINVAL;
	release_held_locked(p);
	spin_unlock(&process_lock);
	return err;
}
