// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* From when a softirq is raised until it runs, and how long it runs. */
#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>
#include "bpf/kernel.h"
#include "latency_tracker.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct wl_softirq_key {
	lt_cpu cpu;
	lt_softirq softirq;
};

struct wl_softirq_raiser {
	lt_tid raised_by_tid; /* or the task that was interrupted */
	char raised_by[16];
};

LATENCY_TRACKER(softirq_delay, struct wl_softirq_key, struct wl_softirq_raiser, 4096);
LATENCY_TRACKER_ROWS(softirq_delay, lt_softirq, 16);
LATENCY_TRACKER(softirq_run, struct wl_softirq_key, struct latency_tracker_none, 4096);
LATENCY_TRACKER_ROWS(softirq_run, lt_softirq, 16);

/* One that is pending stays pending: the first raise counts. */
SEC("tp_btf/softirq_raise")
int BPF_PROG(wl_track_raise, unsigned int softirq)
{
	struct wl_softirq_key key = { bpf_get_smp_processor_id(), softirq };
	struct wl_softirq_raiser raiser = {};

	if (latency_tracker_find(softirq_delay, &key))
		return 0;
	raiser.raised_by_tid = (lt_tid)bpf_get_current_pid_tgid();
	bpf_get_current_comm(raiser.raised_by, sizeof(raiser.raised_by));
	latency_tracker_event_in(softirq_delay, &key, &raiser);
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(wl_track_softirq_entry, unsigned int softirq)
{
	struct wl_softirq_key key = { bpf_get_smp_processor_id(), softirq };
	struct latency_tracker_none none;
	lt_softirq row = softirq;
	__u64 now = bpf_ktime_get_ns();

	latency_tracker_event_out_row(softirq_delay, &key, &row, now);
	latency_tracker_event_in_at(softirq_run, &key, &none, now);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(wl_track_softirq_exit, unsigned int softirq)
{
	struct wl_softirq_key key = { bpf_get_smp_processor_id(), softirq };
	lt_softirq row = softirq;

	latency_tracker_event_out_row(softirq_run, &key, &row, bpf_ktime_get_ns());
	return 0;
}
