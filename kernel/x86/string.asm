; Memory copied and filled with the string instructions, which beat any loop a
; compiler makes and need no register but those named.  The compiler calls
; these on its own, so they are reentrant and touch nothing but their
; arguments.  The direction flag is clear on entry (System V ABI, i386) and
; never set here: an interrupt handler may run at any instruction.
;
;	esp + 12  n
;	esp + 8   src or c
;	esp + 4   dst
;	esp       return address

section .text

global memcpy
global memmove
global memset

; void *memcpy(void *dst, const void *src, size_t n);
align 16
memcpy:
	push	ebp
	mov	ebp, esp
	push	esi
	push	edi
	mov	edi, [ebp + 8]
	mov	esi, [ebp + 12]
.forward:
	mov	eax, edi
	mov	edx, [ebp + 16]
	mov	ecx, edx
	shr	ecx, 2
	rep movsd
	mov	ecx, edx
	and	ecx, 3
	rep movsb
	pop	edi
	pop	esi
	pop	ebp
	ret

; void *memmove(void *dst, const void *src, size_t n);
; Forward is right unless dst lies inside [src, src + n).
align 16
memmove:
	push	ebp
	mov	ebp, esp
	push	esi
	push	edi
	mov	edi, [ebp + 8]
	mov	esi, [ebp + 12]
	mov	ecx, [ebp + 16]
	mov	edx, edi
	sub	edx, esi
	cmp	edx, ecx
	jae	memcpy.forward
	mov	eax, edi
.tail:					; bytes beyond the last whole word
	test	ecx, 3
	jz	.words
	dec	ecx
	mov	dl, [esi + ecx]
	mov	[edi + ecx], dl
	jmp	.tail
.words:
	sub	ecx, 4
	jb	.done
	mov	edx, [esi + ecx]
	mov	[edi + ecx], edx
	jmp	.words
.done:
	pop	edi
	pop	esi
	pop	ebp
	ret

; void *memset(void *dst, int c, size_t n);
align 16
memset:
	push	ebp
	mov	ebp, esp
	push	edi
	mov	edi, [ebp + 8]
	movzx	eax, byte [ebp + 12]
	imul	eax, eax, 0x01010101
	mov	edx, [ebp + 16]
	mov	ecx, edx
	shr	ecx, 2
	rep stosd
	mov	ecx, edx
	and	ecx, 3
	rep stosb
	mov	eax, [ebp + 8]
	pop	edi
	pop	ebp
	ret
