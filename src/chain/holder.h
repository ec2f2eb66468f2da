/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who held the CPU while a task waited for it? The present run and the last long ones of the CPU
 * are remembered; the one with the most time inside the wait is the culprit, but only if it, or all
 * that we remember together, explains most of the wait: nobody is named for what we did not see.
 */
#ifndef WL_CHAIN_HOLDER_H
#define WL_CHAIN_HOLDER_H

#include "context.h"

/*
 * Of the task on a CPU only ids and ctx are always known; the host fills in the rest when a switch
 * or wake-up may need it, so that the others don't pay for it. A culprit on another CPU may have no
 * name then: user space asks for it.
 */
WL_INLINE int wl_run_is_named(const struct wl_run *r)
{
	return r->who.comm[0] != 0;
}

WL_INLINE int wl_run_is_long(const struct wl_run *r, __u64 now)
{
	return r->start && wl_sat(now, r->start) >= WL_LONG_RUN_NS;
}

WL_INLINE void wl_run_begin(struct wl_run *r, __u32 tid, __u32 tgid, __u64 now)
{
	r->start = now;
	r->who.tid = tid;
	r->who.tgid = tgid;
	r->who.comm[0] = 0;
	r->who.policy = 0;
	r->who.prio = 0;
	r->who.flags = 0;
	r->who.ctx = tid ? WL_WHO_TASK : WL_WHO_IDLE;
}

WL_INLINE __u64 wl_overlap(__u64 a0, __u64 a1, __u64 b0, __u64 b1)
{
	return wl_sat(a1 < b1 ? a1 : b1, a0 > b0 ? a0 : b0);
}

WL_INLINE int wl_who_is_same(const struct wl_who *a, const struct wl_who *b)
{
	return a->tid == b->tid && a->ctx == b->ctx && (a->tid || a->nr == b->nr);
}

WL_INLINE void wl_holder_try(struct wl_holder *h, const struct wl_run *r, __u64 from, __u64 to)
{
	__u64 ns = r->start ? wl_overlap(r->start, r->end ? r->end : to, from, to) : 0;

	if (!ns)
		return;
	if (r->who.ctx == WL_WHO_IDLE) {
		h->idle += ns;
		return;
	}
	h->all += ns;
	if (wl_who_is_same(&h->who, &r->who) && h->best) {
		h->best += ns;
	} else if (ns > h->best) {
		h->who = r->who;
		h->best = ns;
	}
}

/*
 * Interrupts on top of the run that ends now; they are the culprit if they filled most of the wait.
 * The longest has to lie in it: a run may be much older than the wait.
 */
WL_INLINE int wl_holder_irq(struct wl_cpu *c, struct wl_who *who, __u64 from, __u64 wait)
{
	__u64 ns = wl_sat(c->irq_ns, c->irq_at_switch);
	__u64 big = wl_sat(c->irq_big_until, from);

	big = big < c->irq_big_ns ? big : c->irq_big_ns;
	if (ns * 2 < wait || big * 4 < wait)
		return 0;
	__builtin_memset(who, 0, sizeof(*who));
	who->ctx = c->irq_big_ctx;
	who->nr = c->irq_big_nr;
	return 1;
}

/* Runs of one CPU inside [from, to). */
WL_INLINE void wl_holder_scan(struct wl_holder *h, const struct wl_cpu *c, __u64 from, __u64 to)
{
	wl_holder_try(h, &c->run, from, to);
	for (__u32 i = 1; i <= WL_RECENT; i++)
		wl_holder_try(h, &c->recent[(c->recent_next - i) & (WL_RECENT - 1)], from, to);
}

WL_INLINE void wl_holder_decide(const struct wl_holder *h, struct wl_who *who, __u64 wait)
{
	__builtin_memset(who, 0, sizeof(*who));
	if (h->idle * 2 > wait) {
		who->ctx = WL_WHO_IDLE;
		return;
	}
	if (h->all * 2 < wait)
		return;
	*who = h->who;
	if (h->best * 2 < wait)
		who->flags |= WL_WHO_F_SHARED;
}

/*
 * who = culprit of the wait [from, to) for this CPU; from_cpu, if it is another one, is where the
 * wait began: a task that is pulled over to a CPU that has just become idle had waited there.
 */
WL_GLOBAL int wl_holder_find(struct wl_cpu *c, struct wl_cpu *from_cpu, struct wl_who *who,
			     __u64 from, __u64 to)
{
	struct wl_holder *h, *h2;
	__u64 wait = wl_sat(to, from);

	if (!c || !who)
		return 0;
	if (wl_holder_irq(c, who, from, wait))
		return 0;
	h = &c->holder[0];
	h2 = &c->holder[1];
	__builtin_memset(h, 0, sizeof(*h));
	wl_holder_scan(h, c, from, to);
	if (from_cpu && from_cpu != c && h->best * 2 < wait) {
		__builtin_memset(h2, 0, sizeof(*h2));
		wl_holder_scan(h2, from_cpu, from, to);
		if (h2->best > h->best)
			h = h2;
	}
	wl_holder_decide(h, who, wait);
	return 0;
}

WL_INLINE void wl_cpu_keep(struct wl_cpu *c, const struct wl_who *who, __u64 start, __u64 end)
{
	struct wl_run *r;

	if (wl_sat(end, start) < WL_LONG_RUN_NS)
		return;
	r = &c->recent[c->recent_next & (WL_RECENT - 1)];
	r->who = *who;
	r->start = start;
	r->end = end;
	c->recent_next++;
}

/*
 * The run that ends at a switch is kept if it was long; call when both tasks have been switched. A
 * long interruption is not the task's: behind it ksoftirqd or the like may run before who waits.
 */
WL_INLINE void wl_cpu_run_end(struct wl_cpu *c, __u64 now)
{
	__u64 from = wl_sat(c->irq_big_until, c->irq_big_ns);
	struct wl_who *irq = &c->who;

	if (!wl_run_is_long(&c->run, now))
		return;
	if (c->irq_big_ns < WL_LONG_RUN_NS || from < c->run.start) {
		wl_cpu_keep(c, &c->run.who, c->run.start, now);
		return;
	}
	__builtin_memset(irq, 0, sizeof(*irq));
	irq->ctx = c->irq_big_ctx;
	irq->nr = c->irq_big_nr;
	wl_cpu_keep(c, &c->run.who, c->run.start, from);
	wl_cpu_keep(c, irq, from, c->irq_big_until);
	wl_cpu_keep(c, &c->run.who, c->irq_big_until, now);
}

#endif
