/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Whose work is being done right now? Each CPU has a stack of contexts; the innermost one answers,
 * else the task. Time that interrupts spend on top of a task is summed per CPU here as well.
 */
#ifndef WL_CHAIN_CONTEXT_H
#define WL_CHAIN_CONTEXT_H

#include "path.h"

#define WL_FRAME_MASK (WL_FRAMES - 1)

WL_INLINE struct wl_frame *wl_cpu_top(struct wl_cpu *c)
{
	return &c->frames[(c->depth - 1) & WL_FRAME_MASK];
}

/* Begins a context. Beyond WL_FRAMES the depth is kept, the data of the deepest are not. */
WL_INLINE struct wl_frame *wl_frame_push(struct wl_cpu *c, __u8 kind, __u16 nr, __u64 now)
{
	struct wl_frame *f;

	c->returned = 0;
	if (c->depth >= WL_FRAMES) {
		wl_count_any(c, WL_CNT_FRAMES);
		c->depth++;
		return 0;
	}
	c->depth++;
	f = wl_cpu_top(c);
	f->kind = kind;
	f->nr = nr;
	f->since = now;
	f->thread = 0;
	f->own = 0;
	return f;
}

/*
 * Some programs run with interrupts on: interrupts may come after a program has read its clock and
 * before it has changed the state (several, if the host had stopped us there). How long such late
 * ones took is told by their time stamps, so that they belong to the stretch after ours, as they do
 * in the order of the clock.
 */
WL_INLINE int wl_cpu_has_late(const struct wl_cpu *c, __u64 now)
{
	return c->late[(c->late_next - 1) & (WL_INTERRUPTIONS - 1)].since >= now;
}

WL_GLOBAL __u64 wl_cpu_sum_late(const struct wl_cpu *c, __u64 nested, __u64 now)
{
	__u64 ns = 0;

	if (!c)
		return 0;
	for (__u32 i = 0; i < WL_INTERRUPTIONS; i++)
		ns += c->late[i].since >= now && c->late[i].nested == nested ? c->late[i].ns : 0;
	return ns;
}

WL_INLINE __u64 wl_cpu_late_ns(const struct wl_cpu *c, __u64 nested, __u64 now)
{
	return wl_cpu_has_late(c, now) ? wl_cpu_sum_late(c, nested, now) : 0;
}

WL_INLINE void wl_cpu_remember(struct wl_cpu *c, __u64 since, __u64 ns, __u64 nested)
{
	struct wl_interruption *late = &c->late[c->late_next & (WL_INTERRUPTIONS - 1)];

	late->since = since;
	late->ns = ns;
	late->nested = nested;
	c->late_next++;
}

/* Interrupted time of this CPU up to now; read first: what comes after that is seen to be late. */
WL_INLINE __u64 wl_cpu_irq_ns(const struct wl_cpu *c, __u64 now)
{
	__u64 ns = *(const volatile __u64 *)&c->irq_ns, late;

	if (c->counting || !wl_cpu_has_late(c, now))
		return ns;
	late = wl_cpu_late_ns(c, 0, now);
	return *(const volatile __u64 *)&c->irq_ns - late;
}

/*
 * Time on top of a task counts from the outermost frame that is not the task's own softirq. From
 * where counting is set, interrupts are nested in it.
 */
WL_INLINE void wl_cpu_count_from(struct wl_cpu *c, __u64 now)
{
	if (c->counting)
		return;
	c->irq_since = now;
	*(volatile __u32 *)&c->counting = c->depth;
	c->irq_ns -= wl_cpu_late_ns(c, 0, now); /* it is part of what counts from here */
}

WL_INLINE void wl_cpu_count_until(struct wl_cpu *c, const struct wl_frame *f, __u64 now)
{
	__u64 since = c->irq_since, ns = wl_sat(now, since);

	if (c->counting != c->depth) {
		if (c->counting && c->depth == c->counting + 1)
			wl_cpu_remember(c, f->since, wl_sat(now, f->since), 1);
		return;
	}
	*(volatile __u32 *)&c->counting = 0;
	/* late ones, up to there, were on top of what had ended by the clock */
	c->irq_ns += ns + wl_cpu_late_ns(c, 1, now);
	wl_cpu_remember(c, since, ns, 0);
	if (ns < c->irq_big_ns)
		return;
	c->irq_big_ns = ns;
	c->irq_big_until = now;
	c->irq_big_nr = f->nr;
	c->irq_big_ctx = f->kind == WL_FRAME_SOFTIRQ ? WL_WHO_SOFTIRQ : WL_WHO_IRQ;
}

/* Does the end of the innermost context need the time? Otherwise the host need not read its clock.
 */
WL_INLINE int wl_frame_pop_timed(const struct wl_cpu *c)
{
	return c->counting && c->counting == c->depth;
}

/*
 * The kernel runs no program inside of itself, so the end of a timer may be missed: an interrupt's,
 * while the program was at the end of a soft one. Its frame ends with what it is in.
 */
WL_INLINE void wl_frame_drop_timer(struct wl_cpu *c)
{
	if (!c->depth || c->depth > WL_FRAMES || wl_cpu_top(c)->kind != WL_FRAME_TIMER)
		return;
	wl_count_any(c, WL_CNT_RESYNC);
	c->depth--;
}

/*
 * Ends a context. An exit whose entry was not seen (we attached inside of it) finds another kind on
 * top, or nothing, and is ignored.
 */
WL_INLINE int wl_frame_pop(struct wl_cpu *c, __u8 kind, __u64 now)
{
	struct wl_frame *f;

	c->returned = 0;
	if (kind != WL_FRAME_TIMER)
		wl_frame_drop_timer(c);
	f = wl_cpu_top(c);
	if (!c->depth)
		return 0;
	if (c->depth <= WL_FRAMES && f->kind != kind) {
		wl_count_any(c, WL_CNT_RESYNC);
		return 0;
	}
	wl_cpu_count_until(c, f, now);
	c->depth--;
	return 1;
}

/* A hard interrupt. thread: the task_struct of the line's own thread, 0 if it has none. */
WL_INLINE void wl_irq_enter(struct wl_cpu *c, __u16 nr, __u64 thread, __u64 now)
{
	struct wl_frame *f = wl_frame_push(c, WL_FRAME_IRQ, nr, now);

	wl_cpu_count_from(c, now);
	if (!f)
		return;
	f->thread = thread;
	wl_path_begin(&f->p, now, c->cpu, WL_STIM_IRQ, nr, WL_SEG_IRQ);
}

/*
 * The kernel wakes a line's thread after irq_handler_exit: until anything else happens, the frame
 * that has returned may still do that.
 */
WL_INLINE void wl_irq_exit(struct wl_cpu *c, __u64 now)
{
	if (wl_frame_pop(c, WL_FRAME_IRQ, now) && c->depth < WL_FRAMES)
		c->returned = c->frames[c->depth & WL_FRAME_MASK].thread != 0;
}

/* Is work of a frame being done, or of the task? */
WL_INLINE int wl_cpu_in_frame(const struct wl_cpu *c)
{
	return c->depth > 0;
}

WL_INLINE struct wl_path *wl_frame_path(struct wl_cpu *c)
{
	struct wl_frame *f = wl_cpu_top(c);

	return c->depth <= WL_FRAMES && f->p.h.id ? &f->p : 0;
}

/* Who is doing it, for people: the frame, with the task below it if it is that task's own doing. */
WL_INLINE void wl_cpu_who(struct wl_cpu *c, struct wl_who *who)
{
	struct wl_frame *f = wl_cpu_top(c);

	*who = c->run.who;
	if (!c->depth || c->depth > WL_FRAMES)
		return;
	if (!f->own) {
		who->tid = 0;
		who->tgid = 0;
	}
	who->nr = f->nr;
	who->ctx = f->kind == WL_FRAME_SOFTIRQ ? WL_WHO_SOFTIRQ
		   : f->kind == WL_FRAME_TIMER ? WL_WHO_TIMER
					       : WL_WHO_IRQ;
}

#endif
