// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The kernel side: one program per tracepoint. Each is thin: it looks state up, hands its event to
 * src/chain/ and to the flight recorder, and reports what ends. Programs of features that are off
 * are not loaded (live/probes.c).
 */
#include "bpf/report.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "bpf/probe_stack.h"
#include "bpf/probe_irq.h"
#include "bpf/probe_mark.h"
#include "bpf/probe_sched.h"
#include "bpf/probe_net.h"
#include "bpf/probe_work.h"
#include "bpf/probe_syscall.h"
#include "bpf/iter.h"

/* The yardstick of doctor and bench: what a program costs before it does anything. */
SEC("?tp_btf/sched_switch")
int wl_empty(void *ctx)
{
	return 0;
}
