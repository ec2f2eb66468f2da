/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int wl_heap_init(struct wl_heap *heap, unsigned nstreams)
{
	size_t n = nstreams + (size_t)1;

	memset(heap, 0, sizeof(*heap));
	heap->ts = calloc(n, sizeof(*heap->ts));
	heap->stream = calloc(n, sizeof(*heap->stream));
	heap->place = calloc(n, sizeof(*heap->place));
	heap->rank = calloc(n, sizeof(*heap->rank));
	if (heap->ts && heap->stream && heap->place && heap->rank)
		return 0;
	wl_heap_free(heap);
	return -ENOMEM;
}

void wl_heap_free(struct wl_heap *heap)
{
	free(heap->ts);
	free(heap->stream);
	free(heap->place);
	free(heap->rank);
	memset(heap, 0, sizeof(*heap));
}

/* Does (ts, stream) come before what is at this place? */
static bool is_before(const struct wl_heap *heap, uint64_t ts, unsigned stream, unsigned place)
{
	if (ts != heap->ts[place])
		return ts < heap->ts[place];
	return heap->rank[stream] < heap->rank[heap->stream[place]];
}

static void put(struct wl_heap *heap, unsigned place, uint64_t ts, unsigned stream)
{
	heap->ts[place] = ts;
	heap->stream[place] = stream;
	heap->place[stream] = place;
}

/* Puts it at this place or below; those that come before it move up. */
static void sift_down(struct wl_heap *heap, unsigned place, uint64_t ts, unsigned stream)
{
	for (;;) {
		unsigned child = 2 * place + 1;

		if (child + 1 < heap->n &&
		    is_before(heap, heap->ts[child + 1], heap->stream[child + 1], child))
			child++;
		if (child >= heap->n || is_before(heap, ts, stream, child))
			break;
		put(heap, place, heap->ts[child], heap->stream[child]);
		place = child;
	}
	put(heap, place, ts, stream);
}

/* Puts it at this place or above. */
static void sift_up(struct wl_heap *heap, unsigned place, uint64_t ts, unsigned stream)
{
	while (place && is_before(heap, ts, stream, (place - 1) / 2)) {
		unsigned parent = (place - 1) / 2;

		put(heap, place, heap->ts[parent], heap->stream[parent]);
		place = parent;
	}
	put(heap, place, ts, stream);
}

void wl_heap_add(struct wl_heap *heap, unsigned stream, uint64_t ts, uint64_t rank)
{
	heap->rank[stream] = rank;
	sift_up(heap, heap->n++, ts, stream);
}

void wl_heap_grow(struct wl_heap *heap, unsigned stream, uint64_t ts)
{
	sift_down(heap, heap->place[stream], ts, stream);
}

void wl_heap_remove(struct wl_heap *heap, unsigned stream)
{
	unsigned place = heap->place[stream], last = heap->stream[--heap->n];
	uint64_t ts = heap->ts[heap->n];

	if (last == stream)
		return;
	/* The last one takes its place, and may belong above it or below. */
	sift_up(heap, place, ts, last);
	sift_down(heap, heap->place[last], ts, last);
}
