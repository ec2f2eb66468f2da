/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bench-read native|through TRACE: reads a trace from its first event to its last one, once, and
 * prints one JSON object. Every event's first bytes are looked at, as any user of it would.
 */
#include "bench.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "trace/trace.h"

struct result {
	uint64_t events, sum;
	uint64_t open_ns, read_ns;
};

static void read_trace(struct wl_trace *trace, struct result *result)
{
	const struct wl_event *event;
	int ret;

	while ((ret = wl_trace_next(trace, &event)) > 0) {
		result->sum += event->ts ^ *(const uint8_t *)event->payload;
		result->events++;
	}
	if (ret < 0)
		die("%s", wl_trace_problem(trace, 0));
}

static void print(struct wl_trace *trace, const struct result *result)
{
	const struct wl_trace_info *info = wl_trace_info(trace);
	const char *kind = info->kind == WL_TRACE_NATIVE ? "native" : "through";
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"kind\":\"%s\",\"events\":%" PRIu64 ",\"skipped\":%" PRIu64
	       ",\"streams\":%u,\"open_ns\":%" PRIu64 ",\"read_ns\":%" PRIu64
	       ",\"max_kib\":%ld,\"sum\":%" PRIu64 "}\n",
	       kind, result->events, wl_trace_stats(trace)->skipped, wl_trace_nstreams(trace),
	       result->open_ns, result->read_ns, usage.ru_maxrss, result->sum);
	/* A path may hold anything: on a line of its own. */
	printf("%s\n", info->dir);
}

int main(int argc, char **argv)
{
	struct result result = { 0 };
	struct wl_trace *trace;
	uint64_t begin, opened;
	unsigned flags = 0;
	char why[1024];

	if (argc == 3 && !strcmp(argv[1], "through"))
		flags = WL_TRACE_OPEN_THROUGH;
	else if (argc != 3 || strcmp(argv[1], "native"))
		die("usage: bench-read native|through TRACE");
	begin = now_ns();
	if (wl_trace_open(argv[2], flags, &trace, why, sizeof(why)))
		die("%s", why);
	opened = now_ns();
	read_trace(trace, &result);
	result.open_ns = opened - begin;
	result.read_ns = now_ns() - opened;
	print(trace, &result);
	wl_trace_close(trace);
	return 0;
}
