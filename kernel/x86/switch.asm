; The context switch: how one task stops in the middle of a function and
; another goes on in the middle of its own.
;
; A task that does not run is nothing but its stack.  What the C compiler may
; keep in registers across a call (ebx, esi, edi, ebp: System V ABI, i386) is
; pushed there; what it may not is dead, or pushed by C itself.  So every
; address that a sleeping task can ever use again is a word between its saved
; stack pointer and the top of its stack.  The search for evidence of a module
; rests on this.

section .text progbits alloc exec nowrite align=16
bits 32

; void switch_context(uintptr_t *save, const uintptr_t *load);
;
; The new stack pointer is read here, through the task's record: as an argument
; it would stay on the old stack, and where the new task is a thread of a module
; it would be evidence against a task that knows nothing of it (H09).
;
; Interrupts are off, before and after: an interrupt between the two halves
; would push its frame on a stack that belongs to nobody yet.  EFLAGS needs no
; saving for that reason.  %fs belongs to the CPU, not to the task.
;
;	the old stack				the new stack
;	+-----------------+			+-----------------+
;	|  load           | esp + 8		|  load (of then) |
;	|  save           | esp + 4		|  save (of then) |
;	|  return address | <- esp at entry	|  return address |
;	|  ebp            |			|  ebp            |
;	|  ebx            |			|  ebx            |
;	|  esi            |			|  esi            |
;	|  edi            | <- *save		|  edi            | <- *load
;	+-----------------+			+-----------------+
global switch_context
switch_context:
	mov	eax, [esp + 4]		; save
	mov	edx, [esp + 8]		; load
	push	ebp
	push	ebx
	push	esi
	push	edi
	mov	[eax], esp
	mov	esp, [edx]		; from here on we are the other task
	pop	edi
	pop	esi
	pop	ebx
	pop	ebp
	ret

; uintptr_t switch_prepare_stack(uintptr_t top);
;
; Makes a stack look as if its task had called switch_context() from nowhere.
;
;	+-----------------+ top
;	|  0              | return address of sched_task_entry(): there is none
;	|  sched_task_entry
;	|  0              | ebp: backtraces end here
;	|  0              | ebx
;	|  0              | esi
;	|  0              | edi   <- returned, to be loaded
;	+-----------------+
extern sched_task_entry
global switch_prepare_stack
switch_prepare_stack:
	mov	eax, [esp + 4]		; top
	xor	ecx, ecx
	mov	[eax - 4], ecx
	mov	dword [eax - 8], sched_task_entry
	mov	[eax - 12], ecx
	mov	[eax - 16], ecx
	mov	[eax - 20], ecx
	mov	[eax - 24], ecx
	sub	eax, 24
	ret

; void return_to_user(struct trap_frame *frame) __noreturn;
;
; The way out for a task that did not come in: a new process, or one that
; execve() gave a new program.  Everything below the frame is given up, so the
; gate to user mode runs with an empty stack under it.
;
;	+-----------------+ top of the stack, TSS.esp0
;	|  trap_frame     | as if user mode had been interrupted
;	|                 | <- frame, esp
;	+-----------------+
extern sched_exit_to_user, trap_return
global return_to_user
return_to_user:
	mov	ebx, [esp + 4]		; frame
	cli
	mov	esp, ebx
	xor	ebp, ebp
	push	ebx
	call	sched_exit_to_user
	add	esp, 4
	jmp	trap_return

section .note.GNU-stack noalloc noexec nowrite progbits
