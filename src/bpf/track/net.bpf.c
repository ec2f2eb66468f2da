// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * From when the network stack has a packet until user space receives its first byte: per interface
 * and process. What the stack merges into another packet, or drops, is not counted.
 */
#include "bpf/track/track.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff___more {
	unsigned char *head;
	unsigned int len;
	int skb_iif;
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

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(wl_track_copy, struct sk_buff___more *skb, int len)
{
	struct task_struct *task = bpf_get_current_task_btf();
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

SEC("tp_btf/consume_skb")
int BPF_PROG(wl_track_consume, struct sk_buff___more *skb)
{
	lt_hex key = (lt_hex)skb;

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
