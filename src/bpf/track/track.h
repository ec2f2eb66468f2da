/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the ready trackers share: whom the user asked for, and how a task is told of. */
#ifndef WL_BPF_TRACK_H
#define WL_BPF_TRACK_H

#include "bpf/kernel.h"
#include "abi/config.h"
#include "chain/host.h"
#include "latency_tracker.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define WL_TRACK_TASKS 16384 /* of one tracker, at the same time */
#define WL_TRACK_ROWS 512
#define WL_TRACK_ANCESTORS 8 /* how far a process may be from the command that we started */

/* Only trackers of what tasks do have it. */
const volatile struct wl_target_config wl_target = {};

WL_INLINE const struct wl_target_config *wl_targets(void)
{
	const struct wl_target_config *cfg = (const struct wl_target_config *)&wl_target;

	asm("" : "+r"(cfg)); /* see wl_config() */
	return cfg;
}

#include "bpf/match.h"

/* A row of a table by task. */
struct wl_track_name {
	char process[16];
	char comm[16];
} __attribute__((aligned(8)));

WL_INLINE void wl_track_name_of(struct wl_track_name *name, struct task_struct *task)
{
	wl_comm_of(name->process, task->group_leader);
	wl_comm_of(name->comm, task);
}

WL_INLINE int wl_track_is_spawned(struct task_struct *task)
{
	__u32 spawn = wl_targets()->spawn;

	for (int i = 0; i < WL_TRACK_ANCESTORS; i++) {
		if ((__u32)BPF_CORE_READ(task, tgid) == spawn)
			return 1;
		task = BPF_CORE_READ(task, real_parent);
		if (!task)
			break;
	}
	return 0;
}

/* Is it one of those that the user asked for? Never the idle task, never ourselves. */
static __noinline int wl_track_wants(struct task_struct *task)
{
	const struct wl_target_config *cfg = wl_targets();
	struct wl_name name;

	if (!task->pid || (__u32)task->tgid == cfg->self)
		return 0;
	if (cfg->spawn && !wl_track_is_spawned(task))
		return 0;
	wl_comm_of(name.s, task);
	return wl_match_task(task, &name);
}

#endif
