/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What people read: verdicts, the table, the summary, as lines on a stream. Nothing printed here
 * can move a terminal's cursor, whatever names tasks have. Errors of the stream are left in it:
 * call wl_text_flush() when done. Not thread safe per stream.
 */
#ifndef WL_OUTPUT_TEXT_H
#define WL_OUTPUT_TEXT_H

#include "output/sink.h"

struct wl_style {
	bool color;
	unsigned int width; /* columns, at least 20 */
	unsigned int verbose;
	uint64_t over_ns; /* 0: the threshold is not fixed */
};

/* Columns and lines of the stream's terminal; left alone if it has none. */
void wl_text_terminal_size(FILE *out, unsigned int *columns, unsigned int *lines);

/* WL_COLOR_AUTO: on a terminal that isn't dumb, unless NO_COLOR is set. */
void wl_style_init(struct wl_style *style, FILE *out, const struct wl_text_options *options);

/* Columns that text takes, if no character of it is wide. */
unsigned int wl_text_columns(const char *text);

/* What is watched, one line. */
void wl_text_start(FILE *out, const struct wl_style *style, const struct wl_start_info *info);

/* One slow response: a head line that is never wrapped, then indented details. */
void wl_text_verdict(FILE *out, const struct wl_style *style, const struct wl_report *report);

/* What explaining has added to it: who was behind it, and what to look at next. */
void wl_text_explained(FILE *out, const struct wl_style *style, const struct wl_explained *x);

/* "30 s: 12,345 responses, p99 410us, worst 1.20ms, 0 slow", no newline. */
void wl_text_progress(FILE *out, const struct wl_stats *stats);

/*
 * The table's head line and its first rows, at most lines of them, the last one saying how many are
 * not shown. No line is longer than the style's width.
 */
void wl_text_table(FILE *out, const struct wl_style *style, const struct wl_stats *stats,
		   unsigned int lines);

/* The end of a run: table with typical responses, result, losses. */
void wl_text_summary(FILE *out, const struct wl_style *style, const struct wl_stats *stats);

/* 0 or -errno: -EPIPE if the reader has gone. */
int wl_text_flush(FILE *out);

#endif
