/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every response that replay finds in a kernel trace, of LTTng or of ours, as lines of JSON:
 *
 *   responses TRACE watch --until idle ...
 *
 * and a last one with what there is to know about the whole trace. The options say where responses
 * end; whose they are does not matter.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "explain/joined.h"
#include "explain/names.h"
#include "explain/replay.h"
#include "output/json_parts.h"
#include "trace/trace.h"

#define NCPU 64
#define MISSING 16 /* sentences, at most */

static const char *doubt_name(unsigned int doubt)
{
	static const char *const names[] = {
		[WL_REPLAY_SURE] = "sure",       [WL_REPLAY_BEFORE] = "before",
		[WL_REPLAY_UNKNOWN] = "unknown", [WL_REPLAY_LOST] = "lost",
		[WL_REPLAY_DIFFERS] = "differs",
	};

	return names[doubt];
}

static void put_segments(struct wl_json *j, const struct wl_path *p)
{
	wl_json_array(j, "segments");
	for (unsigned int i = 0; i < p->h.nseg && i < WL_PATH_SEGS; i++) {
		wl_json_object(j, NULL);
		wl_json_string(j, "kind", wl_seg_name(p->seg[i].kind));
		wl_json_u64(j, "cpu", p->seg[i].cpu);
		wl_json_u64(j, "ns", p->seg[i].ns);
		wl_json_u64(j, "pieces", p->seg[i].pieces);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void put_path(struct wl_json *j, const struct wl_path *p)
{
	wl_json_object(j, "stimulus");
	wl_json_string(j, "kind", wl_stim_name(p->h.stim_kind));
	wl_json_u64(j, "nr", p->h.stim_nr);
	wl_json_u64(j, "tid", p->h.stim_tid);
	wl_json_u64(j, "cpu", p->h.stim_cpu);
	wl_json_u64(j, "ts", p->h.start);
	wl_json_object_end(j);
	wl_json_u64(j, "ns", p->h.last - p->h.start);
	wl_json_u64(j, "merged", p->h.merged);
	put_segments(j, p);
}

static int on_response(void *ctx, const struct wl_replay_response *r)
{
	struct wl_json *j = ctx;

	if (!r->target)
		return 0;
	wl_json_begin_line(j, "response");
	wl_json_u64(j, "pid", r->tgid);
	wl_json_u64(j, "tid", r->tid);
	wl_json_name(j, "comm", r->comm, sizeof(r->comm));
	wl_json_string(j, "end", wl_end_name(r->kind));
	wl_json_u64(j, "end_ts", r->end);
	wl_json_u64(j, "end_cpu", r->cpu);
	wl_json_string(j, "doubt", doubt_name(r->doubt));
	if (r->path) {
		struct wl_path path = *r->path;

		wl_path_join(&path);
		put_path(j, &path);
	}
	return wl_json_end_line(j);
}

static int put_trace(struct wl_json *j, const struct wl_replay *r, const struct wl_trace *trace)
{
	const struct wl_replay_stats *stats = wl_replay_stats(r);
	const char *missing[MISSING];
	size_t n = wl_replay_missing(r, missing, MISSING);

	wl_json_begin_line(j, "trace");
	wl_json_string(j, "tracer", wl_trace_info(trace)->tracer);
	wl_json_bool(j, "rt", wl_trace_info(trace)->rt);
	wl_json_u64(j, "events", stats->events);
	wl_json_u64(j, "first", stats->first);
	wl_json_u64(j, "last", stats->last);
	wl_json_u64(j, "lost", wl_trace_stats(trace)->lost);
	wl_json_array(j, "missing");
	for (size_t i = 0; i < n; i++)
		wl_json_string(j, NULL, missing[i]);
	wl_json_array_end(j);
	return wl_json_end_line(j);
}

int main(int argc, char **argv)
{
	static struct wl_options options;
	struct wl_replay *r = NULL;
	struct wl_trace *trace = NULL;
	struct wl_json json;
	char why[512];
	int ret;

	if (argc < 3 || wl_options_parse(&options, argc - 2, argv + 2))
		return 2;
	wl_json_init(&json, stdout);
	ret = wl_trace_open(argv[1], 0, &trace, why, sizeof(why));
	if (ret) {
		fprintf(stderr, "responses: %s\n", why);
		return 1;
	}
	ret = wl_replay_new(&r, &options.config.chain, NCPU);
	if (!ret)
		ret = wl_replay_run(r, trace, on_response, &json);
	if (!ret)
		ret = put_trace(&json, r, trace);
	for (size_t i = 0; wl_trace_problem(trace, i); i++)
		fprintf(stderr, "responses: problem: %s\n", wl_trace_problem(trace, i));
	if (ret)
		fprintf(stderr, "responses: '%s': %s\n", argv[1], strerror(-ret));
	wl_replay_free(r);
	wl_trace_close(trace);
	return ret ? 1 : 0;
}
