/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the user asked for, in the form that the kernel side and a replay need. Never changes once
 * loaded.
 */
#ifndef WL_ABI_CONFIG_H
#define WL_ABI_CONFIG_H

#include "kinds.h"

#define WL_MAX_PIDS 32  /* process or thread ids named by the user */
#define WL_MAX_NAMES 8  /* name globs */
#define WL_MAX_GROUPS 8 /* cgroups */
#define WL_MAX_USERS 8
#define WL_MAX_IRQS 16
#define WL_MAX_IDLE 8           /* homes added by the user */
#define WL_SYSCALL_WORDS 8      /* 512 system calls as a bitmap */
#define WL_CALL_NO_RESTART (-3) /* no such call: a number that none has */
#define WL_HOMES 4              /* homes of a thread */

enum wl_until {
	WL_UNTIL_TURN = 0,
	WL_UNTIL_IDLE = 1,
	WL_UNTIL_BLOCK = 2,
	WL_UNTIL_RUN = 3,
	WL_UNTIL_MARK = 4,
};

/* A place where a thread waits for work. */
struct wl_home {
	__s32 syscall; /* system call number of the task's own table; -1: none */
	__u32 any_arg; /* 1: arg does not matter */
	__u64 arg;     /* first argument (futex: without the low 3 bits, see chain/home.h) */
};

#define WL_USUAL_HOPS 32 /* max_hops, unless somebody says otherwise */

/* Input of the state machine: everything in it changes which responses come out. */
struct wl_chain_config {
	__u8 until;      /* enum wl_until */
	__u8 follow_all; /* 1: chains cross process boundaries */
	__u8 rt;         /* 1: a PREEMPT_RT kernel: softirqs belong to tasks */
	__u8 max_hops;
	__u32 nidle;                        /* homes in idle[] */
	__s32 restart_call, restart_call32; /* restart_syscall in either table, or
					       WL_CALL_NO_RESTART */
	struct wl_home idle[WL_MAX_IDLE];
	__u64 idle_calls[WL_SYSCALL_WORDS];   /* bit n: system call n waits for work */
	__u64 idle_calls32[WL_SYSCALL_WORDS]; /* the same for 32-bit tasks */
	__u64 futex_calls[WL_SYSCALL_WORDS];
	__u64 sync_calls[WL_SYSCALL_WORDS]; /* wait for a disk: fsync, fdatasync, … */
};

/* Which tasks are targets: the same option twice means or, different options and. */
struct wl_target_config {
	__u32 npids, ntids, nnames, ngroups, nusers;
	__u32 rt_only;
	__u32 self;  /* our own process: never a target */
	__u32 spawn; /* process started by us: it and its descendants, 0: none */
	__u32 pids[WL_MAX_PIDS];
	__u32 tids[WL_MAX_PIDS];
	__u32 users[WL_MAX_USERS];
	char names[WL_MAX_NAMES][WL_COMM_LEN]; /* globs: '*', '?', at most 15 bytes */
	struct {
		__u64 id;     /* inode of the cgroup's directory */
		__s32 subsys; /* index of the v1 controller; -1: cgroup v2 */
		__u32 level;  /* depth below its root */
	} groups[WL_MAX_GROUPS];
};

/* Which stimuli count. */
struct wl_stim_config {
	__u32 any;      /* 1: all of them */
	__u32 timer;    /* hrtimer expiries */
	__u32 softirqs; /* bit per softirq */
	__u32 nirqs;
	__u16 irqs[WL_MAX_IRQS];
};

enum wl_over {
	WL_OVER_FIXED = 0,
	WL_OVER_QUANTILE = 1, /* user space sets the threshold from the histogram */
	WL_OVER_WORST = 2,
};

/* Whose system calls are recorded. */
enum wl_record_syscalls {
	WL_SYSCALLS_NONE = 0,
	WL_SYSCALLS_TARGETS = 1,
	WL_SYSCALLS_ALL = 2,
};

struct wl_config {
	struct wl_chain_config chain;
	struct wl_target_config target;
	struct wl_stim_config stim;
	__u64 over_ns;      /* threshold (WL_OVER_FIXED), else the least one */
	__u64 timeout_ns;   /* 0: none */
	__u32 over;         /* enum wl_over */
	__u32 ncpu;         /* possible CPUs */
	__u32 task_storage; /* 1: task storage, 0: preallocated hash */
	__u32 follow;       /* 1: the state machine is on */
	__u32 record;       /* 1: the flight recorder is on */
	__u32 tcp_turns;    /* 1: turns of TCP sockets only, the kernel tells no others */
	__u32 syscalls;     /* enum wl_record_syscalls */
	__u32 pad;
	__u64 ring_size; /* of the flight recorder, bytes per CPU: a power of two */
};

#endif
