/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Streams by the time of their next event. */
#ifndef WL_TRACE_HEAP_H
#define WL_TRACE_HEAP_H

#include <stdint.h>

/* Arrays, not one of structures: entries are moved in registers. */
struct wl_heap {
	unsigned n;
	uint64_t *ts;     /* by place; 0 is the first */
	unsigned *stream; /* by place */
	unsigned *place;  /* by stream */
	uint64_t *rank;   /* by stream: of equal times the least comes first; all are different */
};

/* 0 or -ENOMEM. Empty; the streams are numbered 0 to nstreams - 1. */
int wl_heap_init(struct wl_heap *heap, unsigned nstreams);
void wl_heap_free(struct wl_heap *heap);
/* A stream that is not in it. */
void wl_heap_add(struct wl_heap *heap, unsigned stream, uint64_t ts, uint64_t rank);
/* The time of a stream that is in it has grown, or stayed. */
void wl_heap_grow(struct wl_heap *heap, unsigned stream, uint64_t ts);
/* A stream that is in it. */
void wl_heap_remove(struct wl_heap *heap, unsigned stream);

#endif
