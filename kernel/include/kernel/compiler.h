/*
 * What the compiler is told beyond C: attributes, and the lock annotations
 * that clang's -Wthread-safety checks.  gcc sees nothing of the latter.
 */
#ifndef KERNEL_COMPILER_H
#define KERNEL_COMPILER_H

#define __packed		__attribute__((packed))
#define __aligned(n)		__attribute__((aligned(n)))
/*
 * For static memory that holds no pointer by its type (text, numbers, bits that
 * users choose): it is zero at boot, and never searched for uses of a module.
 */
#define __no_pointers		__attribute__((section(".bss.no_pointers")))
#define __noreturn		__attribute__((noreturn))
#define __used			__attribute__((used))
#define __unused		__attribute__((unused))
#define __weak			__attribute__((weak))
#define __alias(name)		__attribute__((alias(#name)))
#define __section(name)		__attribute__((section(name)))
#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))
#define __must_check		__attribute__((warn_unused_result))
#define noinline		__attribute__((noinline))
#undef __always_inline			/* the host's libc has one */
#define __always_inline		inline __attribute__((always_inline))

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

/* Dear checks are written if (debug_build) .. (make DEBUG=1). */
#ifdef CONFIG_DEBUG
#define debug_build		true
#else
#define debug_build		false
#endif
/* Instructions that a debug build takes for one: so much longer it may take. */
#define debug_slowness		(debug_build ? 4u : 1u)

/* One access, neither repeated nor left out by the compiler. */
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

/* The compiler moves no memory access across this line. */
#define barrier()		__atomic_signal_fence(__ATOMIC_SEQ_CST)
/* Neither does the CPU (Intel SDM vol. 3, 9.2: loads may pass older stores). */
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)

#if defined(__clang__)
#define __tsa(x)		__attribute__((x))
#else
#define __tsa(x)
#endif
#define __capability(n)		__tsa(capability(n))
#define __acquires(l)		__tsa(acquire_capability(l))
#define __try_acquires(v, l)	__tsa(try_acquire_capability(v, l))
#define __releases(l)		__tsa(release_capability(l))
#define __must_hold(l)		__tsa(requires_capability(l))
#define __asserts_held(l)	__tsa(assert_capability(l))
#define __guarded_by(l)		__tsa(guarded_by(l))
#define __no_lock_analysis	__tsa(no_thread_safety_analysis)

#endif
