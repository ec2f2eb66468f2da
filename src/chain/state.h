/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the state machine remembers, per CPU, per task and in between.
 *
 * Who may write what:
 *   wl_cpu   its own CPU only. Interrupts nest: an event of an outer context is either over or has
 *            not begun when an inner one starts, because programs of one CPU run to their end, but
 * for softirq_entry, socket and workqueue events, which an interrupt may cut in two. What they
 *            share with interrupt events is the pending slots, and those are taken by state.
 *   wl_task  slot[cur] and everything else: the CPU that runs or switches the task. slot[1 - cur],
 *            wake: the one waker that has moved next from EMPTY or FULL to BUSY.
 *   wl_kept  whoever has moved its set's lock from 0 to 1.
 */
#ifndef WL_CHAIN_STATE_H
#define WL_CHAIN_STATE_H

#include "host.h"

#define WL_FRAMES 8  /* nested contexts of one CPU */
#define WL_RECENT 16 /* long runs remembered per CPU */
/* Of them spared at a time: each is longer than all behind it together, so 4 span a factor of 8. */
#define WL_RECENT_SPARED 4

/* A run of at least this long on a CPU is remembered: it may be what somebody waited for. */
#define WL_LONG_RUN_NS 50000

enum wl_frame_kind {
	WL_FRAME_NONE = 0,
	WL_FRAME_IRQ = 1,
	WL_FRAME_SOFTIRQ = 2,
	WL_FRAME_TIMER = 3, /* hrtimer expiry, inside one of the others */
	WL_FRAME_CALL = 4,  /* a function called by another CPU, inside an IPI */
};

/* A context on a CPU's stack, with the chain that its work belongs to. */
struct wl_frame {
	struct wl_path p;
	__u64 since;
	__u64 thread; /* IRQ: the line's own thread (task_struct), 0: none */
	__u16 nr;     /* IRQ: line, or WL_VEC_BASE + vector; SOFTIRQ: vector */
	__u8 kind;    /* enum wl_frame_kind */
	__u8 own;     /* SOFTIRQ: the task raised it and runs it itself: its running time */
	__u32 pad;
};

enum wl_slot_state { WL_SLOT_EMPTY = 0, WL_SLOT_BUSY = 1, WL_SLOT_FULL = 2 };

/*
 * wl_task.next: a slot state in the low bits, above it the number of steps that the task's state
 * has taken: wake-ups, switches out and in. Whoever takes a step moves both at once, so that steps
 * have an order that a replay can follow; time stamps of two CPUs don't always tell it.
 */
#define WL_STEP_SHIFT 2
#define WL_STEP (1u << WL_STEP_SHIFT)
#define WL_SLOT_MASK (WL_STEP - 1)
#define WL_NO_STEP (~0u) /* number of a step that was not taken */

/* A softirq that was raised and has not been entered. */
struct wl_pending {
	struct wl_path p;
	__u32 state;   /* enum wl_slot_state */
	__u32 own_tid; /* task that raised it from task context, 0: raised by an interrupt */
};

/* A stretch of a CPU's time with one task. */
struct wl_run {
	__u64 start, end; /* end 0: still running */
	struct wl_who who;
};

/* An interruption that is over: of the task, or of one that counted already. */
struct wl_interruption {
	__u64 since, ns;
	__u64 nested;
};

/* The last ones of a CPU. After the host has stopped us a tick, a packet, a disk and all their
 * softirqs come at once. */
#define WL_INTERRUPTIONS 16

/* Who held a CPU: the best answer so far. */
struct wl_holder {
	struct wl_who who;
	__u64 best; /* its time inside the wait */
	__u64 idle; /* time of the wait in which the CPU was idle */
	__u64 all;  /* time of the wait that belongs to known tasks */
};

struct wl_cpu {
	__u32 depth;    /* frames in use; may pass WL_FRAMES, then the topmost have no data */
	__u32 counting; /* depth at which interrupted time began to count, 0: it does not */
	__u64 irq_ns;   /* time spent in interrupts and softirqs on top of tasks, for ever */
	__u64 irq_since;
	__u64 irq_at_switch; /* irq_ns at the last switch */
	__u64 irq_big_until; /* end of the longest interruption */
	__u64 irq_big_ns;    /* longest interruption since the last switch, and what it was */
	__u16 irq_big_nr;
	__u8 irq_big_ctx; /* enum wl_who_ctx */
	__u8 returned;    /* frames[depth] has just returned and may wake its thread */
	__u32 pending_mask;
	__u32 cpu;
	__u32 recent_next;
	__u32 late_next;
	__u32 pad;
	struct wl_interruption late[WL_INTERRUPTIONS]; /* see wl_cpu_late_ns() */
	__u64 rq_read, rq_ahead; /* the run queue's clock when it was last compared; monotonic less
				    that */
	struct wl_who who;       /* scratch of the task's context, for there is little stack */
	struct wl_holder holder[2]; /* scratch, the same */
	struct wl_run run;          /* the task on the CPU now; see wl_run_is_named() */
	struct wl_run recent[WL_RECENT];
	__u64 counters[WL_CNT_MAX];
	struct wl_pending pending[16]; /* WL_NR_SOFTIRQS, rounded up for masking */
	struct wl_frame frames[WL_FRAMES];
};

enum wl_task_status {
	WL_TASK_UNSEEN = 0, /* not switched or woken since we look */
	WL_TASK_ON_CPU = 1,
	WL_TASK_PREEMPTED = 2,
	WL_TASK_BLOCKED = 3, /* at home, or without a chain: a wake-up starts a response */
	WL_TASK_MIDWORK = 4, /* blocked inside a response */
};

struct wl_task {
	/* hot line */
	__u32 next;  /* state of slot[1 - cur] and wake, and steps: see WL_STEP */
	__u8 status; /* enum wl_task_status */
	__u8 flags;  /* WL_TASK_* */
	__u8 cur;    /* index of the current slot */
	__u8 bare;   /* wake has no path with it: the wake-up of a task blocked in mid-work */
	__u64 since; /* last switch or wake-up */
	__u64 irq_base, steal_base; /* the CPU's accumulators when its running time was last charged
				     */
	__u64 checked;              /* when WL_TASK_TARGET was last decided */
	__u64 finished;             /* id of the chain that last ended here */
	__u64 home_at;              /* when it last went to sleep at home */
	__s32 call;                 /* system call it blocked in, -1 a fault, -2 unknown */
	__u32 reclaim;              /* inside direct reclaim */
	/* wake-up */
	__u64 wake_ts;
	struct wl_who waker;
	__u8 wake_throttled; /* its run queue was out of quota when it was woken */
	__u8 sleep_lock;     /* see wl_sleep.lock */
	__u8 sleep_io;       /* blocked in iowait */
	__u8 sleep_stopped;  /* stopped or traced */
	__u8 sleep_hard;     /* not interruptible */
	__u8 nhomes;
	__u8 soft_on;  /* PREEMPT_RT: spare is the softirq that it runs */
	__u8 received; /* its response has received data: more of it is another request; see also
			  WL_RECEIVED_APART */
	__u16 wake_cpu;
	__u16 soft_nr;
	__u16 raised; /* an interrupt line's own thread: vectors that it has raised since it was
			 woken */
	__u8 line;    /* it is one */
	__u8 pad;
	__u32 agg; /* cache: the aggregate of agg_stim */
	__u32 agg_stim;
	__u32 step; /* number of its last switch, see WL_STEP */
	__u64 arg;  /* first argument of call */
	__u64 mark; /* key of the item whose chain slot[cur] is; 0: of none. See mark.h */
	__u64 from; /* socket that its chain has come from */
	struct wl_home homes[WL_HOMES];
	struct wl_path slot[2];
	/*
	 * While a turn is reported: the next response (user tasks, inside one program). On
	 * PREEMPT_RT: the softirq that this task runs; a task receives nothing while it does that.
	 */
	struct wl_path spare;
};

/* A chain that waits in a place instead of a context: a socket's queue, a work item, a call. */
struct wl_kept {
	__u64 key; /* 0: never used */
	__u64 since;
	__u32 consumed;
	__u32 pad;
	struct wl_path p;
};

#define WL_KEPT_SETS 2048
#define WL_KEPT_WAYS 2

struct wl_kept_set {
	__u32 lock;
	__u32 pad;
	struct wl_kept way[WL_KEPT_WAYS];
};

/* Counted where interrupts are off; wl_count_any() elsewhere. */
WL_INLINE void wl_count(struct wl_cpu *c, enum wl_counter which)
{
	c->counters[which]++;
}

WL_INLINE void wl_count_any(struct wl_cpu *c, enum wl_counter which)
{
	__sync_fetch_and_add(&c->counters[which], 1);
}

#endif
