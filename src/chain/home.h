/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where a thread waits for work, and what kind of wait any other one is.
 *
 * A home is a system call with its first argument. Futex addresses are compared without their low
 * three bits: a condition variable of glibc alternates between two adjacent 32-bit words.
 */
#ifndef WL_CHAIN_HOME_H
#define WL_CHAIN_HOME_H

#include "path.h"

#define WL_FUTEX_LOW_BITS 7ull

/* How a task went to sleep; filled by the host from the task and its saved registers. */
struct wl_sleep {
	__s32 call;     /* system call number, -1: page fault or exception, -2: none */
	__u8 compat;    /* of the 32-bit table */
	__u8 dead;      /* it will not come back */
	__u8 runnable;  /* preempted or yielded: not asleep at all */
	__u8 hard;      /* not interruptible */
	__u8 noload;    /* a kernel thread that idles in an uninterruptible state */
	__u8 stopped;   /* stopped or traced */
	__u8 io;        /* in_iowait */
	__u8 throttled; /* runnable: its run queue is out of quota */
	__u8 lock;      /* PREEMPT_RT: for a spinning lock of the kernel, which sleeps there */
	__u64 arg;      /* first argument of the call */
};

WL_INLINE int wl_call_in(const __u64 *words, __s32 call)
{
	__u32 word = (__u32)call >> 6;

	/* the verifier has to see the mask, and clang would drop it: it knows the range from here
	 */
	if (call < 0 || call >= WL_SYSCALL_WORDS * 64)
		return 0;
	wl_opaque(word);
	return words[word & (WL_SYSCALL_WORDS - 1)] >> (call & 63) & 1;
}

WL_INLINE __u64 wl_home_arg(const struct wl_chain_config *cfg, const struct wl_sleep *s)
{
	if (!s->compat && wl_call_in(cfg->futex_calls, s->call))
		return s->arg & ~WL_FUTEX_LOW_BITS;
	return s->arg;
}

WL_INLINE int wl_home_is(const struct wl_home *h, __s32 call, __u64 arg)
{
	return h->syscall == call && (h->any_arg || h->arg == arg);
}

WL_INLINE int wl_sleep_in_idle_call(const struct wl_chain_config *cfg, const struct wl_sleep *s)
{
	return s->compat ? wl_call_in(cfg->idle_calls32, s->call)
			 : wl_call_in(cfg->idle_calls, s->call);
}

/* Adds a home; the oldest is kept, a full list stays as it is. */
WL_INLINE void wl_home_learn(struct wl_task *t, __s32 call, __u64 arg)
{
	struct wl_home *h = &t->homes[t->nhomes & (WL_HOMES - 1)];

	if (t->nhomes >= WL_HOMES)
		return;
	h->syscall = call;
	h->any_arg = 0;
	h->arg = arg;
	t->nhomes++;
}

/*
 * Is this wait the task's home? A thread's first wait in an idle call becomes one, and so does any
 * such wait while it has no chain and no home: a thread that was running when we started.
 */
WL_INLINE int wl_sleep_at_home(const struct wl_chain_config *cfg, struct wl_task *t,
			       const struct wl_sleep *s)
{
	__u64 arg = wl_home_arg(cfg, s);

	if (s->hard || s->stopped || s->call < 0)
		return 0;
	for (__u32 i = 0; i < WL_HOMES; i++)
		if (i < t->nhomes && wl_home_is(&t->homes[i], s->call, arg))
			return 1;
	for (__u32 i = 0; i < WL_MAX_IDLE; i++)
		if (i < cfg->nidle && wl_home_is(&cfg->idle[i], s->call, arg))
			return 1;
	if (t->nhomes || !wl_sleep_in_idle_call(cfg, s))
		return 0;
	wl_home_learn(t, s->call, arg);
	return 1;
}

WL_INLINE int wl_woken_by_disk(const struct wl_task *t)
{
	const struct wl_who *w = &t->waker;

	if (w->ctx == WL_WHO_SOFTIRQ)
		return w->nr == WL_SOFTIRQ_BLOCK;
	return w->ctx == WL_WHO_IRQ && w->nr < WL_VEC_BASE;
}

WL_INLINE int wl_woken_by_timer(const struct wl_task *t)
{
	const struct wl_who *w = &t->waker;

	if (w->ctx == WL_WHO_SOFTIRQ)
		return w->nr == WL_SOFTIRQ_TIMER || w->nr == WL_SOFTIRQ_HRTIMER;
	return w->ctx == WL_WHO_TIMER;
}

/* Is the call that it blocked in one of these? They are numbers of the 64-bit table. */
WL_INLINE int wl_task_in_call(const struct wl_task *t, const __u64 *words)
{
	return !(t->flags & WL_TASK_COMPAT) && wl_call_in(words, t->call);
}

/*
 * What a wait in mid-work was, once it is over: by how it slept and who ended it. Precedence:
 * stopped, reclaim, fault, io, timer, lock, task, unknown. (A timer can't end a lock's wait but by
 * giving up. Where the kernel says that it is a lock, it is neither io nor timer.)
 */
WL_INLINE __u8 wl_sleep_kind(const struct wl_chain_config *cfg, const struct wl_task *t)
{
	int by_kthread = t->waker.flags & WL_WHO_F_KTHREAD, by_task = t->waker.ctx == WL_WHO_TASK;

	if (t->sleep_stopped)
		return WL_SEG_STOPPED;
	if (t->reclaim)
		return WL_SEG_RECLAIM;
	if (t->call == -1)
		return WL_SEG_FAULT;
	if (t->sleep_lock)
		return WL_SEG_LOCK;
	if (t->sleep_io || (t->sleep_hard && wl_woken_by_disk(t)))
		return WL_SEG_IO;
	/* a journal thread answers an fsync: the task itself is not in iowait */
	if (t->sleep_hard && by_task && by_kthread && wl_task_in_call(t, cfg->sync_calls))
		return WL_SEG_IO;
	if (wl_woken_by_timer(t))
		return WL_SEG_TIMER;
	/* a mutex or semaphore, of user space or, where nothing may interrupt it, of the kernel */
	if (by_task && (wl_task_in_call(t, cfg->futex_calls) || (t->sleep_hard && !by_kthread)))
		return WL_SEG_LOCK;
	return t->waker.ctx == WL_WHO_NONE ? WL_SEG_UNKNOWN : WL_SEG_TASK;
}

#endif
