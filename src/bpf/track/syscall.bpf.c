// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* System calls, and where the slow ones waited. 32-bit programs are left out. */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"

#define STACK_SHARE 16 /* of the threshold: no stack is taken of shorter waits */

struct wl_track_call {
	char process[16];
	char comm[16];
	lt_pid pid;
	lt_syscall syscall;
	lt_hex arg0;
	__s64 result;
	__u64 pad_left; /* when it left the CPU, 0: it is on it */
	lt_ns waited;   /* its longest wait */
	lt_stack stack;
};

LATENCY_TRACKER(syscall, lt_tid, struct wl_track_call, WL_TRACK_TASKS);

struct wl_syscall_row {
	char process[16];
	lt_syscall syscall;
};

LATENCY_TRACKER_ROWS(syscall, struct wl_syscall_row, 2048);

static __noinline int wl_syscall_begin(struct task_struct *task, struct pt_regs *regs, long nr)
{
	lt_tid tid = task->pid;
	struct wl_track_call c = {
		.pid = task->tgid,
		.syscall = nr,
		.arg0 = WL_ARG0(regs),
	};

	wl_comm_of(c.process, task->group_leader);
	wl_comm_of(c.comm, task);
	latency_tracker_event_in(syscall, &tid, &c);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(wl_track_sys_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (wl_call_is_compat(task) || !wl_track_wants(task))
		return 0;
	return wl_syscall_begin(task, regs, nr);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wl_track_sys_exit, struct pt_regs *regs, long result)
{
	lt_tid tid = (lt_tid)bpf_get_current_pid_tgid();
	struct lt1_event_syscall *e = latency_tracker_find(syscall, &tid);
	__u64 now = bpf_ktime_get_ns();
	struct wl_syscall_row row = {};

	if (!e)
		return 0;
	e->priv.result = result;
	row.syscall = e->priv.syscall;
	__builtin_memcpy(row.process, e->priv.process, sizeof(row.process));
	latency_tracker_event_out_row(syscall, &tid, &row, now);
	return 0;
}

/*
 * A call that has waited: where it was, seen when it is back. It may become slow only later, or by
 * waits that are all shorter than the threshold.
 */
static __noinline int wl_syscall_back(struct task_struct *task)
{
	struct lt1_control *control = lt1_switch_syscall();
	lt_tid tid = task->pid;
	struct lt1_event_syscall *e = latency_tracker_find(syscall, &tid);
	__u64 waited;

	if (!control || !e || !e->priv.pad_left)
		return 0;
	waited = bpf_ktime_get_ns() - e->priv.pad_left;
	if (waited <= e->priv.waited)
		return 0;
	e->priv.waited = waited;
	if (waited > control->threshold / STACK_SHARE)
		bpf_get_task_stack(task, &e->priv.stack, sizeof(e->priv.stack), 0);
	else
		e->priv.stack.ip[0] = 0; /* the one before was of a shorter wait */
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wl_track_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	lt_tid out = prev->pid;
	struct lt1_event_syscall *e = out ? latency_tracker_find(syscall, &out) : 0;

	if (e)
		e->priv.pad_left = preempt || !prev_state ? 0 : bpf_ktime_get_ns();
	return next->pid ? wl_syscall_back(next) : 0;
}

/* exit(2) does not return. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(wl_track_exit, struct task_struct *task)
{
	lt_tid tid = task->pid;

	latency_tracker_discard(syscall, &tid);
	return 0;
}
