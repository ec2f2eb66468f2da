// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* From the wake-up of a task until it runs. */
#include "bpf/track/track.h"

struct wl_wakeup {
	char process[16];
	char comm[16];
	lt_pid pid;
	lt_tid waker_tid;
	char waker[16]; /* the task that was interrupted, if an interrupt woke it */
	lt_cpu waker_cpu;
	__s32 prio;
};

LATENCY_TRACKER(wakeup, lt_tid, struct wl_wakeup, WL_TRACK_TASKS);
LATENCY_TRACKER_ROWS(wakeup, struct wl_track_name, WL_TRACK_ROWS);

static __noinline int wl_wakeup_begin(struct task_struct *task)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	lt_tid tid = task->pid;
	struct wl_wakeup w = {
		.pid = task->tgid,
		.waker_tid = waker->pid,
		.waker_cpu = bpf_get_smp_processor_id(),
		.prio = task->prio,
	};

	wl_comm_of(w.process, task->group_leader);
	wl_comm_of(w.comm, task);
	wl_comm_of(w.waker, waker);
	latency_tracker_event_in(wakeup, &tid, &w);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wl_track_waking, struct task_struct *task)
{
	return wl_track_wants(task) ? wl_wakeup_begin(task) : 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wl_track_wakeup_new, struct task_struct *task)
{
	return wl_track_wants(task) ? wl_wakeup_begin(task) : 0;
}

/*
 * A task that is woken while it is still on its CPU, on its way to sleep, does not sleep after all:
 * it goes on, and has waited for nothing. One that was off it by then keeps that wake-up.
 */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(wl_track_wakeup, struct task_struct *task)
{
	lt_tid tid = task->pid;

	if (task->on_cpu)
		latency_tracker_discard(wakeup, &tid);
	return 0;
}

/* And one that is preempted on its way, woken by then, waits for a CPU, not after a wake-up. */
SEC("tp_btf/sched_switch")
int BPF_PROG(wl_track_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	lt_tid in = next->pid, out = prev->pid;
	struct wl_track_name row;

	if (out && (preempt || !prev_state))
		latency_tracker_discard(wakeup, &out);
	if (!in || !latency_tracker_find(wakeup, &in))
		return 0;
	wl_track_name_of(&row, next);
	latency_tracker_event_out_row(wakeup, &in, &row, bpf_ktime_get_ns());
	return 0;
}
