/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Walks over all tasks: make their state when we start, find work that does not end. */
#ifndef WL_BPF_ITER_H
#define WL_BPF_ITER_H

#include "bpf/probe_sched.h"
#include "abi/tasks.h"

/* Too large for the stack; one walk at a time uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wl_task_dump);
} wl_dump_space SEC(".maps");

/* Creates what is missing; the only place that may allocate, because it may sleep. */
SEC("iter.s/task")
int wl_iter_create(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wl_task *t;

	if (!task || !task->pid || wl_task_lookup(task))
		return 0;
	t = wl_task_create(task);
	if (t)
		wl_task_init(t, task, bpf_ktime_get_ns());
	return 0;
}

WL_INLINE void wl_iter_asleep(struct wl_task *t, struct task_struct *task, __u32 state)
{
	struct wl_sleep s;

	wl_sleep_of(&s, task, 0, state, t->flags);
	t->status = WL_TASK_BLOCKED;
	t->call = s.call;
	t->arg = s.arg;
	if (!(t->flags & WL_TASK_LINK) && wl_until_home(WL_CHAIN_CFG) &&
	    !wl_sleep_at_home(WL_CHAIN_CFG, t, &s))
		t->flags |= WL_TASK_AWAY;
}

/*
 * Whether each task is a target, and, once we are on, where it is now unless an event has told
 * already. Run before and after, and again for what no event tells: users, cgroups, priorities.
 */
SEC("iter/task")
int wl_iter_check(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wl_task *t;
	__u32 state;

	if (!task || !task->pid)
		return 0;
	t = wl_task_lookup(task);
	if (!t)
		return 0;
	wl_task_check(t, task, bpf_ktime_get_ns());
	if (!wl_on || t->status != WL_TASK_UNSEEN)
		return 0;
	state = task->__state;
	/* a runnable task stays unseen until its next switch: whether it is on a CPU is not said */
	if (state)
		wl_iter_asleep(t, task, state);
	return 0;
}

WL_INLINE void wl_dump_state(struct wl_task_dump *d, struct wl_task *t)
{
	d->known = 1;
	d->since = t->since;
	d->arg = t->arg;
	d->call = t->call;
	d->seq = t->next >> WL_STEP_SHIFT;
	d->status = t->status;
	d->flags = t->flags;
	d->next = (__u8)wl_task_next(t);
	d->nhomes = t->nhomes;
	__builtin_memcpy(d->homes, t->homes, sizeof(d->homes));
	d->cur_chain = wl_task_cur(t)->h;
	d->next_chain = wl_task_other(t)->h;
}

/* The state of every task, for a snapshot. */
SEC("iter/task")
int wl_iter_dump(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wl_task_dump *d;
	struct wl_task *t;
	__u32 zero = 0;

	if (!task || !task->pid)
		return 0;
	d = bpf_map_lookup_elem(&wl_dump_space, &zero);
	if (!d)
		return 0;
	__builtin_memset(d, 0, sizeof(*d));
	d->tid = task->pid;
	d->tgid = task->tgid;
	d->ppid = BPF_CORE_READ(task, real_parent, tgid);
	d->state = task->__state;
	d->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	wl_comm_of(d->comm, task);
	d->policy = (__u8)task->policy;
	d->prio = (__s8)(task->prio - 100);
	d->kthread = (__u8)wl_is_kthread(task);
	d->cpu = task->thread_info.cpu;
	d->call = -2;
	t = wl_following() ? wl_task_lookup(task) : 0;
	if (t)
		wl_dump_state(d, t);
	bpf_seq_write(ctx->meta->seq, d, sizeof(*d));
	return 0;
}

/* The open chain of a task, wherever it stands: in cur, or in next if it was woken and has not run.
 */
WL_INLINE struct wl_path *wl_open_path(struct wl_task *t)
{
	if (t->status == WL_TASK_BLOCKED)
		return wl_task_next(t) == WL_SLOT_FULL && !t->bare ? wl_task_other(t) : 0;
	return wl_task_cur(t);
}

/*
 * Time that speaks for a chain being stuck. Where requests can't be told apart a thread that only
 * runs may be serving thousands: running counts only for threads that show turns.
 */
WL_INLINE __u64 wl_stuck_ns(struct wl_task *t, const struct wl_path *p, __u64 now)
{
	__u64 ns = wl_sat(now, p->h.start);

	if (t->flags & WL_TASK_TURNS)
		return ns;
	if (p->h.state == WL_SEG_RUNNING)
		ns = wl_sat(ns, wl_sat(now, p->h.last));
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		if (i >= p->h.nseg)
			break;
		if (wl_turn_is_busy(p->seg[i].kind))
			ns = wl_sat(ns, p->seg[i].ns);
	}
	return ns;
}

WL_INLINE __u8 wl_stuck_state(const struct wl_task *t, const struct wl_path *p)
{
	if (t->status != WL_TASK_MIDWORK)
		return p->h.state;
	if (t->sleep_stopped)
		return WL_SEG_STOPPED;
	if (t->reclaim)
		return WL_SEG_RECLAIM;
	if (t->call == -1)
		return WL_SEG_FAULT;
	if (t->sleep_io)
		return WL_SEG_IO;
	if (wl_call_in(WL_CHAIN_CFG->futex_calls, t->call))
		return WL_SEG_LOCK;
	return WL_SEG_TASK;
}

/* What a task carries; 0: nothing, or what goes on elsewhere by now. */
WL_INLINE struct wl_mark *wl_carried(const struct wl_task *t, __u32 tid)
{
	struct wl_mark_set *set = wl_mark_set_of(t->mark);
	struct wl_mark *m = set && t->mark ? wl_mark_find(set, t->mark) : 0;

	return m && m->tid == tid ? m : 0;
}

WL_INLINE int wl_is_stuck(struct wl_task *t, struct task_struct *task, const struct wl_path *p,
			  __u64 now)
{
	if (!wl_marking())
		return wl_stuck_ns(t, p, now) >= wl_config()->timeout_ns;
	return wl_carried(t, task->pid) && wl_sat(now, p->h.start) >= wl_config()->timeout_ns;
}

WL_INLINE void wl_stuck_work(struct wl_slow *s, const struct wl_task *t, __u32 tid)
{
	struct wl_mark *m = wl_marking() ? wl_carried(t, tid) : 0;

	if (m)
		__builtin_memcpy(&s->work, &m->work, sizeof(s->work));
}

/* Reads only; user space sees a chain once. */
SEC("iter/task")
int wl_iter_stuck(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wl_path *p;
	struct wl_task *t;
	struct wl_slow *s;
	__u64 now;
	long n;

	if (!task || !task->pid)
		return 0;
	t = wl_task_lookup(task);
	if (!t || !(t->flags & WL_TASK_TARGET))
		return 0;
	p = wl_open_path(t);
	now = bpf_ktime_get_ns();
	if (!p || !p->h.id || !wl_stim_counts(p) || !wl_is_stuck(t, task, p, now))
		return 0;
	s = bpf_ringbuf_reserve(&wl_slow_ring, sizeof(*s), 0);
	if (!s)
		return 0;
	wl_slow_fill(s, task, p);
	s->threshold_ns = wl_config()->timeout_ns;
	s->end = now;
	s->end_arg = t->arg;
	s->end_call = t->status == WL_TASK_MIDWORK && !t->sleep_stopped ? t->call : -2;
	s->agg = t->agg_stim == ((__u32)p->h.stim_kind << 16 | p->h.stim_nr) ? t->agg : 0;
	s->compat = (t->flags & WL_TASK_COMPAT) != 0;
	s->end_cpu = (__u16)task->thread_info.cpu;
	s->end_kind = WL_END_TIMEOUT;
	s->reason = WL_REASON_TIMEOUT;
	s->path.h.state = wl_stuck_state(t, p);
	wl_stuck_work(s, t, task->pid);
	n = bpf_get_task_stack(task, s->stack, sizeof(s->stack), 0);
	s->nstack = n > 0 ? (__u16)((__u64)n / 8) : 0;
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
	return 0;
}

/*
 * The item that began then lies in this place. User space names its thread, if that is there yet.
 */
WL_INLINE int wl_mark_tell(const struct wl_mark *m, __u64 begun, __u64 now)
{
	__u64 marked = *(const volatile __u64 *)&m->marked;
	struct wl_slow *s = bpf_ringbuf_reserve(&wl_slow_ring, sizeof(*s), 0);

	if (!s)
		return 0;
	__builtin_memset(s, 0, __builtin_offsetof(struct wl_slow, path));
	s->threshold_ns = wl_config()->timeout_ns;
	s->end = now;
	s->end_call = -2;
	s->tid = m->tid;
	s->tgid = m->tgid;
	s->end_cpu = m->p.h.stim_cpu;
	s->end_kind = WL_END_TIMEOUT;
	s->reason = WL_REASON_TIMEOUT;
	wl_path_copy(&s->path, &m->p);
	__builtin_memcpy(&s->work, &m->work, sizeof(s->work));
	if (s->work.begun != begun || m->marked != marked) {
		bpf_ringbuf_discard(s, BPF_RB_NO_WAKEUP);
		return 0;
	}
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
	return 1;
}

WL_INLINE void wl_mark_look(struct wl_mark *m, __u64 now)
{
	__u64 begun = *(volatile __u64 *)&m->work.begun;

	if (!m->key || !m->target || m->told == begun || !wl_stim_counts(&m->p) ||
	    wl_sat(now, m->p.h.start) < wl_config()->timeout_ns)
		return;
	if (wl_mark_tell(m, begun, now))
		m->told = begun;
}

/*
 * Items without an end mark, that no task carries: those were told by the walk over tasks just
 * before, with more to say, and user space sees an item once. Reads without a lock: what changes
 * meanwhile has not been stuck, and another item may be in its place by then.
 */
SEC("?iter/bpf_map_elem")
int wl_iter_marks(struct bpf_iter__bpf_map_elem *ctx)
{
	const __u32 *key = ctx->key;
	struct wl_mark_set *set;
	__u64 now;
	__u32 index;

	if (!key || !ctx->value)
		return 0;
	index = *key;
	set = bpf_map_lookup_elem(&wl_mark_sets, &index);
	if (!set)
		return 0;
	now = bpf_ktime_get_ns();
	for (__u32 i = 0; i < WL_MARK_WAYS; i++)
		wl_mark_look(&set->way[i], now);
	return 0;
}

#endif
