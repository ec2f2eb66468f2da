/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names and numbers that the kernel side, the user side, captures and JSON share.
 * Numbers are stable: append, never renumber. The strings are the JSON names.
 */
#ifndef WL_ABI_KINDS_H
#define WL_ABI_KINDS_H

#include <linux/types.h>

#define WL_COMM_LEN 16 /* TASK_COMM_LEN */

/* State of a stretch of a chain. X(NAME, number, json name) */
#define WL_SEG_KINDS(X)                                                                            \
	X(TIMER_SLACK, 1, "timer_slack")     /* programmed expiry -> latest allowed expiry */      \
	X(TIMER_DELAY, 2, "timer_delay")     /* from there until the handler ran */                \
	X(IRQ, 3, "irq")                     /* in a hard interrupt */                             \
	X(SOFTIRQ_DELAY, 4, "softirq_delay") /* raised -> entered */                               \
	X(SOFTIRQ, 5, "softirq")             /* in a softirq */                                    \
	X(QUEUED, 6, "queued")               /* data arrived -> a busy thread received it */       \
	X(WORK_DELAY, 7, "work_delay")       /* work queued -> executed by a kworker */            \
	X(WAKEUP, 8, "wakeup")               /* woken -> runs */                                   \
	X(RUNNING, 9, "running")             /* on a CPU, less what follows */                     \
	X(PREEMPTED, 10, "preempted")        /* runnable, switched out */                          \
	X(INTERRUPTED, 11, "interrupted")    /* interrupts and softirqs on top of it */            \
	X(THROTTLED, 12, "throttled")        /* runnable, out of CPU quota */                      \
	X(STEAL, 13, "steal")                /* virtual CPU not run by the host */                 \
	X(IO, 14, "io")                      /* blocked: block I/O */                              \
	X(LOCK, 15, "lock")                  /* blocked: lock held by another task */              \
	X(TASK, 16, "task")                  /* blocked: waiting for another task */               \
	X(TIMER, 17, "timer")                /* blocked: sleeping until a timer */                 \
	X(FAULT, 18, "fault")                /* blocked: page fault */                             \
	X(RECLAIM, 19, "reclaim")            /* direct memory reclaim */                           \
	X(STOPPED, 20, "stopped")            /* stopped or traced */                               \
	X(UNKNOWN, 21, "unknown")            /* could not be attributed */

enum wl_seg_kind {
	WL_SEG_NONE = 0,
	WL_SEG_MAX = 22, /* size of arrays indexed by kind */
#define X(name, nr, json) WL_SEG_##name = nr,
	WL_SEG_KINDS(X)
#undef X
};

/* What starts a chain. */
#define WL_STIM_KINDS(X)                                                                           \
	X(IRQ, 1, "irq")         /* nr: interrupt number; vectors: WL_VEC_BASE + enum wl_vector */ \
	X(TIMER, 2, "timer")     /* nr: clock id of the hrtimer */                                 \
	X(SOFTIRQ, 3, "softirq") /* nr: softirq number */                                          \
	X(NMI, 4, "nmi")                                                                           \
	X(WAKEUP, 5, "wakeup") /* nr: 0 */                                                         \
	X(MARK, 6, "mark")

enum wl_stim_kind {
	WL_STIM_NONE = 0,
	WL_STIM_MAX = 7,
#define X(name, nr, json) WL_STIM_##name = nr,
	WL_STIM_KINDS(X)
#undef X
};

/* What ends a response. */
#define WL_END_KINDS(X)                                                                            \
	X(IDLE, 1, "idle")                                                                         \
	X(TURN, 2, "turn")                                                                         \
	X(BLOCK, 3, "block")                                                                       \
	X(RUN, 4, "run")                                                                           \
	X(MARK, 5, "mark")                                                                         \
	X(EXIT, 6, "exit")                                                                         \
	X(TIMEOUT, 7, "timeout")

enum wl_end_kind {
	WL_END_NONE = 0,
	WL_END_MAX = 8,
#define X(name, nr, json) WL_END_##name = nr,
	WL_END_KINDS(X)
#undef X
};

/* Interrupt vectors without an irq number. Linux's names of the tracepoints in irq_vectors. */
#define WL_VECTORS(X)                                                                              \
	X(LOCAL_TIMER, 0, "local_timer")                                                           \
	X(RESCHEDULE, 1, "reschedule")                                                             \
	X(CALL_FUNCTION, 2, "call_function")                                                       \
	X(CALL_FUNCTION_SINGLE, 3, "call_function_single")                                         \
	X(IRQ_WORK, 4, "irq_work")                                                                 \
	X(OTHER, 5, "other_vector")

enum wl_vector {
	WL_VEC_MAX = 6,
#define X(name, nr, json) WL_VEC_##name = nr,
	WL_VECTORS(X)
#undef X
};

#define WL_VEC_BASE 0xff00 /* stimulus and culprit numbers of vectors start here */

/* Softirqs, by the kernel's numbers: X(NAME, number, name) */
#define WL_SOFTIRQS(X)                                                                             \
	X(HI, 0, "HI")                                                                             \
	X(TIMER, 1, "TIMER")                                                                       \
	X(NET_TX, 2, "NET_TX")                                                                     \
	X(NET_RX, 3, "NET_RX")                                                                     \
	X(BLOCK, 4, "BLOCK")                                                                       \
	X(IRQ_POLL, 5, "IRQ_POLL")                                                                 \
	X(TASKLET, 6, "TASKLET")                                                                   \
	X(SCHED, 7, "SCHED")                                                                       \
	X(HRTIMER, 8, "HRTIMER")                                                                   \
	X(RCU, 9, "RCU")

enum wl_softirq {
#define X(name, nr, text) WL_SOFTIRQ_##name = nr,
	WL_SOFTIRQS(X)
#undef X
		WL_NR_SOFTIRQS = 10,
};

/* What is known about a task: state of chain/, recorded with its events. */
#define WL_TASK_LINK 0x01     /* kernel thread or worker: passes chains on, never a target */
#define WL_TASK_SOFTIRQD 0x02 /* ksoftirqd, ktimers, rcuc: softirqs bring their own chain */
#define WL_TASK_TURNS 0x08    /* has received after a send: requests end at the answer */
#define WL_TASK_COMPAT 0x10   /* its last system call was of the 32-bit table */
#define WL_TASK_AWAY 0x20     /* asleep elsewhere than at home, and without a chain */
#define WL_TASK_TARGET 0x40   /* is a target, as of checked */
#define WL_TASK_SPAWNED 0x80  /* started by us, or a descendant of it */

/* Who: the context that held a CPU, or that woke somebody. */
enum wl_who_ctx {
	WL_WHO_NONE = 0,    /* nobody known */
	WL_WHO_TASK = 1,    /* a task: tid, tgid, comm, policy, prio are valid */
	WL_WHO_IDLE = 2,    /* the idle task: nobody held the CPU */
	WL_WHO_IRQ = 3,     /* nr: as in WL_STIM_IRQ */
	WL_WHO_SOFTIRQ = 4, /* nr: softirq number; the task fields: who ran it, if known */
	WL_WHO_TIMER = 5,   /* an hrtimer expiry */
	WL_WHO_MAX = 6,
};

#define WL_WHO_F_KTHREAD 0x01 /* a kernel thread or kernel-owned worker */
#define WL_WHO_F_SHARED 0x02  /* several held the CPU; this is the one that held it longest */

/*
 * What was lost, each by its own name: X(NAME, number, json name, text). Counted for ever, per CPU.
 * STARTED, CONTINUED, RAN are not losses: they are the two sides of the account of wake-ups.
 */
#define WL_COUNTERS(X)                                                                             \
	X(STATE_MISSING, 0, "state_missing", "task without state")                                 \
	X(STATE_FAILED, 1, "state_failed", "state of a new task could not be made")                \
	X(NEXT_BUSY, 2, "next_busy", "two wake-ups of one task at the same moment")                \
	X(NEXT_DROPPED, 3, "next_dropped", "wake-up of a task that did not sleep after all")       \
	X(NO_WAKEUP, 4, "no_wakeup", "came back from blocked without a wake-up")                   \
	X(HOPS, 5, "hops", "chain with too many hops")                                             \
	X(PENDING_DROPPED, 6, "pending_dropped", "softirq chain that nobody ran")                  \
	X(FRAMES, 7, "frames", "interrupts nested too deep")                                       \
	X(RESYNC, 8, "resync", "interrupt context left without its exit")                          \
	X(KEPT_EVICTED, 9, "kept_evicted", "arrival or work item displaced by another")            \
	X(KEPT_MISSING, 10, "kept_missing", "received data whose arrival was not kept")            \
	X(FOLDED, 11, "folded", "path with more segments than fit")                                \
	X(AGG_FULL, 12, "agg_full", "response of a target beyond the table")                       \
	X(SLOW_LOST, 13, "slow_lost", "slow response lost: ring buffer full")                      \
	X(MERGED, 14, "merged", "request merged into a response that had begun")                   \
	X(STARTED, 15, "started", "wake-ups that started or continued a chain")                    \
	X(RAN, 16, "ran", "blocking switch-outs followed by a switch-in")                          \
	X(ENDED, 17, "ended", "chains ended at a user task")                                       \
	X(SLOW_SENT, 18, "slow_sent", "slow responses sent to user space")                         \
	X(NO_SWITCH, 19, "no_switch", "switched out without having been switched in, or twice in") \
	X(MARK_TWICE, 20, "mark_twice", "work begun again under a cookie that had not ended")      \
	X(MARK_UNBEGUN, 21, "mark_unbegun", "step or end mark of work that had not begun")         \
	X(MARK_EVICTED, 22, "mark_evicted", "work item displaced by another: too many at once")    \
	X(MARK_LOST, 23, "mark_lost", "mark that could not be read, or whose place was busy")

enum wl_counter {
	WL_CNT_MAX = 24,
#define X(name, nr, json, text) WL_CNT_##name = nr,
	WL_COUNTERS(X)
#undef X
};

#endif
