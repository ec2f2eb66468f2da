/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/tracker.h"

#include <string.h>

#define SUM(tracker, field) wl_tracker_sum(tracker, offsetof(struct wl_stats, field))

uint64_t wl_tracker_sum(const struct latency_tracker *tracker, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < tracker->pool_count; i++) {
		const void *stats = &tracker->pools[i]->stats;

		sum += wl_counter_get((const void *)((const char *)stats + offset));
	}
	return sum;
}

uint64_t wl_tracker_entered(const struct latency_tracker *tracker)
{
	uint64_t entered = 0;

	for (unsigned i = 0; i < tracker->pool_count; i++) {
		const struct wl_pins *pins = &tracker->pools[i]->pins;

		entered += atomic_load(&pins->entered[WL_PIN_IN][0]);
		entered += atomic_load(&pins->entered[WL_PIN_IN][1]);
	}
	return entered;
}

uint64_t latency_tracker_tracked_count(const struct latency_tracker *tracker)
{
	/* First: more can't be void than have entered. */
	uint64_t without = SUM(tracker, void_in);

	return wl_tracker_entered(tracker) - without;
}

/* The delays: count, sum, least and most. */
static void add_delays(const struct wl_stats *from, struct latency_tracker_stats *to)
{
	uint64_t max = wl_counter_get(&from->max), min = ~wl_counter_get(&from->min_inverted);

	for (size_t i = 0; i < WL_HIST_BUCKETS; i++)
		to->count += wl_counter_get(&from->bucket[i]);
	to->sum += wl_counter_get(&from->sum);
	to->max = max > to->max ? max : to->max;
	to->min = min < to->min ? min : to->min;
}

static void add_memory(const struct latency_tracker *tracker, struct latency_tracker_stats *to)
{
	to->memory =
		sizeof(*tracker) + atomic_load_explicit(&tracker->buckets, memory_order_relaxed) *
					   sizeof(struct cds_lfht_node);
	for (unsigned i = 0; i < tracker->pool_count; i++) {
		const struct wl_pool *pool = tracker->pools[i];
		uint64_t events = atomic_load_explicit(&pool->limit, memory_order_relaxed);

		to->events += events;
		to->memory += wl_pool_bytes(pool->stride, events);
	}
	to->memory_max = tracker->memory_max;
}

void latency_tracker_get_stats(const struct latency_tracker *tracker,
			       struct latency_tracker_stats *stats, size_t size)
{
	struct latency_tracker_stats s = { .min = UINT64_MAX };
	uint64_t gone;

	/* What ends is read before what begins: more can't have ended than begun. */
	for (unsigned i = 0; i < tracker->pool_count; i++)
		add_delays(&tracker->pools[i]->stats, &s);
	s.min = s.count ? s.min : 0;
	s.mean = s.count ? s.sum / s.count : 0;
	s.replaced = SUM(tracker, replaced);
	s.cleared = SUM(tracker, cleared);
	s.collected = SUM(tracker, collected);
	s.slow = SUM(tracker, slow);
	s.timeouts = SUM(tracker, timeouts);
	s.backwards = SUM(tracker, backwards);
	s.tracked = latency_tracker_tracked_count(tracker);
	s.skipped = SUM(tracker, skipped);
	gone = s.count + s.replaced + s.cleared + s.collected;
	/* An event may be ended before its in has counted it. */
	s.held = s.tracked > gone ? s.tracked - gone : 0;
	add_memory(tracker, &s);
	memcpy(stats, &s, size < sizeof(s) ? size : sizeof(s));
}

uint64_t latency_tracker_skipped_count(const struct latency_tracker *tracker)
{
	return SUM(tracker, skipped);
}

void latency_tracker_get_histogram(const struct latency_tracker *tracker, uint64_t *counts,
				   size_t n)
{
	for (size_t b = 0; b < n; b++) {
		counts[b] = 0;
		if (b < WL_HIST_BUCKETS)
			counts[b] = wl_tracker_sum(tracker, offsetof(struct wl_stats, bucket) +
								    b * sizeof(wl_counter));
	}
}

uint64_t latency_tracker_bucket_lower(size_t i)
{
	return i < WL_HIST_BUCKETS ? wl_hist_lower((__u32)i) : UINT64_MAX;
}
