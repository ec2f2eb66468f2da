/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Sockets: where one request of a busy server ends and the next begins. */
#ifndef WL_BPF_PROBE_NET_H
#define WL_BPF_PROBE_NET_H

#include "bpf/probe_mark.h"
#include "bpf/probe_trace.h"

/* A protocol that handles data in the context of the socket's user, who was holding it. */
WL_INLINE __u32 wl_is_backlog(struct wl_cpu *c, const struct wl_task *t, const struct sock *sk)
{
	return !wl_cpu_in_frame(c) && !(t && t->soft_on) &&
			       BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX_FAMILY
		       ? WL_EV_F_BACKLOG
		       : 0;
}

/* Data have come for a socket. */
WL_INLINE int wl_sock_arrival(__u64 sk)
{
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(sk);
	struct wl_kept_set *set;
	struct wl_ev_data_ready *e;
	struct wl_rec rec;
	struct wl_task *t;
	__u32 flags;

	if (!c)
		return 0;
	c->returned = 0;
	set = wl_kept_set_of(key);
	/* sockets that no target reads from stay at their first arrival */
	if (!set || wl_kept_waits(set, key) || !wl_kept_lock(set, c))
		return 0;
	t = wl_giving_task(c);
	flags = wl_is_backlog(c, t, (const void *)sk) | (t ? WL_EV_F_CUR : 0);
	e = WL_RECORD_BEGIN(&rec, DATA_READY, data_ready);
	if (flags & WL_EV_F_BACKLOG)
		wl_event_backlog(WL_CHAIN_CFG, c, set, key, rec.ts);
	else
		wl_event_keep(WL_CHAIN_CFG, c, t, set, key, WL_SEG_QUEUED, 0, rec.ts);
	wl_kept_unlock(set);
	if (!e)
		return 0;
	e->wl_sock = key;
	e->wl_flags = flags | WL_EV_F_DONE;
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/sk_data_ready")
int wl_sk_data_ready(struct bpf_raw_tracepoint_args *ctx)
{
	return wl_sock_arrival(ctx->args[0]);
}

/* The task that sends or receives; 0: a softirq does. */
WL_INLINE struct wl_task *wl_sock_task(struct wl_cpu *c)
{
	struct wl_task *t = wl_giving_task(c);

	return t && !t->soft_on ? t : 0;
}

/* The current task has sent len bytes. */
WL_INLINE int wl_sock_sent(__s32 len)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_sock_send *e;
	struct wl_rec rec;
	struct wl_task *t;

	if (!c || len <= 0)
		return 0;
	t = wl_sock_task(c);
	if (!t)
		return 0;
	e = WL_RECORD_BEGIN(&rec, SOCK_SEND, sock_send);
	wl_turn_send(c, t, rec.ts);
	if (!e)
		return 0;
	e->wl_ret = len;
	e->wl_flags = WL_EV_F_DONE | WL_EV_F_CUR;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(wl_sock_send_length, struct sock *sk, int ret, int flags)
{
	return wl_sock_sent(ret);
}

/* Ends a response, perhaps. Returns its kind of end. */
WL_INLINE __u8 wl_receive_chain(struct wl_cpu *c, struct wl_task *t, struct task_struct *task,
				int kept, __u64 now)
{
	struct wl_end end = { .now = now, .call = -2, .kind = WL_END_TURN };

	if (!wl_turn_receive(WL_CHAIN_CFG, c, t, kept, task->tgid, now))
		return WL_END_NONE;
	wl_complete(c, t, task, wl_task_cur(t), &end);
	wl_turn_next(t);
	return WL_END_TURN;
}

WL_INLINE int wl_receive_arrival(struct wl_kept_set *set, struct wl_task *t, __u64 key)
{
	return wl_marking() ? wl_mark_arrival(set, t, key) : wl_kept_take(set, key, &t->spare);
}

/* A receive of the current task has returned. */
WL_INLINE int wl_sock_received(__u64 sk, __s32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_cpu *c = wl_this_cpu();
	__u64 key = wl_hash_address(sk);
	struct wl_kept_set *set;
	struct wl_ev_sock_recv *e;
	struct wl_rec rec;
	struct wl_task *t;
	int kept = 0, more;
	__u8 end = 0;

	if (!c || ret < 0)
		return 0;
	t = wl_sock_task(c);
	if (!t)
		return 0;
	more = wl_marking() && wl_mark_receives_more(WL_CHAIN_CFG, t, key);
	set = wl_kept_claim(c, key);
	e = WL_RECORD_BEGIN(&rec, SOCK_RECV, sock_recv);
	if (set && ret && !more)
		kept = wl_receive_arrival(set, t, key);
	else if (set)
		wl_kept_drop(set, key);
	if (set)
		wl_kept_unlock(set);
	if (ret && wl_marking() && !more)
		wl_mark_receive(WL_CHAIN_CFG, c, t, kept, key, task->tgid, rec.ts);
	else if (ret && !wl_marking())
		end = wl_receive_chain(c, t, task, kept, rec.ts);
	if (!e)
		return 0;
	e->wl_sock = key;
	e->wl_ret = ret;
	e->wl_flags = (set ? WL_EV_F_DONE : 0) | WL_EV_F_CUR;
	e->wl_end = end;
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/sock_recv_length")
int wl_sock_recv_length(struct bpf_raw_tracepoint_args *ctx)
{
	return wl_sock_received(ctx->args[0], (__s32)ctx->args[1]);
}

/*
 * Before 6.3, TCP only: a segment that is received (tcp_probe), data that are taken by the task
 * (tcp_rcv_space_adjust; how many is not said), a packet that the task itself sends
 * (net_dev_queue). Segments without data are acknowledgements.
 */
WL_INLINE __u32 wl_tcp_header_len(const void *header)
{
	__u8 doff = 0;

	bpf_probe_read_kernel(&doff, sizeof(doff), header + 12); /* RFC 9293: words, upper half */
	return (doff >> 4) * 4;
}

SEC("?raw_tp/tcp_probe")
int wl_tcp_probe(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (void *)ctx->args[1];

	if (BPF_CORE_READ(skb, len) <= wl_tcp_header_len(BPF_CORE_READ(skb, data)))
		return 0;
	return wl_sock_arrival(ctx->args[0]);
}

SEC("?raw_tp/tcp_rcv_space_adjust")
int wl_tcp_rcv_space_adjust(struct bpf_raw_tracepoint_args *ctx)
{
	return wl_sock_received(ctx->args[0], 1);
}

/* Bytes of data in a TCP packet that is going out, 0: none, or another protocol. */
WL_INLINE __s32 wl_tcp_payload(struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	unsigned char *header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__s64 before = header - BPF_CORE_READ(skb, data);

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != PROTO_TCP)
		return 0;
	return (__s32)BPF_CORE_READ(skb, len) - (__s32)before - (__s32)wl_tcp_header_len(header);
}

SEC("?raw_tp/net_dev_queue")
int wl_net_dev_queue(struct bpf_raw_tracepoint_args *ctx)
{
	if (wl_config()->tcp_turns)
		wl_sock_sent(wl_tcp_payload((void *)ctx->args[0]));
	return wl_record_skb(WL_EVID_NET_QUEUE, ctx->args[0]);
}

/* The memory of a closed socket is soon another's: what had arrived there is nobody's. */
SEC("?raw_tp/inet_sock_set_state")
int wl_inet_sock_set_state(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = wl_hash_address(ctx->args[0]);
	struct wl_cpu *c = wl_this_cpu();
	struct wl_kept_set *set;
	struct wl_ev_sock_close *e;
	struct wl_rec rec;

	if (!c || (__u32)ctx->args[2] != TCP_CLOSE)
		return 0;
	set = wl_kept_claim(c, key);
	if (!set)
		return 0;
	e = wl_recording() ? WL_RECORD_BEGIN(&rec, SOCK_CLOSE, sock_close) : 0;
	wl_kept_drop(set, key);
	wl_kept_unlock(set);
	if (!e)
		return 0;
	e->wl_sock = key;
	wl_record_commit(&rec);
	return 0;
}

#endif
