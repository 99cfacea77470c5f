; The way into the kernel.

section .text progbits alloc exec nowrite align=16
bits 32

; long syscall(long nr, long a, long b, long c, long d, long e, long f);
;
;	|  f .. a         | esp + 44 .. esp + 24
;	|  nr             | esp + 20
;	|  return address |
;	|  ebp ebx esi edi| <- esp
global syscall
syscall:
	push	ebp
	push	ebx
	push	esi
	push	edi
	mov	eax, [esp + 20]
	mov	ebx, [esp + 24]
	mov	ecx, [esp + 28]
	mov	edx, [esp + 32]
	mov	esi, [esp + 36]
	mov	edi, [esp + 40]
	mov	ebp, [esp + 44]
	int	0x80
	pop	edi
	pop	esi
	pop	ebx
	pop	ebp
	ret

; void *memcpy(void *dst, const void *src, size_t n);
global memcpy
memcpy:
	push	esi
	push	edi
	mov	edi, [esp + 12]
	mov	esi, [esp + 16]
	mov	ecx, [esp + 20]
	mov	eax, edi
	rep movsb
	pop	edi
	pop	esi
	ret

; void *memset(void *dst, int c, size_t n);
global memset
memset:
	push	edi
	mov	edi, [esp + 8]
	mov	eax, [esp + 12]
	mov	ecx, [esp + 16]
	rep stosb
	mov	eax, [esp + 8]
	pop	edi
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
