// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * From accept(2) until the first write to that connection, whoever writes: a server may hand it to
 * a child, by fork(2), and close its own descriptor. Events are known by their socket. Not those of
 * io_uring.
 *
 * A connection may end in many ways without a write: close(2), close_range(2), dup2(2), the end of
 * its processes. All of them are seen at its socket, when the last one has let go of it.
 */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"

#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFSOCK 0140000

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
	volatile unsigned char skc_state;
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
	lt_hex socket;
};

struct wl_ttfb {
	char process[16];
	lt_pid pid;
	lt_tid tid;
	__s32 fd;
	lt_addr local, remote;
	__u32 pad;
};

struct wl_ttfb_row {
	char process[16];
	lt_addr local;
};

LATENCY_TRACKER(ttfb, struct wl_ttfb_key, struct wl_ttfb, 32768);
LATENCY_TRACKER_ROWS(ttfb, struct wl_ttfb_row, WL_TRACK_ROWS);

/* The socket that a descriptor of the current task is; 0: it is none. */
WL_INLINE struct sock___addr *wl_ttfb_socket(__u32 fd)
{
	struct file *file = wl_file_of(fd);
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

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

WL_INLINE int wl_ttfb_is_over(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSE;
}

/* One that its client has reset before it was accepted does not change its state any more. */
static __noinline int wl_ttfb_accepted(struct task_struct *task, __u32 fd, __u64 now)
{
	struct wl_ttfb t = { .pid = task->tgid, .tid = task->pid, .fd = fd };
	struct sock___addr *sk = wl_ttfb_socket(fd);
	struct wl_ttfb_key key = { .socket = (lt_hex)sk };

	if (!sk)
		return 0;
	wl_ttfb_addresses(&t, sk);
	if (t.local.family != AF_INET && t.local.family != AF_INET6)
		return 0;
	wl_comm_of(t.process, task->group_leader);
	latency_tracker_event_in_at(ttfb, &key, &t, now);
	if (wl_ttfb_is_over(BPF_CORE_READ(sk, __sk_common.skc_state)))
		latency_tracker_discard(ttfb, &key);
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
	struct wl_ttfb_key key;
	struct lt1_event_ttfb *e;
	struct wl_ttfb_row row;

	if (!wl_ttfb_writes(nr) || wl_call_is_compat(bpf_get_current_task_btf()))
		return 0;
	key.socket = (lt_hex)wl_ttfb_socket(WL_ARG0(regs));
	e = key.socket ? latency_tracker_find(ttfb, &key) : 0;
	if (!e)
		return 0;
	__builtin_memcpy(row.process, e->priv.process, sizeof(row.process));
	row.local = e->priv.local;
	latency_tracker_event_out_row(ttfb, &key, &row, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(wl_track_set_state, const struct sock *sk, int before, int state)
{
	struct wl_ttfb_key key = { .socket = (lt_hex)sk };

	if (wl_ttfb_is_over(state))
		latency_tracker_discard(ttfb, &key);
	return 0;
}
