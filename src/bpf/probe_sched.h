/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Switches, wake-ups, births and deaths of tasks. */
#ifndef WL_BPF_PROBE_SCHED_H
#define WL_BPF_PROBE_SCHED_H

#include "bpf/probe_mark.h"

WL_INLINE void wl_end_of_sleep(struct wl_end *end, const struct wl_sleep *s, __u8 kind, __u64 now)
{
	end->now = now;
	end->arg = s->arg;
	end->call = s->call;
	end->kind = kind;
	end->compat = s->compat;
	end->work = 0;
}

/*
 * The record is filled in as soon as something is known: what is kept until the end, the verifier
 * has to follow through all that comes in between (seconds, and nearly its limit).
 */
WL_INLINE void wl_record_sleep(struct wl_ev_sched_switch *e, const struct wl_sleep *s)
{
	e->wl_prev_arg = s->arg;
	e->wl_prev_call = s->call;
	e->wl_flags |= (__u32)s->runnable * WL_SW_RUNNABLE | (__u32)s->hard * WL_SW_HARD |
		       (__u32)s->noload * WL_SW_NOLOAD | (__u32)s->stopped * WL_SW_STOPPED |
		       (__u32)s->dead * WL_SW_DEAD | (__u32)s->io * WL_SW_IO |
		       (__u32)s->throttled * WL_SW_THROTTLED | (__u32)s->compat * WL_SW_COMPAT |
		       (__u32)s->lock * WL_SW_LOCK;
}

WL_INLINE void wl_record_prev(struct wl_ev_sched_switch *e, struct wl_task *t, __u8 end)
{
	__u64 id = wl_task_cur(t)->h.id;

	e->wl_flags |= WL_SW_PREV | (id && end == WL_END_NONE ? 0 : WL_SW_PREV_FREE);
	e->wl_prev_seq = t->step;
	e->wl_prev_task = t->flags;
	e->wl_prev_end = end;
}

WL_INLINE void wl_record_next(struct wl_ev_sched_switch *e, struct wl_task *t, __u8 end)
{
	e->wl_flags |= WL_SW_NEXT;
	e->wl_next_seq = t->step;
	e->wl_next_task = t->flags;
	e->wl_next_end = end;
}

/* e: the record, or 0. */
WL_INLINE void wl_switch_out(struct wl_cpu *c, struct wl_ev_sched_switch *e,
			     struct task_struct *prev, bool preempt, __u32 state, __u64 now)
{
	struct wl_task *t = wl_task_of(c, prev);
	struct wl_sleep s;
	struct wl_end end;
	__u8 kind;

	if (!t)
		return;
	if (t->flags & WL_TASK_LINK)
		wl_run_name(c, prev);
	wl_sleep_of(&s, prev, preempt, state, t->flags);
	if (e)
		wl_record_sleep(e, &s);
	kind = wl_task_out(WL_CHAIN_CFG, c, t, &s, wl_steal_of(prev), now);
	if (e)
		wl_record_prev(e, t, kind);
	if (wl_stacks && t->status == WL_TASK_MIDWORK)
		wl_stack_blocks(t, prev, now);
	if (kind == WL_END_NONE)
		return;
	wl_end_of_sleep(&end, &s, kind, now);
	wl_complete(c, t, prev, wl_task_cur(t), &end);
	wl_task_finish(t);
}

WL_INLINE void wl_switch_in(struct wl_cpu *c, struct wl_ev_sched_switch *e,
			    struct task_struct *next, __u64 now)
{
	struct wl_task *t = wl_task_of(c, next);
	struct wl_end end = { .now = now, .call = -2, .kind = WL_END_RUN };
	__u8 kind;

	if (!t)
		return;
	if (wl_stacks && t->status == WL_TASK_MIDWORK)
		wl_stack_waited(t, next, now);
	kind = wl_task_in(WL_CHAIN_CFG, c, wl_cpu_of(t->wake_cpu), t, wl_steal_of(next), now);
	if (e)
		wl_record_next(e, t, kind);
	if (kind == WL_END_NONE)
		return;
	wl_complete(c, t, next, wl_task_cur(t), &end);
	wl_task_finish(t);
}

#define WL_RQ_CLOCK_NS (1u << 24) /* after this the two clocks are compared again */

const volatile __u32 wl_stable_clock = 0; /* the run queues' clock may be used */

/*
 * The time of a switch. Between two tasks that can reach no target it is only good for who held the
 * CPU: there the run queue's clock, which the scheduler has just read, will do where it is stable,
 * and saves 20 of 30 ns.
 */
WL_INLINE __u64 wl_switch_time(struct wl_cpu *c, struct task_struct *prev, int exact)
{
	__u64 rq = wl_stable_clock ? wl_rq_clock_of(prev) : 0, now;

	if (rq && !exact && rq - c->rq_read < WL_RQ_CLOCK_NS)
		return rq + c->rq_ahead;
	now = bpf_ktime_get_ns();
	c->rq_read = rq;
	c->rq_ahead = now - rq;
	return now;
}

WL_INLINE void wl_switch_chain(struct wl_cpu *c, struct wl_ev_sched_switch *e, bool preempt,
			       struct task_struct *prev, struct task_struct *next, __u32 state,
			       struct wl_rec *rec)
{
	int reaches = wl_task_reaches(next), left = wl_task_reaches(prev);
	__u64 now;

	now = wl_recording() ? rec->ts : wl_switch_time(c, prev, reaches || left);
	if (reaches || wl_run_is_long(&c->run, now))
		wl_run_name(c, prev);
	wl_cpu_switch(WL_CHAIN_CFG, c, !next->pid);
	if (left)
		wl_switch_out(c, e, prev, preempt, state, now);
	if (reaches)
		wl_switch_in(c, e, next, now);
	wl_cpu_switched(c, next->pid, next->tgid, now);
}

/* As LTTng has it: 0 for a preempted task, else the highest bit of what is reported to user space.
 */
WL_INLINE __s64 wl_reported_state(struct task_struct *prev, bool preempt, __u32 state)
{
	__u32 bits = (state | (__u32)prev->exit_state) & TASK_REPORT_BITS;

	if (preempt)
		return 0;
	if ((state & TASK_IDLE_BITS) == TASK_IDLE_BITS)
		return TASK_REPORT_IDLE;
	if (state & TASK_RTLOCK_WAIT)
		return 2;
	bits |= bits >> 1;
	bits |= bits >> 2;
	bits |= bits >> 4;
	return bits - (bits >> 1);
}

WL_INLINE __u32 wl_is_kthread(struct task_struct *task)
{
	return task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER) ? 1 : 0;
}

/* What the state machine does not change. */
WL_INLINE void wl_record_switch(struct wl_ev_sched_switch *e, bool preempt,
				struct task_struct *prev, struct task_struct *next, __u32 state)
{
	wl_comm_of(e->prev_comm, prev);
	wl_comm_of(e->next_comm, next);
	e->prev_tid = prev->pid;
	e->next_tid = next->pid;
	e->prev_prio = prev->prio - 100;
	e->next_prio = next->prio - 100;
	e->prev_state = wl_reported_state(prev, preempt, state);
	e->wl_prev_pid = prev->tgid;
	e->wl_next_pid = next->tgid;
	e->wl_prev_policy = (__u8)prev->policy;
	e->wl_next_policy = (__u8)next->policy;
	e->wl_steal = wl_steal_of(prev->pid ? prev : next);
	e->wl_prev_arg = 0;
	e->wl_prev_call = -2;
	e->wl_prev_seq = 0;
	e->wl_next_seq = 0;
	e->wl_prev_task = 0;
	e->wl_next_task = 0;
	e->wl_prev_end = 0;
	e->wl_next_end = 0;
	e->wl_flags = wl_is_kthread(prev) * WL_SW_PREV_KTHREAD |
		      wl_is_kthread(next) * WL_SW_NEXT_KTHREAD;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wl_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct wl_ev_sched_switch *e = 0;
	struct wl_cpu *c = wl_this_cpu();
	struct wl_sleep s;
	struct wl_rec rec;

	if (!c)
		return 0;
	if (wl_following() && wl_marking() && wl_task_reaches(prev))
		wl_mark_switch(prev);
	if (wl_recording()) {
		e = WL_RECORD_BEGIN(&rec, SCHED_SWITCH, sched_switch);
		if (!e)
			return 0;
		wl_record_switch(e, preempt, prev, next, prev_state);
	}
	if (wl_following()) {
		wl_switch_chain(c, e, preempt, prev, next, prev_state, &rec);
	} else if (e) {
		wl_sleep_of(&s, prev, preempt, prev_state, wl_is_kthread(prev) ? WL_TASK_LINK : 0);
		wl_record_sleep(e, &s);
	}
	if (!e)
		return 0;
	wl_record_commit(&rec);
	return 0;
}

/* What a wake-up did, for its record. */
struct wl_woken {
	__u32 step;
	__u32 flags; /* WL_EV_F_* */
	__u8 task;   /* WL_TASK_* */
};

WL_INLINE void wl_waking_chain(struct wl_cpu *c, struct wl_woken *w, struct task_struct *task,
			       struct wl_rec *rec)
{
	struct wl_task *t = wl_task_lookup(task), *cur;

	if (!t) {
		t = wl_task_found(c, task, rec->ts);
		w->flags |= WL_EV_F_NEW;
	}
	if (!t)
		return;
	wl_run_name(c, bpf_get_current_task_btf());
	cur = wl_giving_task(c);
	w->step = wl_event_waking(WL_CHAIN_CFG, c, t, cur, (__u64)task, task->tgid,
				  (__u16)task->thread_info.cpu, wl_is_throttled(task), rec->ts);
	w->flags |= (w->step != WL_NO_STEP ? WL_EV_F_DONE : 0) | (cur ? WL_EV_F_CUR : 0);
	w->task = t->flags;
}

WL_INLINE void wl_record_waking(struct wl_ev_sched_waking *e, const struct wl_woken *w,
				struct task_struct *task)
{
	wl_comm_of(e->comm, task);
	e->tid = task->pid;
	e->prio = task->prio - 100;
	e->target_cpu = (__s32)task->thread_info.cpu;
	e->wl_pid = task->tgid;
	e->wl_cur_tid = bpf_get_current_task_btf()->pid;
	e->wl_seq = w->step;
	e->wl_flags = w->flags | (wl_is_throttled(task) ? WL_EV_F_THROTTLED : 0) |
		      (wl_is_kthread(task) ? WL_EV_F_KTHREAD : 0);
	e->wl_task = w->task;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wl_sched_waking, struct task_struct *task)
{
	struct wl_woken w = { .step = WL_NO_STEP };
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_sched_waking *e;
	struct wl_rec rec;
	int follow;

	if (!c)
		return 0;
	follow = wl_following() && wl_task_reaches(task);
	if (!follow)
		c->returned = 0;
	if (!follow && !wl_recording())
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_WAKING, sched_waking);
	if (follow)
		wl_waking_chain(c, &w, task, &rec);
	if (!e)
		return 0;
	wl_record_waking(e, &w, task);
	wl_record_commit(&rec);
	return 0;
}

WL_INLINE __u32 wl_ns_inum(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct pid_namespace *ns = 0;
	__u32 level = BPF_CORE_READ(pid, level);

	/* the tasks's own namespace is the last of its ids; the size of one is read from BTF */
	bpf_probe_read_kernel(&ns, sizeof(ns),
			      (void *)pid + bpf_core_field_offset(pid->numbers) +
				      (__u64)(level & 31) * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, ns));
	return BPF_CORE_READ(ns, ns.inum);
}

WL_INLINE void wl_record_fork(struct wl_ev_sched_process_fork *e, struct task_struct *parent,
			      struct task_struct *child, struct wl_task *t, __u32 flags)
{
	wl_comm_of(e->parent_comm, parent);
	wl_comm_of(e->child_comm, child);
	e->parent_tid = parent->pid;
	e->parent_pid = parent->tgid;
	e->parent_ns_inum = wl_ns_inum(parent);
	e->child_tid = child->pid;
	e->child_pid = child->tgid;
	e->child_ns_inum = wl_ns_inum(child);
	e->_vtids_length = 1;
	e->vtids[0] = child->pid;
	e->wl_flags = flags | (wl_is_kthread(child) ? WL_EV_F_KTHREAD : 0);
	e->wl_child_task = t ? t->flags : 0;
}

/* The child's state; its branch of the parent's chain, if that can reach a target. */
WL_INLINE struct wl_task *wl_fork_chain(struct wl_cpu *c, struct task_struct *child, __u32 *flags,
					__u64 now)
{
	struct wl_task *t = wl_task_create(child), *p;

	if (!t) {
		wl_count_any(c, WL_CNT_STATE_FAILED);
		return 0;
	}
	p = wl_current();
	if (p && p->flags & WL_TASK_SPAWNED)
		t->flags |= WL_TASK_SPAWNED;
	wl_task_init(t, child, now);
	wl_task_check(t, child, now);
	if (!wl_task_reaches(child))
		return t;
	p = wl_giving_task(c);
	wl_event_fork(WL_CHAIN_CFG, c, t, p, child->tgid, now);
	*flags |= WL_EV_F_DONE | (p ? WL_EV_F_CUR : 0);
	return t;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(wl_sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct wl_ev_sched_process_fork *e;
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = 0;
	struct wl_rec rec;
	__u32 flags = 0;

	if (!c)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_FORK, sched_process_fork);
	if (wl_following())
		t = wl_fork_chain(c, child, &flags, rec.ts);
	if (!e)
		return 0;
	wl_record_fork(e, parent, child, t, flags);
	wl_record_commit(&rec);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(wl_sched_process_exec, struct task_struct *task, int old_pid,
	     struct linux_binprm *bprm)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_sched_process_exec *e;
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_EXEC, sched_process_exec);
	if (wl_following())
		t = wl_task_of(c, task);
	if (t) {
		wl_event_exec(t);
		wl_task_check(t, task, rec.ts);
	}
	if (!e)
		return 0;
	__builtin_memset(e->filename, 0, sizeof(e->filename));
	e->filename[0] = '?';
	if (wl_following() ? t && t->flags & WL_TASK_TARGET
			   : wl_config()->syscalls == WL_SYSCALLS_ALL)
		bpf_probe_read_kernel_str(e->filename, sizeof(e->filename), bprm->filename);
	e->tid = task->pid;
	e->old_tid = old_pid;
	e->wl_flags = t ? WL_EV_F_DONE : 0;
	wl_record_commit(&rec);
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
