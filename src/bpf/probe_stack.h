/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Stacks of responses that are late already. Where a target runs, from the tick of the local timer;
 * where it waited, when it comes back. That is before it is the current task: its kernel stack can
 * be read then, of user space only the saved registers. Its user stack is read when it begins to
 * wait, if it is late by then, and when that system call ends, if system calls are recorded; user
 * space joins the two by instruction and stack pointer.
 *
 * All of it is behind wl_stacks, and of no cost while that is 0: the verifier removes it.
 */
#ifndef WL_BPF_PROBE_STACK_H
#define WL_BPF_PROBE_STACK_H

#include "bpf/report.h"
#include "abi/stack.h"

#define WL_STACK_WINDOW_NS 10000000ull
#define WL_STACK_WINDOW_MAX 16   /* stacks of one CPU in a window, of 3 to 6 us: at most 1 % */
#define WL_STACK_WAIT_NS 100000u /* a shorter wait is no reason to be late */

const volatile __u32 wl_stacks = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} wl_stack_ring SEC(".maps");

struct wl_stack_window {
	__u64 begin;
	__u32 used;
	__u32 owed; /* thread that has come back from a wait, in the same system call yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wl_stack_window);
} wl_stack_windows SEC(".maps");

/*
 * The limit of the response that is open. If the target's last one had another stimulus, its row is
 * not at hand: the least threshold then, at the price of stacks that nobody needs.
 */
WL_INLINE __u64 wl_stack_threshold(const struct wl_task *t, const struct wl_path *p)
{
	__u32 agg = t->agg;
	struct wl_agg_limits *lim;

	if (!agg || t->agg_stim != ((__u32)p->h.stim_kind << 16 | p->h.stim_nr))
		return wl_config()->over_ns;
	lim = bpf_map_lookup_elem(&wl_limits, &agg);
	return lim ? wl_threshold(lim) : ~0ull;
}

/* Is it a target whose open response is past its threshold? */
WL_GLOBAL int wl_stack_late(struct wl_task *t, __u64 now)
{
	struct wl_path *p;

	if (!t || !(t->flags & WL_TASK_TARGET))
		return 0;
	p = wl_task_cur(t);
	return p->h.id && wl_stim_counts(p) && wl_sat(now, p->h.start) > wl_stack_threshold(t, p);
}

WL_INLINE struct wl_stack_window *wl_stack_window(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wl_stack_windows, &zero);
}

WL_INLINE int wl_stack_allowed(__u64 now)
{
	struct wl_stack_window *w = wl_stack_window();

	if (!w)
		return 0;
	if (now - w->begin >= WL_STACK_WINDOW_NS) {
		w->begin = now;
		w->used = 0;
	}
	return w->used++ < WL_STACK_WINDOW_MAX;
}

/* Room for a stack; submit it. 0: too many of them. */
WL_INLINE struct wl_stack *wl_stack_begin(struct task_struct *task, __u8 kind, __u64 now)
{
	struct wl_stack *s;

	if (!wl_stack_allowed(now))
		return 0;
	s = bpf_ringbuf_reserve(&wl_stack_ring, sizeof(*s), 0);
	if (!s)
		return 0;
	s->ts = now;
	s->tid = task->pid;
	s->tgid = task->tgid;
	s->cpu = (__u16)bpf_get_smp_processor_id();
	s->kind = kind;
	s->pad = 0;
	s->nkernel = 0;
	s->nuser = 0;
	return s;
}

WL_INLINE void wl_stack_caller(struct wl_stack *s, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	s->ip = regs->ip;
	s->sp = regs->sp;
}

WL_INLINE __u16 wl_stack_count(long bytes)
{
	return bytes > 0 ? (__u16)((__u64)bytes / 8) : 0;
}

/* Before the tick counts as an interrupt. What is not the task's own time is not where it is late.
 */
static __noinline void wl_stack_tick(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_cpu *c = wl_this_cpu();
	struct wl_stack *s;
	struct wl_task *t;
	long bytes;
	__u64 now;

	if (!c || c->counting || !wl_task_reaches(task))
		return;
	t = wl_task_lookup(task);
	now = bpf_ktime_get_ns();
	if (!t || t->status != WL_TASK_ON_CPU || !wl_stack_late(t, now))
		return;
	s = wl_stack_begin(task, WL_STACK_RUNNING, now);
	if (!s)
		return;
	wl_stack_caller(s, task);
	/* user space finds the interrupt in it by name, and what it hit behind that: if nothing, it
	 * hit user space */
	bytes = bpf_get_stack(ctx, s->kernel, sizeof(s->kernel), 0);
	s->nkernel = wl_stack_count(bytes);
	bytes = bpf_get_stack(ctx, s->user, sizeof(s->user), BPF_F_USER_STACK);
	s->nuser = wl_stack_count(bytes);
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

/* The task has blocked in the middle of its response; it is the current one yet. */
static __noinline void wl_stack_blocks(struct wl_task *t, struct task_struct *task, __u64 now)
{
	struct wl_stack *s;
	long bytes;

	if (!wl_stack_late(t, now))
		return;
	s = wl_stack_begin(task, WL_STACK_CALLER, now);
	if (!s)
		return;
	wl_stack_caller(s, task);
	bytes = bpf_get_task_stack(task, s->user, sizeof(s->user), BPF_F_USER_STACK);
	s->nuser = wl_stack_count(bytes);
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

/* The task gets the CPU after a wait in the middle of its response; not the current one yet. */
static __noinline void wl_stack_waited(struct wl_task *t, struct task_struct *task, __u64 now)
{
	struct wl_stack_window *w = wl_stack_window();
	struct wl_stack *s;
	long bytes;

	if (!w || wl_sat(now, t->since) < WL_STACK_WAIT_NS || !wl_stack_late(t, now))
		return;
	w->owed = task->pid;
	s = wl_stack_begin(task, WL_STACK_WAITED, now);
	if (!s)
		return;
	wl_stack_caller(s, task);
	bytes = bpf_get_task_stack(task, s->kernel, sizeof(s->kernel), 0);
	s->nkernel = wl_stack_count(bytes);
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

/* A system call ends: if the task has waited in it, this is whose wait it was. */
static __noinline void wl_stack_returns(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_stack_window *w = wl_stack_window();
	struct wl_stack *s;
	long bytes;

	if (!w || !w->owed || w->owed != (__u32)task->pid)
		return;
	w->owed = 0;
	s = wl_stack_begin(task, WL_STACK_CALLER, bpf_ktime_get_ns());
	if (!s)
		return;
	wl_stack_caller(s, task);
	bytes = bpf_get_stack(ctx, s->user, sizeof(s->user), BPF_F_USER_STACK);
	s->nuser = wl_stack_count(bytes);
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

#endif
