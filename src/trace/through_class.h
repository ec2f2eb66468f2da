/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Event classes of a trace that libbabeltrace2 reads -> our numbers and structures. Names are
 * compared once per class; after that an event is a few loads and stores. One thread at a time.
 */
#ifndef WL_TRACE_THROUGH_CLASS_H
#define WL_TRACE_THROUGH_CLASS_H

#include <babeltrace2/babeltrace.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ring.h"

struct wl_through_class;

struct wl_through_classes {
	size_t n, size; /* used, and a power of two */
	struct wl_through_class **slots;
	const char *calls[2][1024]; /* what system calls are called in events: native, compat */
};

/* What an event of a class is. */
struct wl_through_event {
	uint16_t id;      /* WL_EV_NONE: not one of ours */
	uint16_t size;    /* of the payload */
	int32_t tid, pid; /* -1: not said */
};

void wl_through_classes_init(struct wl_through_classes *classes);
void wl_through_classes_free(struct wl_through_classes *classes);

/* Learns all event classes of a stream class; described gets a bit per number. 0 or -ENOMEM. */
int wl_through_classes_learn(struct wl_through_classes *classes,
			     const bt_stream_class *stream_class, uint64_t *described);

/* Decodes into payload: WL_RECORD_MAX bytes, 8-byte aligned. */
void wl_through_decode(const struct wl_through_classes *classes, const bt_event *bt_event,
		       void *payload, struct wl_through_event *event);

#endif
