/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Sockets: where one request of a busy server ends and the next begins. */
#ifndef WL_BPF_PROBE_NET_H
#define WL_BPF_PROBE_NET_H

#include "bpf/probe_irq.h"

SEC("?raw_tp/sk_data_ready")
int wl_sk_data_ready(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock *sk = (const void *)ctx->args[0];
	__u64 key = wl_hash_address(ctx->args[0]), now;
	struct wl_cpu *c = wl_this_cpu();
	struct wl_kept_set *set;
	struct wl_task *t;

	if (!c)
		return 0;
	set = wl_kept_set_of(key);
	c->returned = 0;
	/* sockets that no target reads from stay at their first arrival */
	if (!set || wl_kept_waits(set, key))
		return 0;
	now = bpf_ktime_get_ns();
	t = wl_giving_task(c);
	if (!wl_cpu_in_frame(c) && !(t && t->soft_on) &&
	    BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX_FAMILY)
		wl_event_backlog(WL_CHAIN_CFG, c, set, key, now);
	else
		wl_event_keep(WL_CHAIN_CFG, c, t, set, key, WL_SEG_QUEUED, 0, now);
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(wl_sock_send_length, struct sock *sk, int ret, int flags)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_task *t;

	if (!c || ret <= 0)
		return 0;
	t = wl_giving_task(c);
	if (t)
		wl_turn_send(c, t, bpf_ktime_get_ns());
	return 0;
}

SEC("?raw_tp/sock_recv_length")
int wl_sock_recv_length(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_cpu *c = wl_this_cpu();
	struct wl_end end = { .call = -2, .kind = WL_END_TURN };
	__u64 key = wl_hash_address(ctx->args[0]);
	__s32 ret = (__s32)ctx->args[1];
	struct wl_kept_set *set;
	struct wl_task *t;

	if (!c || ret < 0)
		return 0;
	t = wl_giving_task(c);
	set = wl_kept_set_of(key);
	if (!t || !set)
		return 0;
	if (!ret) {
		wl_kept_drop(set, key);
		return 0;
	}
	end.now = bpf_ktime_get_ns();
	if (!wl_turn_receive(WL_CHAIN_CFG, c, t, set, key, task->tgid, end.now))
		return 0;
	wl_complete(c, t, task, wl_task_cur(t), &end);
	wl_turn_next(t);
	return 0;
}

/* The memory of a closed socket is soon another's: what had arrived there is nobody's. */
SEC("?raw_tp/inet_sock_set_state")
int wl_inet_sock_set_state(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = wl_hash_address(ctx->args[0]);
	struct wl_kept_set *set;

	if (!wl_on || (__u32)ctx->args[2] != TCP_CLOSE)
		return 0;
	set = wl_kept_set_of(key);
	if (set)
		wl_kept_drop(set, key);
	return 0;
}

#endif
