; How an application CPU gets from real mode to the kernel.  The SIPI starts it
; at a page below 1 MiB (Intel SDM vol. 3, 8.4.4); smp.c copies the code between
; ap_trampoline_start and ap_trampoline_end there and fills its parameters.

AP_BASE		equ 0x8000		; AP_TRAMPOLINE in smp.c
MSR_EFER	equ 0xc0000080
EFER_NXE	equ 1 << 11
CR0_PE		equ 1 << 0
CR0_WP		equ 1 << 16
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
STACK_SIZE	equ 8192		; KERNEL_STACK_SIZE

%define here(label) (AP_BASE + (label) - ap_trampoline_start)

section .rodata progbits alloc noexec nowrite align=16
global ap_trampoline_start, ap_trampoline_end
global ap_trampoline_root, ap_trampoline_nx

bits 16
ap_trampoline_start:
	cli
	cld
	xor	ax, ax
	mov	ds, ax
	lgdt	[here(ap_gdt_pointer)]
	mov	eax, cr0
	or	eax, CR0_PE
	mov	cr0, eax
	jmp	dword 0x08:here(ap_protected)

bits 32
ap_protected:
	mov	ax, 0x10
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	eax, cr4
	or	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, [here(ap_trampoline_root)]
	mov	cr3, eax
	cmp	dword [here(ap_trampoline_nx)], 0
	je	.no_nx
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_NXE
	wrmsr
.no_nx:
	; INIT may leave the caches off (CD, NW): clear what we do not set.
	mov	eax, CR0_PG | CR0_WP | CR0_PE | 0x10
	mov	cr0, eax
	mov	eax, ap_high
	jmp	eax

align 8
ap_gdt:
	dq	0
	dq	0x00cf9b000000ffff	; code, flat
	dq	0x00cf93000000ffff	; data, flat
ap_gdt_pointer:
	dw	$ - ap_gdt - 1
	dd	here(ap_gdt)
align 4
ap_trampoline_root:
	dd	0			; physical address of the first PDPT
ap_trampoline_nx:
	dd	0			; not 0: the kernel's tables use bit 63
ap_trampoline_end:

section .text progbits alloc exec nowrite align=16
extern smp_ap_stack, smp_ap_main

; In the kernel's text, still without a stack.  A CPU finds its stack by its
; APIC id, so one that comes after it was given up, while the next is being
; started, harms nobody.
;
; extern uintptr_t smp_ap_stack[256];	lowest byte, 0: not expected
; void smp_ap_main(uint32_t apic_id);
ap_high:
	mov	eax, 1
	cpuid
	shr	ebx, 24
	mov	eax, [smp_ap_stack + ebx * 4]
	test	eax, eax
	jz	.stop
	lea	esp, [eax + STACK_SIZE]
	xor	ebp, ebp		; backtraces end here
	push	ebx
	call	smp_ap_main		; never returns
.stop:
	cli
	hlt
	jmp	.stop

section .note.GNU-stack noalloc noexec nowrite progbits
