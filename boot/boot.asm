; Where the boot loader hands the machine over: 32-bit protected mode, paging
; off, at the physical addresses at which the image was loaded.  This file
; makes a first map, so that the kernel can run at its own addresses, and
; leaves.  The map is a coarse one, replaced by paging_init().

MB_MAGIC	equ 0x1badb002		; Multiboot 0.6.96, 3.1.1
MB_FLAGS	equ 3			; page-aligned modules; memory map

KERNEL_BASE	equ 0xc0000000
STACK_SIZE	equ 8192		; KERNEL_STACK_SIZE

CPUID_PSE	equ 1 << 3
CPUID_MSR	equ 1 << 5
CPUID_PAE	equ 1 << 6
CPUID_NX	equ 1 << 20		; leaf 80000001h, EDX
MSR_EFER	equ 0xc0000080
EFER_NXE	equ 1 << 11
CR0_WP		equ 1 << 16
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
LARGE_PAGE	equ 0x83		; present, writable, 2 MiB

COM1		equ 0x3f8
VGA_TEXT	equ 0xb8000

section .multiboot progbits alloc noexec nowrite align=4
	dd MB_MAGIC
	dd MB_FLAGS
	dd -(MB_MAGIC + MB_FLAGS)

section .boot.text progbits alloc exec nowrite align=16
bits 32

; Entry.  eax: the loader's magic, ebx: physical address of its information.
; They live in esi and edi until C takes them.
global _start
_start:
	cli
	cld
	mov	esp, boot_stack_top
	mov	esi, eax
	mov	edi, ebx

	; Only a CPU with CPUID lets EFLAGS.ID (bit 21) change.
	pushfd
	pop	eax
	mov	ecx, eax
	xor	eax, 1 << 21
	push	eax
	popfd
	pushfd
	pop	eax
	xor	eax, ecx
	test	eax, 1 << 21
	jz	boot_too_old

	mov	eax, 1
	cpuid
	and	edx, CPUID_PSE | CPUID_MSR | CPUID_PAE
	cmp	edx, CPUID_PSE | CPUID_MSR | CPUID_PAE
	jne	boot_too_old

	; One directory of 2 MiB pages maps the first GiB, twice: where it is,
	; for the next few instructions, and at KERNEL_BASE.
	mov	eax, LARGE_PAGE
	xor	ecx, ecx
.fill:
	mov	[boot_directory + ecx * 8], eax
	mov	dword [boot_directory + ecx * 8 + 4], 0
	add	eax, 2 << 20
	inc	ecx
	cmp	ecx, 512
	jb	.fill
	mov	dword [boot_pdpt + 0 * 8], boot_directory + 1
	mov	dword [boot_pdpt + 3 * 8], boot_directory + 1

	mov	eax, cr4
	or	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, boot_pdpt
	mov	cr3, eax

	; No-execute must be on before a table that uses bit 63 is.
	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	jb	.no_nx
	mov	eax, 0x80000001
	cpuid
	test	edx, CPUID_NX
	jz	.no_nx
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_NXE
	wrmsr
.no_nx:
	mov	eax, cr0
	or	eax, CR0_PG | CR0_WP
	mov	cr0, eax
	mov	eax, boot_high
	jmp	eax

; The kernel cannot run here: say so where somebody may look, and stop.
boot_too_old:
	mov	dx, COM1 + 3
	mov	al, 0x03		; 8N1: a UART may start at 5 bits
	out	dx, al
	mov	esi, boot_message
	mov	edi, VGA_TEXT
	mov	ah, 0x4f
.next:
	lodsb
	test	al, al
	jz	.stop
	mov	dx, COM1
	out	dx, al
	cmp	al, ' '
	jb	.next			; the screen needs no line end
	stosw
	jmp	.next
.stop:
	hlt
	jmp	.stop

section .boot.rodata progbits alloc noexec nowrite align=4
boot_message:
	db "Icebox needs a CPU with PAE, and this one has none.", 13, 10, 0

section .boot.bss nobits alloc noexec write align=4096
boot_directory:
	resb	4096
; The boot stack becomes the idle stack of CPU 0.  The page below it is left
; unmapped by paging_init().
global boot_stack_guard
boot_stack_guard:
	resb	4096
	resb	STACK_SIZE
boot_stack_top:
boot_pdpt:
	resb	32

section .text progbits alloc exec nowrite align=16
extern machine_start

; At KERNEL_BASE now.  void machine_start(uint32_t magic, uint32_t info);
boot_high:
	add	esp, KERNEL_BASE
	xor	ebp, ebp		; backtraces end here
	push	edi
	push	esi
	call	machine_start		; never returns

section .note.GNU-stack noalloc noexec nowrite progbits
