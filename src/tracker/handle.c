/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/tracker.h"

static struct latency_tracker_event *find(struct latency_tracker *tracker, const struct wl_key *key)
{
	struct latency_tracker_event *event;
	struct cds_lfht_iter iter;

	wl_tracker_lookup(tracker, key, &iter);
	while ((event = wl_event_of(cds_lfht_iter_get_node(&iter))) &&
	       !wl_tracker_get(tracker, event))
		cds_lfht_next_duplicate(tracker->table, wl_table_match, key, &iter);
	return event;
}

struct latency_tracker_event *latency_tracker_get_event_by_key(struct latency_tracker *tracker,
							       const void *key, size_t key_len)
{
	struct wl_key wanted = { key, key_len, NULL };
	struct latency_tracker_event *event = NULL;
	struct wl_pin pin;

	if (!tracker || !wl_tracker_key_ok(tracker, key, key_len) || !wl_tracker_on(tracker))
		return NULL;
	wanted.match = tracker->match;
	pin = wl_tracker_pin(tracker);
	if (wl_tracker_on(tracker))
		event = find(tracker, &wanted);
	wl_unpin(pin);
	return event;
}

int latency_tracker_ref_event(struct latency_tracker_event *event)
{
	return wl_event_ref(event);
}

void latency_tracker_unref_event(struct latency_tracker_event *event)
{
	if (event)
		wl_tracker_release(wl_pool_of(event)->tracker, event);
}

uint64_t latency_tracker_event_get_start_ts(const struct latency_tracker_event *event)
{
	return event->start;
}

void *latency_tracker_event_get_priv(const struct latency_tracker_event *event)
{
	return event->priv;
}

void *latency_tracker_event_get_priv_data(struct latency_tracker_event *event)
{
	const struct latency_tracker *tracker = wl_pool_of(event)->tracker;

	return tracker->priv_size ? event->key + tracker->priv_offset : NULL;
}

struct latency_tracker *
latency_tracker_event_ctx_get_tracker(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->tracker;
}

uint64_t latency_tracker_event_ctx_get_start_ts(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->event->start;
}

uint64_t latency_tracker_event_ctx_get_end_ts(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->end;
}

uint64_t latency_tracker_event_ctx_get_delay(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->end > ctx->event->start ? ctx->end - ctx->event->start : 0;
}

enum latency_tracker_cb_flag
latency_tracker_event_ctx_get_cb_flag(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->flag;
}

int latency_tracker_event_ctx_get_timed_out(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->timed_out;
}

unsigned int latency_tracker_event_ctx_get_cb_out_id(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->id;
}

const void *latency_tracker_event_ctx_get_key(const struct latency_tracker_event_ctx *ctx,
					      size_t *key_len)
{
	if (key_len)
		*key_len = ctx->event->key_len;
	return ctx->event->key;
}

void *latency_tracker_event_ctx_get_priv(const struct latency_tracker_event_ctx *ctx)
{
	return ctx->event->priv;
}

void *latency_tracker_event_ctx_get_priv_data(const struct latency_tracker_event_ctx *ctx)
{
	return latency_tracker_event_get_priv_data(ctx->event);
}
