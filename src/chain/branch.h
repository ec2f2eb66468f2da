/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hand-offs: a context gives a branch of its chain to a softirq, a task, a work item, a socket or a
 * call on another CPU. The giver's chain goes on unchanged.
 *
 * A chain carries its owner, the process of the last user task in it. When a user task hands work
 * to something that is not a user task, the place is marked (left): if the chain reaches another
 * process from there, that process's response begins at the mark, so that it does not include the
 * other's thinking.
 */
#ifndef WL_CHAIN_BRANCH_H
#define WL_CHAIN_BRANCH_H

#include "context.h"

/* The giver: a context with or without a chain. */
struct wl_giver {
	struct wl_path *p;       /* 0: it has none */
	__u32 in_frame;          /* an interrupt or softirq, not a task */
	__u32 user;              /* a user task */
	__u32 tid;               /* of the current task, if not in_frame */
	const struct wl_who *by; /* PREEMPT_RT: the task that runs this softirq, else 0 */
	__u8 kind;               /* stimulus kind and number of a chain that starts here and now */
	__u8 pad;
	__u16 nr;
};

/* Moves the chain's open segment up to now; running time of a task is charged by its own rules. */
WL_INLINE void wl_branch_charge(struct wl_path *dst, __u8 state, __u64 now, __u32 cpu,
				const struct wl_who *by)
{
	wl_path_close(dst, now, cpu, by);
	dst->h.state = state;
	dst->h.period_seg = 0;
	dst->h.sent_seg = 0;
	dst->h.sent = 0;
	dst->h.merged = 0;
}

/* A chain that starts here. */
WL_INLINE void wl_branch_fresh(struct wl_path *dst, const struct wl_giver *g, __u8 state, __u64 now,
			       __u32 cpu)
{
	wl_path_begin(dst, now, cpu, g->kind, g->nr, state);
	if (g->kind == WL_STIM_WAKEUP && !g->in_frame)
		dst->h.stim_tid = g->tid;
}

/*
 * Gives to something that is not a user task: a pending softirq, a link, a work item, a socket.
 * left_kind, left_nr: the stimulus that this hand-off is for another process.
 * The giver's own running time must have been charged up to now.
 */
WL_INLINE void wl_branch_pass(const struct wl_chain_config *cfg, struct wl_path *dst,
			      const struct wl_giver *g, __u8 state, __u64 now, struct wl_cpu *c)
{
	if (!g->p || g->p->h.hops >= cfg->max_hops) {
		if (g->p)
			wl_count_any(c, WL_CNT_HOPS);
		wl_branch_fresh(dst, g, state, now, c->cpu);
		return;
	}
	wl_path_copy(dst, g->p);
	wl_branch_charge(dst, state, now, c->cpu, g->by);
	dst->h.hops++;
	if (!g->user)
		return;
	dst->h.left = dst->h.last;
	dst->h.left_seg = dst->h.nseg;
	dst->h.left_kind = g->kind;
	dst->h.left_nr = g->nr;
}

/* Has the wakee finished its part in this chain, or will it have when it takes the wake-up? */
WL_INLINE int wl_branch_is_back(const struct wl_task *t, __u64 id)
{
	return id == t->finished || id == t->slot[t->cur & 1].h.id;
}

/* What a user task of process tgid gets. */
WL_INLINE void wl_branch_deliver(const struct wl_chain_config *cfg, struct wl_path *dst,
				 const struct wl_giver *g, __u32 tgid, const struct wl_task *t,
				 __u64 now, struct wl_cpu *c)
{
	const struct wl_path *src = g->p;

	if (src && src->h.owner && src->h.owner != tgid && !cfg->follow_all) {
		if (src->h.left && !wl_branch_is_back(t, wl_chain_id(src->h.left, src->h.stim_cpu)))
			wl_path_copy_left(dst, src);
		else
			src = 0;
	} else if (src && src->h.hops >= cfg->max_hops) {
		wl_count_any(c, WL_CNT_HOPS);
		src = 0;
	} else if (src && (cfg->follow_all || !wl_branch_is_back(t, src->h.id))) {
		wl_path_copy(dst, src);
		dst->h.left = 0;
		dst->h.left_seg = 0;
	} else {
		src = 0;
	}
	if (src) {
		wl_branch_charge(dst, WL_SEG_WAKEUP, now, c->cpu, g->by);
		dst->h.hops++;
	} else {
		wl_branch_fresh(dst, g, WL_SEG_WAKEUP, now, c->cpu);
	}
	dst->h.owner = tgid;
}

#endif
