/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What every CPU and every task did in a window: the history that a critical path is looked for in
 * and that pictures are drawn from. Times are CLOCK_MONOTONIC ns (a foreign trace's own clock).
 * Lists are in the order of time and do not overlap, but for frames, which nest, and requests.
 * Names are hostile. Read only once it is built: thread safe then.
 */
#ifndef WL_EXPLAIN_TIMELINE_H
#define WL_EXPLAIN_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/path.h"

#define WL_NOBODY UINT32_MAX /* index of a task that is not known */

/* A stretch of a task in one state. */
struct wl_tl_state {
	uint64_t from, to;
	uint8_t kind;     /* enum wl_seg_kind: running, wakeup, preempted, throttled, or how it was
			     blocked (task: by whom says `by`); unknown */
	bool blocked;     /* asleep: `kind` says why */
	bool open;        /* it went on at the end of the window */
	uint16_t cpu;     /* where it ran, or waited for a CPU; blocked: where it was woken */
	int32_t call;     /* blocked: system call, -1 fault, -2 none or not known; else -2 */
	uint64_t arg;     /* first argument of it */
	struct wl_who by; /* blocked: who woke it, at `to`; the context it did so in */
};

struct wl_tl_task {
	uint32_t tid, tgid;
	char comm[WL_COMM_LEN]; /* its last one */
	uint8_t policy;
	int8_t prio; /* as struct wl_who's */
	bool kthread;
	bool ran; /* it has been on a CPU in the window */
	struct wl_tl_state *states;
	size_t n, room;
};

/* A task on a CPU. */
struct wl_tl_run {
	uint64_t from, to;
	uint32_t task; /* index, or WL_NOBODY: the idle task */
	uint8_t policy;
	int8_t prio;
};

/* An interrupt, softirq, timer handler or call on top of what ran there. */
struct wl_tl_frame {
	uint64_t from, to;
	uint64_t raised; /* softirqs: when it was raised first, 0: not known */
	uint8_t ctx;     /* WL_WHO_IRQ, WL_WHO_SOFTIRQ, WL_WHO_TIMER */
	uint8_t depth;   /* frames below it */
	bool own;        /* a softirq that the task below had raised itself, and ran at once */
	uint16_t nr;     /* as in struct wl_who */
	uint32_t task;   /* index of the task below, or WL_NOBODY */
};

struct wl_tl_cpu {
	uint32_t cpu;
	uint64_t begin; /* nothing is known before */
	struct wl_tl_run *runs;
	size_t nruns, runs_room;
	struct wl_tl_frame *frames; /* by `from` */
	size_t nframes, frames_room;
};

/* A request to a block device. */
struct wl_tl_request {
	uint64_t queued; /* inserted, or issued if that was not seen */
	uint64_t issued; /* given to the device */
	uint64_t done;   /* UINT64_MAX: not in the window */
	uint64_t sector;
	uint32_t dev; /* as the kernel has it: major << 20 | minor */
	uint32_t nsectors;
	uint32_t task; /* index of who issued it, or WL_NOBODY */
	uint32_t done_cpu;
	bool write;
};

/* An item of a work queue. */
struct wl_tl_work {
	uint64_t queued, begun, done; /* UINT64_MAX: not in the window; queued 0: before it */
	uint64_t key;                 /* of the item; may be used again */
	struct wl_who by;             /* who queued it */
	uint32_t worker;              /* index of the task, or WL_NOBODY */
	uint16_t queued_cpu;
};

struct wl_timeline {
	uint64_t begin, end; /* the window: all CPUs are known from begin on */
	struct wl_tl_cpu *cpus;
	size_t ncpus, cpus_room;
	struct wl_tl_task *tasks;
	size_t ntasks, tasks_room;
	struct wl_tl_request *requests; /* by `queued` */
	size_t nrequests, requests_room;
	struct wl_tl_work *works; /* by the time that they were first seen */
	size_t nworks, works_room;
	uint64_t lost; /* records that are missing in it */
};

/* The CPU of that number, NULL: it has no stream. */
const struct wl_tl_cpu *wl_timeline_cpu(const struct wl_timeline *tl, uint32_t cpu);
/* The last task with that id; WL_NOBODY: it is not known. */
uint32_t wl_timeline_task(const struct wl_timeline *tl, uint32_t tid);
/* The state that it was in just before `at` (from < at <= to), NULL: not known. */
const struct wl_tl_state *wl_timeline_state(const struct wl_tl_task *task, uint64_t at);
/* Its first state that ends after `at`, as an index; n: there is none. */
size_t wl_timeline_next_state(const struct wl_tl_task *task, uint64_t at);
/* The first run that ends after `at`, as an index; nruns: there is none. */
size_t wl_timeline_run(const struct wl_tl_cpu *cpu, uint64_t at);
/* The first frame, as an index, from which on all begin at `at` or later. */
size_t wl_timeline_frame(const struct wl_tl_cpu *cpu, uint64_t at);

#endif
