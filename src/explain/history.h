/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Builds a timeline from a trace. Inside explain/ only. */
#ifndef WL_EXPLAIN_HISTORY_H
#define WL_EXPLAIN_HISTORY_H

#include "abi/config.h"
#include "abi/tasks.h"
#include "explain/timeline.h"
#include "trace/trace.h"

struct wl_history_options {
	const struct wl_chain_config *config;
	uint32_t ncpu;                    /* more than the highest CPU number */
	uint64_t from, to;                /* what is kept, ns; to 0: up to the end */
	const struct wl_task_dump *tasks; /* of the capture: names and policies of tasks that the
					     trace does not name; may be NULL */
	size_t ntasks;
	bool unfollowed; /* see wl_replay_unfollowed() */
};

/*
 * Reads the trace to its end. The events go through the state machine on their way, which brings
 * them into the order in which they happened. 0 or -errno; wl_history_free() it.
 */
int wl_history_build(struct wl_timeline **tl, struct wl_trace *trace,
		     const struct wl_history_options *options);
void wl_history_free(struct wl_timeline *tl);

#endif
