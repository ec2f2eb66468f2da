/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A slow response, explained: the form that every output of `explain` reads.
 *
 * The critical path is a tree. The root's children are the response itself, in time order and
 * without a gap; below a stretch in which it waited stands what it waited for: who held the CPU, or
 * what the one who ended the wait had been doing since it began, down to where nobody waits for
 * anybody. Names are hostile: escape them on output. Thread safe once it is made.
 */
#ifndef WL_EXPLAIN_EXPLAINED_H
#define WL_EXPLAIN_EXPLAINED_H

#include "explain/report.h"
#include "explain/timeline.h"

#define WL_NODE_NONE UINT32_MAX

enum wl_node_role {
	WL_NODE_ROOT = 0,     /* the whole response: nodes[0] */
	WL_NODE_PATH = 1,     /* a stretch of the response (below the root), or of whom it waited
				 for: siblings with this role follow each other without a gap */
	WL_NODE_HELD = 2,     /* the CPU that the parent waited for was held: who, from, to */
	WL_NODE_ON_TOP = 3,   /* an interrupt or softirq on top of the parent's running */
	WL_NODE_WAITED = 4,   /* whom the parent waited for; its children are what that one did */
	WL_NODE_REQUEST = 5,  /* the block request that the parent waited for: `index` */
	WL_NODE_FUNCTION = 6, /* where the parent was seen running: `text`, `count` of the parent's
				 samples; without times of its own */
	WL_NODE_ROLES
};

/* JSON names of the roles: root, path, held, on_top, waited_for, request, function. */
const char *wl_node_role_name(unsigned role);

#define WL_NODE_F_CUT 0x01    /* it began before the window, or its end is not in it */
#define WL_NODE_F_ROOT 0x02   /* the root cause: the verdict's sentence ends here */
#define WL_NODE_F_CAUSE 0x04  /* on the way from the response to the root cause */
#define WL_NODE_F_FOLDED 0x08 /* stands for `count` stretches; from and to are those of all */
#define WL_NODE_F_OTHERS 0x10 /* request: others were in the device's queue before it (count) */
#define WL_NODE_F_USER 0x20   /* function: in user space */

struct wl_node {
	uint64_t from, to;
	uint64_t ns;               /* of the parent's time; of folded ones their sum */
	uint32_t parent;           /* WL_NODE_NONE: the root */
	uint32_t first, next;      /* first child, next sibling; WL_NODE_NONE: there is none */
	uint32_t task;             /* whose stretch: index in the timeline, or WL_NOBODY */
	uint32_t index;            /* of the request in the timeline */
	uint32_t count;            /* see the flags */
	uint8_t role, kind, flags; /* enum wl_node_role, enum wl_seg_kind, WL_NODE_F_* */
	uint8_t depth;             /* of the root 0 */
	uint16_t cpu;
	int32_t call;      /* path, blocked: system call it blocked in; running: that it was in
			      for the longest part; -1 fault, -2 none or not known */
	struct wl_who who; /* held, on_top, waited: who; path: the context whose stretch it is */
	const char *text;  /* function; else NULL. Hostile */
};

/* What the machine was called when it was recorded. Hostile, may be NULL. */
struct wl_machine_names {
	const char *(*irq)(const void *ctx, unsigned nr);     /* "virtio1-req.0" */
	const char *(*device)(const void *ctx, uint32_t dev); /* "vda"; NULL: print 254:0 */
	const char *(*cgroup)(const void *ctx, uint32_t pid); /* its path */
	const void *ctx;
};

/*
 * Why it was late: the verdict in one word. X(NAME, number, json name). Numbers and names are
 * stable.
 */
#define WL_WHYS(X)                                                                                 \
	X(NONE, 0, "none")                  /* took no longer than usual */                        \
	X(CPU_RT, 1, "cpu_rt")              /* CPU held by a real-time task */                     \
	X(CPU_NORMAL, 2, "cpu_normal")      /* CPU held by normal tasks */                         \
	X(PREEMPTED, 3, "preempted")        /* the same, but in mid-work */                        \
	X(IRQ, 4, "irq")                    /* a long interrupt handler */                         \
	X(SOFTIRQ, 5, "softirq")            /* softirqs: long ones, many, or deferred */           \
	X(TIMER_LATE, 6, "timer_late")      /* the timer's interrupt came late */                  \
	X(STEAL, 7, "steal")                /* the hypervisor */                                   \
	X(CPU_QUOTA, 8, "cpu_quota")        /* cgroup CPU quota */                                 \
	X(RT_THROTTLED, 9, "rt_throttled")  /* real-time bandwidth used up */                      \
	X(DISK, 10, "disk")                 /* block I/O */                                        \
	X(LOCK_BUSY, 11, "lock_busy")       /* lock held by a task that worked */                  \
	X(LOCK_WAITING, 12, "lock_waiting") /* lock held by a task that waited itself */           \
	X(ANSWER, 13, "answer")             /* another task's answer was slow */                   \
	X(FAULT, 14, "major_fault")         /* page fault */                                       \
	X(RECLAIM, 15, "reclaim")           /* direct memory reclaim */                            \
	X(OWN_USER, 16, "own_user")         /* its own computing in user space */                  \
	X(OWN_KERNEL, 17, "own_kernel")     /* its own system call's computing */                  \
	X(STOPPED, 18, "stopped")           /* by a signal or a debugger */                        \
	X(SLEPT, 19, "slept")               /* its own sleep or timeout */                         \
	X(SLOW_WAKE, 20, "slow_wake")       /* the CPU was idle: slow to wake */                   \
	X(QUEUED, 21, "queued")             /* busy with earlier requests */                       \
	X(EVENT, 22, "event")               /* waited for the network or a device */               \
	X(OTHER, 23, "other")               /* the text says what */                               \
	X(UNKNOWN, 24, "unknown")           /* could not be attributed */                          \
	X(MANY, 25, "many")                 /* no single cause dominates */                        \
	X(OWN, 26, "own")                   /* its own computing: user or kernel is not known */

enum wl_why {
#define X(name, nr, json) WL_WHY_##name = nr,
	WL_WHYS(X)
#undef X
		WL_WHYS_MAX = 27,
};

const char *wl_why_name(unsigned why); /* JSON name; "unknown" beyond the list */

enum wl_confidence { WL_SURE = 0, WL_LIKELY = 1, WL_GUESS = 2 };

#define WL_CAVEATS 8

struct wl_explained {
	/*
	 * As `watch` has it, typical budget and names included; report.cause is the explained one:
	 * kind and ns as online, culprit and text followed to the root.
	 */
	struct wl_report report;
	struct wl_timeline *timeline;
	struct wl_node *nodes; /* nodes[0] is the root */
	size_t nnodes, nodes_room;
	enum wl_why why;
	struct wl_who via;   /* whom it waited for first, if that is not the root's culprit:
				the lock's holder, the process that answers; ctx NONE: nobody */
	struct wl_who root;  /* culprit at the root; ctx NONE: nobody is named */
	uint32_t root_cause; /* node, or WL_NODE_NONE */
	uint64_t root_ns;    /* time of the response that it stands for */
	char advice[200];    /* what to look at next, one sentence, safe; "": none */
	enum wl_confidence confidence;
	char caveats[WL_CAVEATS][160]; /* why it is lowered: sentences, safe for a terminal */
	unsigned ncaveats;
	struct wl_machine_names names;
};

#endif
