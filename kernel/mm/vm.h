/*
 * User address spaces: anonymous memory, brought at the first touch, shared by
 * fork until the first write.
 */
#ifndef MM_VM_H
#define MM_VM_H

#include <kernel/atomic.h>
#include <kernel/list.h>
#include <kernel/mutex.h>
#include <x86/paging.h>

#define VM_READ		0x1u
#define VM_WRITE	0x2u
#define VM_EXEC		0x4u

/* Page 0 stays unmapped: a NULL of a user program is to fault. */
#define VM_LOWEST	0x00001000u
/* mm_find_free() stays below; stacks lie above. */
#define VM_MMAP_TOP	0xb0000000u

/* A range that allows one thing; made and freed under mm->lock. */
struct vm_area {
	struct list_head	link;		/* (m), by address */
	uintptr_t		start, end;	/* (m), whole pages */
	uint32_t		prot;		/* (m) VM_* */
};

/*
 * Lock key: (m) this->lock  (c) constant
 */
struct mm {
	struct mutex		lock;
	phys_t			root;		/* (c) */
	struct list_head	areas;		/* (m), disjoint, merged */
	uintptr_t		brk_start, brk;	/* (m) bytes */
	atomic_t		users;		/* tasks, and who holds on */
};

/* All of these: process context, interrupts on, unless they say otherwise. */

/* Empty, with one user; NULL: no memory. */
struct mm *mm_create(void);
void mm_get(struct mm *mm);			/* any context */
/*
 * The last one frees it all; it is loaded on no other CPU then.  NULL is fine.
 */
void mm_put(struct mm *mm);
/* A copy, on write; NULL: no memory, and @mm is as it was. */
struct mm *mm_fork(struct mm *mm);

/*
 * Anonymous zeroed memory at @start (whole pages), lazily.  -EINVAL for a
 * range that is none, -EEXIST where something is mapped, -ENOMEM.
 */
int mm_map(struct mm *mm, uintptr_t start, size_t size, uint32_t prot);
/* What is not mapped in the range stays so.  -EINVAL, -ENOMEM (a split). */
int mm_unmap(struct mm *mm, uintptr_t start, size_t size);
/* -ENOMEM where not all of the range is mapped, as Linux has it; -EINVAL. */
int mm_protect(struct mm *mm, uintptr_t start, size_t size, uint32_t prot);
/* A free range of @size bytes below VM_MMAP_TOP, the highest; 0: none.  The
 * caller holds mm->lock, or knows that nobody else maps in @mm. */
uintptr_t mm_find_free(struct mm *mm, size_t size);
/*
 * Finds a free range and maps it, in one step; the address in *@start.
 * -EINVAL, -ENOMEM.
 */
int mm_map_anywhere(struct mm *mm, uintptr_t *start, size_t size,
		    uint32_t prot);
/* Where the heap begins: the loader, before the program runs. */
void mm_init_brk(struct mm *mm, uintptr_t start);
/* -EINVAL below the start, -ENOMEM. */
int mm_set_brk(struct mm *mm, uintptr_t brk);

/*
 * Loads @mm (NULL: kernel only) on this CPU.  Preemption off.  The scheduler
 * calls it at *every* switch to another task, kernel threads included: that a
 * CPU has no translations of a space that does not run there rests on it.
 */
void mm_switch(struct mm *mm);
/*
 * Writes into another address space whatever the rights there are, as execve
 * does before it runs there.  -EFAULT where nothing is mapped, -ENOMEM.
 */
int mm_write(struct mm *mm, uintptr_t dst, const void *src, size_t n);

/* The address space of the running task, NULL for a kernel thread.  Upcall:
 * implemented by sched.  Any context. */
struct mm *current_mm(void);

/*
 * Brings the page at @addr, or makes it writable.  0, -EFAULT where the area
 * does not allow it or there is none, -ENOMEM.  mm->lock held.
 */
int mm_fault_in_locked(struct mm *mm, uintptr_t addr, uint32_t access)
	__must_hold(&mm->lock);

#endif
