/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A chain on its way: what travels from context to context, and what a slow response is made of. */
#ifndef WL_ABI_PATH_H
#define WL_ABI_PATH_H

#include "kinds.h"

/* Who held the CPU, or who woke. 32 bytes. */
struct wl_who {
	__u32 tid, tgid;        /* initial pid namespace; tgid is the process id */
	char comm[WL_COMM_LEN]; /* as the kernel has it: any bytes, not always terminated */
	__u16 nr;               /* interrupt or softirq, see enum wl_who_ctx */
	__u8 ctx;               /* enum wl_who_ctx */
	__u8 policy;            /* SCHED_*: 0 other, 1 fifo, 2 rr, 3 batch, 5 idle, 6 deadline */
	__s8 prio;  /* task_struct.prio - 100: rt priority is -1 - prio, nice is prio - 20 */
	__u8 flags; /* WL_WHO_F_* */
	__u8 pad[2];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct wl_who) == 32, "struct wl_who is an ABI");

/* A closed segment. 48 bytes. */
struct wl_seg {
	__u64 ns;  /* duration */
	__u16 cpu; /* where it ended */
	__u8 kind; /* enum wl_seg_kind */
	__u8 pad;
	__u32 pieces;      /* how many stretches were folded into this one, at least 1 */
	struct wl_who who; /* wakeup, preempted, interrupted: who held the CPU; blocked: who woke */
};
_Static_assert(sizeof(struct wl_seg) == 48, "struct wl_seg is an ABI");

#define WL_PATH_SEGS 16

/*
 * The hot line: all of a chain that a hand-off must have. Times are CLOCK_MONOTONIC ns.
 * id 0 means no chain. The id is its stimulus's time << 10 | cpu: one CPU sees one event at a time.
 */
struct wl_chain {
	__u64 id;
	__u64 start;    /* stimulus */
	__u64 last;     /* everything up to here is in closed segments; state goes on from here */
	__u64 left;     /* when it last left its owner (raise, wake-up, queue); 0: never had one */
	__u64 sent;     /* end of the last send on a socket; 0: none since the last receive */
	__u32 owner;    /* process of the last user task in it; 0: none yet */
	__u32 stim_tid; /* stimulus wakeup: who woke, 0 otherwise */
	__u16 stim_nr;  /* see enum wl_stim_kind */
	__u16 stim_cpu;
	__u16 left_nr;   /* stimulus number of a chain that starts where this one left its owner */
	__u8 merged;     /* requests that arrived while this one was being handled, saturates */
	__u8 stim_kind;  /* enum wl_stim_kind */
	__u8 left_kind;  /* enum wl_stim_kind */
	__u8 state;      /* enum wl_seg_kind: the open segment */
	__u8 hops;       /* hand-offs so far */
	__u8 nseg;       /* closed segments */
	__u8 left_seg;   /* nseg when it left its owner */
	__u8 period_seg; /* nseg when the task was switched in: running time merges down to here */
	__u8 sent_seg;   /* nseg at sent */
	__u8 folded;     /* segments folded because the path was full, saturates */
};
_Static_assert(sizeof(struct wl_chain) == 64, "struct wl_chain is one cache line");

struct wl_path {
	struct wl_chain h;
	struct wl_seg seg[WL_PATH_SEGS];
};

#endif
