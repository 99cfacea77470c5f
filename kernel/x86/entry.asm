; The border.  Every interrupt, fault and system call comes in through one of
; the 256 stubs below and leaves through trap_return.  What is saved is a struct
; trap_frame (trap.h); what is decided is decided in C, by trap_dispatch().

KERNEL_DS	equ 0x10
KERNEL_PERCPU	equ 0x18
FRAME_CS	equ 15 * 4		; offset of cs in struct trap_frame

section .text progbits alloc exec nowrite align=16
bits 32
extern trap_dispatch

; A stub evens out what the CPU pushed: some exceptions come with an error code
; (Intel SDM vol. 3, table 6-1), all others get a 0.
;
;	|  ss, esp        | from user mode only
;	|  eflags         |
;	|  cs             |
;	|  eip            |
;	|  error code     | by the CPU, or 0
;	|  vector         | <- esp at trap_common
%macro trap_stub 1
trap_stub_%1:
  %if !(%1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || \
	%1 == 29 || %1 == 30)
	push	dword 0
  %endif
	push	dword %1
	jmp	trap_common
%endmacro

%assign vector 0
%rep 256
	trap_stub vector
  %assign vector vector + 1
%endrep

; Completes the frame and calls trap_dispatch(frame).
;
;	|  ss, esp        | from user mode only
;	|  eflags, cs, eip|
;	|  error, vector  |
;	|  eax ecx edx ebx|
;	|  esp ebp esi edi| by pushad
;	|  ds es fs gs    |
;	|                 | <- frame
;	|  frame          | argument
;	|  return address | trap_dispatch_return: a backtrace that meets it
;	                    finds the frame's address in the word above
global trap_dispatch_return
trap_common:
	pushad
	push	ds
	push	es
	push	fs
	push	gs
	; What the gate leaves of the interrupted flags must not hold in here:
	; DF, which C expects clear, and AC, which opens user memory (SMAP).
	push	dword 2
	popfd
	mov	eax, KERNEL_DS
	mov	ds, eax
	mov	es, eax
	mov	eax, KERNEL_PERCPU
	mov	fs, eax
	; What a user left in registers would be pushed, by functions below that
	; preserve them, or with all others by the first interrupt, and lie on
	; the stack of a sleeper, where it could be taken for an address of a
	; module (H09).
	test	dword [esp + FRAME_CS], 3
	jz	.dispatch
	xor	ecx, ecx
	xor	edx, edx
	xor	ebx, ebx
	xor	esi, esi
	xor	edi, edi
	xor	ebp, ebp
.dispatch:
	mov	eax, esp
	push	eax
	call	trap_dispatch
trap_dispatch_return:
	add	esp, 4

; Leaves through the frame at esp, interrupts off.
;
; A user's selectors may have become invalid since he came in, by a TLS entry
; that is no more: then the load faults, and the fixup replaces the selector by
; 0, which always loads.  A frame of the kernel gives gs back untouched: the
; kernel does not use it, and the selector in it may be another task's.
global trap_return
trap_return:
	test	dword [esp + FRAME_CS], 3
	jz	.to_kernel
.gs:	pop	gs
.fs:	pop	fs
.es:	pop	es
.ds:	pop	ds
	popad
	add	esp, 8			; vector, error
.iret:	iretd

.to_kernel:
	add	esp, 4			; gs
	pop	fs
	pop	es
	pop	ds
	popad
	add	esp, 8
	iretd

.fix_gs:
	mov	dword [ss:esp], 0
	jmp	.gs
.fix_fs:
	mov	dword [ss:esp], 0
	jmp	.fs
.fix_es:
	mov	dword [ss:esp], 0
	jmp	.es
.fix_ds:
	mov	dword [ss:esp], 0
	jmp	.ds

; A frame that iret refuses (a bad cs or ss, from a forged signal frame) becomes
; a fault of the user's: vector 13, as if his own instruction had raised it.
.fix_iret:
	push	dword 0
	push	dword 13
	jmp	trap_common

section .ex_table progbits alloc noexec nowrite align=4
	dd	trap_return.gs, trap_return.fix_gs
	dd	trap_return.fs, trap_return.fix_fs
	dd	trap_return.es, trap_return.fix_es
	dd	trap_return.ds, trap_return.fix_ds
	dd	trap_return.iret, trap_return.fix_iret

section .rodata progbits alloc noexec nowrite align=4
; extern const uint32_t trap_stubs[256];
global trap_stubs
trap_stubs:
%assign vector 0
%rep 256
  %xdefine stub trap_stub_ %+ vector
	dd	stub
  %assign vector vector + 1
%endrep

section .note.GNU-stack noalloc noexec nowrite progbits
