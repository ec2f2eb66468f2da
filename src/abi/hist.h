/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Log-linear histogram: base 2, 8 sub-buckets per octave, integers only. Buckets 0..7 hold the
 * values 0..7; bucket 8*(e-2)+s holds [(8+s) << (e-3), (9+s) << (e-3)) for 3 <= e <= 38, so that a
 * bucket is at most 12.5 % wide. Larger values (over 9 minutes) go to the last bucket. The bounds
 * are those of a Prometheus native histogram of schema 3, linear instead of exponential inside an
 * octave.
 */
#ifndef WL_ABI_HIST_H
#define WL_ABI_HIST_H

#include "kinds.h"

#define WL_HIST_ERROR 0.125 /* largest width of a bucket over its lower bound */
#define WL_HIST_MAX_EXP 38
#define WL_HIST_BUCKETS (8 * (WL_HIST_MAX_EXP - 2) + 8)

static inline __attribute__((always_inline)) __u32 wl_hist_log2(__u64 v)
{
	__u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (__u32)(v >> 1);
}

static inline __attribute__((always_inline)) __u32 wl_hist_bucket(__u64 ns)
{
	__u32 e;

	if (ns < 8)
		return (__u32)ns;
	e = wl_hist_log2(ns);
	if (e > WL_HIST_MAX_EXP)
		return WL_HIST_BUCKETS - 1;
	return 8 * (e - 2) + ((__u32)(ns >> (e - 3)) & 7);
}

/* Smallest value of bucket i; i = WL_HIST_BUCKETS gives the end of the last one. */
static inline __u64 wl_hist_lower(__u32 i)
{
	__u32 e = i / 8 + 2;

	return i < 8 ? i : (8ull + i % 8) << (e - 3);
}

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
