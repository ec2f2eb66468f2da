/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The order of a replay: by time, but the steps of one task by their numbers. Time stamps of two
 * CPUs that meet at one task within some hundred nanoseconds don't always tell who came first; the
 * number that they have taken does. Inside explain/ only.
 */
#ifndef WL_EXPLAIN_REPLAY_ORDER_H
#define WL_EXPLAIN_REPLAY_ORDER_H

#include "explain/replay_state.h"

/*
 * The stream whose event is due, that event in *event; -1 at the end, or -errno below that. Steps
 * that never come (a task that was born before, a record that was lost) are not waited for.
 */
int wl_replay_order_next(struct wl_replay *r, struct wl_trace *trace,
			 const struct wl_event **event);

/* The event has been replayed: the next steps of its tasks are due. */
void wl_replay_order_done(struct wl_replay *r, const struct wl_event *event);

#endif
