/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where results go. One implementation per format; callers know only this. A sink belongs to one
 * thread. Functions return 0 or -errno of the write (-EPIPE: the reader has gone, stop cleanly).
 */
#ifndef WL_OUTPUT_SINK_H
#define WL_OUTPUT_SINK_H

#include <stdio.h>

#include "explain/explained.h"

struct wl_start_info {
	const char *version;
	const char *command_line; /* hostile: escape */
	const char *target;       /* "process or thread named 'memcached'", "every task" */
	const char *until;        /* "turn", "idle", … */
	const char *over;         /* "2ms", "p99.9 (at least 1 ms, …)", "each new worst" */
	const char *kernel;       /* uname release */
	uint64_t boot_to_real_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC at start */
	uint64_t memory_bytes;    /* of the maps */
	const char *captures;     /* directory, NULL: none are taken */
	const struct wl_config *config;
};

struct wl_sink;

struct wl_sink_ops {
	int (*start)(struct wl_sink *sink, const struct wl_start_info *info);
	int (*slow)(struct wl_sink *sink, const struct wl_report *report);
	/* more about the response that was told last, once its capture has been looked into */
	int (*explained)(struct wl_sink *sink, const struct wl_explained *x);
	int (*refresh)(struct wl_sink *sink, const struct wl_stats *stats); /* once a second */
	/* one line for people: "nothing woke it yet" */
	int (*note)(struct wl_sink *sink, const char *text);
	int (*stats)(struct wl_sink *sink, const struct wl_stats *stats); /* at the end */
	void (*close)(struct wl_sink *sink);
};

struct wl_sink {
	const struct wl_sink_ops *ops;
};

enum wl_color { WL_COLOR_AUTO, WL_COLOR_ALWAYS, WL_COLOR_NEVER };

struct wl_text_options {
	enum wl_color color;
	bool quiet;       /* only verdicts and the summary */
	unsigned verbose; /* 1: every verdict's segments; 2: also counters that are 0 */
	unsigned width;   /* columns; 0: ask the terminal, 80 without one */
	uint64_t over_ns; /* for the "nothing slow" sentence; 0: not fixed */
};

/* JSON lines (section 6 of the design) to out. */
int wl_json_sink_open(struct wl_sink **sink, FILE *out);
/* Plain lines to out, progress to err: for pipes and files. */
int wl_text_sink_open(struct wl_sink **sink, FILE *out, FILE *err, const struct wl_text_options *o);
/* A table that redraws itself in place, verdicts scrolling above it: for a terminal. */
int wl_live_sink_open(struct wl_sink **sink, FILE *out, const struct wl_text_options *o);

#endif
