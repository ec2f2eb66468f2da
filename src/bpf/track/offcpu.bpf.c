// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* From when a task leaves its CPU until it is back: because it waits, or because others run. */
#include "bpf/track/track.h"

enum wl_offcpu_kind {
	blocked,
	preempted,
};

struct wl_offcpu {
	char process[16];
	char comm[16];
	lt_pid pid;
	enum wl_offcpu_kind kind;
	/* these of slow ones only */
	char waker[16];
	lt_tid waker_tid;
	lt_stack stack; /* where it was */
	lt_stack waker_stack;
} __attribute__((aligned(8)));

struct wl_offcpu_row {
	struct wl_track_name name;
	enum wl_offcpu_kind kind;
};

LATENCY_TRACKER(offcpu, lt_tid, struct wl_offcpu, WL_TRACK_TASKS);
LATENCY_TRACKER_ROWS(offcpu, struct wl_offcpu_row, WL_TRACK_ROWS);

static __noinline int wl_offcpu_begin(struct task_struct *task, int runnable)
{
	lt_tid tid = task->pid;
	struct wl_offcpu o = {
		.pid = task->tgid,
		.kind = runnable ? preempted : blocked,
	};

	wl_comm_of(o.process, task->group_leader);
	wl_comm_of(o.comm, task);
	latency_tracker_event_in(offcpu, &tid, &o);
	return 0;
}

static __noinline int wl_offcpu_end(struct task_struct *task, __u64 now)
{
	lt_tid tid = task->pid;
	struct lt1_event_offcpu *e = latency_tracker_find(offcpu, &tid);
	struct wl_offcpu_row row = {};

	if (!e)
		return 0;
	if (latency_tracker_is_slow(offcpu, e, now))
		bpf_get_task_stack(task, &e->priv.stack, sizeof(e->priv.stack), 0);
	row.kind = e->priv.kind;
	wl_track_name_of(&row.name, task);
	latency_tracker_event_out_row(offcpu, &tid, &row, now);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wl_track_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	if (next->pid)
		wl_offcpu_end(next, bpf_ktime_get_ns());
	if (prev->exit_state || prev_state & TASK_DEAD)
		return 0;
	return wl_track_wants(prev) ? wl_offcpu_begin(prev, preempt || !prev_state) : 0;
}

/* Asked for here, because only here its stack is the waker's. */
SEC("tp_btf/sched_waking")
int BPF_PROG(wl_track_waking, struct task_struct *task)
{
	lt_tid tid = task->pid;
	struct lt1_event_offcpu *e = latency_tracker_find(offcpu, &tid);
	struct task_struct *waker;

	if (!e || !latency_tracker_is_slow(offcpu, e, bpf_ktime_get_ns()))
		return 0;
	waker = bpf_get_current_task_btf();
	wl_comm_of(e->priv.waker, waker);
	e->priv.waker_tid = waker->pid;
	bpf_get_stack(ctx, &e->priv.waker_stack, sizeof(e->priv.waker_stack), 0);
	return 0;
}
