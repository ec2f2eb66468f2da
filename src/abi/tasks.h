/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A task as a snapshot saves it (tasks.json): one for every task there is, written by a BPF
 * iterator. Where the kernel side has no state for a task, `known` is 0 and only the kernel's own
 * fields are valid.
 */
#ifndef WL_ABI_TASKS_H
#define WL_ABI_TASKS_H

#include "config.h"
#include "path.h"

struct wl_task_dump {
	__u32 tid, tgid;
	__u32 ppid;
	__u32 state;  /* task_struct.__state */
	__u64 cgroup; /* inode of its cgroup (v2) */
	__u64 since;  /* CLOCK_MONOTONIC ns of its last switch or wake-up; 0: not known */
	__u64 arg;    /* first argument of call */
	__s32 call;   /* system call it blocked in last, -1 a fault, -2 not known */
	__u32 seq;    /* per-task sequence number */
	char comm[WL_COMM_LEN];
	__u8 policy;
	__s8 prio;   /* task_struct.prio - 100 */
	__u8 known;  /* 1: the kernel side has state */
	__u8 status; /* enum wl_task_status of chain/state.h */
	__u8 flags;  /* WL_TASK_* */
	__u8 next;   /* enum wl_slot_state */
	__u8 nhomes;
	__u8 kthread; /* 1: kernel thread or kernel-owned worker */
	__u32 cpu;    /* where it runs or last ran */
	__u32 pad;
	struct wl_home homes[WL_HOMES];
	struct wl_chain cur_chain; /* hot lines; id 0: none */
	struct wl_chain next_chain;
};

#endif
