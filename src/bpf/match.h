/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Does a task match what the user asked for? wl_targets() says what that is: whoever includes this
 * has it.
 */
#ifndef WL_BPF_MATCH_H
#define WL_BPF_MATCH_H

#include "bpf/kernel.h"
#include "abi/config.h"
#include "chain/host.h"

/* Two loads instead of sixteen. */
WL_INLINE void wl_comm_of(char *comm, struct task_struct *task)
{
	const __u64 *words = (const void *)task + bpf_core_field_offset(task->comm);

	((__u64 *)comm)[0] = words[0];
	((__u64 *)comm)[1] = words[1];
}

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
	const struct wl_target_config *cfg = wl_targets();
	struct wl_name process, pattern;

	BPF_CORE_READ_INTO(&process.s, task, group_leader, comm);
	for (__u32 i = 0; i < WL_MAX_NAMES; i++) {
		if (i >= cfg->nnames)
			break;
		__builtin_memcpy(pattern.s, cfg->names[i], WL_COMM_LEN);
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
	const struct wl_target_config *cfg = wl_targets();

	for (__u32 i = 0; i < WL_MAX_GROUPS; i++) {
		struct css_set *set = task->cgroups;
		struct cgroup *cgroup;
		int subsys;

		if (i >= cfg->ngroups)
			break;
		subsys = cfg->groups[i].subsys;
		if (subsys < 0)
			cgroup = BPF_CORE_READ(set, dfl_cgrp);
		else
			cgroup = BPF_CORE_READ(set, subsys[subsys & 15], cgroup);
		if (wl_cgroup_at(cgroup, cfg->groups[i].level & 63) == cfg->groups[i].id)
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

/* All but spawn and self. The same option twice means or, different options and. */
WL_INLINE int wl_match_task(struct task_struct *task, const struct wl_name *name)
{
	const struct wl_target_config *cfg = wl_targets();

	if (cfg->npids && !wl_in_list(cfg->pids, cfg->npids, task->tgid, WL_MAX_PIDS))
		return 0;
	if (cfg->ntids && !wl_in_list(cfg->tids, cfg->ntids, task->pid, WL_MAX_PIDS))
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

#endif
