/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which tasks are targets, and which processes have any: all that others cost is one look into a
 * table of bytes. It is indexed by process id, so that two processes may share a byte; one too many
 * is followed then, none is missed.
 *
 * Decided at birth, exec and rename, and again once a second for targets (when they complete) and,
 * if users, cgroups or priorities matter, for everybody (an iterator).
 */
#ifndef WL_BPF_TARGET_H
#define WL_BPF_TARGET_H

#include "bpf/task.h"

#define WL_CHECK_NS 1000000000ull
#define WL_REACH_SIZE 8192

__u8 wl_reach[WL_REACH_SIZE]; /* 1: chains of this process can reach a target */

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
 * '*' and '?', as a set of places in the pattern where we may be: bit i, everything before byte i
 * has been matched. The bit of the terminating 0 is the end.
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

static __noinline int wl_match_names(struct task_struct *task, const struct wl_name *own)
{
	const struct wl_config *cfg = wl_config();
	struct wl_name process, pattern;

	BPF_CORE_READ_INTO(&process.s, task, group_leader, comm);
	for (__u32 i = 0; i < WL_MAX_NAMES; i++) {
		if (i >= cfg->target.nnames)
			break;
		__builtin_memcpy(pattern.s, cfg->target.names[i], WL_COMM_LEN);
		if (wl_glob(&pattern, own) || wl_glob(&pattern, &process))
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
WL_INLINE int wl_match(struct task_struct *task, __u8 flags, const struct wl_name *name)
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
	if (cfg->nnames && !wl_match_names(task, name))
		return 0;
	return !cfg->ngroups || wl_match_cgroups(task);
}

/* name: the one it is about to get. */
static __noinline void wl_task_check_as(struct wl_task *t, struct task_struct *task,
					const struct wl_name *name, __u64 now)
{
	__u8 flags = t->flags & ~WL_TASK_TARGET;

	if ((__u32)task->tgid == wl_config()->target.spawn)
		flags |= WL_TASK_SPAWNED;
	if (wl_match(task, flags, name))
		flags |= WL_TASK_TARGET;
	t->flags = flags;
	t->checked = now;
	if (flags & (WL_TASK_TARGET | WL_TASK_LINK) || wl_config()->chain.follow_all)
		wl_reach[task->tgid & (WL_REACH_SIZE - 1)] = 1;
}

WL_INLINE void wl_task_check(struct wl_task *t, struct task_struct *task, __u64 now)
{
	struct wl_name name;

	wl_comm_of(name.s, task);
	wl_task_check_as(t, task, &name, now);
}

/* Can this task's chains reach a target? Never the idle task's. */
WL_INLINE int wl_task_reaches(const struct task_struct *task)
{
	return task->pid && wl_reach[task->tgid & (WL_REACH_SIZE - 1)];
}

WL_INLINE int wl_name_is(const char *comm, const char *prefix, int n)
{
	for (int i = 0; i < n; i++)
		if (comm[i] != prefix[i])
			return 0;
	return 1;
}

/* Sets a new state up, but for wl_task_check(). */
static __noinline void wl_task_init(struct wl_task *t, struct task_struct *task, __u64 now)
{
	__u32 flags = task->flags;
	char comm[WL_COMM_LEN] __attribute__((aligned(8)));

	wl_comm_of(comm, task);
	t->call = -2;
	t->since = now;
	if (flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		t->flags |= WL_TASK_LINK;
	if (flags & PF_KTHREAD && (wl_name_is(comm, "ksoftirqd/", 10) ||
				   wl_name_is(comm, "ktimers", 7) || wl_name_is(comm, "rcuc/", 5)))
		t->flags |= WL_TASK_SOFTIRQD;
}

/*
 * A wakee whose birth we have not seen: threads that no fork event announces (io_uring's), and what
 * an iterator is not shown. Made here where that is safe; elsewhere at the next walk.
 */
static __noinline struct wl_task *wl_task_found(struct wl_cpu *c, struct task_struct *task,
						__u64 now)
{
	struct wl_task *t;

	wl_count_any(c, WL_CNT_STATE_MISSING);
	if (!wl_config()->task_storage)
		return 0;
	t = bpf_task_storage_get(&wl_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		wl_count_any(c, WL_CNT_STATE_FAILED);
		return 0;
	}
	wl_task_init(t, task, now);
	wl_task_check(t, task, now);
	t->status = WL_TASK_BLOCKED;
	return t;
}

#endif
