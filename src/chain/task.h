/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A task's two slots: cur is what it works on, next is what it has been woken with.
 *
 * A waker moves next from EMPTY or FULL to BUSY, writes, and publishes FULL; wakers of one task are
 * serialised by the kernel's p->pi_lock but for the task itself. The CPU that switches the task in
 * takes FULL. The waker need not know whether the task's switch-out has been seen yet (sched_waking
 * races it in 1 to 12 % of blocking switches): a wake-up of a task that is on its CPU is tentative,
 * and means something only if the task turns out to have blocked when it is next switched in. A
 * later wake-up replaces it.
 *
 *                    | cur          | next, EMPTY  | next, FULL
 *   switch-out       | charges      | -            | runnable: dropped; blocked: stays
 *   wake-up          | reads status | fills        | replaces
 *   switch-in        | becomes next | unknown      | takes
 *
 * An end is returned to the host, which reports slot[cur] before the task can be switched in again.
 */
#ifndef WL_CHAIN_TASK_H
#define WL_CHAIN_TASK_H

#include "holder.h"
#include "home.h"
#include "timer.h"

WL_INLINE struct wl_path *wl_task_cur(struct wl_task *t)
{
	return &t->slot[t->cur & 1];
}

WL_INLINE struct wl_path *wl_task_other(struct wl_task *t)
{
	return &t->slot[(t->cur & 1) ^ 1];
}

/*
 * What the host stole is known at a switch only, and some of the stretch may have been charged as
 * running by then: takes it from there, but for the last nanosecond, as far as it is after the last
 * send.
 */
WL_INLINE __u64 wl_task_unrun(struct wl_path *p, __u64 ns)
{
	__u32 n = p->h.nseg, from = wl_path_period(p);

	for (__u32 i = 1; i <= 4 && ns; i++) {
		struct wl_seg *s = &p->seg[(n - i) & WL_SEG_MASK];

		if (n < i || n - i < from)
			break;
		if (s->kind != WL_SEG_RUNNING)
			continue;
		ns = ns < s->ns - 1 ? ns : s->ns - 1;
		s->ns -= ns;
		return ns;
	}
	return 0;
}

/* Charges running time up to now, less what interrupts and the host took of it. A link is named:
 * it is not the target that ran. */
WL_GLOBAL int wl_task_charge(struct wl_cpu *c, struct wl_task *t, __u64 steal, __u64 now)
{
	__u64 total, ns, irq, stolen, all;
	struct wl_path *p;
	struct wl_who *who;

	if (!c || !t)
		return 0;
	p = wl_task_cur(t);
	who = &c->who;
	total = wl_cpu_irq_ns(c, now);
	ns = wl_sat(now, p->h.last);
	irq = wl_sat(total, t->irq_base);
	all = steal ? wl_sat(steal, t->steal_base) : 0;
	t->irq_base = total;
	if (steal)
		t->steal_base = steal;
	if (!p->h.id || !ns)
		return 0;
	p->h.last += ns;
	irq = irq < ns ? irq : ns;
	stolen = all < ns - irq ? all : ns - irq;
	__builtin_memset(who, 0, sizeof(*who));
	if (t->flags & WL_TASK_LINK)
		*who = c->run.who;
	wl_path_merge(p, t->reclaim ? WL_SEG_RECLAIM : WL_SEG_RUNNING, ns - irq - stolen, c->cpu,
		      who);
	if (irq) {
		__builtin_memset(who, 0, sizeof(*who));
		who->ctx = c->irq_big_ctx;
		who->nr = c->irq_big_nr;
		wl_path_merge(p, WL_SEG_INTERRUPTED, irq, c->cpu, who);
	}
	stolen += wl_task_unrun(p, all - stolen);
	wl_path_merge(p, WL_SEG_STEAL, stolen, c->cpu, 0);
	return 0;
}

WL_INLINE void wl_task_finish(struct wl_task *t)
{
	struct wl_path *p = wl_task_cur(t);

	t->finished = p->h.id;
	p->h.id = 0;
}

/* --- steps --- */

#define WL_STEP_TRIES 3

WL_INLINE __u32 wl_task_next(const struct wl_task *t)
{
	return t->next & WL_SLOT_MASK;
}

/* The task's own step: its number goes to t->step. Returns the state of next at that moment. */
WL_INLINE __u32 wl_task_step(struct wl_task *t)
{
	__u32 was = __sync_fetch_and_add(&t->next, WL_STEP);

	t->step = was >> WL_STEP_SHIFT;
	return was & WL_SLOT_MASK;
}

/* Empties next, if it is full: 1. */
WL_INLINE int wl_task_empty(struct wl_task *t)
{
	__u32 was = *(volatile __u32 *)&t->next;

	return (was & WL_SLOT_MASK) == WL_SLOT_FULL && wl_cas(&t->next, was, was & ~WL_SLOT_MASK);
}

/* Empties next, if it is still as wl_task_step() left it, full: 1. A newer wake-up stays. */
WL_INLINE int wl_task_drop(struct wl_task *t)
{
	__u32 was = ((t->step + 1) << WL_STEP_SHIFT) | WL_SLOT_FULL;

	return wl_cas(&t->next, was, was & ~WL_SLOT_MASK);
}

/* What it has been woken with is what it works on. */
WL_INLINE void wl_task_promote(struct wl_task *t)
{
	t->cur ^= 1;
	t->received = 0;
	t->raised = 0;
}

/* --- wake-up --- */

/* Whether a wake-up of this task starts or continues a chain, rather than ending a wait in
 * mid-work. */
WL_INLINE int wl_wake_wants_path(const struct wl_task *t)
{
	return t->status != WL_TASK_MIDWORK && !(t->flags & (WL_TASK_SOFTIRQD | WL_TASK_AWAY));
}

/* The task may take a step of its own meanwhile: a few tries. 0: another waker has it. */
WL_INLINE int wl_wake_claim(struct wl_task *t)
{
	for (int i = 0; i < WL_STEP_TRIES; i++) {
		__u32 was = *(volatile __u32 *)&t->next;

		if ((was & WL_SLOT_MASK) == WL_SLOT_BUSY)
			return 0;
		if (wl_cas(&t->next, was, (was & ~WL_SLOT_MASK) | WL_SLOT_BUSY))
			return 1;
	}
	return 0;
}

/* Opens next for writing; 0: another waker has it. */
WL_INLINE int wl_wake_open(struct wl_cpu *c, struct wl_task *t, __u64 now, __u16 wait_cpu)
{
	if (!wl_wake_claim(t)) {
		wl_count_any(c, WL_CNT_NEXT_BUSY);
		return 0;
	}
	t->wake_ts = now;
	t->wake_cpu = wait_cpu;
	t->bare = !wl_wake_wants_path(t);
	wl_cpu_who(c, &t->waker);
	return 1;
}

/* Publishes next. Returns the number of this step. */
WL_INLINE __u32 wl_wake_close(struct wl_task *t)
{
	return __sync_fetch_and_add(&t->next, WL_STEP + WL_SLOT_FULL - WL_SLOT_BUSY) >>
	       WL_STEP_SHIFT;
}

/* The branch for a task that wants one: a link passes it on, a user task may be at a boundary. */
WL_INLINE void wl_wake_branch(const struct wl_chain_config *cfg, struct wl_cpu *c,
			      struct wl_task *t, const struct wl_giver *g, __u32 tgid, __u64 now)
{
	if (t->flags & WL_TASK_LINK)
		wl_branch_pass(cfg, wl_task_other(t), g, WL_SEG_WAKEUP, now, c);
	else
		wl_branch_deliver(cfg, wl_task_other(t), g, tgid, t, now, c);
}

/* --- switch --- */

/* First on every switch: no frame survives one on mainline, and on PREEMPT_RT only hard interrupts
 * have frames. */
WL_INLINE void wl_cpu_switch(const struct wl_chain_config *cfg, struct wl_cpu *c, int to_idle)
{
	c->returned = 0;
	if (c->depth) {
		wl_count(c, WL_CNT_RESYNC);
		c->depth = 0;
		c->counting = 0;
	}
	if (to_idle && !cfg->rt)
		wl_softirq_drop(c);
}

/* Last on every switch: from here on this task holds the CPU. */
WL_INLINE void wl_cpu_switched(struct wl_cpu *c, __u32 tid, __u32 tgid, __u64 now)
{
	wl_cpu_run_end(c, now);
	wl_run_begin(&c->run, tid, tgid, now);
	c->irq_at_switch = c->irq_ns;
	c->irq_big_ns = 0;
}

WL_INLINE __u8 wl_task_out_link(struct wl_task *t, const struct wl_sleep *s)
{
	if (s->hard && !s->noload && !s->dead) {
		t->status = WL_TASK_MIDWORK;
	} else {
		wl_task_finish(t);
	}
	return WL_END_NONE;
}

/* Do responses begin and end at home? Otherwise at any sleep. */
WL_INLINE int wl_until_home(const struct wl_chain_config *cfg)
{
	return cfg->until != WL_UNTIL_RUN && cfg->until != WL_UNTIL_BLOCK;
}

/* It had been on its way there when the chain began that has woken it already. */
WL_INLINE __u64 wl_task_home_at(struct wl_task *t, __u32 next)
{
	__u64 start = wl_task_other(t)->h.start;

	return next == WL_SLOT_FULL && !t->bare && start < t->since ? start : t->since;
}

/* It would have spun on another kernel: work goes on, if there is any, and none begins. */
WL_INLINE void wl_task_out_lock(struct wl_task *t)
{
	if (wl_task_cur(t)->h.id)
		t->status = WL_TASK_MIDWORK;
	else
		t->flags |= WL_TASK_AWAY;
}

/* Where only marks end responses, a task leaves its work behind when it goes home, or for ever. */
WL_INLINE __u8 wl_task_out_marked(struct wl_task *t, const struct wl_sleep *s, int home)
{
	if (!home && !s->dead) {
		t->status = WL_TASK_MIDWORK;
		return WL_END_NONE;
	}
	wl_task_finish(t);
	t->mark = 0;
	t->received = 0;
	return WL_END_NONE;
}

/* A user task blocks: does that end its response? */
WL_INLINE __u8 wl_task_out_blocked(const struct wl_chain_config *cfg, struct wl_task *t,
				   const struct wl_sleep *s, __u32 next)
{
	struct wl_path *p = wl_task_cur(t);
	struct wl_sleep named = *s;
	int home;

	if (s->lock) {
		wl_task_out_lock(t);
		return WL_END_NONE;
	}
	named.call = t->call;
	home = wl_sleep_at_home(cfg, t, &named);

	if (home)
		t->home_at = wl_task_home_at(t, next);
	if (!p->h.id) {
		if (!home && wl_until_home(cfg))
			t->flags |= WL_TASK_AWAY;
		return WL_END_NONE;
	}
	if (cfg->until == WL_UNTIL_MARK)
		return wl_task_out_marked(t, s, home);
	if (s->dead)
		return WL_END_EXIT;
	if (cfg->until == WL_UNTIL_BLOCK)
		return WL_END_BLOCK;
	if (home)
		return WL_END_IDLE;
	t->status = WL_TASK_MIDWORK;
	return WL_END_NONE;
}

/* restart_syscall goes on with the call before it, whose arguments are still there. */
WL_INLINE __s32 wl_task_call(const struct wl_chain_config *cfg, const struct wl_task *t,
			     const struct wl_sleep *s)
{
	return s->call == (s->compat ? cfg->restart_call32 : cfg->restart_call) && t->call >= 0
		       ? t->call
		       : s->call;
}

/* The task leaves the CPU asleep. */
WL_INLINE __u8 wl_task_out_asleep(const struct wl_chain_config *cfg, struct wl_task *t,
				  const struct wl_sleep *s, __u32 next)
{
	struct wl_path *p = wl_task_cur(t);

	t->status = WL_TASK_BLOCKED;
	t->call = wl_task_call(cfg, t, s);
	t->arg = s->arg;
	t->sleep_lock = s->lock;
	t->sleep_io = s->io;
	t->sleep_stopped = s->stopped;
	t->sleep_hard = s->hard;
	t->flags &= ~(WL_TASK_COMPAT | WL_TASK_AWAY);
	t->flags |= s->compat ? WL_TASK_COMPAT : 0;
	p->h.state = WL_SEG_UNKNOWN; /* what it was is known when somebody ends it */
	if (t->flags & WL_TASK_LINK)
		return wl_task_out_link(t, s);
	return wl_task_out_blocked(cfg, t, s, next);
}

/*
 * A switch that we have not seen: some sandboxes run no BPF program while a task of theirs is the
 * current one. What the task did meanwhile is not known, and not taken for running.
 */
WL_GLOBAL int wl_task_missed(struct wl_cpu *c, struct wl_task *t, __u64 now)
{
	struct wl_path *p;
	int woken;

	if (!c || !t)
		return 0;
	woken = wl_task_empty(t);
	wl_count(c, WL_CNT_NO_SWITCH);
	if (woken && t->status == WL_TASK_BLOCKED && !t->bare && !(t->flags & WL_TASK_AWAY)) {
		wl_task_promote(t);
	}
	p = wl_task_cur(t);
	p->h.state = WL_SEG_UNKNOWN;
	if (p->h.id)
		wl_path_close(p, now, c->cpu, 0);
	p->h.state = WL_SEG_RUNNING;
	p->h.period_seg = p->h.nseg;
	t->status = WL_TASK_ON_CPU;
	t->flags &= ~WL_TASK_AWAY;
	t->irq_base = c->irq_ns;
	return 0;
}

/* PREEMPT_RT: the softirq that this task runs leaves the CPU with it; it blocks for locks only. */
WL_INLINE void wl_soft_out(struct wl_cpu *c, struct wl_task *t, const struct wl_sleep *s, __u64 now)
{
	wl_path_close(&t->spare, now, c->cpu, &c->run.who);
	t->spare.h.state = !s->runnable   ? WL_SEG_LOCK
			   : s->throttled ? WL_SEG_THROTTLED
					  : WL_SEG_PREEMPTED;
}

/*
 * The task leaves the CPU. Returns the kind of end of its response, WL_END_NONE if there is none;
 * the host reports wl_task_cur(t) and then calls wl_task_finish().
 */
WL_INLINE __u8 wl_task_out(const struct wl_chain_config *cfg, struct wl_cpu *c, struct wl_task *t,
			   const struct wl_sleep *s, __u64 steal, __u64 now)
{
	__u32 next = wl_task_step(t);

	if (t->status != WL_TASK_ON_CPU && t->status != WL_TASK_UNSEEN) {
		wl_task_missed(c, t, now);
		t->steal_base = steal;
	}
	wl_task_charge(c, t, steal, now);
	if (cfg->rt && t->soft_on)
		wl_soft_out(c, t, s, now);
	t->since = now;
	if (!s->runnable)
		return wl_task_out_asleep(cfg, t, s, next);
	t->status = WL_TASK_PREEMPTED;
	t->wake_cpu = (__u16)c->cpu;
	wl_task_cur(t)->h.state = s->throttled ? WL_SEG_THROTTLED : WL_SEG_PREEMPTED;
	if (next == WL_SLOT_FULL && wl_task_drop(t))
		wl_count(c, WL_CNT_NEXT_DROPPED);
	return WL_END_NONE;
}

/* Closes a wait for a CPU, naming who held it. At a switch only. */
WL_GLOBAL int wl_task_close_wait(struct wl_cpu *c, struct wl_cpu *from_cpu, struct wl_path *p,
				 __u64 now)
{
	struct wl_who *who;

	if (!c || !p)
		return 0;
	who = &c->who;
	__builtin_memset(who, 0, sizeof(*who));
	if (wl_sat(now, p->h.last) >= WL_LONG_RUN_NS)
		wl_holder_find(c, from_cpu, who, p->h.last, now);
	else if (c->run.who.ctx == WL_WHO_TASK || c->run.who.ctx == WL_WHO_IDLE)
		*who = c->run.who;
	wl_path_close(p, now, c->cpu, who);
	return 0;
}

/* The softirq goes on; before the wake-up is taken. */
WL_INLINE void wl_soft_in(struct wl_cpu *c, struct wl_cpu *from_cpu, struct wl_task *t, __u64 now)
{
	struct wl_path *p = &t->spare;

	if (p->h.state == WL_SEG_LOCK && wl_task_next(t) == WL_SLOT_FULL) {
		wl_path_close(p, t->wake_ts < now ? t->wake_ts : now, t->wake_cpu, &t->waker);
		p->h.state = WL_SEG_WAKEUP;
	}
	wl_task_close_wait(c, from_cpu, p, now);
	p->h.state = WL_SEG_SOFTIRQ;
}

/* A wait in mid-work is over: what it was up to the wake-up, and the wait for a CPU from there. */
WL_INLINE void wl_task_in_midwork(const struct wl_chain_config *cfg, struct wl_cpu *c,
				  struct wl_cpu *from_cpu, struct wl_task *t, int woken, __u64 now)
{
	struct wl_path *p = wl_task_cur(t);

	if (!woken) {
		wl_path_close(p, now, c->cpu, 0);
		return;
	}
	p->h.state = wl_sleep_kind(cfg, t);
	wl_path_close(p, t->wake_ts < now ? t->wake_ts : now, t->wake_cpu, &t->waker);
	p->h.state = t->wake_throttled ? WL_SEG_THROTTLED : WL_SEG_WAKEUP;
	wl_task_close_wait(c, from_cpu, p, now);
}

/* A task that was asleep comes back. */
WL_INLINE void wl_task_in_asleep(const struct wl_chain_config *cfg, struct wl_cpu *c,
				 struct wl_cpu *from_cpu, struct wl_task *t, __u64 now)
{
	int woken = wl_task_empty(t);
	struct wl_path *p;

	wl_count(c, WL_CNT_RAN);
	wl_count(c, woken ? WL_CNT_STARTED : WL_CNT_NO_WAKEUP);
	if (t->status == WL_TASK_MIDWORK) {
		wl_task_in_midwork(cfg, c, from_cpu, t, woken, now);
		return;
	}
	if (!woken || t->bare || t->flags & WL_TASK_AWAY)
		return;
	wl_task_promote(t);
	p = wl_task_cur(t);
	if (t->wake_throttled)
		p->h.state = WL_SEG_THROTTLED;
	wl_task_close_wait(c, from_cpu, p, now);
}

/*
 * The task gets the CPU; from_cpu is the CPU where it had waited (t->wake_cpu), or 0. Returns
 * WL_END_RUN if that is what the user waits for.
 */
WL_INLINE __u8 wl_task_in(const struct wl_chain_config *cfg, struct wl_cpu *c,
			  struct wl_cpu *from_cpu, struct wl_task *t, __u64 steal, __u64 now)
{
	struct wl_path *p;

	wl_task_step(t);
	if (cfg->rt && t->soft_on)
		wl_soft_in(c, from_cpu, t, now);
	if (t->status == WL_TASK_BLOCKED || t->status == WL_TASK_MIDWORK)
		wl_task_in_asleep(cfg, c, from_cpu, t, now);
	else if (t->status == WL_TASK_PREEMPTED && wl_task_cur(t)->h.id)
		wl_task_close_wait(c, from_cpu, wl_task_cur(t), now);
	else if (t->status == WL_TASK_ON_CPU)
		wl_task_missed(c, t, now);
	t->status = WL_TASK_ON_CPU;
	t->flags &= ~WL_TASK_AWAY; /* a wake-up from here on is for where it sleeps next */
	t->since = now;
	t->irq_base = c->irq_ns;
	t->steal_base = steal;
	p = wl_task_cur(t);
	p->h.state = WL_SEG_RUNNING;
	p->h.period_seg = p->h.nseg;
	if (cfg->until == WL_UNTIL_RUN && p->h.id && !(t->flags & WL_TASK_LINK))
		return WL_END_RUN;
	return WL_END_NONE;
}

#endif
