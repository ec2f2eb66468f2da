/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Explains one slow response: reads its trace, finds the critical path, follows the cause. */
#ifndef WL_EXPLAIN_EXPLAIN_H
#define WL_EXPLAIN_EXPLAIN_H

#include "abi/tasks.h"
#include "explain/explained.h"
#include "explain/samples.h"

struct wl_explain_options {
	const char *trace;                /* path, as wl_trace_open() takes it */
	const struct wl_config *config;   /* of the capture, or what is usual */
	const struct wl_task_dump *tasks; /* of the capture; may be NULL */
	size_t ntasks;
	const struct wl_report *report; /* of the capture; NULL: found in the trace by tid and at */
	uint32_t tid;                   /* 0: any target */
	uint64_t at; /* ns on the trace's clock: the response that went on then, or
			the next one that ended; 0: the slowest */
	struct wl_machine_names names; /* members may be NULL; stay valid as long as the result */
	const struct wl_samples *samples; /* may be NULL; stay valid likewise */
};

/*
 * 0 or -errno, with a sentence in why (names in it are not escaped): -ESRCH: there is no such
 * response in the trace; those of wl_trace_open(). wl_explained_free() it. Memory is bounded by the
 * window. Thread safe.
 */
int wl_explain(struct wl_explained **explained, const struct wl_explain_options *options, char *why,
	       size_t size);
void wl_explained_free(struct wl_explained *explained);

#endif
