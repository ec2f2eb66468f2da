// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * On a run queue until it runs, by CPU and by how many were on that queue when it came, itself
 * included. Unlike wakeup this has no way to another CPU in it, but time after a preemption.
 */
#include "bpf/track/track.h"

struct rq___length {
	unsigned int nr_running;
} __attribute__((preserve_access_index));

struct wl_runq {
	char process[16];
	char comm[16];
	lt_pid pid;
	lt_cpu cpu;
	__u32 length; /* 0: this kernel does not say */
	__u32 preempted;
};

struct wl_runq_row {
	lt_cpu cpu;
	__u32 length;
};

LATENCY_TRACKER(runq, lt_tid, struct wl_runq, WL_TRACK_TASKS);
LATENCY_TRACKER_ROWS(runq, struct wl_runq_row, 2048);

WL_INLINE __u32 wl_runq_length(struct task_struct *task)
{
	struct cfs_rq *cfs = 0;

	if (!bpf_core_field_exists(task->se.cfs_rq) || !bpf_core_field_exists(cfs->rq))
		return 0;
	return BPF_CORE_READ((struct rq___length *)task->se.cfs_rq->rq, nr_running);
}

static __noinline int wl_runq_begin(struct task_struct *task, int preempted)
{
	lt_tid tid = task->pid;
	struct wl_runq r = {
		.pid = task->tgid,
		.cpu = task->thread_info.cpu,
		.length = wl_runq_length(task),
		.preempted = preempted,
	};

	wl_comm_of(r.process, task->group_leader);
	wl_comm_of(r.comm, task);
	latency_tracker_event_in(runq, &tid, &r);
	return 0;
}

/* One that is woken while it is still on its CPU goes on there: it waits for nothing. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(wl_track_wakeup, struct task_struct *task)
{
	return !task->on_cpu && wl_track_wants(task) ? wl_runq_begin(task, 0) : 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wl_track_wakeup_new, struct task_struct *task)
{
	return wl_track_wants(task) ? wl_runq_begin(task, 0) : 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wl_track_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	lt_tid in = next->pid;
	struct lt1_event_runq *e = in ? latency_tracker_find(runq, &in) : 0;
	struct wl_runq_row row;

	if (e) {
		row.cpu = e->priv.cpu;
		row.length = e->priv.length;
		latency_tracker_event_out_row(runq, &in, &row, bpf_ktime_get_ns());
	}
	if ((preempt || !prev_state) && wl_track_wants(prev))
		wl_runq_begin(prev, 1);
	return 0;
}
