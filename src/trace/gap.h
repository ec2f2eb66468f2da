/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is missing before a stream's next event. */
#ifndef WL_TRACE_GAP_H
#define WL_TRACE_GAP_H

#include "trace/trace.h"

struct wl_gap {
	bool open;
	uint64_t lost;  /* events, as far as known */
	uint64_t since; /* if open: time stamp of the last event before it */
};

/* last: time stamp of the stream's last event. */
static inline void wl_gap_add(struct wl_gap *gap, uint64_t last)
{
	gap->since = last;
	gap->open = true;
}

/* The event after it was found. */
static inline void wl_gap_close(struct wl_gap *gap, struct wl_event *event)
{
	event->flags |= WL_EVENT_AFTER_LOSS;
	event->lost = gap->lost;
	event->lost_since = gap->since;
	gap->lost = 0;
	gap->open = false;
}

#endif
