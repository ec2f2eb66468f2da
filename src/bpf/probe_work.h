/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Work queues and memory reclaim. */
#ifndef WL_BPF_PROBE_WORK_H
#define WL_BPF_PROBE_WORK_H

#include "bpf/probe_irq.h"

SEC("?raw_tp/workqueue_queue_work")
int wl_workqueue_queue_work(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(ctx->args[2]);
	struct wl_kept_set *set;

	if (!c)
		return 0;
	set = wl_kept_set_of(key);
	if (set)
		wl_event_keep(WL_CHAIN_CFG, c, wl_giving_task(c), set, key, WL_SEG_WORK_DELAY, 1,
			      bpf_ktime_get_ns());
	return 0;
}

SEC("?raw_tp/workqueue_execute_start")
int wl_workqueue_execute_start(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(ctx->args[0]);
	struct wl_kept_set *set;
	struct wl_task *t;

	if (!c)
		return 0;
	set = wl_kept_set_of(key);
	t = wl_giving_task(c);
	if (set && t)
		wl_event_work_start(c, t, set, key, bpf_ktime_get_ns());
	return 0;
}

SEC("?tp_btf/workqueue_execute_end")
int BPF_PROG(wl_workqueue_execute_end, struct work_struct *work)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = c ? wl_giving_task(c) : 0;

	if (t)
		wl_event_work_end(c, t);
	return 0;
}

WL_INLINE int wl_reclaim(int begin)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = c ? wl_giving_task(c) : 0;

	if (t)
		wl_event_reclaim(c, t, begin, bpf_ktime_get_ns());
	return 0;
}

#define WL_RECLAIM(name, begin)                                                                    \
	SEC("?tp_btf/" #name)                                                                      \
	int wl_##name(void *ctx)                                                                   \
	{                                                                                          \
		return wl_reclaim(begin);                                                          \
	}

WL_RECLAIM(mm_vmscan_direct_reclaim_begin, 1)
WL_RECLAIM(mm_vmscan_direct_reclaim_end, 0)
WL_RECLAIM(mm_vmscan_memcg_reclaim_begin, 1)
WL_RECLAIM(mm_vmscan_memcg_reclaim_end, 0)

#endif
