/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Events that only the flight recorder takes: context for people and for offline analyses. */
#ifndef WL_BPF_PROBE_TRACE_H
#define WL_BPF_PROBE_TRACE_H

#include "bpf/probe_sched.h"

SEC("?tp_btf/sched_wakeup_new")
int BPF_PROG(wl_sched_wakeup_new, struct task_struct *task)
{
	struct wl_ev_sched_wakeup_new *e;
	struct wl_rec rec;

	if (!wl_on)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_WAKEUP_NEW, sched_wakeup_new);
	if (!e)
		return 0;
	wl_comm_of(e->comm, task);
	e->tid = task->pid;
	e->prio = task->prio - 100;
	e->target_cpu = (__s32)task->thread_info.cpu;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/sched_migrate_task")
int BPF_PROG(wl_sched_migrate_task, struct task_struct *task, int dest_cpu)
{
	struct wl_ev_sched_migrate_task *e;
	struct wl_rec rec;

	if (!wl_on)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_MIGRATE, sched_migrate_task);
	if (!e)
		return 0;
	wl_comm_of(e->comm, task);
	e->tid = task->pid;
	e->prio = task->prio - 100;
	e->orig_cpu = (__s32)task->thread_info.cpu;
	e->dest_cpu = dest_cpu;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(wl_sched_process_exit, struct task_struct *task)
{
	struct wl_ev_sched_process_exit *e;
	struct wl_rec rec;

	if (!wl_on)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SCHED_EXIT, sched_process_exit);
	if (!e)
		return 0;
	wl_comm_of(e->comm, task);
	e->tid = task->pid;
	e->prio = task->prio - 100;
	wl_record_commit(&rec);
	return 0;
}

/* --- block: as LTTng encodes it --- */

#define WL_RWBS_WRITE 0x001
#define WL_RWBS_DISCARD 0x002
#define WL_RWBS_READ 0x004
#define WL_RWBS_RAHEAD 0x008
#define WL_RWBS_SYNC 0x020
#define WL_RWBS_META 0x040
#define WL_RWBS_SECURE 0x080
#define WL_RWBS_FLUSH 0x100
#define WL_RWBS_FUA 0x200
#define WL_RWBS_PREFLUSH 0x400

WL_INLINE __u32 wl_rwbs_op(__u32 op)
{
	switch (op) {
	case 0:
		return WL_RWBS_READ;
	case 1:
		return WL_RWBS_WRITE;
	case 2:
		return WL_RWBS_FLUSH;
	case 3:
		return WL_RWBS_DISCARD;
	case 5:
		return WL_RWBS_DISCARD | WL_RWBS_SECURE;
	default:
		return 0;
	}
}

#define WL_REQ_BIT(flags, name)                                                                    \
	((flags) >> bpf_core_enum_value(enum req_flag_bits, __REQ_##name) & 1 ? WL_RWBS_##name : 0)

WL_INLINE __u32 wl_rwbs_of(struct request *rq)
{
	__u32 flags = rq->cmd_flags;

	return wl_rwbs_op(flags & 0xff) | WL_REQ_BIT(flags, RAHEAD) | WL_REQ_BIT(flags, SYNC) |
	       WL_REQ_BIT(flags, META) | WL_REQ_BIT(flags, PREFLUSH) | WL_REQ_BIT(flags, FUA);
}

/* dev_t inside the kernel. */
WL_INLINE __u32 wl_dev_of(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;

	return disk ? (__u32)disk->major << 20 | (__u32)disk->first_minor : 0;
}

WL_INLINE void wl_record_rq(__u32 id, struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_ev_block_rq *e;
	struct wl_rec rec;

	if (!wl_on)
		return;
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(block_rq));
	if (!e)
		return;
	e->dev = wl_dev_of(rq);
	e->sector = rq->__sector;
	e->bytes = rq->__data_len;
	e->nr_sector = e->bytes >> 9;
	e->tid = task->pid;
	e->rwbs = wl_rwbs_of(rq);
	wl_comm_of(e->comm, task);
	wl_record_commit(&rec);
}

SEC("?tp_btf/block_rq_insert")
int BPF_PROG(wl_block_rq_insert, struct request *rq)
{
	wl_record_rq(WL_EVID_BLOCK_INSERT, rq);
	return 0;
}

SEC("?tp_btf/block_rq_issue")
int BPF_PROG(wl_block_rq_issue, struct request *rq)
{
	wl_record_rq(WL_EVID_BLOCK_ISSUE, rq);
	return 0;
}

SEC("?tp_btf/block_rq_complete")
int BPF_PROG(wl_block_rq_complete, struct request *rq, unsigned char status, unsigned int bytes)
{
	struct wl_ev_block_rq_complete *e;
	struct wl_rec rec;

	if (!wl_on)
		return 0;
	e = WL_RECORD_BEGIN(&rec, BLOCK_COMPLETE, block_rq_complete);
	if (!e)
		return 0;
	e->dev = wl_dev_of(rq);
	e->sector = rq->__sector;
	e->nr_sector = bytes >> 9;
	e->error = status ? -5 : 0; /* which one, only the kernel's own table knows: EIO */
	e->rwbs = wl_rwbs_of(rq);
	wl_record_commit(&rec);
	return 0;
}

/* --- network: packets without their headers --- */

WL_INLINE int wl_record_skb(__u32 id, __u64 skb)
{
	struct sk_buff *s = (void *)skb;
	struct wl_ev_net_skb *e;
	struct wl_rec rec;

	if (!wl_on)
		return 0;
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(net_skb));
	if (!e)
		return 0;
	e->skbaddr = wl_hash_address(skb);
	e->len = BPF_CORE_READ(s, len);
	BPF_CORE_READ_INTO(&e->name, s, dev, name);
	e->network_header_type = 0;
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/netif_receive_skb")
int wl_netif_receive_skb(struct bpf_raw_tracepoint_args *ctx)
{
	return wl_record_skb(WL_EVID_NET_RECEIVE, ctx->args[0]);
}

/* --- page faults --- */

/* Are addresses of this task's memory to be recorded? */
WL_INLINE int wl_is_shown(struct task_struct *task)
{
	struct wl_task *t;

	if (!wl_following())
		return wl_config()->syscalls == WL_SYSCALLS_ALL;
	t = wl_task_reaches(task) ? wl_task_lookup(task) : 0;
	return t && t->flags & WL_TASK_TARGET;
}

WL_INLINE int wl_record_fault(__u32 id, __u64 address, __u64 ip, __u64 error_code, int kernel)
{
	struct wl_ev_page_fault *e;
	struct wl_rec rec;
	int shown;

	if (!wl_on)
		return 0;
	shown = wl_is_shown(bpf_get_current_task_btf());
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(page_fault));
	if (!e)
		return 0;
	e->address = shown ? address : 0;
	if (kernel)
		e->ip = wl_hash_address(ip);
	else
		e->ip = shown ? ip : 0;
	e->error_code = error_code;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/page_fault_user")
int BPF_PROG(wl_page_fault_user, unsigned long address, struct pt_regs *regs,
	     unsigned long error_code)
{
	return wl_record_fault(WL_EVID_FAULT_USER, address, regs->ip, error_code, 0);
}

SEC("?tp_btf/page_fault_kernel")
int BPF_PROG(wl_page_fault_kernel, unsigned long address, struct pt_regs *regs,
	     unsigned long error_code)
{
	return wl_record_fault(WL_EVID_FAULT_KERNEL, address, regs->ip, error_code, 1);
}

#endif
