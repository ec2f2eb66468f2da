// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * From when the network stack has a packet until user space receives its first byte: per interface
 * and process. What the stack merges into another packet, or drops, is not counted.
 */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"

#define ETH_P_IP 0x0008 /* these two in the network's byte order */
#define ETH_P_IPV6 0xdd86
#define IP_PROTOCOL 9 /* where their headers say what is in them */
#define IPV6_NEXT_HEADER 6
#define IPPROTO_UDP_NR 17

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___more {
	unsigned char *head;
	unsigned int len;
	__u16 network_header;
	__u16 protocol;
	struct net_device *dev;
};

#pragma clang attribute pop

struct wl_net {
	char interface[16];
	lt_bytes size;
	lt_hex buffer; /* of its data: memory of packets is used again at once */
	char process[16];
	lt_tid tid;
	lt_pid pid;
} __attribute__((aligned(8)));

struct wl_net_row {
	char interface[16];
	char process[16];
} __attribute__((aligned(8)));

LATENCY_TRACKER(net, lt_hex, struct wl_net, 32768);
LATENCY_TRACKER_ROWS(net, struct wl_net_row, WL_TRACK_ROWS);

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(wl_track_receive, struct sk_buff___more *skb)
{
	lt_hex key = (lt_hex)skb;
	struct wl_net n = { .size = skb->len, .buffer = (lt_hex)skb->head };

	bpf_probe_read_kernel_str(n.interface, sizeof(n.interface), skb->dev->name);
	latency_tracker_event_in(net, &key, &n);
	return 0;
}

static __noinline int wl_net_end(struct sk_buff___more *skb, struct task_struct *task)
{
	lt_hex key = (lt_hex)skb;
	struct lt1_event_net *e = latency_tracker_find(net, &key);
	__u64 now = bpf_ktime_get_ns();
	struct wl_net_row row;

	if (!e)
		return 0;
	/* another packet in the same memory, or somebody that nobody has asked for */
	if (e->priv.buffer != (lt_hex)skb->head || !wl_track_wants(task)) {
		latency_tracker_discard(net, &key);
		return 0;
	}
	wl_comm_of(e->priv.process, task->group_leader);
	e->priv.tid = task->pid;
	e->priv.pid = task->tgid;
	__builtin_memcpy(row.interface, e->priv.interface, sizeof(row.interface));
	wl_comm_of(row.process, task->group_leader);
	latency_tracker_event_out_row(net, &key, &row, now);
	return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(wl_track_copy, struct sk_buff___more *skb, int len)
{
	return wl_net_end(skb, bpf_get_current_task_btf());
}

WL_INLINE int wl_net_is_udp(struct sk_buff___more *skb)
{
	__u32 at = skb->protocol == ETH_P_IP ? IP_PROTOCOL : IPV6_NEXT_HEADER;
	__u8 protocol = 0;

	if (skb->protocol != ETH_P_IP && skb->protocol != ETH_P_IPV6)
		return 0;
	bpf_probe_read_kernel(&protocol, sizeof(protocol), skb->head + skb->network_header + at);
	return protocol == IPPROTO_UDP_NR;
}

WL_INLINE int wl_net_receives(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	switch (WL_CALL_NR(regs)) {
	case WL_CALL_READ:
	case WL_CALL_READV:
	case WL_CALL_RECVFROM:
	case WL_CALL_RECVMSG:
	case WL_CALL_RECVMMSG:
	case WL_CALL_IO_URING_ENTER:
		return 1;
	default:
		return 0;
	}
}

/* A datagram in one piece is copied without that event, and freed by whoever has received it. */
SEC("tp_btf/consume_skb")
int BPF_PROG(wl_track_consume, struct sk_buff___more *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	lt_hex key = (lt_hex)skb;

	if (!latency_tracker_find(net, &key))
		return 0;
	if (wl_net_is_udp(skb) && wl_net_receives(task))
		return wl_net_end(skb, task);
	latency_tracker_discard(net, &key);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(wl_track_drop, struct sk_buff___more *skb)
{
	lt_hex key = (lt_hex)skb;

	latency_tracker_discard(net, &key);
	return 0;
}
