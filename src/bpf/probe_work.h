/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Work queues and memory reclaim. */
#ifndef WL_BPF_PROBE_WORK_H
#define WL_BPF_PROBE_WORK_H

#include "bpf/probe_irq.h"

WL_INLINE __u64 wl_work_function(__u64 work)
{
	return wl_hash_address((__u64)BPF_CORE_READ((struct work_struct *)work, func));
}

SEC("?raw_tp/workqueue_queue_work")
int wl_workqueue_queue_work(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(ctx->args[2]);
	struct wl_ev_workqueue_queue_work *e;
	struct wl_kept_set *set;
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c)
		return 0;
	set = wl_following() ? wl_kept_claim(c, key) : 0;
	e = WL_RECORD_BEGIN(&rec, QUEUE_WORK, workqueue_queue_work);
	if (set) {
		t = wl_giving_task(c);
		wl_event_keep(WL_CHAIN_CFG, c, t, set, key, WL_SEG_WORK_DELAY, 1, rec.ts);
		wl_kept_unlock(set);
	}
	if (!e)
		return 0;
	e->work = key;
	e->function = wl_work_function(ctx->args[2]);
	e->req_cpu = (__s32)ctx->args[0];
	e->wl_flags = (set ? WL_EV_F_DONE : 0) | (t ? WL_EV_F_CUR : 0);
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/workqueue_execute_start")
int wl_workqueue_execute_start(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(ctx->args[0]);
	struct wl_ev_workqueue_execute_start *e;
	struct wl_kept_set *set = 0;
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c)
		return 0;
	if (wl_following())
		t = wl_giving_task(c);
	if (t)
		set = wl_kept_claim(c, key);
	e = WL_RECORD_BEGIN(&rec, WORK_START, workqueue_execute_start);
	if (t)
		wl_event_work_start(c, t, set, key, rec.ts);
	if (set)
		wl_kept_unlock(set);
	if (!e)
		return 0;
	e->work = key;
	e->function = wl_work_function(ctx->args[0]);
	e->wl_flags = (set ? WL_EV_F_DONE : 0) | (t ? WL_EV_F_CUR : 0);
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/workqueue_execute_end")
int wl_workqueue_execute_end(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_ev_workqueue_execute_end *e;
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c)
		return 0;
	if (wl_following())
		t = wl_giving_task(c);
	e = wl_recording() ? WL_RECORD_BEGIN(&rec, WORK_END, workqueue_execute_end) : 0;
	if (t)
		wl_event_work_end(c, t);
	if (!e)
		return 0;
	e->work = wl_hash_address(ctx->args[0]);
	e->function = wl_hash_address(ctx->args[1]);
	e->wl_flags = t ? WL_EV_F_CUR : 0;
	wl_record_commit(&rec);
	return 0;
}

/* flags: for the record. */
WL_INLINE __u32 wl_reclaim(struct wl_cpu *c, int begin, __u64 now)
{
	struct wl_task *t = wl_following() ? wl_giving_task(c) : 0;

	if (t)
		wl_event_reclaim(c, t, begin, now);
	return t ? WL_EV_F_CUR : 0;
}

WL_INLINE int wl_reclaim_begin(__u32 id, int order, __u32 gfp_flags)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_reclaim_begin *e;
	struct wl_rec rec;
	__u32 flags;

	if (!c)
		return 0;
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(reclaim_begin));
	flags = wl_reclaim(c, 1, rec.ts);
	if (!e)
		return 0;
	e->order = order;
	e->gfp_flags = gfp_flags;
	e->wl_flags = flags;
	wl_record_commit(&rec);
	return 0;
}

WL_INLINE int wl_reclaim_end(__u32 id, __u64 nr_reclaimed)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_reclaim_end *e;
	struct wl_rec rec;
	__u32 flags;

	if (!c)
		return 0;
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(reclaim_end));
	flags = wl_reclaim(c, 0, rec.ts);
	if (!e)
		return 0;
	e->nr_reclaimed = nr_reclaimed;
	e->wl_flags = flags;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(wl_mm_vmscan_direct_reclaim_begin, int order, unsigned int gfp_flags)
{
	return wl_reclaim_begin(WL_EVID_RECLAIM_BEGIN, order, gfp_flags);
}

SEC("?tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(wl_mm_vmscan_direct_reclaim_end, unsigned long nr_reclaimed)
{
	return wl_reclaim_end(WL_EVID_RECLAIM_END, nr_reclaimed);
}

SEC("?tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(wl_mm_vmscan_memcg_reclaim_begin, int order, unsigned int gfp_flags)
{
	return wl_reclaim_begin(WL_EVID_MEMCG_RECLAIM_BEGIN, order, gfp_flags);
}

SEC("?tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(wl_mm_vmscan_memcg_reclaim_end, unsigned long nr_reclaimed)
{
	return wl_reclaim_end(WL_EVID_MEMCG_RECLAIM_END, nr_reclaimed);
}

#endif
