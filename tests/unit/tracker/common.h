/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the tests of the tracker library share. */
#ifndef WL_TEST_TRACKER_COMMON_H
#define WL_TEST_TRACKER_COMMON_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "latency_tracker.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WL_SANITIZED 1 /* slower, larger, and with system calls of its own */
#else
#define WL_SANITIZED 0
#endif
#ifdef __SANITIZE_THREAD__
#define WL_NO_THREADS_IN_CHILD 1 /* of fork(): ThreadSanitizer can't */
#else
#define WL_NO_THREADS_IN_CHILD 0
#endif

#define MS 1000000ull
#define SECOND 1000000000ull

#define OPTIONS(...)                                                                               \
	(&(struct latency_tracker_options){ .size = sizeof(struct latency_tracker_options),        \
					    __VA_ARGS__ })

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND) };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static inline struct latency_tracker_stats stats_of(const struct latency_tracker *tracker)
{
	struct latency_tracker_stats stats;

	latency_tracker_get_stats(tracker, &stats, sizeof(stats));
	return stats;
}

/* Waits for a condition, at most this long. */
#define wait_for(condition, seconds)                                                               \
	do {                                                                                       \
		for (uint64_t end_ = clock_ns() + (seconds)*SECOND;                                \
		     !(condition) && clock_ns() < end_;)                                           \
			sleep_ns(MS);                                                              \
		assert_true(condition);                                                            \
	} while (0)

static inline struct latency_tracker *create(uint64_t threshold, uint64_t timeout,
					     latency_tracker_callback callback,
					     const struct latency_tracker_options *options)
{
	struct latency_tracker *tracker =
		latency_tracker_create(threshold, timeout, callback, options);

	assert_non_null(tracker);
	return tracker;
}

static inline enum latency_tracker_ret in(struct latency_tracker *tracker, uint64_t key)
{
	return latency_tracker_event_in(tracker, &key, sizeof(key), 0, NULL);
}

static inline enum latency_tracker_ret in_at(struct latency_tracker *tracker, uint64_t key,
					     int unique, uint64_t ts)
{
	return latency_tracker_event_in_get(tracker, &key, sizeof(key), unique, ts, NULL, NULL);
}

static inline enum latency_tracker_ret out_at(struct latency_tracker *tracker, uint64_t key,
					      uint64_t ts)
{
	return latency_tracker_event_out(tracker, NULL, &key, sizeof(key), 0, ts);
}

static inline enum latency_tracker_ret out(struct latency_tracker *tracker, uint64_t key)
{
	return out_at(tracker, key, 0);
}

#endif
