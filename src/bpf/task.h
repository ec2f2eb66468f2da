/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the kernel's task_struct says: who a task is, how it sleeps, whether it is a target. */
#ifndef WL_BPF_TASK_H
#define WL_BPF_TASK_H

#include "bpf/maps.h"

#define WL_CHECK_NS 1000000000ull /* names, users and cgroups of others are looked at again after this */

/* Two loads instead of sixteen. */
WL_INLINE void wl_comm_of(char *comm, struct task_struct *task)
{
	const __u64 *words = (const void *)task + bpf_core_field_offset(task->comm);

	((__u64 *)comm)[0] = words[0];
	((__u64 *)comm)[1] = words[1];
}

WL_INLINE void wl_who_of(struct wl_who *who, struct task_struct *task)
{
	who->tid = task->pid;
	who->tgid = task->tgid;
	wl_comm_of(who->comm, task);
	who->nr = 0;
	who->ctx = task->pid ? WL_WHO_TASK : WL_WHO_IDLE;
	who->policy = (__u8)task->policy;
	who->prio = (__s8)(task->prio - 100);
	who->flags = task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER) ? WL_WHO_F_KTHREAD
										: 0;
}

/* Time the host took from this CPU, as the scheduler knows it; 0: not known on this kernel. */
WL_INLINE __u64 wl_steal_of(struct task_struct *task)
{
	struct rq *rq = 0;

	if (!bpf_core_field_exists(rq->prev_steal_time_rq))
		return 0;
	return BPF_CORE_READ(task, se.cfs_rq, rq, prev_steal_time_rq);
}

WL_INLINE __u8 wl_is_throttled(struct task_struct *task)
{
	struct task_struct___throttled *own = (void *)task;
	struct cfs_rq *cfs = 0;

	if (bpf_core_field_exists(own->throttled) && BPF_CORE_READ(own, throttled))
		return 1;
	return bpf_core_field_exists(cfs->throttle_count) &&
	       BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
}

/* The system call that the current task is in. Kernel threads have none. */
WL_INLINE void wl_call_of(struct wl_sleep *s, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	s->compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	s->call = (__s32)BPF_CORE_READ(regs, orig_ax);
	s->arg = s->compat ? (__u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
}

WL_INLINE void wl_sleep_of(struct wl_sleep *s, struct task_struct *task, bool preempt,
			   __u32 state, __u8 flags)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->call = -2;
	s->runnable = preempt || !state;
	if (s->runnable) {
		s->throttled = wl_is_throttled(task);
		return;
	}
	s->hard = !(state & (TASK_INTERRUPTIBLE | TASK_STOPPED_BITS));
	s->noload = (state & TASK_NOLOAD) != 0;
	s->stopped = (state & TASK_STOPPED_BITS) != 0;
	s->dead = (state & TASK_DEAD) != 0;
	s->io = BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait);
	if (!(flags & WL_TASK_LINK))
		wl_call_of(s, task);
}

/* --- targets --- */

struct wl_name {
	char s[WL_COMM_LEN];
} __attribute__((aligned(8)));

/* Bit i: byte i is c. Arithmetic instead of comparisons, so that the verifier sees one path. */
WL_INLINE __u32 wl_name_bits(const struct wl_name *name, __u8 c)
{
	__u32 bits = 0;

	for (__u32 i = 0; i < WL_COMM_LEN; i++) {
		__u32 differs = (__u8)name->s[i] ^ c;

		differs -= 1;
		wl_opaque(differs);
		bits |= (differs >> 31) << i;
	}
	return bits;
}

/*
 * '*' and '?', as a set of places in the pattern where we may be: bit i, everything before byte i has been
 * matched. The bit of the terminating 0 is the end.
 */
WL_GLOBAL int wl_glob(const struct wl_name *pattern, const struct wl_name *name)
{
	__u32 star, any, end, at = 1;

	if (!pattern || !name)
		return 0;
	star = wl_name_bits(pattern, '*');
	any = wl_name_bits(pattern, '?');
	end = wl_name_bits(pattern, 0);
	at |= (at & star) << 1;
	for (__u32 i = 0; i < WL_COMM_LEN; i++) {
		__u8 c = (__u8)name->s[i];

		if (!c)
			break;
		at = (at & (wl_name_bits(pattern, c) | any)) << 1 | (at & star);
		at |= (at & star) << 1; /* stars never stand side by side: the parser joins them */
	}
	return (at & (end & -end)) != 0;
}

static __noinline int wl_match_names(struct task_struct *task)
{
	const struct wl_config *cfg = wl_config();
	struct wl_name own, process, pattern;

	wl_comm_of(own.s, task);
	BPF_CORE_READ_INTO(&process.s, task, group_leader, comm);
	for (__u32 i = 0; i < WL_MAX_NAMES; i++) {
		if (i >= cfg->target.nnames)
			break;
		__builtin_memcpy(pattern.s, cfg->target.names[i], WL_COMM_LEN);
		if (wl_glob(&pattern, &own) || wl_glob(&pattern, &process))
			return 1;
	}
	return 0;
}

WL_INLINE __u64 wl_cgroup_at(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *ancestor = 0;

	if (!cgroup || (__u32)BPF_CORE_READ(cgroup, level) < level)
		return 0;
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
			      (void *)cgroup + bpf_core_field_offset(cgroup->ancestors) +
				      (__u64)level * sizeof(ancestor));
	return BPF_CORE_READ(ancestor, kn, id);
}

static __noinline int wl_match_cgroups(struct task_struct *task)
{
	const struct wl_config *cfg = wl_config();

	for (__u32 i = 0; i < WL_MAX_GROUPS; i++) {
		struct css_set *set = task->cgroups;
		struct cgroup *cgroup;
		int subsys;

		if (i >= cfg->target.ngroups)
			break;
		subsys = cfg->target.groups[i].subsys;
		if (subsys < 0)
			cgroup = BPF_CORE_READ(set, dfl_cgrp);
		else
			cgroup = BPF_CORE_READ(set, subsys[subsys & 15], cgroup);
		if (wl_cgroup_at(cgroup, cfg->target.groups[i].level & 63) ==
		    cfg->target.groups[i].id)
			return 1;
	}
	return 0;
}

WL_INLINE int wl_in_list(const __u32 *list, __u32 n, __u32 value, __u32 max)
{
	for (__u32 i = 0; i < max; i++) {
		if (i >= n)
			break;
		if (list[i] == value)
			return 1;
	}
	return 0;
}

WL_INLINE int wl_is_rt(struct task_struct *task)
{
	return task->prio < 100;
}

/* The same option twice means or, different options and. */
static __noinline int wl_match(struct task_struct *task, __u8 flags)
{
	const struct wl_target_config *cfg = &wl_config()->target;

	if (flags & WL_TASK_LINK || (__u32)task->tgid == cfg->self)
		return 0;
	if (cfg->npids && !wl_in_list(cfg->pids, cfg->npids, task->tgid, WL_MAX_PIDS))
		return 0;
	if (cfg->ntids && !wl_in_list(cfg->tids, cfg->ntids, task->pid, WL_MAX_PIDS))
		return 0;
	if (cfg->spawn && !(flags & WL_TASK_SPAWNED))
		return 0;
	if (cfg->rt_only && !wl_is_rt(task))
		return 0;
	if (cfg->nusers && !wl_in_list(cfg->users, cfg->nusers,
				       BPF_CORE_READ(task, real_cred, euid.val), WL_MAX_USERS))
		return 0;
	if (cfg->nnames && !wl_match_names(task))
		return 0;
	return !cfg->ngroups || wl_match_cgroups(task);
}

/* The leader remembers that one of its threads is a target: the others may pass chains to it. */
static __noinline void wl_task_check(struct wl_task *t, struct task_struct *task, __u64 now)
{
	struct wl_task *leader;
	__u8 flags = t->flags & ~(WL_TASK_TARGET | WL_TASK_REACH);

	if ((__u32)task->tgid == wl_config()->target.spawn)
		flags |= WL_TASK_SPAWNED;
	if (wl_match(task, flags))
		flags |= WL_TASK_TARGET | WL_TASK_REACH;
	if (flags & WL_TASK_LINK || wl_config()->chain.follow_all)
		flags |= WL_TASK_REACH;
	t->checked = now;
	leader = wl_task_lookup(task->group_leader);
	if (leader && flags & WL_TASK_TARGET)
		leader->leader_reach = 1;
	if (leader && leader->leader_reach)
		flags |= WL_TASK_REACH;
	t->flags = flags;
}

/* Whether this task's chains can reach a target. */
WL_INLINE int wl_task_reaches(struct wl_task *t, struct task_struct *task, __u64 now)
{
	if (!t->checked ||
	    (!(t->flags & WL_TASK_REACH) && wl_sat(now, t->checked) > WL_CHECK_NS))
		wl_task_check(t, task, now);
	return t->flags & WL_TASK_REACH;
}

WL_INLINE int wl_name_is(const char *comm, const char *prefix, int n)
{
	for (int i = 0; i < n; i++)
		if (comm[i] != prefix[i])
			return 0;
	return 1;
}

/* Sets a new state up; whether it is a target is decided at its first event (checked is 0). */
static __noinline void wl_task_init(struct wl_task *t, struct task_struct *task, __u64 now)
{
	__u32 flags = task->flags;
	char comm[WL_COMM_LEN] __attribute__((aligned(8)));

	wl_comm_of(comm, task);
	t->call = -2;
	t->since = now;
	if (flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		t->flags |= WL_TASK_LINK;
	if (flags & PF_KTHREAD &&
	    (wl_name_is(comm, "ksoftirqd/", 10) || wl_name_is(comm, "ktimers", 7) ||
	     wl_name_is(comm, "rcuc/", 5)))
		t->flags |= WL_TASK_SOFTIRQD;
}

#endif
