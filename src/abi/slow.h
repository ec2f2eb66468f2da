/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A slow response, as the kernel side reports it. */
#ifndef WL_ABI_SLOW_H
#define WL_ABI_SLOW_H

#include "path.h"
#include "work.h"

#define WL_STACK_DEPTH 32

#define WL_REASON_THRESHOLD 0
#define WL_REASON_TIMEOUT 1
#define WL_REASON_WORST 2

struct wl_slow {
	__u64 threshold_ns;
	__u64 end;       /* CLOCK_MONOTONIC ns; of a timeout: when it was found */
	__u64 cgroup;    /* inode of the task's cgroup (v2) */
	__u64 end_arg;   /* first argument of the system call it ended or is blocked in */
	__s32 end_call;  /* that system call, -1 a fault, -2 none */
	__u32 tid, tgid; /* of the target */
	__u32 agg;       /* aggregate, 0: none */
	char comm[WL_COMM_LEN];
	char process[WL_COMM_LEN];
	__u16 end_cpu;
	__u8 end_kind; /* enum wl_end_kind */
	__u8 reason;   /* WL_REASON_* */
	__u8 compat;   /* 1: end_call is of the 32-bit table */
	__u8 pad;
	__u16 nstack;                /* entries of stack[] */
	struct wl_path path;         /* all segments closed at end */
	struct wl_work work;         /* what it was about, if the program has said so */
	__u64 stack[WL_STACK_DEPTH]; /* kernel stack of a timeout's task; not sent otherwise */
};

/* Size of a record without a stack. */
#define WL_SLOW_SHORT __builtin_offsetof(struct wl_slow, stack)

#endif
