/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/tracker.h"

/* One event_out(). */
struct out {
	struct latency_tracker *tracker;
	struct wl_stats *stats;
	uint64_t now;
	unsigned id;
	latency_tracker_callback callback;
	struct latency_tracker_event *told; /* those whose callback is to run, linked by next */
	enum latency_tracker_ret ret;
};

/* Is this delay over the threshold? A worst-threshold is raised by exactly one of those over it. */
static bool is_over(struct latency_tracker *tracker, uint64_t delay)
{
	uint64_t threshold = atomic_load_explicit(&tracker->threshold, memory_order_relaxed);

	if (!tracker->worst)
		return delay > threshold;
	while (delay > threshold)
		if (atomic_compare_exchange_weak(&tracker->threshold, &threshold, delay))
			return true;
	return false;
}

/* Measures an event that we took out of the table; gives it back, unless its callback runs. */
static void finish(struct out *out, struct latency_tracker_event *event)
{
	unsigned state;
	bool alone = wl_event_end(event, &state), over;
	uint64_t delay = out->now - event->start;

	if (out->now < event->start) {
		delay = 0;
		wl_counter_add(&out->stats->backwards, 1);
	}
	wl_stats_delay(out->stats, delay);
	over = is_over(out->tracker, delay);
	if (over)
		wl_counter_add(&out->stats->slow, 1);
	out->ret = LATENCY_TRACKER_OK;
	if (out->callback && (over || state & WL_EVENT_TIMED_OUT)) {
		atomic_store_explicit(&event->next, out->told, memory_order_relaxed);
		out->told = event;
	} else if (alone || wl_event_drop(event)) {
		wl_pool_retire(event, &out->tracker->epoch);
	}
}

static void finish_all(struct out *out, const struct wl_key *key)
{
	struct cds_lfht *table = out->tracker->table;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	wl_tracker_lookup(out->tracker, key, &iter);
	while ((node = cds_lfht_iter_get_node(&iter))) {
		cds_lfht_next_duplicate(table, wl_table_match, key, &iter);
		if (!cds_lfht_del(table, node))
			finish(out, wl_event_of(node));
	}
}

/* Not pinned: a callback may take its time, and others want their memory back. */
static __attribute__((noinline)) void tell(struct out *out)
{
	while (out->told) {
		struct latency_tracker_event *event = out->told;
		struct latency_tracker_event_ctx ctx = {
			.tracker = out->tracker,
			.event = event,
			.end = out->now,
			.flag = LATENCY_TRACKER_CB_NORMAL,
			.id = out->id,
			.timed_out = atomic_load(&event->state) & WL_EVENT_TIMED_OUT,
		};

		out->told = atomic_load_explicit(&event->next, memory_order_relaxed);
		out->callback(&ctx);
		wl_tracker_release(out->tracker, event);
	}
}

enum latency_tracker_ret latency_tracker_event_out(struct latency_tracker *tracker,
						   struct latency_tracker_event *event,
						   const void *key, size_t key_len, unsigned int id,
						   uint64_t ts)
{
	struct out out = { .tracker = tracker, .id = id, .ret = LATENCY_TRACKER_NOT_FOUND };
	struct wl_pool *pool;
	struct wl_pin pin;

	if (!tracker || (event ? wl_pool_of(event)->tracker != tracker
			       : !wl_tracker_key_ok(tracker, key, key_len)))
		return LATENCY_TRACKER_ERR;
	if (!wl_tracker_on(tracker))
		return LATENCY_TRACKER_DISABLED;
	out.now = ts ? ts : wl_clock();
	out.callback = atomic_load_explicit(&tracker->callback, memory_order_acquire);
	pool = wl_tracker_pool(tracker);
	out.stats = &pool->stats;
	pin = wl_pin(&pool->pins, &tracker->epoch, WL_PIN_OTHER);
	if (UNLIKELY(!wl_tracker_on(tracker)))
		out.ret = LATENCY_TRACKER_DISABLED;
	else if (!event)
		finish_all(&out, &(struct wl_key){ key, key_len, tracker->match });
	else if (!cds_lfht_del(tracker->table, &event->link))
		finish(&out, event);
	wl_unpin(pin);
	if (UNLIKELY(out.told))
		tell(&out);
	return out.ret;
}
