/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where the results of trackers go. Like sink.h: a sink belongs to one thread, functions return 0
 * or -errno of the write (-EPIPE: the reader has gone, stop cleanly).
 */
#ifndef WL_OUTPUT_TRACK_H
#define WL_OUTPUT_TRACK_H

#include "explain/tracked.h"
#include "output/sink.h"

struct wl_track_start {
	const char *kind;         /* "wakeup", "FILE.bpf.o"; hostile */
	const char *command_line; /* hostile */
	const char *target;       /* whom it is about, for people */
	const char *over;         /* "5ms", "p99.9 (…)", "none" */
	const char *kernel;
	uint64_t memory_bytes;
};

struct wl_track_sink;

struct wl_track_sink_ops {
	int (*start)(struct wl_track_sink *sink, const struct wl_track_start *start);
	int (*slow)(struct wl_track_sink *sink, const struct wl_tracked_event *event);
	/* once a second, and at the end */
	int (*refresh)(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
		       uint64_t duration_ns);
	int (*stats)(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
		     uint64_t duration_ns);
	/* what a slow one has made somebody else write: path of a capture, or what was wrong */
	int (*capture)(struct wl_track_sink *sink, uint64_t id, const char *path,
		       const char *error);
	/* one line for people */
	int (*note)(struct wl_track_sink *sink, const char *text);
	void (*close)(struct wl_track_sink *sink);
};

struct wl_track_sink {
	const struct wl_track_sink_ops *ops;
};

int wl_track_json_open(struct wl_track_sink **sink, FILE *out);
/*
 * Lines and tables for people, progress to err. live: a table that redraws itself. worst: lines of
 * the table of the worst; 0: none.
 */
int wl_track_text_open(struct wl_track_sink **sink, FILE *out, FILE *err,
		       const struct wl_text_options *o, bool live, unsigned int worst);

#endif
