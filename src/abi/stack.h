/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A target's stack, as the kernel side sends it once a response is past its threshold. */
#ifndef WL_ABI_STACK_H
#define WL_ABI_STACK_H

#include <linux/types.h>

#define WL_STACK_KERNEL 48 /* addresses; RUNNING: begins with the tick's own */
#define WL_STACK_USER 64

enum wl_stack_kind {
	WL_STACK_RUNNING = 0, /* seen by the timer's tick */
	WL_STACK_WAITED = 1,  /* a wait is over; it is not on the CPU yet: no user stack */
	WL_STACK_CALLER = 2,  /* it begins to wait, or the call it waited in ends: user stack alone
			       */
};

struct wl_stack {
	__u64 ts;     /* CLOCK_MONOTONIC ns */
	__u64 ip, sp; /* of user space: which call a wait belongs to */
	__u32 tid, tgid;
	__u16 cpu;
	__u8 kind; /* enum wl_stack_kind */
	__u8 pad;
	__u16 nkernel, nuser;
	__u64 kernel[WL_STACK_KERNEL]; /* innermost first */
	__u64 user[WL_STACK_USER];
};

#endif
