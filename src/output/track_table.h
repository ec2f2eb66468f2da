/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What people read of trackers: tables, histograms, lines. Errors are left in the stream. */
#ifndef WL_OUTPUT_TRACK_TABLE_H
#define WL_OUTPUT_TRACK_TABLE_H

#include "explain/tracked.h"
#include "output/text.h"
#include "output/value.h"

/* One that was slow: a head line and what is known of it, wrapped. */
void wl_track_event(FILE *out, const struct wl_style *style, const struct wl_tracked_event *e,
		    struct wl_value_names *names);

/* One line of the table of the worst. */
void wl_track_worst_line(FILE *out, const struct wl_style *style, const struct wl_tracked_event *e,
			 struct wl_value_names *names);

/* The rows, most time first: at most lines lines, head included; 0: all of them. */
void wl_track_rows(FILE *out, const struct wl_style *style, const struct wl_tracked_stats *stats,
		   unsigned int lines, struct wl_value_names *names);

/* A bar per power of two. */
void wl_track_histogram(FILE *out, const struct wl_style *style, const struct wl_agg *agg);

/* What was skipped, lost or is still open; nothing if there is none of it. */
void wl_track_losses(FILE *out, const struct wl_style *style, const struct wl_tracked_stats *stats);

#endif
