/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Softirqs: raised with a chain, run later, on mainline by the CPU, on PREEMPT_RT by a task.
 *
 * A pending slot is filled by softirq_raise (interrupts off) and taken by softirq_entry (interrupts
 * on): an interrupt may raise the same vector while it is being taken. It then finds the slot FULL
 * (the older raise wins) or BUSY (its raise is dropped and counted; that softirq starts at its
 * entry).
 */
#ifndef WL_CHAIN_SOFTIRQ_H
#define WL_CHAIN_SOFTIRQ_H

#include "branch.h"
#include "holder.h"

/* Is a raise of this vector news? */
WL_INLINE int wl_softirq_wants(struct wl_cpu *c, __u32 vec)
{
	__u32 state = c->pending[vec & 15].state;

	c->returned = 0;
	if (state == WL_SLOT_BUSY)
		wl_count_any(c, WL_CNT_PENDING_DROPPED);
	return state == WL_SLOT_EMPTY;
}

/*
 * Does a line's thread raise once more what it has raised since it was woken? Its interrupt came
 * again meanwhile, which wakes nobody.
 */
WL_INLINE int wl_softirq_is_again(struct wl_task *t, __u32 vec)
{
	__u16 bit = (__u16)(1u << (vec & 15));
	int again = (t->raised & bit) != 0;

	t->raised |= bit;
	return again && t->line;
}

/* A raise that wl_softirq_wants(). t: the current task's state, or 0, as for the giver. */
WL_INLINE void wl_softirq_raise(const struct wl_chain_config *cfg, struct wl_cpu *c,
				struct wl_task *t, __u32 vec, struct wl_giver *g, __u64 now)
{
	struct wl_pending *s = &c->pending[vec & 15];

	/* raised from inside itself, or again: the next round is new work */
	if (g->kind == WL_STIM_SOFTIRQ && g->nr == vec)
		g->p = 0;
	else if (t && !g->in_frame && wl_softirq_is_again(t, vec))
		g->p = 0;
	g->kind = WL_STIM_SOFTIRQ;
	g->nr = (__u16)vec;
	wl_branch_pass(cfg, &s->p, g, WL_SEG_SOFTIRQ_DELAY, now, c);
	s->own_tid = g->in_frame ? 0 : g->tid;
	s->state = WL_SLOT_FULL;
	c->pending_mask |= 1u << (vec & 15);
}

/*
 * First at softirq_entry, before its time is read: from here on raises belong to the next round.
 * 0: nothing was pending.
 */
WL_INLINE int wl_softirq_claim(struct wl_cpu *c, __u32 vec)
{
	return wl_cas(&c->pending[vec & 15].state, WL_SLOT_FULL, WL_SLOT_BUSY);
}

/*
 * Closes the wait since the raise. Who held the CPU until a thread came to run the softirq is
 * named; a task that it runs on top of has not held it up.
 */
WL_INLINE void wl_softirq_close_delay(struct wl_cpu *c, struct wl_path *p, __u64 now)
{
	struct wl_who who;

	__builtin_memset(&who, 0, sizeof(who));
	if (wl_sat(now, p->h.last) >= WL_LONG_RUN_NS)
		wl_holder_find(c, 0, &who, p->h.last, now);
	if (who.ctx == WL_WHO_IDLE || (who.ctx == WL_WHO_TASK && who.tid == c->run.who.tid))
		__builtin_memset(&who, 0, sizeof(who));
	wl_path_close(p, now, c->cpu, &who);
}

/*
 * The chain that was claimed becomes the running softirq's; without one it starts here. Returns the
 * task that raised it for itself, or 0.
 */
WL_GLOBAL int wl_softirq_take(struct wl_cpu *c, __u32 vec, struct wl_path *dst, int claimed,
			      __u64 now)
{
	struct wl_pending *s;
	int own_tid = 0;

	if (!c || !dst)
		return 0;
	s = &c->pending[vec & 15];
	if (claimed) {
		wl_path_copy(dst, &s->p);
		own_tid = (int)s->own_tid;
		wl_publish(&s->state, WL_SLOT_EMPTY);
		c->pending_mask &= ~(1u << (vec & 15));
		wl_softirq_close_delay(c, dst, now);
		dst->h.state = WL_SEG_SOFTIRQ;
	} else {
		wl_path_begin(dst, now, c->cpu, WL_STIM_SOFTIRQ, (__u16)vec, WL_SEG_SOFTIRQ);
	}
	return own_tid;
}

/* There is nothing to hold what was claimed. */
WL_INLINE void wl_softirq_forget(struct wl_cpu *c, __u32 vec, int claimed)
{
	if (!claimed)
		return;
	wl_publish(&c->pending[vec & 15].state, WL_SLOT_EMPTY);
	c->pending_mask &= ~(1u << (vec & 15));
	wl_count_any(c, WL_CNT_PENDING_DROPPED);
}

/* t: state of the current task, needed on PREEMPT_RT only, else 0. */
WL_INLINE void wl_softirq_enter(const struct wl_chain_config *cfg, struct wl_cpu *c,
				struct wl_task *t, __u32 vec, int claimed, __u64 now)
{
	struct wl_frame *f;
	__u32 own_tid;

	if (cfg->rt) {
		c->returned = 0;
		if (!t) {
			wl_softirq_forget(c, vec, claimed);
			return;
		}
		wl_softirq_take(c, vec, &t->spare, claimed, now);
		t->soft_nr = (__u16)vec;
		t->soft_on = 1;
		return;
	}
	f = wl_frame_push(c, WL_FRAME_SOFTIRQ, (__u16)vec, now);
	if (!f) {
		wl_softirq_forget(c, vec, claimed);
		wl_cpu_count_from(c, now);
		return;
	}
	own_tid = (__u32)wl_softirq_take(c, vec, &f->p, claimed, now);
	f->own = own_tid && own_tid == c->run.who.tid;
	if (!f->own)
		wl_cpu_count_from(c, now);
}

WL_INLINE void wl_softirq_exit(const struct wl_chain_config *cfg, struct wl_cpu *c,
			       struct wl_task *t, __u64 now)
{
	if (cfg->rt) {
		if (t)
			t->soft_on = 0;
		return;
	}
	wl_frame_pop(c, WL_FRAME_SOFTIRQ, now);
}

/*
 * A CPU that goes idle has no pending softirq; a chain that says so was raised and never run. Not
 * so on PREEMPT_RT: its thread may be waiting for a lock.
 */
WL_INLINE void wl_softirq_drop(struct wl_cpu *c)
{
	if (!c->pending_mask)
		return;
	for (__u32 v = 0; v < WL_NR_SOFTIRQS; v++) {
		if (c->pending[v].state != WL_SLOT_FULL)
			continue;
		c->pending[v].state = WL_SLOT_EMPTY;
		wl_count(c, WL_CNT_PENDING_DROPPED);
	}
	c->pending_mask = 0;
}

#endif
