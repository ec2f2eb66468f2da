/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The histogram of latency_tracker.bpf.h and of whylate, for BPF programs and for those who read
 * their maps. Log-linear: base 2, 8 sub-buckets per octave, integers only. Buckets 0..7 hold the
 * values 0..7; bucket 8*(e-2)+s holds [(8+s) << (e-3), (9+s) << (e-3)) for 3 <= e <= 38, so that a
 * bucket is at most 12.5 % wide. Larger values (over 9 minutes) go to the last bucket. The bounds
 * are those of a Prometheus native histogram of schema 3, linear instead of exponential inside an
 * octave.
 */
#ifndef LATENCY_TRACKER_HIST_H
#define LATENCY_TRACKER_HIST_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define LATENCY_TRACKER_HIST_ERROR 0.125 /* largest width of a bucket over its lower bound */
#define LATENCY_TRACKER_HIST_MAX_EXP 38
#define LATENCY_TRACKER_HIST_BUCKETS (8 * (LATENCY_TRACKER_HIST_MAX_EXP - 2) + 8)

static inline __attribute__((always_inline)) __u32 latency_tracker_hist_log2(__u64 v)
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

static inline __attribute__((always_inline)) __u32 latency_tracker_hist_bucket(__u64 ns)
{
	__u32 e;

	if (ns < 8)
		return (__u32)ns;
	e = latency_tracker_hist_log2(ns);
	if (e > LATENCY_TRACKER_HIST_MAX_EXP)
		return LATENCY_TRACKER_HIST_BUCKETS - 1;
	return 8 * (e - 2) + ((__u32)(ns >> (e - 3)) & 7);
}

/* Smallest value of bucket i; i = LATENCY_TRACKER_HIST_BUCKETS gives the end of the last one. */
static inline __u64 latency_tracker_hist_lower(__u32 i)
{
	__u32 e = i / 8 + 2;

	return i < 8 ? i : (8ull + i % 8) << (e - 3);
}

#endif
