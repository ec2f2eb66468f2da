/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* JSON lines: the objects that other programs read. Members are only ever added. */
#include <errno.h>
#include <stdlib.h>

#include "explain/names.h"
#include "output/explain_json.h"
#include "output/json_parts.h"
#include "output/sink.h"

struct json_sink {
	struct wl_sink sink;
	struct wl_json json;
};

static struct wl_json *sink_json(struct wl_sink *sink)
{
	return &((struct json_sink *)sink)->json;
}

/* ---- start ---- */

static void put_options(struct wl_json *j, const struct wl_start_info *info)
{
	wl_json_object(j, "options");
	wl_json_string(j, "target", info->target);
	wl_json_string(j, "until", info->until);
	wl_json_string(j, "over", info->over);
	if (info->config) {
		wl_json_u64(j, "over_ns", info->config->over_ns);
		wl_json_u64(j, "timeout_ns", info->config->timeout_ns);
		wl_json_bool(j, "follow_all", info->config->chain.follow_all);
		wl_json_u64(j, "ring_bytes", info->config->record ? info->config->ring_size : 0);
		wl_json_u64(j, "syscalls", info->config->syscalls);
	}
	wl_json_object_end(j);
}

static int json_sink_start(struct wl_sink *sink, const struct wl_start_info *info)
{
	struct wl_json *j = sink_json(sink);

	wl_json_begin_line(j, "start");
	wl_json_string(j, "version", info->version);
	wl_json_string(j, "command_line", info->command_line);
	wl_json_string(j, "kernel", info->kernel);
	if (info->config) {
		wl_json_bool(j, "preempt_rt", info->config->chain.rt);
		wl_json_u64(j, "cpus", info->config->ncpu);
	}
	put_options(j, info);
	wl_json_string(j, "captures", info->captures);
	wl_json_object(j, "clock");
	wl_json_string(j, "name", "monotonic");
	wl_json_decimal(j, "to_realtime_ns", info->boot_to_real_ns);
	wl_json_object_end(j);
	wl_json_u64(j, "memory_bytes", info->memory_bytes);
	return wl_json_end_line(j);
}

/* ---- slow ---- */

static int json_sink_slow(struct wl_sink *sink, const struct wl_report *report)
{
	struct wl_json *j = sink_json(sink);

	wl_json_begin_line(j, "slow");
	wl_json_report(j, report, NULL);
	return wl_json_end_line(j);
}

/* A line of its own: the one before is what the capture's response.json has. */
static int json_sink_explained(struct wl_sink *sink, const struct wl_explained *x)
{
	struct wl_json *j = sink_json(sink);

	wl_json_begin_line(j, "explained");
	wl_json_u64(j, "id", x->report.id);
	wl_json_string_or_null(j, "capture", x->report.capture);
	wl_json_string(j, "text", x->report.cause.text);
	wl_json_explained(j, x);
	return wl_json_end_line(j);
}

/* ---- stats ---- */

static void put_row(struct wl_json *j, const struct wl_row *row)
{
	wl_json_object(j, NULL);
	wl_json_name(j, "process", row->key.process, sizeof(row->key.process));
	wl_json_name(j, "comm", row->key.comm, sizeof(row->key.comm));
	wl_json_object(j, "stimulus");
	wl_json_stimulus_name(j, row->key.stim_kind, row->key.stim_nr, row->stim_name);
	wl_json_object_end(j);
	wl_json_u64(j, "count", row->count);
	wl_json_u64(j, "merged", row->merged);
	wl_json_u64(j, "mean_ns", row->mean);
	wl_json_u64(j, "p50_ns", row->p50);
	wl_json_u64(j, "p90_ns", row->p90);
	wl_json_u64(j, "p99_ns", row->p99);
	wl_json_u64(j, "p999_ns", row->p999);
	wl_json_u64(j, "max_ns", row->max);
	wl_json_typical(j, &row->typical);
	wl_json_object_end(j);
}

/* A chain lost for each of these; the others are accounts, or lose detail only. */
static uint64_t chains_lost(const uint64_t counters[WL_CNT_MAX])
{
	static const enum wl_counter which[] = {
		WL_CNT_STATE_MISSING, WL_CNT_STATE_FAILED,    WL_CNT_NEXT_BUSY, WL_CNT_HOPS,
		WL_CNT_FRAMES,        WL_CNT_PENDING_DROPPED, WL_CNT_NO_SWITCH, WL_CNT_KEPT_EVICTED,
		WL_CNT_MARK_EVICTED,  WL_CNT_MARK_LOST,
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		sum += counters[which[i]];
	return sum;
}

static void put_captures(struct wl_json *j, const struct wl_capture_stats *captures)
{
	if (!captures->on) {
		wl_json_null(j, "captures");
		return;
	}
	wl_json_object(j, "captures");
	wl_json_u64(j, "taken", captures->taken);
	wl_json_u64(j, "on_demand", captures->on_demand);
	wl_json_u64(j, "late", captures->late);
	wl_json_u64(j, "too_soon", captures->too_soon);
	wl_json_u64(j, "not_worse", captures->not_worse);
	wl_json_u64(j, "no_room", captures->no_room);
	wl_json_u64(j, "not_written", captures->not_written);
	wl_json_object_end(j);
}

static void put_losses(struct wl_json *j, const struct wl_stats *stats)
{
	wl_json_object(j, "lost");
	wl_json_u64(j, "events", stats->lost_events);
	wl_json_u64(j, "responses", stats->counters[WL_CNT_SLOW_LOST]);
	wl_json_u64(j, "chains", chains_lost(stats->counters));
	wl_json_u64(j, "skipped", stats->skipped);
	wl_json_object_end(j);
	wl_json_object(j, "counters");
	for (unsigned int i = 0; i < WL_CNT_MAX; i++)
		wl_json_u64(j, wl_counter_name(i), stats->counters[i]);
	wl_json_object_end(j);
}

static int json_sink_stats(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct wl_json *j = sink_json(sink);

	wl_json_begin_line(j, "stats");
	wl_json_u64(j, "duration_ns", stats->duration_ns);
	wl_json_array(j, "targets");
	for (uint32_t i = 0; i < stats->nrows; i++)
		put_row(j, &stats->rows[i]);
	wl_json_array_end(j);
	wl_json_double(j, "quantile_error", WL_HIST_ERROR, 3); /* at most, of the value */
	wl_json_bool(j, "busy_periods", stats->busy_periods);
	wl_json_u64(j, "slow", stats->slow);
	wl_json_u64(j, "timeouts", stats->timeouts);
	wl_json_u64(j, "suppressed", stats->suppressed);
	put_captures(j, &stats->captures);
	put_losses(j, stats);
	return wl_json_end_line(j);
}

static int json_sink_refresh(struct wl_sink *sink, const struct wl_stats *stats)
{
	return 0;
}

/* For people: they don't read this. */
static int json_sink_note(struct wl_sink *sink, const char *text)
{
	return 0;
}

static void json_sink_close(struct wl_sink *sink)
{
	free(sink);
}

static const struct wl_sink_ops json_sink_ops = {
	.start = json_sink_start,
	.slow = json_sink_slow,
	.explained = json_sink_explained,
	.refresh = json_sink_refresh,
	.note = json_sink_note,
	.stats = json_sink_stats,
	.close = json_sink_close,
};

int wl_json_sink_open(struct wl_sink **sink, FILE *out)
{
	struct json_sink *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->sink.ops = &json_sink_ops;
	wl_json_init(&new->json, out);
	*sink = &new->sink;
	return 0;
}
