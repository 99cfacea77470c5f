/*
 * The system-call boundary: from int 0x80 to a function and back, and the place
 * where a call that ran into a closed door waits, holding nothing, and is
 * executed again.
 */
#include <kernel/errno.h>
#include <proc/internal.h>
#include <proc/syscalls.h>
#include <sched/slot.h>
#include <sched/upcalls.h>
#include <x86/upcalls.h>

struct syscall {
	syscall_fn	fn;
	uint32_t	nr_args;
	const char	*name;
};

#define SYSCALL_ENTRY(nr, name, nr_args)				\
	[nr] = { sys_##name, nr_args, #name },
static const struct syscall table[NR_SYSCALLS] = { SYSCALLS(SYSCALL_ENTRY) };

const char *syscall_name(int nr)
{
	return nr >= 0 && nr < NR_SYSCALLS ? table[nr].name : NULL;
}

/*
 * Arguments lie on kernel stacks while the call sleeps, where they would pass
 * for evidence.  No address or number that a program has a use for lies in the
 * window, so one that does is refused (H09); what is left in registers that
 * the call does not use is not even copied.  It was in a register of ours: an
 * interrupt may have pushed it.
 */
static int get_args(struct trap_frame *frame, uint32_t nr_args,
		    struct syscall_args *args)
{
	const uint32_t *regs[6] = { &frame->ebx, &frame->ecx, &frame->edx,
				    &frame->esi, &frame->edi, &frame->ebp };

	for (uint32_t i = 0; i < 6; i++) {
		args->a[i] = 0;
		if (i >= nr_args)
			continue;
		if (in_window(*regs[i])) {
			current->wipe_after = true;
			return -EFAULT;
		}
		args->a[i] = *regs[i];
	}
	args->frame = frame;
	return 0;
}

/*
 * The call is to be executed again; false: it fails with -EINTR.  By now the
 * call has given up all that it held: who waits here keeps
 * nobody from anything.
 */
static bool wait_to_restart(struct trap_frame *frame)
{
	if (current->restart_slot)
		return slot_wait_outcome();
	if (!signal_pending(current))
		return false;
	/* Returns if all that is pending is ignored. */
	process_deliver_signals(frame);
	return true;
}

static long execute(const struct syscall *call, struct trap_frame *frame)
{
	struct syscall_args args;
	long ret;

	if (get_args(frame, call->nr_args, &args))
		return -EFAULT;
	for (;;) {
		ret = call->fn(&args);
		if (ret != -ERESTARTSYS)
			return ret;
		if (!wait_to_restart(frame))
			return -EINTR;
	}
}

/* Refused unless it can be true: the number is kept in searched memory. */
static long announce(uint32_t nr)
{
	/* -1 is 0 here. */
	if (nr + 1 > NR_SYSCALLS)
		return -EINVAL;
	current->announce = nr + 1 ? nr + 1 : ANNOUNCED_USER;
	return 0;
}

void syscall_dispatch(struct trap_frame *frame)
{
	uint32_t nr = frame->eax;

	if (nr == SYSCALL_ANNOUNCE) {
		frame->eax = (uint32_t)announce(frame->ebx);
		current->wipe_after = (int)frame->eax < 0;
	} else if (nr >= NR_SYSCALLS || !table[nr].fn) {
		frame->eax = (uint32_t)-ENOSYS;
		current->wipe_after = true;
	} else {
		current->syscall = (int)nr;
		frame->eax = (uint32_t)execute(&table[nr], frame);
		current->syscall = -1;
	}
	/* Else a later sleep could stand in its traces (H09). */
	if (current->wipe_after) {
		current->wipe_after = false;
		stack_wipe_dead();
	}
}
