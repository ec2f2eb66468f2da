/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The state machine: one function per event. Plain C without helpers, allocation or unbounded
 * loops, compiled into the BPF object and into user space; the host looks up the state, hands in
 * what the event says, and reports what ends. docs/design.md tells how a chain travels.
 */
#ifndef WL_CHAIN_CHAIN_H
#define WL_CHAIN_CHAIN_H

#include "turn.h"

/*
 * The giver in the present context. t: the current task's state, or 0; only looked at in task
 * context. A task's running time is charged, so that the branch has it.
 */
WL_INLINE void wl_giver_now(const struct wl_chain_config *cfg, struct wl_cpu *c, struct wl_task *t,
			    struct wl_giver *g, __u64 now)
{
	struct wl_frame *f = wl_cpu_top(c);

	__builtin_memset(g, 0, sizeof(*g));
	g->kind = WL_STIM_WAKEUP;
	if (wl_cpu_in_frame(c)) {
		g->in_frame = 1;
		g->p = wl_frame_path(c);
		if (c->depth <= WL_FRAMES && f->kind == WL_FRAME_SOFTIRQ) {
			g->kind = WL_STIM_SOFTIRQ;
			g->nr = f->nr;
		}
		return;
	}
	if (cfg->rt && t && t->soft_on) {
		g->in_frame = 1;
		g->p = &t->spare;
		g->by = &c->run.who;
		g->kind = WL_STIM_SOFTIRQ;
		g->nr = t->soft_nr;
		return;
	}
	g->tid = c->run.who.tid;
	if (!t || !wl_task_cur(t)->h.id)
		return;
	g->p = wl_task_cur(t);
	wl_task_charge(c, t, 0, now);
	g->user = !(t->flags & WL_TASK_LINK);
	/* what it receives from here on may be the next item, for others to mark; see mark.h */
	if (cfg->until == WL_UNTIL_MARK && t->received == 1)
		t->received = 0;
}

/* Is this the wake-up of an interrupt line's own thread by the frame that has just returned? */
WL_INLINE int wl_wake_is_threaded(struct wl_cpu *c, __u64 wakee)
{
	struct wl_frame *f = &c->frames[c->depth & (WL_FRAMES - 1)];
	int is = c->returned && c->depth < WL_FRAMES && f->thread == wakee;

	c->returned = 0;
	return is;
}

/*
 * sched_waking. Returns the number of the wakee's step, WL_NO_STEP if it took none. t: the wakee's
 * state; cur: the current task's (0 allowed, see wl_giver_now); wakee: its task_struct, compared
 * only; wait_cpu: where it last ran. Softirq threads take no chain, and nothing is charged for
 * them: they are woken at the end of interrupts that look like the task's own doing, perhaps in the
 * middle of another program that charges it.
 */
WL_INLINE __u32 wl_event_waking(const struct wl_chain_config *cfg, struct wl_cpu *c,
				struct wl_task *t, struct wl_task *cur, __u64 wakee, __u32 tgid,
				__u16 wait_cpu, int throttled, __u64 now)
{
	int threaded = wl_wake_is_threaded(c, wakee);
	struct wl_giver g;

	__builtin_memset(&g, 0, sizeof(g));
	if (threaded) {
		g.in_frame = 1;
		g.kind = WL_STIM_IRQ;
		g.p = &c->frames[c->depth & (WL_FRAMES - 1)].p;
	} else if (!(t->flags & WL_TASK_SOFTIRQD)) {
		wl_giver_now(cfg, c, cur, &g, now);
	}
	if (!wl_wake_open(c, t, now, wait_cpu))
		return WL_NO_STEP;
	if (threaded) {
		__builtin_memset(&t->waker, 0, sizeof(t->waker));
		t->waker.ctx = WL_WHO_IRQ;
		t->waker.nr = c->frames[c->depth & (WL_FRAMES - 1)].nr;
		t->line = 1;
	}
	t->wake_throttled = throttled != 0;
	if (!t->bare)
		wl_wake_branch(cfg, c, t, &g, tgid, now);
	return wl_wake_close(t);
}

/* sched_process_fork: the child, which is not asleep anywhere yet, begins with a branch of its
 * parent's. */
WL_INLINE void wl_event_fork(const struct wl_chain_config *cfg, struct wl_cpu *c,
			     struct wl_task *child, struct wl_task *parent, __u32 tgid, __u64 now)
{
	struct wl_giver g;

	c->returned = 0;
	child->status = WL_TASK_BLOCKED;
	if (child->flags & WL_TASK_SOFTIRQD)
		return;
	wl_giver_now(cfg, c, parent, &g, now);
	if (!wl_wake_open(c, child, now, (__u16)c->cpu))
		return;
	if (child->flags & WL_TASK_LINK) {
		wl_branch_pass(cfg, wl_task_other(child), &g, WL_SEG_WAKEUP, now, c);
	} else if (g.p && g.p->h.hops < cfg->max_hops) {
		/* no process boundary: the child goes on with its parent's work */
		wl_path_copy(wl_task_other(child), g.p);
		wl_branch_charge(wl_task_other(child), WL_SEG_WAKEUP, now, c->cpu, g.by);
		wl_task_other(child)->h.owner = tgid;
		wl_task_other(child)->h.left = 0;
		wl_task_other(child)->h.left_seg = 0;
		wl_task_other(child)->h.hops++;
	} else {
		wl_branch_fresh(wl_task_other(child), &g, WL_SEG_WAKEUP, now, c->cpu);
		wl_task_other(child)->h.owner = tgid;
	}
	wl_wake_close(child);
}

/* sched_process_exec: the work goes on, the places where the old program waited do not. */
WL_INLINE void wl_event_exec(struct wl_task *t)
{
	t->nhomes = 0;
	t->flags &= ~WL_TASK_TURNS;
	t->agg = 0;
	t->checked = 0;
}

/*
 * A chain is left in a place: with a socket (sk_data_ready), a work item (queue_work), a call
 * (csd_queue_cpu). The set is locked. fresh: replace what is there; otherwise the first one that
 * nobody took wins.
 */
WL_INLINE void wl_event_keep(const struct wl_chain_config *cfg, struct wl_cpu *c,
			     struct wl_task *cur, struct wl_kept_set *set, __u64 key, __u8 state,
			     int fresh, __u64 now)
{
	struct wl_kept *k = wl_kept_open(set, c, key, fresh, now);
	struct wl_giver g;

	c->returned = 0;
	if (!k)
		return;
	wl_giver_now(cfg, c, cur, &g, now);
	wl_branch_pass(cfg, &k->p, &g, state, now, c);
}

/*
 * Data for a socket that a task was using: the protocol handled it for that task, in its context.
 * It did not come from that task: a stimulus of its own, of the softirq that had brought it. The
 * set is locked.
 */
WL_INLINE void wl_event_backlog(const struct wl_chain_config *cfg, struct wl_cpu *c,
				struct wl_kept_set *set, __u64 key, __u64 now)
{
	struct wl_kept *k = wl_kept_open(set, c, key, 0, now);

	c->returned = 0;
	if (!k)
		return;
	wl_path_begin(&k->p, now, c->cpu, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_QUEUED);
}

/*
 * workqueue_execute_start: the item's chain is this worker's until the item is done. set: locked,
 * or 0 if it could not be.
 */
WL_INLINE void wl_event_work_start(struct wl_cpu *c, struct wl_task *t, struct wl_kept_set *set,
				   __u64 key, __u64 now)
{
	struct wl_path *p = wl_task_cur(t);

	c->returned = 0;
	if (!set || !wl_kept_take(set, key, p)) {
		p->h.id = 0;
		return;
	}
	p->h.state = WL_SEG_WORK_DELAY;
	wl_path_close(p, now, c->cpu, 0);
	p->h.state = WL_SEG_RUNNING;
	p->h.period_seg = p->h.nseg;
	t->irq_base = wl_cpu_irq_ns(c, now);
}

WL_INLINE void wl_event_work_end(struct wl_cpu *c, struct wl_task *t)
{
	c->returned = 0;
	wl_task_finish(t);
}

/* csd_function_entry: work that another CPU asked for, inside an IPI. set: as above. */
WL_INLINE void wl_event_call_enter(struct wl_cpu *c, struct wl_kept_set *set, __u64 key, __u64 now)
{
	struct wl_frame *f =
		wl_frame_push(c, WL_FRAME_CALL, WL_VEC_BASE + WL_VEC_CALL_FUNCTION_SINGLE, now);

	if (!f)
		return;
	if (!set || !wl_kept_take(set, key, &f->p)) {
		wl_path_begin(&f->p, now, c->cpu, WL_STIM_IRQ, f->nr, WL_SEG_IRQ);
		return;
	}
	/* the IPI on its way is the delay of an interrupt */
	f->p.h.state = WL_SEG_IRQ;
	wl_path_close(&f->p, now, c->cpu, 0);
}

WL_INLINE void wl_event_call_exit(struct wl_cpu *c, __u64 now)
{
	wl_frame_pop(c, WL_FRAME_CALL, now);
}

/* mm_vmscan_direct_reclaim_begin and _end (also of a memory cgroup), by the current task. */
WL_INLINE void wl_event_reclaim(struct wl_cpu *c, struct wl_task *t, int begin, __u64 now)
{
	c->returned = 0;
	wl_task_charge(c, t, 0, now);
	t->reclaim = begin != 0;
}

/* nmi_handler, at its end: it ran for ns on top of whatever there was. */
WL_INLINE void wl_event_nmi(struct wl_cpu *c, __u64 ns)
{
	if (!c->counting)
		c->irq_ns += ns;
}

#endif
