/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The little that the state machine needs to know about where it is compiled: into a BPF object or
 * into user space. It calls no helper, allocates nothing and every loop is bounded.
 *
 * WL_INLINE functions become part of each probe. WL_GLOBAL functions are the heavier, rarer ones:
 * in BPF they are global functions, which the verifier checks once each, with any contents of the
 * memory they are given, instead of once per call and path.
 */
#ifndef WL_CHAIN_HOST_H
#define WL_CHAIN_HOST_H

#include "abi/config.h"
#include "abi/path.h"

#define WL_INLINE static inline __attribute__((always_inline))
#ifdef __bpf__
#define WL_GLOBAL __attribute__((noinline))
#else
#define WL_GLOBAL static __attribute__((unused))
#endif

/* Slots are taken and published by compare-and-swap; both compilers know this builtin. */
#define wl_cas(ptr, old, new) (__sync_val_compare_and_swap(ptr, old, new) == (old))

/*
 * Stores value after everything before it. x86 keeps stores in order, so that only the compiler has
 * to be held back; elsewhere the exchange is a full barrier (8 ns).
 */
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#define wl_publish(ptr, value)                                                                     \
	do {                                                                                       \
		__asm__ volatile("" ::: "memory");                                                 \
		*(volatile __u32 *)(ptr) = (value);                                                \
	} while (0)
#else
#define wl_publish(ptr, value) ((void)__sync_lock_test_and_set(ptr, value))
#endif

/* Keeps the compiler from turning arithmetic on x back into a comparison. */
#define wl_opaque(x) __asm__("" : "+r"(x))

WL_INLINE __u64 wl_sat(__u64 later, __u64 earlier)
{
	return later > earlier ? later - earlier : 0;
}

#endif
