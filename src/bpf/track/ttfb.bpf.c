// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * From accept(2) until the first write to that connection. Not those of io_uring.
 *
 * A connection may end in many ways without one: close(2), close_range(2), dup2(2), the end of its
 * process. All of them but the first are seen at its socket, which is kept beside the event.
 */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"

#define AF_INET 2
#define AF_INET6 10
#define WL_TTFB_MAX 32768 /* connections at the same time */

/* include/net/tcp_states.h: states in which this side can't write any more */
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	__u8 s6_bytes[16]; /* read by offset: in the kernel it is a union */
};

struct sock_common___addr {
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport; /* of the network's byte order */
	__u16 skc_num;
	__u16 skc_family;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock___addr {
	struct sock_common___addr __sk_common;
};

struct socket {
	struct sock___addr *sk;
};

#pragma clang attribute pop

struct wl_ttfb_key {
	lt_pid pid;
	__u32 fd;
};

struct wl_ttfb {
	char process[16];
	__u64 pad_socket;
	lt_tid tid;
	lt_addr local, remote;
	__u32 pad;
};

struct wl_ttfb_row {
	char process[16];
	lt_addr local;
};

LATENCY_TRACKER(ttfb, struct wl_ttfb_key, struct wl_ttfb, WL_TTFB_MAX);
LATENCY_TRACKER_ROWS(ttfb, struct wl_ttfb_row, WL_TRACK_ROWS);

/* Sockets of open events. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WL_TTFB_MAX);
	__type(key, __u64);
	__type(value, struct wl_ttfb_key);
} wl_ttfb_sockets SEC(".maps");

WL_INLINE void wl_ttfb_addresses(struct wl_ttfb *t, struct sock___addr *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_dport);

	t->local.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	t->remote.family = t->local.family;
	t->local.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	t->remote.port = __builtin_bswap16(port);
	if (t->local.family == AF_INET) {
		*(__u32 *)t->local.ip = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		*(__u32 *)t->remote.ip = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else if (t->local.family == AF_INET6) {
		BPF_CORE_READ_INTO(&t->local.ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&t->remote.ip, sk, __sk_common.skc_v6_daddr);
	}
}

static __noinline int wl_ttfb_accepted(struct task_struct *task, __u32 fd, __u64 now)
{
	struct wl_ttfb_key key = { .pid = task->tgid, .fd = fd };
	struct file *file = wl_file_of(fd);
	struct wl_ttfb t = { .tid = task->pid };
	struct socket *socket;
	struct sock___addr *sk;

	if (!file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	wl_ttfb_addresses(&t, sk);
	if (t.local.family != AF_INET && t.local.family != AF_INET6)
		return 0;
	wl_comm_of(t.process, task->group_leader);
	t.pad_socket = (__u64)sk;
	if (!latency_tracker_event_in_at(ttfb, &key, &t, now))
		bpf_map_update_elem(&wl_ttfb_sockets, &t.pad_socket, &key, BPF_ANY);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wl_track_sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	long nr = WL_CALL_NR(regs);

	if ((nr != WL_CALL_ACCEPT && nr != WL_CALL_ACCEPT4) || result < 0 ||
	    wl_call_is_compat(task) || !wl_track_wants(task))
		return 0;
	return wl_ttfb_accepted(task, result, bpf_ktime_get_ns());
}

WL_INLINE int wl_ttfb_writes(long nr)
{
	switch (nr) {
	case WL_CALL_WRITE:
	case WL_CALL_WRITEV:
	case WL_CALL_SENDTO:
	case WL_CALL_SENDMSG:
	case WL_CALL_SENDMMSG:
	case WL_CALL_SENDFILE:
		return 1;
	default:
		return 0;
	}
}

SEC("tp_btf/sys_enter")
int BPF_PROG(wl_track_sys_enter, struct pt_regs *regs, long nr)
{
	struct wl_ttfb_key key = { .pid = bpf_get_current_pid_tgid() >> 32 };
	struct lt1_event_ttfb *e;
	struct wl_ttfb_row row;
	__u64 socket;

	if (!wl_ttfb_writes(nr) && nr != WL_CALL_CLOSE)
		return 0;
	key.fd = WL_ARG0(regs);
	e = latency_tracker_find(ttfb, &key);
	if (!e || wl_call_is_compat(bpf_get_current_task_btf()))
		return 0;
	socket = e->priv.pad_socket;
	bpf_map_delete_elem(&wl_ttfb_sockets, &socket);
	if (nr == WL_CALL_CLOSE) {
		latency_tracker_discard(ttfb, &key);
		return 0;
	}
	__builtin_memcpy(row.process, e->priv.process, sizeof(row.process));
	row.local = e->priv.local;
	latency_tracker_event_out_row(ttfb, &key, &row, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(wl_track_set_state, const struct sock *sk, int before, int state)
{
	__u64 socket = (__u64)sk;
	struct lt1_event_ttfb *e;
	struct wl_ttfb_key *found, key;

	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	found = bpf_map_lookup_elem(&wl_ttfb_sockets, &socket);
	if (!found)
		return 0;
	key = *found;
	e = latency_tracker_find(ttfb, &key);
	if (e && e->priv.pad_socket == socket) /* its number may be another's by now */
		latency_tracker_discard(ttfb, &key);
	bpf_map_delete_elem(&wl_ttfb_sockets, &socket);
	return 0;
}
