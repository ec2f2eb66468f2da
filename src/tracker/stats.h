/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What one CPU has counted. Written by whoever runs there, and by threads that were moved away in
 * the middle: so every change is atomic, and no count is ever lost.
 */
#ifndef WL_TRACKER_STATS_H
#define WL_TRACKER_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "abi/hist.h"
#include "latency_tracker.h"

_Static_assert(LATENCY_TRACKER_BUCKETS == WL_HIST_BUCKETS, "the header says it in numbers");

typedef atomic_uint_least64_t wl_counter;

struct wl_stats {
	wl_counter sum, max;
	wl_counter min_inverted; /* ~min: so that zero, what memory begins with, is "none yet" */
	wl_counter slow;
	wl_counter void_in; /* pins of event_in() that did not become an event */
	wl_counter skipped, replaced, cleared;
	wl_counter bucket[WL_HIST_BUCKETS];
	wl_counter collected, timeouts, backwards;
};

static inline uint64_t wl_counter_add(wl_counter *counter, uint64_t n)
{
	return atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t wl_counter_get(const wl_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Written only when there is a new one: seldom. */
static inline void wl_counter_raise(wl_counter *counter, uint64_t n)
{
	uint64_t old = wl_counter_get(counter);

	while (old < n && !atomic_compare_exchange_weak_explicit(
				  counter, &old, n, memory_order_relaxed, memory_order_relaxed))
		;
}

static inline void wl_stats_delay(struct wl_stats *stats, uint64_t delay)
{
	wl_counter_add(&stats->sum, delay);
	wl_counter_raise(&stats->max, delay);
	wl_counter_raise(&stats->min_inverted, ~delay);
	/* Last: who sees the count sees a minimum too, nearly always. */
	wl_counter_add(&stats->bucket[wl_hist_bucket(delay)], 1);
}

#endif
