// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * How long do TCP connections take to be set up? From the first SYN to the established connection:
 *
 *	clang -g -O2 -target bpf -mcpu=v3 -I/usr/include/x86_64-linux-gnu -c tcp_connect.bpf.c
 *	whylate track tcp_connect.bpf.o --over 10ms
 */
#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>
#include "latency_tracker.bpf.h"

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2

struct who {
	lt_tid tid;
	char comm[16];
} __attribute__((aligned(8)));

LATENCY_TRACKER(tcp_connect, lt_hex, struct who, 4096);

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, const void *sk, int from, int to)
{
	lt_hex key = (lt_hex)sk;
	struct who who = { .tid = (lt_tid)bpf_get_current_pid_tgid() };

	bpf_get_current_comm(who.comm, sizeof(who.comm));
	if (to == TCP_SYN_SENT)
		latency_tracker_event_in(tcp_connect, &key, &who);
	else if (from == TCP_SYN_SENT && to == TCP_ESTABLISHED)
		latency_tracker_event_out(tcp_connect, &key);
	else if (from == TCP_SYN_SENT)
		latency_tracker_discard(tcp_connect, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
