/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Switches, wake-ups, births and deaths of tasks. */
#ifndef WL_BPF_PROBE_SCHED_H
#define WL_BPF_PROBE_SCHED_H

#include "bpf/probe_irq.h"

WL_INLINE void wl_end_of_sleep(struct wl_end *end, const struct wl_sleep *s, __u8 kind, __u64 now)
{
	end->now = now;
	end->arg = s->arg;
	end->call = s->call;
	end->kind = kind;
	end->compat = s->compat;
}

WL_INLINE void wl_switch_out(struct wl_cpu *c, struct task_struct *prev, bool preempt, __u32 state,
			     __u64 now)
{
	struct wl_task *t = wl_task_of(c, prev);
	struct wl_sleep s;
	struct wl_end end;
	__u8 kind;

	if (!t)
		return;
	wl_sleep_of(&s, prev, preempt, state, t->flags);
	kind = wl_task_out(WL_CHAIN_CFG, c, t, &s, wl_steal_of(prev), now);
	if (kind == WL_END_NONE)
		return;
	wl_end_of_sleep(&end, &s, kind, now);
	wl_complete(c, t, prev, wl_task_cur(t), &end);
	wl_task_finish(t);
}

WL_INLINE void wl_switch_in(struct wl_cpu *c, struct task_struct *next, __u64 now)
{
	struct wl_task *t = wl_task_of(c, next);
	struct wl_end end = { .now = now, .call = -2, .kind = WL_END_RUN };

	if (!t)
		return;
	if (!wl_task_in(WL_CHAIN_CFG, c, wl_cpu_of(t->wake_cpu), t, wl_steal_of(next), now))
		return;
	wl_complete(c, t, next, wl_task_cur(t), &end);
	wl_task_finish(t);
}

/* Who is on the CPU is filled in fully only when somebody is going to be told. */
WL_INLINE void wl_run_name(struct wl_cpu *c, struct task_struct *task)
{
	if (!wl_run_is_named(&c->run))
		wl_who_of(&c->run.who, task);
}

#define WL_RQ_CLOCK_NS (1u << 24) /* after this the two clocks are compared again */

/*
 * The time of a switch. Between two tasks that can reach no target it is only good for who held the
 * CPU: there the run queue's clock, which the scheduler has just read, will do, and saves 20 of 30
 * ns.
 */
WL_INLINE __u64 wl_switch_time(struct wl_cpu *c, struct task_struct *prev, int exact)
{
	__u64 rq = wl_rq_clock_of(prev), now;

	if (rq && !exact && rq - c->rq_read < WL_RQ_CLOCK_NS)
		return rq + c->rq_ahead;
	now = bpf_ktime_get_ns();
	c->rq_read = rq;
	c->rq_ahead = now - rq;
	return now;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wl_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct wl_cpu *c = wl_this_cpu();
	int reaches, left;
	__u64 now;

	if (!c)
		return 0;
	reaches = wl_task_reaches(next);
	left = wl_task_reaches(prev);
	now = wl_switch_time(c, prev, reaches || left);
	if (reaches || wl_run_is_long(&c->run, now))
		wl_run_name(c, prev);
	wl_cpu_switch(c, !next->pid);
	if (left)
		wl_switch_out(c, prev, preempt, prev_state, now);
	if (reaches)
		wl_switch_in(c, next, now);
	wl_cpu_switched(c, next->pid, next->tgid, now);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wl_sched_waking, struct task_struct *task)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t;
	__u64 now;

	if (!c)
		return 0;
	if (!wl_task_reaches(task)) {
		c->returned = 0;
		return 0;
	}
	now = bpf_ktime_get_ns();
	t = wl_task_lookup(task);
	if (!t)
		t = wl_task_found(c, task, now);
	if (!t)
		return 0;
	wl_run_name(c, bpf_get_current_task_btf());
	wl_event_waking(WL_CHAIN_CFG, c, t, wl_giving_task(c), (__u64)task, task->tgid,
			(__u16)task->thread_info.cpu, wl_is_throttled(task), now);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(wl_sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t, *p;
	__u64 now;

	if (!c)
		return 0;
	t = wl_task_create(child);
	if (!t) {
		wl_count_any(c, WL_CNT_STATE_FAILED);
		return 0;
	}
	now = bpf_ktime_get_ns();
	p = wl_current();
	if (p && p->flags & WL_TASK_SPAWNED)
		t->flags |= WL_TASK_SPAWNED;
	wl_task_init(t, child, now);
	wl_task_check(t, child, now);
	if (wl_task_reaches(child))
		wl_event_fork(WL_CHAIN_CFG, c, t, wl_giving_task(c), child->tgid, now);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(wl_sched_process_exec, struct task_struct *task)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = c ? wl_task_of(c, task) : 0;

	if (!t)
		return 0;
	wl_event_exec(t);
	wl_task_check(t, task, bpf_ktime_get_ns());
	return 0;
}

/* A name may make it a target, and belongs to another row of the table. The task has the old one
 * yet. */
SEC("?tp_btf/task_rename")
int BPF_PROG(wl_task_rename, struct task_struct *task, const char *comm)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = c ? wl_task_lookup(task) : 0;
	struct wl_name name = {};

	if (!t)
		return 0;
	bpf_probe_read_kernel_str(name.s, sizeof(name.s), comm);
	wl_task_check_as(t, task, &name, bpf_ktime_get_ns());
	t->agg = 0;
	c->run.who.comm[0] = 0;
	return 0;
}

SEC("?tp_btf/sched_process_free")
int BPF_PROG(wl_sched_process_free, struct task_struct *task)
{
	__u64 key = (__u64)task;

	bpf_map_delete_elem(&wl_task_hash, &key);
	return 0;
}

#endif
