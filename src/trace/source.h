/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What trace.c and the readers behind it share. */
#ifndef WL_TRACE_SOURCE_H
#define WL_TRACE_SOURCE_H

#include "trace/heap.h"
#include "trace/problems.h"
#include "trace/trace.h"

/* A reader: streams, each in order of time. ctx is its own. */
struct wl_source {
	void *ctx;
	unsigned nstreams;
	/*
	 * Puts the stream's next event into *event, which is always the same place for a stream and
	 * starts zeroed. 1; 0 at its end; -errno if no stream can be read on.
	 */
	int (*step)(void *ctx, unsigned stream, struct wl_event *event);
	void (*close)(void *ctx);
};

struct wl_head {
	struct wl_event event;
	bool ended;
};

struct wl_trace {
	struct wl_trace_info info;
	struct wl_trace_stats stats;
	struct wl_problems problems;
	uint64_t described[WL_EV_MAX / 64]; /* bit per number */
	char *dir;
	struct wl_source source;
	struct wl_head *heads; /* by stream */
	struct wl_heap heap;   /* of streams that have not ended */
	int given;             /* stream of wl_trace_next()'s event; -1: none */
	int error;             /* -errno: can't be read on */
};

/*
 * Readers: they fill trace->source, ->info and ->described, and tell problems as they meet them. 0
 * or -errno with a sentence in why.
 *
 * Native: 1 if the directory is no trace of our own layout.
 */
int wl_native_open(struct wl_trace *trace, char *why, size_t size);
int wl_through_open(struct wl_trace *trace, char *why, size_t size);

#endif
