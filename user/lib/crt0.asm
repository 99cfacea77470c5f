; Where a program begins: the kernel left argc, argv and envp on the stack
; (System V ABI, i386).
;
;	|  envp[0] ..     |
;	|  0              |
;	|  argv[0] ..     |
;	|  argc           | <- esp

section .text progbits alloc exec nowrite align=16
bits 32
extern start_c

global _start
_start:
	xor	ebp, ebp
	mov	eax, [esp]
	lea	edx, [esp + 4]
	and	esp, -16
	sub	esp, 8
	push	edx			; argv
	push	eax			; argc
	call	start_c			; does not return

section .note.GNU-stack noalloc noexec nowrite progbits
