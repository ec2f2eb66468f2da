/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A response has ended: count it, and send it to user space if it was slow. */
#ifndef WL_BPF_REPORT_H
#define WL_BPF_REPORT_H

#include "bpf/record.h"
#include "bpf/target.h"

/* What ended, beside the path. */
struct wl_end {
	__u64 now;
	__u64 arg;
	__s32 call;
	__u8 kind; /* enum wl_end_kind */
	__u8 compat;
	struct wl_work *work; /* what it was about, or 0 */
};

static __noinline int wl_stim_counts(const struct wl_path *p)
{
	const struct wl_stim_config *cfg = &wl_config()->stim;

	if (cfg->any)
		return 1;
	if (p->h.stim_kind == WL_STIM_TIMER)
		return cfg->timer;
	if (p->h.stim_kind == WL_STIM_SOFTIRQ)
		return cfg->softirqs >> (p->h.stim_nr & 15) & 1;
	if (p->h.stim_kind != WL_STIM_IRQ)
		return 0;
	for (__u32 i = 0; i < WL_MAX_IRQS; i++) {
		if (i >= cfg->nirqs)
			break;
		if (cfg->irqs[i] == p->h.stim_nr)
			return 1;
	}
	return 0;
}

/* A new (target, stimulus): the only map update on a path that runs often, and it runs once for
 * each. */
static __noinline __u32 wl_agg_add_key(const struct wl_agg_key *key, struct wl_cpu *c)
{
	__u32 index = __sync_fetch_and_add(&wl_agg_next, 1), *found;

	if (index >= WL_AGGS) {
		__sync_fetch_and_sub(&wl_agg_next, 1);
		wl_count_any(c, WL_CNT_AGG_FULL);
		return 0;
	}
	if (!bpf_map_update_elem(&wl_agg_index, key, &index, BPF_NOEXIST))
		return index;
	found = bpf_map_lookup_elem(&wl_agg_index, key);
	return found ? *found : 0;
}

static __noinline __u32 wl_agg_find(struct wl_task *t, struct task_struct *task, __u8 kind,
				    __u16 nr, struct wl_cpu *c)
{
	struct wl_agg_key key;
	__u32 *found;

	__builtin_memset(&key, 0, sizeof(key));
	bpf_probe_read_kernel_str(key.comm, WL_COMM_LEN, task->comm);
	bpf_probe_read_kernel_str(key.process, WL_COMM_LEN, task->group_leader->comm);
	key.stim_kind = kind;
	key.stim_nr = nr;
	found = bpf_map_lookup_elem(&wl_agg_index, &key);
	t->agg = found ? *found : wl_agg_add_key(&key, c);
	t->agg_stim = (__u32)kind << 16 | nr;
	return t->agg;
}

WL_INLINE __u32 wl_agg_of(struct wl_task *t, struct task_struct *task, const struct wl_path *p,
			  struct wl_cpu *c)
{
	if (t->agg && t->agg_stim == ((__u32)p->h.stim_kind << 16 | p->h.stim_nr))
		return t->agg;
	return wl_agg_find(t, task, p->h.stim_kind, p->h.stim_nr, c);
}

WL_GLOBAL int wl_agg_typical_add(struct wl_agg *a, const struct wl_path *p)
{
	if (!a || !p)
		return 0;
	a->typical_count++;
	a->typical_sum += p->h.last - p->h.start;
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		__u32 kind = p->seg[i].kind;

		if (i >= p->h.nseg)
			break;
		if (kind < WL_SEG_MAX)
			a->typical[kind] += p->seg[i].ns;
	}
	return 0;
}

WL_INLINE void wl_agg_count(struct wl_agg *a, const struct wl_agg_limits *lim,
			    const struct wl_path *p, __u64 ns)
{
	__u32 b = wl_hist_bucket(ns);

	a->count++;
	a->sum += ns;
	a->merged += p->h.merged;
	if (ns > a->max)
		a->max = ns;
	if (b < WL_HIST_BUCKETS)
		a->bucket[b]++;
	if (lim->hi && ns >= lim->lo && ns <= lim->hi)
		wl_agg_typical_add(a, p);
}

/* Who it is about and what happened to it; the rest is the caller's. */
WL_INLINE void wl_slow_fill(struct wl_slow *s, struct task_struct *task, const struct wl_path *p)
{
	s->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	s->tid = task->pid;
	s->tgid = task->tgid;
	wl_comm_of(s->comm, task);
	BPF_CORE_READ_INTO(&s->process, task, group_leader, comm);
	s->pad = 0;
	s->work.kind = WL_COOKIE_NONE;
	wl_path_copy(&s->path, p);
}

/*
 * The packets since the stimulus are needed: nobody overwrites them until user space has copied
 * them. Only if user space is ready for a capture, and one at a time.
 */
WL_INLINE void wl_slow_pin(const struct wl_slow *s)
{
	if (!wl_recording() || !wl_pin.armed || !wl_cas(&wl_pin.armed, 1, 0))
		return;
	/* in two: that is how much the compiler copies at once */
	__builtin_memcpy(&wl_trigger, s, __builtin_offsetof(struct wl_slow, work));
	__builtin_memcpy(&wl_trigger.work, &s->work, sizeof(s->work));
	wl_pin.from = s->path.h.start;
	wl_pin.id = s->path.h.id;
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&wl_pin.until = bpf_ktime_get_ns() + WL_PIN_NS;
}

static __noinline void wl_slow_send(struct task_struct *task, const struct wl_path *p,
				    const struct wl_end *end, __u64 threshold, __u32 agg)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_slow *s;

	if (!c)
		return;
	s = bpf_ringbuf_reserve(&wl_slow_ring, WL_SLOW_SHORT, 0);
	if (!s) {
		wl_count_any(c, WL_CNT_SLOW_LOST);
		return;
	}
	wl_count_any(c, WL_CNT_SLOW_SENT);
	wl_slow_fill(s, task, p);
	s->threshold_ns = threshold;
	s->end = p->h.last;
	s->end_arg = end->arg;
	s->end_call = end->call;
	s->agg = agg;
	s->end_cpu = (__u16)c->cpu;
	s->end_kind = end->kind;
	s->reason = wl_config()->over == WL_OVER_WORST ? WL_REASON_WORST : WL_REASON_THRESHOLD;
	s->compat = end->compat;
	s->nstack = 0;
	if (end->work)
		__builtin_memcpy(&s->work, end->work, sizeof(s->work));
	wl_slow_pin(s);
	/* user space polls: a wake-up from inside the scheduler is what we are here to avoid */
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

WL_INLINE __u64 wl_threshold(const struct wl_agg_limits *lim)
{
	const struct wl_config *cfg = wl_config();
	__u64 threshold = lim->threshold;

	if (cfg->over == WL_OVER_FIXED)
		return cfg->over_ns;
	if (cfg->over == WL_OVER_QUANTILE)
		return threshold ? threshold : ~0ull;
	return threshold < cfg->over_ns ? cfg->over_ns : threshold;
}

/* The response in p, of this task, has ended. */
static __noinline void wl_complete(struct wl_cpu *c, struct wl_task *t, struct task_struct *task,
				   struct wl_path *p, const struct wl_end *end)
{
	__u64 ns = p->h.last - p->h.start, threshold;
	struct wl_agg_limits *lim;
	struct wl_agg *a;
	__u32 agg, row;

	wl_count(c, WL_CNT_ENDED); /* no interrupt ends a response */
	if (p->h.folded)
		__sync_fetch_and_add(&c->counters[WL_CNT_FOLDED], p->h.folded);
	if (wl_sat(end->now, t->checked) > WL_CHECK_NS)
		wl_task_check(t, task, end->now);
	if (!(t->flags & WL_TASK_TARGET) || !wl_stim_counts(p))
		return;
	agg = wl_agg_of(t, task, p, c);
	row = agg * wl_config()->ncpu + c->cpu;
	a = bpf_map_lookup_elem(&wl_aggs, &row);
	lim = bpf_map_lookup_elem(&wl_limits, &agg);
	if (!a || !lim)
		return;
	threshold = wl_threshold(lim);
	wl_agg_count(a, lim, p, ns);
	if (ns <= threshold)
		return;
	if (wl_config()->over == WL_OVER_WORST)
		lim->threshold = ns;
	wl_slow_send(task, p, end, threshold, agg);
}

#endif
