/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Replay: the events of a capture through the state machine, which is the same code that ran in the
 * kernel. What comes out are the same responses, segments and nanoseconds.
 *
 * A capture begins in the middle of things: what tasks were doing then is not known. A task becomes
 * known when it is born, ends a chain, or leaves its CPU without one. A response is inside the
 * window when its stimulus is, and every task on its path was known by then; only those can be
 * expected to be right.
 *
 * One thread; memory grows with the number of tasks, not of events.
 */
#ifndef WL_EXPLAIN_REPLAY_H
#define WL_EXPLAIN_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/config.h"
#include "abi/path.h"
#include "abi/tasks.h"
#include "abi/work.h"
#include "trace/trace.h"

struct wl_replay;

/* Why a response can't be expected to be what the kernel reported. */
enum wl_replay_doubt {
	WL_REPLAY_SURE = 0,    /* inside the window */
	WL_REPLAY_BEFORE = 1,  /* its stimulus is before the window, or what caused it is */
	WL_REPLAY_UNKNOWN = 2, /* the kernel ended one here, of a task that was not known yet */
	WL_REPLAY_LOST = 3,    /* records were lost while it went on */
	WL_REPLAY_DIFFERS = 4, /* the kernel ended one here and the replay none, or the reverse */
};

struct wl_replay_response {
	uint32_t tid, tgid;
	char comm[WL_COMM_LEN];
	const struct wl_path *path; /* closed; NULL: WL_REPLAY_UNKNOWN, and WL_REPLAY_DIFFERS
				       where the replay has none */
	const struct wl_work *work; /* what it was about; NULL: nothing was said */
	uint64_t end;               /* the event that ended it, CLOCK_MONOTONIC ns */
	uint32_t cpu;
	uint8_t kind;  /* enum wl_end_kind */
	uint8_t doubt; /* enum wl_replay_doubt */
	bool target;   /* the kernel took the task for a target */
};

/* Called for each response as it ends; a result other than 0 ends the replay. */
typedef int (*wl_replay_fn)(void *ctx, const struct wl_replay_response *response);

struct wl_replay_stats {
	uint64_t events;
	uint64_t reordered;   /* taken before one of another CPU with an older time stamp */
	uint64_t gaps;        /* steps of tasks that are not in the trace */
	uint64_t first, last; /* window: where all streams have begun, and the last event, ns */
};

/* ncpu: more than the highest CPU number. 0 or -ENOMEM. */
int wl_replay_new(struct wl_replay **replay, const struct wl_chain_config *config, uint32_t ncpu);
void wl_replay_free(struct wl_replay *replay);

/* What a snapshot knows of a task and no event tells: where it waits for work. 0 or -ENOMEM. */
int wl_replay_add_task(struct wl_replay *replay, const struct wl_task_dump *task);

/*
 * Before the run: the trace, if it is one of ours, was recorded while the state machine was off.
 * Every task is a target then.
 */
void wl_replay_unfollowed(struct wl_replay *replay);

/* Runs the whole trace, once. 0, -errno, or what fn has returned. */
int wl_replay_run(struct wl_replay *replay, struct wl_trace *trace, wl_replay_fn fn, void *ctx);

/*
 * What a trace of another tracer, or one that was not followed, does not tell, for people:
 * sentences (static), at most max of them; complete after the run. Returns how many there are.
 */
size_t wl_replay_missing(const struct wl_replay *replay, const char *texts[], size_t max);

const struct wl_replay_stats *wl_replay_stats(const struct wl_replay *replay);

#endif
