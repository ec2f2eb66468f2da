/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the kernel's task_struct says: who a task is, what its run queue says, how it sleeps. */
#ifndef WL_BPF_TASK_H
#define WL_BPF_TASK_H

#include "bpf/maps.h"
#include "bpf/match.h"

/* Plain loads: the pointers are typed, and a helper call costs more than all of this. */
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

/* Without group scheduling (CONFIG_FAIR_GROUP_SCHED) a task does not say which run queue it is on.
 */
WL_INLINE int wl_has_run_queue(void)
{
	struct task_struct *task = 0;
	struct cfs_rq *cfs = 0;

	return bpf_core_field_exists(task->se.cfs_rq) && bpf_core_field_exists(cfs->rq);
}

/* Time the host took from this CPU, as the scheduler knows it; 0: not known on this kernel. */
WL_INLINE __u64 wl_steal_of(struct task_struct *task)
{
	struct rq *rq = 0;

	if (!wl_has_run_queue() || !bpf_core_field_exists(rq->prev_steal_time_rq))
		return 0;
	return task->se.cfs_rq->rq->prev_steal_time_rq;
}

/* The run queue's own clock, as of the scheduler's last reading; 0: not known on this kernel. */
WL_INLINE __u64 wl_rq_clock_of(struct task_struct *task)
{
	struct rq *rq = 0;

	if (!wl_has_run_queue() || !bpf_core_field_exists(rq->clock))
		return 0;
	return task->se.cfs_rq->rq->clock;
}

WL_INLINE __u8 wl_is_throttled(struct task_struct *task)
{
	struct task_struct___throttled *own = (void *)task;
	struct cfs_rq *cfs = 0;

	if (bpf_core_field_exists(own->throttled) && own->throttled)
		return 1;
	return wl_has_run_queue() && bpf_core_field_exists(cfs->throttle_count) &&
	       task->se.cfs_rq->throttle_count > 0;
}

/* The system call that the current task is in. Kernel threads have none. */
WL_INLINE void wl_call_of(struct wl_sleep *s, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	s->compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	s->call = (__s32)regs->orig_ax;
	s->arg = s->compat ? (__u32)regs->bx : regs->di;
}

WL_INLINE void wl_sleep_of(struct wl_sleep *s, struct task_struct *task, bool preempt, __u32 state,
			   __u8 flags)
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
	s->lock = (state & TASK_RTLOCK_WAIT) != 0;
	s->io = BPF_CORE_READ_BITFIELD(task, in_iowait);
	if (!(flags & WL_TASK_LINK))
		wl_call_of(s, task);
}

#endif
