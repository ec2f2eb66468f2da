/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Looks for a response in a trace that does not come with one. Inside explain/ only. */
#ifndef WL_EXPLAIN_FOUND_H
#define WL_EXPLAIN_FOUND_H

#include "abi/tasks.h"
#include "explain/explained.h"
#include "trace/trace.h"

struct wl_found_options {
	const struct wl_chain_config *config;
	uint32_t ncpu; /* more than the highest CPU number */
	uint32_t tid;  /* 0: any target */
	uint64_t at; /* ns: the response that went on then or the next one to end; 0: the slowest */
	const struct wl_task_dump *tasks; /* may be NULL */
	size_t ntasks;
	bool unfollowed; /* see wl_replay_unfollowed() */
};

/*
 * Replays the trace to its end: fills x->report with the response, and with what is typical of all
 * of that task's in the trace. 0, -ESRCH: there is none, -ENOMEM, or an error of the trace.
 */
int wl_found_search(struct wl_explained *x, struct wl_trace *trace,
		    const struct wl_found_options *options);

#endif
