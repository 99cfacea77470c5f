/*
 * Page faults on user addresses, by a program or by the kernel's copies for
 * it.  A fault that cannot be mended is the caller's to punish: running out of
 * memory looks like a bad address, and costs the program, not the kernel.
 */
#include <mm/internal.h>
#include <x86/trap.h>
#include <x86/upcalls.h>

/* Error code of vector 14 (Intel SDM vol. 3, 4.7). */
#define FAULT_PRESENT	0x01u
#define FAULT_WRITE	0x02u
#define FAULT_USER	0x04u
#define FAULT_RESERVED	0x08u
#define FAULT_FETCH	0x10u

static uint32_t access_of(uint32_t error)
{
	if (error & FAULT_FETCH)
		return VM_EXEC;
	return error & FAULT_WRITE ? VM_WRITE : VM_READ;
}

/*
 * The page is there, and the processor went to it with the kernel's rights on
 * behalf of ring 3: SMAP forbade it.  QEMU does so for the stack of an iret in
 * ring 3.  No page brought in would change it: the program would fault for
 * ever.
 */
static bool is_beyond_mending(const struct trap_frame *frame)
{
	return trap_from_user(frame) &&
	       (frame->error & (FAULT_PRESENT | FAULT_USER)) == FAULT_PRESENT;
}

/*
 * The x86 room calls this for user mode, and for instructions with a fixup
 * that were at liberty to sleep; interrupts are on in both cases.  The faulting
 * task does not hold its own mm->lock: the functions that do (vm.c) reach pages
 * by the direct map and touch no user address.
 *
 * The area may have gone or another task have brought the page before the lock
 * is ours; mm_fault_in_locked() judges what is there then.
 */
bool mm_handle_fault(struct trap_frame *frame, uintptr_t addr)
{
	struct mm *mm = current_mm();
	int err;

	if (!mm || addr >= USER_TOP || (frame->error & FAULT_RESERVED) ||
	    is_beyond_mending(frame))
		return false;
	mutex_lock(&mm->lock);
	err = mm_fault_in_locked(mm, addr, access_of(frame->error));
	mutex_unlock(&mm->lock);
	return !err;
}
