/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An hrtimer expires: a stimulus of its own, at the time it was programmed for. In an interrupt it
 * is a sub-frame of that. On PREEMPT_RT most timers expire in a softirq, which belongs to the task
 * that runs it and is preempted with it: there the timer's chain takes the place of the softirq's,
 * and what came between the expiry and the handler is told by the softirq's own segments.
 */
#ifndef WL_CHAIN_TIMER_H
#define WL_CHAIN_TIMER_H

#include "softirq.h"

struct wl_expiry {
	__u64 soft, hard; /* programmed and latest allowed, on the monotonic clock */
	__u16 clock;
};

/* The chain of what is due since its expiry, up to `to`. */
WL_INLINE void wl_expiry_begin(struct wl_path *p, const struct wl_expiry *x, __u32 cpu, __u64 to)
{
	__u64 soft = !x->soft || x->soft > to ? to : x->soft;

	wl_path_begin(p, soft, cpu, WL_STIM_TIMER, x->clock, WL_SEG_TIMER_SLACK);
	wl_path_close(p, x->hard < to ? x->hard : to, cpu, 0);
	p->h.state = WL_SEG_TIMER_DELAY;
}

WL_INLINE int wl_timer_in_softirq(const struct wl_chain_config *cfg, const struct wl_cpu *c,
				  const struct wl_task *t)
{
	return cfg->rt && t && t->soft_on && !c->depth;
}

/* The frame is only the room to build it in. */
WL_INLINE void wl_timer_enter_soft(struct wl_cpu *c, struct wl_task *t, const struct wl_expiry *x,
				   __u64 now)
{
	struct wl_frame *f = wl_frame_push(c, WL_FRAME_TIMER, x->clock, now);
	struct wl_path *p = &t->spare;
	__u64 from;

	if (!f)
		return;
	wl_path_close(p, now, c->cpu, &c->run.who);
	wl_expiry_begin(&f->p, x, c->cpu, now);
	from = f->p.h.last;
	if (p->h.start > from)
		wl_path_close(&f->p, p->h.start, c->cpu, 0);
	wl_path_add_since(&f->p, p, from);
	wl_path_copy(p, &f->p);
	p->h.state = WL_SEG_SOFTIRQ;
	wl_frame_pop(c, WL_FRAME_TIMER, now);
}

/* t: state of the current task, needed on PREEMPT_RT only, else 0. */
WL_INLINE void wl_timer_enter(const struct wl_chain_config *cfg, struct wl_cpu *c,
			      struct wl_task *t, const struct wl_expiry *x, __u64 now)
{
	struct wl_frame *f;

	if (wl_timer_in_softirq(cfg, c, t)) {
		wl_timer_enter_soft(c, t, x, now);
		return;
	}
	wl_frame_drop_timer(c);
	f = wl_frame_push(c, WL_FRAME_TIMER, x->clock, now);
	if (!f)
		return;
	wl_expiry_begin(&f->p, x, c->cpu, now);
	wl_path_close(&f->p, now, c->cpu, 0);
	f->p.h.state = WL_SEG_IRQ;
}

/*
 * Does a timer's end need the time? A soft timer's on PREEMPT_RT is a begin: the softirq goes on
 * with the next one from there.
 */
WL_INLINE int wl_timer_exit_timed(const struct wl_chain_config *cfg, const struct wl_cpu *c)
{
	return cfg->rt || wl_frame_pop_timed(c);
}

WL_INLINE void wl_timer_exit(const struct wl_chain_config *cfg, struct wl_cpu *c, struct wl_task *t,
			     __u64 now)
{
	if (wl_timer_in_softirq(cfg, c, t))
		wl_path_begin(&t->spare, now, c->cpu, WL_STIM_SOFTIRQ, t->soft_nr, WL_SEG_SOFTIRQ);
	else
		wl_frame_pop(c, WL_FRAME_TIMER, now);
}

#endif
