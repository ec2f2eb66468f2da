/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What trackers have found, as the outputs are given it. Values stay bytes, described by the types
 * of the object that they come from: trackers are anybody's. Values and names of trackers are
 * hostile; names of fields and enumerators are escaped.
 */
#ifndef WL_EXPLAIN_TRACKED_H
#define WL_EXPLAIN_TRACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/hist.h"
#include "latency_tracker.bpf.h"

enum wl_value_kind {
	WL_VALUE_UINT,
	WL_VALUE_INT,
	WL_VALUE_TEXT, /* chars up to a NUL */
	WL_VALUE_ENUM,
	WL_VALUE_BYTES, /* shown in hexadecimal: we don't know better */
	/* from here on: the lt_ types of latency_tracker.bpf.h */
	WL_VALUE_NS,
	WL_VALUE_BYTE_COUNT,
	WL_VALUE_HEX,
	WL_VALUE_KSYM,
	WL_VALUE_SYSCALL,
	WL_VALUE_IRQ,
	WL_VALUE_SOFTIRQ,
	WL_VALUE_DEV,
	WL_VALUE_STACK,
	WL_VALUE_ADDR,
	WL_VALUE_CPU,
};

struct wl_enumerator {
	char name[32];
	int64_t value;
};

struct wl_field {
	char name[32];
	enum wl_value_kind kind;
	uint32_t offset, size;       /* of its bytes; numbers: 1, 2, 4 or 8; lt_ types: their own */
	struct wl_enumerator *enums; /* WL_VALUE_ENUM */
	size_t nenums;
};

struct wl_layout {
	struct wl_field *fields;
	size_t n, room;
	uint32_t size; /* of all of it */
};

/* A tracker: what its keys, private data and rows look like. */
struct wl_tracked {
	const char *name;
	struct wl_layout key, priv, row; /* row.n 0: it has no rows, only a total */
};

struct wl_tracked_row {
	const void *key; /* as row describes it; NULL: the total's, what is in no row */
	struct wl_agg agg;
	uint64_t slow;
};

/* Of one tracker, now. */
struct wl_tracked_stats {
	const struct wl_tracked *tracked;
	struct lt1_control control;
	struct wl_tracked_row *rows; /* those that have any, most time first */
	size_t n;
	struct wl_agg total;
	uint64_t slow;
	uint64_t skipped; /* runs of its object's programs that the kernel left out (recursion) */
};

/* One that was slow, or is late. key and priv are bytes of the tracker's layouts. */
struct wl_tracked_event {
	const struct wl_tracked *tracked;
	const struct lt1_record *record;
	const void *key, *priv;
	int64_t real_ns; /* CLOCK_REALTIME of its end */
};

#endif
