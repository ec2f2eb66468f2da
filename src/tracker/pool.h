/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The memory of one CPU: what it counts, and its pool of events. Address space for the most that
 * may come is reserved at once; memory is made usable, bound to the CPU's NUMA node and touched
 * step by step. Events are taken from the stack of retired ones that are safe to use again
 * (epoch.h; the last one back is the first one out: warm in the cache), then from those that were
 * never used, in order: `fresh` is a high-water mark, and all that the tracker's thread looks at.
 */
#ifndef WL_TRACKER_POOL_H
#define WL_TRACKER_POOL_H

#include <stddef.h>

#include "epoch.h"
#include "event.h"
#include "stats.h"

struct wl_pool {
	/* The first two cache lines are what event_in() and event_out() touch. */
	struct wl_pins pins;
	_Atomic(struct latency_tracker_event *) stack[WL_EPOCHS];
	atomic_uint_least64_t fresh; /* events below have been used */
	atomic_uint_least64_t limit; /* events below have memory */
	uint64_t max;
	size_t stride, mapped; /* bytes: of an event, of the whole reservation */
	struct latency_tracker *tracker;
	unsigned cpu;
	struct wl_stats stats __attribute__((aligned(64)));
	/* Alone in its cache lines: what the next page holds is others'. */
	struct latency_tracker_event events[] __attribute__((aligned(64)));
};

/* What an event of these sizes takes. */
size_t wl_event_stride(size_t key_size, size_t priv_data_size);

/* The largest pool that offsets and wheel.c's links can tell. */
#define WL_POOL_BYTES_MAX (((uint64_t)UINT32_MAX - 2) * 8)

/* A pool for `max` events (0 is allowed) without any yet. 0 or -ENOMEM. */
int wl_pool_create(struct latency_tracker *tracker, unsigned cpu, size_t stride, uint64_t max,
		   struct wl_pool **pool);
void wl_pool_destroy(struct wl_pool *pool);

/* Has memory for `limit` events from now on, or for the most allowed. One thread. 0 or -ENOMEM. */
int wl_pool_extend(struct wl_pool *pool, uint64_t limit);

/* Bytes of a pool that are in use with this many events of this stride. */
size_t wl_pool_bytes(size_t stride, uint64_t events);

static inline struct latency_tracker_event *wl_pool_at(const struct wl_pool *pool, uint64_t index)
{
	return (void *)((char *)pool->events + index * pool->stride);
}

/* By offset in units of 8 bytes: no multiplication, and the way back needs no tracker. */
static inline struct latency_tracker_event *wl_pool_at_offset(const struct wl_pool *pool,
							      uint32_t offset)
{
	return (void *)((char *)pool->events + (size_t)offset * 8);
}

static inline struct wl_pool *wl_pool_of(const struct latency_tracker_event *event)
{
	return (void *)((char *)event - (size_t)event->offset * 8 -
			offsetof(struct wl_pool, events));
}

/* One that was retired two epochs ago. Only while pinned at `epoch`. */
static inline struct latency_tracker_event *wl_pool_pop(struct wl_pool *pool, uint64_t epoch)
{
	_Atomic(struct latency_tracker_event *) *head = &pool->stack[(epoch - 2) % WL_EPOCHS];
	struct latency_tracker_event *event = atomic_load_explicit(head, memory_order_acquire);

	while (event) {
		struct latency_tracker_event *next =
			atomic_load_explicit(&event->next, memory_order_relaxed);

		if (atomic_compare_exchange_weak_explicit(head, &event, next, memory_order_acq_rel,
							  memory_order_acquire))
			break;
	}
	return event;
}

/* One that was never used. */
static inline struct latency_tracker_event *wl_pool_fresh(struct wl_pool *pool)
{
	uint64_t limit = atomic_load_explicit(&pool->limit, memory_order_acquire);
	uint64_t i = atomic_load_explicit(&pool->fresh, memory_order_relaxed);

	do {
		if (i >= limit)
			return NULL;
	} while (!atomic_compare_exchange_weak(&pool->fresh, &i, i + 1));
	return wl_pool_at(pool, i);
}

/* Gives back, to its pool, an event that nobody can find any more. Only while pinned. */
static inline void wl_pool_retire(struct latency_tracker_event *event,
				  const atomic_uint_least64_t *epoch)
{
	/* After it was taken out of the table: who still sees it is pinned at this or before. */
	uint64_t r = atomic_load(epoch);
	_Atomic(struct latency_tracker_event *) *head = &wl_pool_of(event)->stack[r % WL_EPOCHS];
	struct latency_tracker_event *old = atomic_load_explicit(head, memory_order_relaxed);

	do {
		atomic_store_explicit(&event->next, old, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(head, &old, event, memory_order_acq_rel,
							memory_order_relaxed));
}

#endif
