/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Timeouts. The fast path knows nothing of them. The tracker's thread walks over all events four
 * times per timeout, and puts those whose deadline lies before the walk after next on a timer
 * wheel: events live at least a timeout before they are due, so a walk always meets them before;
 * and nearly all have ended before a walk meets them. Events that end, or whose memory is used
 * again, stay on the wheel: they are looked at when their slot is due, and left out then.
 *
 * A slot is one list per pool, linked by offsets. One thread only.
 */
#ifndef WL_TRACKER_WHEEL_H
#define WL_TRACKER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool.h"

#define WL_WHEEL_SLOTS 256

struct wl_wheel {
	uint32_t *head; /* [slot * pools + pool]: offset + 1 of the first event; 0: none */
	uint64_t slot_count[WL_WHEEL_SLOTS];
	unsigned pools;
	uint64_t granularity; /* of a slot, ns */
	uint64_t now;         /* slots before this time are done */
	uint64_t count;
};

/* 0 or -ENOMEM. */
int wl_wheel_init(struct wl_wheel *wheel, unsigned pools);
void wl_wheel_fini(struct wl_wheel *wheel);

/* For an empty wheel: deadlines from now on, up to `horizon` ns ahead. */
void wl_wheel_start(struct wl_wheel *wheel, uint64_t now, uint64_t horizon);

static inline bool wl_wheel_has(const struct latency_tracker_event *event)
{
	return event->wheel_next != 0;
}

/* An event that is not on it. A deadline in the past is due at once. */
void wl_wheel_add(struct wl_wheel *wheel, struct latency_tracker_event *event, uint64_t deadline);

/*
 * Takes off one event of a slot whose time has passed completely: false if there is none (and
 * then the wheel stands at now).
 */
bool wl_wheel_take(struct wl_wheel *wheel, struct wl_pool *const *pools, uint64_t now,
		   struct latency_tracker_event **event);

/* Takes all off. */
void wl_wheel_clear(struct wl_wheel *wheel, struct wl_pool *const *pools);

/* When the next slot is due; UINT64_MAX if the wheel is empty. */
uint64_t wl_wheel_next(const struct wl_wheel *wheel);

#endif
