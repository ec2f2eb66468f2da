/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* JSON lines: the objects that other programs read. Members are only ever added. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain/names.h"
#include "explain/phrase.h"
#include "output/json.h"
#include "output/sink.h"

#define FORMAT_VERSION 1

struct json_sink {
	struct wl_sink sink;
	struct wl_json json;
};

static struct wl_json *sink_json(struct wl_sink *sink)
{
	return &((struct json_sink *)sink)->json;
}

static void begin_line(struct wl_json *j, const char *type)
{
	wl_json_object(j, NULL);
	wl_json_string(j, "type", type);
	wl_json_u64(j, "v", FORMAT_VERSION);
}

static int end_line(struct wl_json *j)
{
	wl_json_object_end(j);
	return wl_json_line_end(j);
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

	begin_line(j, "start");
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
	return end_line(j);
}

/* ---- slow ---- */

static const char *reason_name(const struct wl_slow *slow)
{
	switch (slow->reason) {
	case WL_REASON_TIMEOUT:
		return "timeout";
	case WL_REASON_WORST:
		return "worst";
	default:
		return "threshold";
	}
}

static void put_target(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;

	wl_json_object(j, "target");
	wl_json_u64(j, "pid", slow->tgid);
	wl_json_u64(j, "tid", slow->tid);
	wl_json_name(j, "comm", slow->comm, sizeof(slow->comm));
	wl_json_name(j, "process", slow->process, sizeof(slow->process));
	wl_json_string_or_null(j, "cgroup", report->names.cgroup);
	wl_json_object_end(j);
}

/* What stands between "stimulus":{ and } in responses and in rows of the table. */
static void put_stimulus_name(struct wl_json *j, unsigned int kind, unsigned int nr,
			      const char *name)
{
	wl_json_string(j, "kind", wl_stim_name(kind));
	wl_json_u64(j, "nr", nr);
	wl_json_string_or_null(j, "name", name);
}

static void put_stimulus(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_chain *h = &report->slow.path.h;

	wl_json_object(j, "stimulus");
	put_stimulus_name(j, h->stim_kind, h->stim_nr, report->names.stimulus);
	if (h->stim_tid)
		wl_json_u64(j, "tid", h->stim_tid);
	wl_json_u64(j, "cpu", h->stim_cpu);
	wl_json_decimal(j, "ts", h->start);
	wl_json_object_end(j);
}

static void put_end(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;
	bool timeout = slow->reason == WL_REASON_TIMEOUT;

	wl_json_object(j, "end");
	wl_json_string(j, "kind", wl_end_name(timeout ? WL_END_TIMEOUT : slow->end_kind));
	wl_json_string_or_null(j, "syscall", report->names.syscall);
	wl_json_u64(j, "cpu", slow->end_cpu);
	wl_json_decimal(j, "ts", slow->end);
	wl_json_object_end(j);
}

static void put_budget(struct wl_json *j, const uint64_t budget[WL_SEG_MAX])
{
	wl_json_object(j, "budget");
	for (unsigned int i = 1; i < WL_SEG_MAX; i++)
		if (budget[i])
			wl_json_u64(j, wl_seg_name(i), budget[i]);
	wl_json_object_end(j);
}

static void put_typical(struct wl_json *j, const struct wl_typical *typical)
{
	if (!typical->known) {
		wl_json_null(j, "typical");
		return;
	}
	wl_json_object(j, "typical");
	wl_json_u64(j, "count", typical->count);
	wl_json_u64(j, "ns", typical->ns);
	put_budget(j, typical->budget);
	wl_json_object_end(j);
}

static void put_task(struct wl_json *j, const struct wl_who *who)
{
	bool real_time = who->policy == 1 || who->policy == 2;
	bool boosted = !real_time && who->policy != 6 && who->prio < 0;

	wl_json_u64(j, "pid", who->tgid);
	wl_json_u64(j, "tid", who->tid);
	wl_json_name(j, "comm", who->comm, sizeof(who->comm));
	wl_json_string(j, "policy", wl_policy_name(who->policy));
	wl_json_i64(j, "prio", real_time ? wl_who_rt_priority(who) : wl_who_nice(who));
	/* A lock's waiter lends its priority; the policy remains. */
	if (boosted)
		wl_json_i64(j, "boosted_prio", wl_who_rt_priority(who));
}

static void put_irq(struct wl_json *j, const struct wl_who *who, const struct wl_report *report)
{
	const struct wl_chain *h = &report->slow.path.h;
	const char *name = wl_vector_name(who->nr);

	if (!name && h->stim_kind == WL_STIM_IRQ && h->stim_nr == who->nr)
		name = report->names.stimulus;
	wl_json_u64(j, "irq", who->nr);
	wl_json_string_or_null(j, "name", name);
}

static void put_softirq(struct wl_json *j, const struct wl_who *who)
{
	const char *name = wl_softirq_name(who->nr);

	if (name)
		wl_json_string(j, "softirq", name);
	else
		wl_json_u64(j, "softirq", who->nr);
}

static void put_culprit(struct wl_json *j, const struct wl_who *who, const struct wl_report *report)
{
	wl_json_object(j, "culprit");
	if (who->ctx == WL_WHO_IDLE)
		wl_json_bool(j, "idle", true);
	else if (who->ctx == WL_WHO_TIMER)
		wl_json_bool(j, "timer", true);
	else if (who->ctx == WL_WHO_IRQ)
		put_irq(j, who, report);
	else if (who->ctx == WL_WHO_SOFTIRQ)
		put_softirq(j, who);
	if (who->ctx == WL_WHO_TASK || (who->ctx != WL_WHO_IDLE && who->tid))
		put_task(j, who);
	if (who->flags & WL_WHO_F_SHARED)
		wl_json_bool(j, "shared", true);
	wl_json_object_end(j);
}

static bool who_is_known(const struct wl_who *who)
{
	return who->ctx > WL_WHO_NONE && who->ctx < WL_WHO_MAX;
}

static void put_segments(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_path *path = &report->slow.path;

	wl_json_array(j, "segments");
	for (unsigned int i = 0; i < path->h.nseg && i < WL_PATH_SEGS; i++) {
		const struct wl_seg *seg = &path->seg[i];

		wl_json_object(j, NULL);
		wl_json_string(j, "kind", seg->kind ? wl_seg_name(seg->kind) : "unknown");
		wl_json_u64(j, "cpu", seg->cpu);
		wl_json_u64(j, "ns", seg->ns);
		if (seg->pieces > 1)
			wl_json_u64(j, "pieces", seg->pieces);
		if (who_is_known(&seg->who))
			put_culprit(j, &seg->who, report);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void put_cause(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_cause *cause = &report->cause;

	wl_json_object(j, "cause");
	wl_json_string(j, "kind", cause->kind ? wl_seg_name(cause->kind) : NULL);
	wl_json_u64(j, "ns", cause->ns);
	wl_json_double(j, "share", cause->share, 2);
	if (who_is_known(&cause->who))
		put_culprit(j, &cause->who, report);
	else
		wl_json_null(j, "culprit");
	wl_json_string(j, "text", cause->text);
	wl_json_object_end(j);
}

static void put_stack(struct wl_json *j, const struct wl_report *report)
{
	unsigned int n = report->slow.nstack;

	if (report->idle_hint[0])
		wl_json_string(j, "idle_hint", report->idle_hint);
	if (!report->stack || !n)
		return;
	wl_json_array(j, "stack");
	for (unsigned int i = 0; i < n && i < WL_STACK_DEPTH; i++)
		wl_json_string(j, NULL, report->stack[i]);
	wl_json_array_end(j);
}

static int json_sink_slow(struct wl_sink *sink, const struct wl_report *report)
{
	struct wl_json *j = sink_json(sink);

	begin_line(j, "slow");
	wl_json_u64(j, "id", report->id);
	wl_json_time(j, "time", report->time.sec, report->time.nsec);
	wl_json_string(j, "reason", reason_name(&report->slow));
	wl_json_u64(j, "threshold_ns", report->slow.threshold_ns);
	put_target(j, report);
	put_stimulus(j, report);
	put_end(j, report);
	wl_json_u64(j, "response_ns", wl_slow_response_ns(&report->slow));
	wl_json_u64(j, "merged", report->slow.path.h.merged);
	put_typical(j, &report->typical);
	put_segments(j, report);
	put_budget(j, report->budget);
	put_cause(j, report);
	put_stack(j, report);
	wl_json_u64(j, "lost", report->lost);
	wl_json_string_or_null(j, "capture", report->capture);
	return end_line(j);
}

/* ---- stats ---- */

static void put_row(struct wl_json *j, const struct wl_row *row)
{
	wl_json_object(j, NULL);
	wl_json_name(j, "process", row->key.process, sizeof(row->key.process));
	wl_json_name(j, "comm", row->key.comm, sizeof(row->key.comm));
	wl_json_object(j, "stimulus");
	put_stimulus_name(j, row->key.stim_kind, row->key.stim_nr, row->stim_name);
	wl_json_object_end(j);
	wl_json_u64(j, "count", row->count);
	wl_json_u64(j, "merged", row->merged);
	wl_json_u64(j, "mean_ns", row->mean);
	wl_json_u64(j, "p50_ns", row->p50);
	wl_json_u64(j, "p90_ns", row->p90);
	wl_json_u64(j, "p99_ns", row->p99);
	wl_json_u64(j, "p999_ns", row->p999);
	wl_json_u64(j, "max_ns", row->max);
	put_typical(j, &row->typical);
	wl_json_object_end(j);
}

/* A chain lost for each of these; the others are accounts, or lose detail only. */
static uint64_t chains_lost(const uint64_t counters[WL_CNT_MAX])
{
	static const enum wl_counter which[] = {
		WL_CNT_STATE_MISSING, WL_CNT_STATE_FAILED,    WL_CNT_NEXT_BUSY, WL_CNT_HOPS,
		WL_CNT_FRAMES,        WL_CNT_PENDING_DROPPED, WL_CNT_NO_SWITCH, WL_CNT_KEPT_EVICTED,
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

	begin_line(j, "stats");
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
	return end_line(j);
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
