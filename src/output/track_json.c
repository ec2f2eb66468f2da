/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "explain/quantile.h"
#include "output/json_parts.h"
#include "output/track.h"
#include "output/value.h"

struct track_json {
	struct wl_track_sink sink;
	struct wl_json json;
	struct wl_value_names names;
};

static struct track_json *self(struct wl_track_sink *sink)
{
	return (struct track_json *)sink;
}

static int json_start(struct wl_track_sink *sink, const struct wl_track_start *start)
{
	struct wl_json *j = &self(sink)->json;

	wl_json_begin_line(j, "start");
	wl_json_string(j, "version", WL_VERSION);
	wl_json_string(j, "kind", start->kind);
	wl_json_string(j, "command_line", start->command_line);
	wl_json_string(j, "target", start->target);
	wl_json_string(j, "over", start->over);
	wl_json_string(j, "kernel", start->kernel);
	wl_json_u64(j, "memory_bytes", start->memory_bytes);
	return wl_json_end_line(j);
}

static void put_fields(struct track_json *s, const char *key, const struct wl_layout *layout,
		       const void *bytes)
{
	wl_json_object(&s->json, key);
	for (size_t i = 0; bytes && i < layout->n; i++)
		wl_value_json(&s->json, &layout->fields[i], bytes, &s->names);
	wl_json_object_end(&s->json);
}

static int json_slow(struct wl_track_sink *sink, const struct wl_tracked_event *e)
{
	const struct lt1_record *r = e->record;
	struct wl_json *j = &self(sink)->json;

	wl_json_begin_line(j, "slow");
	wl_json_string(j, "tracker", e->tracked->name);
	wl_json_u64(j, "id", r->id);
	wl_json_time(j, "time", e->real_ns / 1000000000, (uint32_t)(e->real_ns % 1000000000));
	wl_json_string(j, "reason", r->flags & LATENCY_TRACKER_TIMEOUT ? "timeout" : "threshold");
	wl_json_bool(j, "open", r->flags & LATENCY_TRACKER_OPEN);
	wl_json_u64(j, "delay_ns", r->end > r->start ? r->end - r->start : 0);
	if (r->threshold == ~0ull)
		wl_json_null(j, "threshold_ns");
	else
		wl_json_u64(j, "threshold_ns", r->threshold);
	wl_json_decimal(j, "start", r->start);
	put_fields(self(sink), "key", &e->tracked->key, e->key);
	put_fields(self(sink), "private", &e->tracked->priv, e->priv);
	if (r->flags & LATENCY_TRACKER_OPEN) {
		wl_json_null(j, "end");
		return wl_json_end_line(j);
	}
	wl_json_object(j, "end");
	wl_json_u64(j, "cpu", r->cpu);
	wl_json_u64(j, "pid", r->pid);
	wl_json_u64(j, "tid", r->tid);
	wl_json_name(j, "comm", r->comm, sizeof(r->comm));
	wl_json_object_end(j);
	return wl_json_end_line(j);
}

static void put_agg(struct wl_json *j, const struct wl_agg *agg, uint64_t slow)
{
	wl_json_u64(j, "count", agg->count);
	wl_json_u64(j, "sum_ns", agg->sum);
	wl_json_u64(j, "mean_ns", agg->count ? agg->sum / agg->count : 0);
	wl_json_u64(j, "p50_ns", wl_agg_quantile(agg, 0.5));
	wl_json_u64(j, "p90_ns", wl_agg_quantile(agg, 0.9));
	wl_json_u64(j, "p99_ns", wl_agg_quantile(agg, 0.99));
	wl_json_u64(j, "p999_ns", wl_agg_quantile(agg, 0.999));
	wl_json_u64(j, "max_ns", agg->max);
	wl_json_u64(j, "slow", slow);
	wl_json_array(j, "buckets"); /* [least value of it, how many] */
	for (uint32_t i = 0; i < WL_HIST_BUCKETS; i++) {
		if (!agg->bucket[i])
			continue;
		wl_json_array(j, NULL);
		wl_json_u64(j, NULL, wl_hist_lower(i));
		wl_json_u64(j, NULL, agg->bucket[i]);
		wl_json_array_end(j);
	}
	wl_json_array_end(j);
}

static void put_row(struct track_json *s, const struct wl_tracked_stats *stats,
		    const struct wl_tracked_row *row)
{
	wl_json_object(&s->json, NULL);
	if (row->key)
		put_fields(s, "row", &stats->tracked->row, row->key);
	else
		wl_json_null(&s->json, "row");
	put_agg(&s->json, &row->agg, row->slow);
	wl_json_object_end(&s->json);
}

static void put_losses(struct wl_json *j, const struct wl_tracked_stats *stats)
{
	const struct lt1_control *c = &stats->control;

	wl_json_u64(j, "timeouts", c->late);
	wl_json_u64(j, "in_flight", c->in_flight);
	wl_json_u64(j, "replaced", c->replaced);
	wl_json_u64(j, "discarded", c->discarded);
	wl_json_u64(j, "expired", c->expired);
	wl_json_u64(j, "backwards", c->backwards);
	wl_json_object(j, "lost");
	wl_json_u64(j, "full", c->full);
	wl_json_u64(j, "busy", c->lost);
	wl_json_u64(j, "untold", c->untold);
	wl_json_u64(j, "rows", c->rows_full);
	wl_json_u64(j, "skipped", stats->skipped);
	wl_json_object_end(j);
}

static void put_tracker(struct track_json *s, const struct wl_tracked_stats *stats)
{
	struct wl_json *j = &s->json;

	wl_json_object(j, NULL);
	wl_json_string(j, "tracker", stats->tracked->name);
	put_agg(j, &stats->total, stats->slow);
	put_losses(j, stats);
	wl_json_array(j, "rows");
	for (size_t i = 0; i < stats->n; i++)
		put_row(s, stats, &stats->rows[i]);
	wl_json_array_end(j);
	wl_json_object_end(j);
}

static int json_stats(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
		      uint64_t duration_ns)
{
	struct wl_json *j = &self(sink)->json;

	wl_json_begin_line(j, "stats");
	wl_json_u64(j, "duration_ns", duration_ns);
	wl_json_double(j, "quantile_error", WL_HIST_ERROR, 3); /* at most, of the value */
	wl_json_array(j, "trackers");
	for (size_t i = 0; i < n; i++)
		put_tracker(self(sink), &stats[i]);
	wl_json_array_end(j);
	return wl_json_end_line(j);
}

static int json_refresh(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
			uint64_t duration_ns)
{
	return 0;
}

static int json_capture(struct wl_track_sink *sink, uint64_t id, const char *path,
			const char *error)
{
	struct wl_json *j = &self(sink)->json;

	wl_json_begin_line(j, "capture");
	wl_json_u64(j, "id", id);
	wl_json_string(j, "capture", path);
	wl_json_string(j, "error", error);
	return wl_json_end_line(j);
}

/* For people: they don't read this. */
static int json_note(struct wl_track_sink *sink, const char *text)
{
	return 0;
}

static void json_close(struct wl_track_sink *sink)
{
	wl_value_names_free(&self(sink)->names);
	free(sink);
}

static const struct wl_track_sink_ops json_ops = {
	.start = json_start,
	.slow = json_slow,
	.refresh = json_refresh,
	.stats = json_stats,
	.capture = json_capture,
	.note = json_note,
	.close = json_close,
};

int wl_track_json_open(struct wl_track_sink **sink, FILE *out)
{
	struct track_json *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &json_ops;
	wl_json_init(&s->json, out);
	*sink = &s->sink;
	return 0;
}
