// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* An object with a tracker, and what others might make of it: see trackers.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "latency_tracker_hist.h"
#ifdef OTHER_BUCKETS
#undef LATENCY_TRACKER_HIST_MAX_EXP
#define LATENCY_TRACKER_HIST_MAX_EXP 39
#endif
#include "latency_tracker.bpf.h"

struct who {
	char comm[16];
} __attribute__((aligned(8)));

LATENCY_TRACKER(made, lt_tid, struct who, 64);
#ifdef OTHER_ROWS
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct who);
	__type(value, struct lt1_row);
} lt1_rows_made SEC(".maps");
#else
LATENCY_TRACKER_ROWS(made, struct who, 2048);
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";
