/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/tracker.h"

#include <string.h>

/* What a caller has said. */
struct in {
	struct wl_key key;
	unsigned long hash;
	uint64_t ts;
	void *priv;
	unsigned refs;
};

static struct latency_tracker_event *take_from(struct wl_pool *pool, uint64_t epoch)
{
	struct latency_tracker_event *event = wl_pool_pop(pool, epoch);

	return event ? event : wl_pool_fresh(pool);
}

/* Pins that did not become an event, for the sum of those that did. */
static __attribute__((noinline)) void count_void(struct wl_pool *pool, unsigned pins)
{
	wl_counter_add(&pool->stats.void_in, pins);
}

/*
 * Our own pool has nothing that is safe now: everybody's, at each of the next epochs, until each of
 * their stacks has had its turn. (Others advance too: an epoch may pass us by.) Gives up when
 * somebody stays pinned.
 */
static __attribute__((noinline)) struct latency_tracker_event *
take_hard(struct latency_tracker *tracker, struct wl_pool *pool, struct wl_pin *pin)
{
	struct latency_tracker_event *event = NULL;
	unsigned turns = 0;

	for (int i = 0; i < 2 * WL_EPOCHS && turns != (1u << WL_EPOCHS) - 1 && !event; i++) {
		wl_unpin(*pin);
		count_void(pool, pin->retries + 1);
		wl_tracker_advance(tracker);
		*pin = wl_pin(&pool->pins, &tracker->epoch, WL_PIN_IN);
		turns |= 1u << pin->epoch % WL_EPOCHS;
		for (unsigned k = 0; k < tracker->pool_count && !event; k++)
			event = take_from(tracker->pools[(pool->cpu + k) % tracker->pool_count],
					  pin->epoch);
	}
	return event;
}

static void fill(const struct latency_tracker *tracker, struct latency_tracker_event *event,
		 const struct in *in)
{
	event->key_len = (uint32_t)in->key.len;
	wl_key_copy(event->key, in->key.data, in->key.len);
	if (tracker->priv_size)
		memset(event->key + tracker->priv_offset, 0, tracker->priv_size);
	event->priv = in->priv;
	event->start = in->ts ? in->ts : wl_clock();
	atomic_store_explicit(&event->state, WL_EVENT_LIVE | in->refs, memory_order_release);
}

static void discard(struct latency_tracker *tracker, struct latency_tracker_event *event)
{
	wl_tracker_discard(tracker, event);
	wl_counter_add(&wl_tracker_pool(tracker)->stats.replaced, 1);
}

/* All events of the key but one, which the new one is going to replace. */
static void leave_one(struct latency_tracker *tracker, const struct in *in)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(tracker->table, in->hash, wl_table_match, &in->key, &iter);
	if (!cds_lfht_iter_get_node(&iter))
		return;
	for (;;) {
		cds_lfht_next_duplicate(tracker->table, wl_table_match, &in->key, &iter);
		node = cds_lfht_iter_get_node(&iter);
		if (!node)
			return;
		if (!cds_lfht_del(tracker->table, node))
			discard(tracker, wl_event_of(node));
	}
}

static void add_unique(struct latency_tracker *tracker, struct latency_tracker_event *event,
		       const struct in *in)
{
	struct cds_lfht_node *old;

	leave_one(tracker, in);
	old = cds_lfht_add_replace(tracker->table, in->hash, wl_table_match, &in->key,
				   &event->link);
	if (old)
		discard(tracker, wl_event_of(old));
}

/* Memory for an event, and the pin that it begins under: one that has seen the tracker on. */
static enum latency_tracker_ret take(struct latency_tracker *tracker, struct wl_pool *pool,
				     struct wl_pin *pin, struct latency_tracker_event **event)
{
	*event = take_from(pool, pin->epoch);
	if (UNLIKELY(!*event))
		*event = take_hard(tracker, pool, pin);
	if (UNLIKELY(!wl_tracker_on(tracker))) {
		if (*event)
			wl_pool_retire(*event, &tracker->epoch);
		return LATENCY_TRACKER_DISABLED;
	}
	if (UNLIKELY(!*event)) {
		wl_counter_add(&pool->stats.skipped, 1);
		return LATENCY_TRACKER_FULL;
	}
	return LATENCY_TRACKER_OK;
}

static enum latency_tracker_ret begin(struct latency_tracker *tracker, const struct in *in,
				      bool unique, struct latency_tracker_event **event)
{
	struct wl_pool *pool = wl_tracker_pool(tracker);
	struct wl_pin pin = wl_pin(&pool->pins, &tracker->epoch, WL_PIN_IN);
	enum latency_tracker_ret ret = take(tracker, pool, &pin, event);

	if (ret == LATENCY_TRACKER_OK) {
		fill(tracker, *event, in);
		if (unique)
			add_unique(tracker, *event, in);
		else
			cds_lfht_add(tracker->table, in->hash, &(*event)->link);
	}
	wl_unpin(pin);
	if (UNLIKELY(pin.retries || ret))
		count_void(pool, pin.retries + (ret != LATENCY_TRACKER_OK));
	/* Often enough that ended events are used again while they are warm. */
	if (!(pin.nth & tracker->advance_mask))
		wl_tracker_advance(tracker);
	return ret;
}

enum latency_tracker_ret latency_tracker_event_in_get(struct latency_tracker *tracker,
						      const void *key, size_t key_len, int unique,
						      uint64_t ts, void *priv,
						      struct latency_tracker_event **event)
{
	struct latency_tracker_event *new;
	enum latency_tracker_ret ret;

	if (event)
		*event = NULL;
	if (!tracker || !wl_tracker_key_ok(tracker, key, key_len))
		return LATENCY_TRACKER_ERR;
	if (!wl_tracker_on(tracker))
		return LATENCY_TRACKER_DISABLED;
	ret = begin(tracker,
		    &(struct in){ .key = { key, key_len, tracker->match },
				  .hash = wl_tracker_hash(tracker, key, key_len),
				  .ts = ts,
				  .priv = priv,
				  .refs = event ? 2 : 1 },
		    unique, &new);
	if (event && ret == LATENCY_TRACKER_OK)
		*event = new;
	return ret;
}

enum latency_tracker_ret latency_tracker_event_in(struct latency_tracker *tracker, const void *key,
						  size_t key_len, int unique, void *priv)
{
	return latency_tracker_event_in_get(tracker, key, key_len, unique, 0, priv, NULL);
}
