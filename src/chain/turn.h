/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Busy servers: a thread that receives data from a socket after it has sent on one starts its next
 * response there (--until turn).
 *
 *   arrival A   receive A        send A          receive B          send B
 *   ----|------------|--------------|------tail-------|-----------------|------
 *       [   response to A           ]                                   |
 *            arrival B [ queued     | tail            |  response to B  ]
 *
 * The response to A ends at its last send: its client has its answer then, and has often sent its
 * next request before the thread comes to receive again. What the thread does between that send and
 * the next receive (the tail) delays B: B's path shows what it was where the thread was held up
 * (preempted, a disk, a lock), and `queued` where it was simply busy.
 */
#ifndef WL_CHAIN_TURN_H
#define WL_CHAIN_TURN_H

#include "kept.h"
#include "task.h"

/* Running time since the last send becomes part of what came before: that was not the last one. */
WL_INLINE void wl_turn_rejoin(struct wl_path *p)
{
	__u32 from = p->h.sent_seg, n = p->h.nseg;

	p->h.sent = 0;
	p->h.sent_seg = 0;
	if (n != from + 1 || from <= p->h.period_seg || from >= WL_PATH_SEGS)
		return;
	if (p->seg[from & WL_SEG_MASK].kind != p->seg[(from - 1) & WL_SEG_MASK].kind)
		return;
	p->seg[(from - 1) & WL_SEG_MASK].ns += p->seg[from & WL_SEG_MASK].ns;
	p->h.nseg = (__u8)from;
}

/* The current task has sent on a socket. */
WL_INLINE void wl_turn_send(struct wl_cpu *c, struct wl_task *t, __u64 now)
{
	struct wl_path *p = wl_task_cur(t);

	c->returned = 0;
	if (!p->h.id)
		return;
	wl_task_charge(c, t, 0, now);
	if (p->h.sent)
		wl_turn_rejoin(p);
	p->h.sent = p->h.last;
	p->h.sent_seg = p->h.nseg;
}

WL_INLINE int wl_turn_is_busy(__u8 kind)
{
	return kind == WL_SEG_RUNNING || kind == WL_SEG_INTERRUPTED;
}

/* Adds one stretch of the wait in the socket; adjacent stretches of being busy are one segment. */
WL_INLINE void wl_turn_add(struct wl_path *p, __u8 kind, __u64 ns, __u32 cpu,
			   const struct wl_who *who)
{
	struct wl_seg *prev = &p->seg[(p->h.nseg - 1) & WL_SEG_MASK];
	int busy = wl_turn_is_busy(kind);

	p->h.last += ns;
	if (busy && p->h.nseg && prev->kind == WL_SEG_QUEUED)
		prev->ns += ns;
	else
		wl_path_append(p, busy ? WL_SEG_QUEUED : kind, ns, cpu, who);
}

/*
 * The path of the next response up to its receive, in t->spare: the arrival's own segments are
 * there already; adds what the thread did since the arrival, as far as that was after its last
 * send.
 */
WL_GLOBAL int wl_turn_wait(struct wl_task *t, __u64 now, __u32 cpu)
{
	struct wl_path *p, *n;
	__u64 skip, wide;

	if (!t)
		return 0;
	p = &t->slot[t->cur & 1];
	n = &t->spare;
	wide = p->seg[0].pad * 0x0101010101010101ull; /* 0, see wl_path_side() */
	skip = wl_sat(n->h.last, p->h.sent);
	n->h.state = WL_SEG_QUEUED;
	wl_path_close(n, p->h.sent, cpu, 0);
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		const struct wl_seg *s = &p->seg[i];
		__u64 ns = wl_sat(s->ns, skip);

		if (i < p->h.sent_seg || i >= p->h.nseg)
			continue;
		skip = wl_sat(skip, s->ns) ^ wide;
		if (ns && n->h.last + ns <= now)
			wl_turn_add(n, s->kind, ns, s->cpu, &s->who);
	}
	if (now > n->h.last)
		wl_turn_add(n, WL_SEG_RUNNING, now - n->h.last, cpu, 0);
	return 0;
}

/* The arrival becomes the stimulus of a response of this thread's process. */
WL_INLINE void wl_turn_arrival(const struct wl_chain_config *cfg, struct wl_path *n, __u32 tgid)
{
	if (n->h.owner && n->h.owner != tgid && !cfg->follow_all && n->h.left)
		wl_path_copy_left(n, n);
	n->h.owner = tgid;
	n->h.left = 0;
	n->h.left_seg = 0;
	n->h.sent = 0;
	n->h.sent_seg = 0;
	n->h.merged = 0;
}

/* When the arrival began for this process. */
WL_INLINE __u64 wl_turn_start(const struct wl_chain_config *cfg, const struct wl_path *n,
			      __u32 tgid)
{
	if (n->h.owner && n->h.owner != tgid && !cfg->follow_all && n->h.left)
		return n->h.left;
	return n->h.start;
}

/* Not the first data of this response, and they came after its stimulus: another request is in it.
 */
WL_INLINE void wl_turn_merge(const struct wl_chain_config *cfg, struct wl_cpu *c, struct wl_task *t,
			     __u32 tgid, int kept)
{
	struct wl_path *p = wl_task_cur(t);

	if (kept && t->received && wl_turn_start(cfg, &t->spare, tgid) > p->h.start &&
	    p->h.merged < 255) {
		p->h.merged++;
		wl_count_any(c, WL_CNT_MERGED);
	}
	t->received = 1;
}

/*
 * The current task has received data from a socket. kept: the host has taken its arrival to
 * t->spare (wl_kept_take()). Returns WL_END_TURN if its response has ended; the host then reports
 * wl_task_cur(t), and calls wl_turn_next(). An arrival that was not kept begins at the receive.
 */
WL_INLINE __u8 wl_turn_receive(const struct wl_chain_config *cfg, struct wl_cpu *c,
			       struct wl_task *t, int kept, __u32 tgid, __u64 now)
{
	struct wl_path *p = wl_task_cur(t), *n = &t->spare;
	int turn = p->h.sent && cfg->until == WL_UNTIL_TURN;

	c->returned = 0;
	/* what had arrived before the thread went to sleep at home was not there to be received */
	kept = kept && n->h.last >= t->home_at;
	if (!p->h.id)
		return WL_END_NONE;
	if (!turn) {
		wl_turn_merge(cfg, c, t, tgid, kept);
		return WL_END_NONE;
	}
	wl_task_charge(c, t, 0, now);
	t->flags |= WL_TASK_TURNS;
	if (!kept) {
		wl_count_any(c, WL_CNT_KEPT_MISSING);
		wl_path_begin(n, now, c->cpu, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_QUEUED);
	}
	wl_turn_arrival(cfg, n, tgid);
	wl_turn_wait(t, now, c->cpu);
	p->h.nseg = p->h.sent_seg;
	p->h.last = p->h.sent;
	return WL_END_TURN;
}

/* The next response goes on running. */
WL_INLINE void wl_turn_next(struct wl_task *t)
{
	struct wl_path *p = wl_task_cur(t);

	t->finished = p->h.id;
	wl_path_copy(p, &t->spare);
	p->h.state = WL_SEG_RUNNING;
	p->h.period_seg = p->h.nseg;
	t->received = 1;
}

#endif
