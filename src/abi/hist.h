/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Histograms of response times: the buckets are those of the public latency_tracker_hist.h. */
#ifndef WL_ABI_HIST_H
#define WL_ABI_HIST_H

#include "latency_tracker_hist.h"
#include "kinds.h"

#define WL_HIST_ERROR LATENCY_TRACKER_HIST_ERROR
#define WL_HIST_MAX_EXP LATENCY_TRACKER_HIST_MAX_EXP
#define WL_HIST_BUCKETS LATENCY_TRACKER_HIST_BUCKETS
#define wl_hist_log2 latency_tracker_hist_log2
#define wl_hist_bucket latency_tracker_hist_bucket
#define wl_hist_lower latency_tracker_hist_lower

/* One row per CPU and aggregate: written by its CPU only, read by anybody. */
struct wl_agg {
	__u64 count, sum, max, merged;
	__u64 typical_count; /* responses between the quartiles, see struct wl_agg_limits */
	__u64 typical_sum;
	__u64 typical[WL_SEG_MAX]; /* their time per segment kind, ns */
	__u64 bucket[WL_HIST_BUCKETS];
};

/* Written by user space, read by the kernel side. */
struct wl_agg_limits {
	__u64 lo, hi;    /* first and third quartile, ns; hi 0: not known yet */
	__u64 threshold; /* a longer response is slow, ns; ~0: none is */
	__u64 pad;
};

/* What an aggregate is about. */
struct wl_agg_key {
	char process[WL_COMM_LEN];
	char comm[WL_COMM_LEN];
	__u16 stim_nr;
	__u8 stim_kind;
	__u8 pad[5];
};
_Static_assert(sizeof(struct wl_agg_key) == 40, "struct wl_agg_key is a map key");

#define WL_AGGS 256 /* aggregates; number 0 collects what does not fit */

#endif
