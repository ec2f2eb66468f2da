// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Work items: queued until a worker runs them, and how long they run. */
#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>
#include "bpf/kernel.h"
#include "latency_tracker.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct wl_work {
	lt_ksym function;
	lt_tid queued_by_tid;
	char queued_by[16];
	__u32 pad;
};

/*
 * Since 6.9 items run in softirqs, too: on top of any thread, of a worker that runs another item,
 * and on several CPUs on top of "thread 0". The item alone is not enough either: its memory may
 * have become another item, which already runs elsewhere.
 */
struct wl_work_key {
	lt_hex work;
	lt_tid tid;
	__u32 pad;
};

struct wl_work_run {
	lt_ksym function;
};

LATENCY_TRACKER(workqueue_delay, lt_hex, struct wl_work, 16384);
LATENCY_TRACKER_ROWS(workqueue_delay, lt_ksym, 512);
LATENCY_TRACKER(workqueue_run, struct wl_work_key, struct wl_work_run, 16384);
LATENCY_TRACKER_ROWS(workqueue_run, lt_ksym, 512);

SEC("tp_btf/workqueue_queue_work")
int BPF_PROG(wl_track_queue_work, int cpu, struct pool_workqueue *pwq, struct work_struct *work)
{
	lt_hex key = (lt_hex)work;
	struct wl_work w = {
		.function = (lt_ksym)work->func,
		.queued_by_tid = (lt_tid)bpf_get_current_pid_tgid(),
	};

	bpf_get_current_comm(w.queued_by, sizeof(w.queued_by));
	latency_tracker_event_in(workqueue_delay, &key, &w);
	return 0;
}

LATENCY_TRACKER_INLINE struct wl_work_key wl_work_key(const struct work_struct *work)
{
	return (struct wl_work_key){ (lt_hex)work, (lt_tid)bpf_get_current_pid_tgid(), 0 };
}

/*
 * Its item may be queued again by now, on another CPU: then that event may be the one that ends
 * here, a little early, and the next start of the item finds none.
 */
SEC("tp_btf/workqueue_execute_start")
int BPF_PROG(wl_track_execute_start, struct work_struct *work)
{
	struct wl_work_run run = { .function = (lt_ksym)work->func };
	struct wl_work_key worker = wl_work_key(work);
	__u64 now = bpf_ktime_get_ns();
	lt_hex key = (lt_hex)work;

	latency_tracker_event_out_row(workqueue_delay, &key, &run.function, now);
	latency_tracker_event_in_at(workqueue_run, &worker, &run, now);
	return 0;
}

/* The work item may be gone by now: only its address counts. */
SEC("tp_btf/workqueue_execute_end")
int BPF_PROG(wl_track_execute_end, struct work_struct *work)
{
	struct wl_work_key worker = wl_work_key(work);
	struct lt1_event_workqueue_run *e = latency_tracker_find(workqueue_run, &worker);
	__u64 now = bpf_ktime_get_ns();
	lt_ksym row;

	if (!e)
		return 0;
	row = e->priv.function;
	latency_tracker_event_out_row(workqueue_run, &worker, &row, now);
	return 0;
}
