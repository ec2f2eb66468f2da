// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A tracker that is soon full: every getppid(2) of a program begins an event that never ends. */
#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>
#include "latency_tracker.bpf.h"

#define GETPPID 110                   /* x86-64 */
#define TRACKED 0x0064656b63617274ull /* "tracked", little endian */

struct what {
	char comm[16];
} __attribute__((aligned(8)));

LATENCY_TRACKER(few, lt_hex, struct what, 64);

__u64 number;

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, const void *regs, long nr)
{
	struct what w;
	lt_hex key;

	if (nr != GETPPID)
		return 0;
	bpf_get_current_comm(w.comm, sizeof(w.comm));
	if (*(__u64 *)w.comm != TRACKED)
		return 0;
	key = __sync_fetch_and_add(&number, 1);
	latency_tracker_event_in(few, &key, &w);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
