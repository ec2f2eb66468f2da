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

WL_INLINE int wl_match(struct task_struct *task, __u8 flags, const struct wl_name *name)
{
	const struct wl_target_config *cfg = wl_targets();

	if (flags & WL_TASK_LINK || (__u32)task->tgid == cfg->self)
		return 0;
	if (cfg->spawn && !(flags & WL_TASK_SPAWNED))
		return 0;
	return wl_match_task(task, name);
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
	asm volatile("r0 = 0" ::: "r0"); /* the verifier wants no pointer to be left in it */
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
