/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/locate.h"
#include "trace/source.h"

static void count(struct wl_trace *trace, const struct wl_event *event)
{
	trace->stats.events++;
	if (event->flags & WL_EVENT_SYNTHETIC)
		trace->stats.synthetic++;
	trace->stats.lost += event->lost;
}

/* The stream's next event into its head. 1, 0 or -errno. */
static int step(struct wl_trace *trace, unsigned stream)
{
	struct wl_head *head = &trace->heads[stream];
	int ret = trace->source.step(trace->source.ctx, stream, &head->event);

	if (ret < 0)
		trace->error = ret;
	else if (!ret)
		head->ended = true;
	return ret;
}

/* LTTng has a stream per CPU and channel. */
static uint32_t count_cpus(const struct wl_trace *trace)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < trace->source.nstreams; i++) {
		unsigned k = 0;

		while (trace->heads[k].event.cpu != trace->heads[i].event.cpu)
			k++;
		n += k == i;
	}
	return n;
}

/* Every stream's first event. */
static int prime(struct wl_trace *trace)
{
	int ret = wl_heap_init(&trace->heap, trace->source.nstreams);

	trace->heads = calloc(trace->source.nstreams + 1, sizeof(*trace->heads));
	if (ret || !trace->heads)
		return -ENOMEM;
	for (unsigned stream = 0; stream < trace->source.nstreams; stream++) {
		struct wl_event *event = &trace->heads[stream].event;

		ret = step(trace, stream);
		if (ret < 0)
			return ret;
		if (ret)
			wl_heap_add(&trace->heap, stream, event->ts,
				    (uint64_t)event->cpu << 32 | stream);
	}
	trace->info.ncpu = count_cpus(trace);
	return 0;
}

static int open_reader(struct wl_trace *trace, unsigned flags, char *why, size_t size)
{
	int ret = 1;

	if (!(flags & WL_TRACE_OPEN_THROUGH))
		ret = wl_native_open(trace, why, size);
	return ret == 1 ? wl_through_open(trace, why, size) : ret;
}

static int open_located(struct wl_trace *trace, const char *path, unsigned flags, char *why,
			size_t size)
{
	int ret = wl_trace_locate(path, &trace->dir, why, size);

	if (ret)
		return ret;
	trace->info.dir = trace->dir;
	ret = open_reader(trace, flags, why, size);
	if (ret)
		return ret;
	ret = prime(trace);
	/* What stopped the very first step is told by the last problem. */
	if (ret)
		snprintf(why, size, "%s",
			 trace->problems.n ? trace->problems.text[trace->problems.n - 1]
					   : strerror(-ret));
	return ret;
}

int wl_trace_open(const char *path, unsigned flags, struct wl_trace **trace, char *why, size_t size)
{
	struct wl_trace *new = calloc(1, sizeof(*new));
	int ret;

	if (size)
		why[0] = '\0';
	if (!new)
		return -ENOMEM;
	new->given = -1;
	ret = open_located(new, path, flags, why, size);
	if (ret) {
		if (size && !why[0])
			snprintf(why, size, "'%s': %s", path, strerror(-ret));
		wl_trace_close(new);
		return ret;
	}
	*trace = new;
	return 0;
}

void wl_trace_close(struct wl_trace *trace)
{
	if (!trace)
		return;
	if (trace->source.close)
		trace->source.close(trace->source.ctx);
	wl_heap_free(&trace->heap);
	wl_problems_free(&trace->problems);
	free(trace->heads);
	free(trace->dir);
	free(trace);
}

/* Of a stream that has not ended. */
static int move_on(struct wl_trace *trace, unsigned stream)
{
	struct wl_head *head = &trace->heads[stream];
	int ret = step(trace, stream);

	if (ret > 0)
		wl_heap_grow(&trace->heap, stream, head->event.ts);
	else
		wl_heap_remove(&trace->heap, stream);
	return ret < 0 ? ret : 0;
}

/* The event given last is done with. */
static int settle(struct wl_trace *trace)
{
	int stream = trace->given;

	trace->given = -1;
	if (stream >= 0 && !trace->error)
		move_on(trace, (unsigned)stream);
	return trace->error;
}

int wl_trace_next(struct wl_trace *trace, const struct wl_event **event)
{
	int ret = settle(trace);

	if (ret)
		return ret;
	if (!trace->heap.n)
		return 0;
	trace->given = (int)trace->heap.stream[0];
	*event = &trace->heads[trace->given].event;
	count(trace, *event);
	return 1;
}

unsigned wl_trace_nstreams(const struct wl_trace *trace)
{
	return trace->source.nstreams;
}

uint32_t wl_trace_stream_cpu(const struct wl_trace *trace, unsigned stream)
{
	return trace->heads[stream].event.cpu;
}

int wl_trace_first(struct wl_trace *trace)
{
	if (settle(trace) || !trace->heap.n)
		return -1;
	return (int)trace->heap.stream[0];
}

int wl_trace_peek(struct wl_trace *trace, unsigned stream, const struct wl_event **event)
{
	int ret = settle(trace);

	if (ret)
		return ret;
	if (trace->heads[stream].ended)
		return 0;
	*event = &trace->heads[stream].event;
	return 1;
}

int wl_trace_advance(struct wl_trace *trace, unsigned stream)
{
	int ret = settle(trace);

	if (ret || trace->heads[stream].ended)
		return ret;
	count(trace, &trace->heads[stream].event);
	return move_on(trace, stream);
}

const struct wl_trace_info *wl_trace_info(const struct wl_trace *trace)
{
	return &trace->info;
}

const struct wl_trace_stats *wl_trace_stats(const struct wl_trace *trace)
{
	return &trace->stats;
}

bool wl_trace_describes(const struct wl_trace *trace, unsigned id)
{
	return id < WL_EV_MAX && trace->described[id / 64] >> id % 64 & 1;
}

const char *wl_trace_problem(struct wl_trace *trace, size_t i)
{
	return wl_problem_get(&trace->problems, i);
}
