// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Keeps a CPU busy in interrupt context for a bounded time, and reads how much of it the host took.
 * Those that are raw tracepoints are started by bpf(2) BPF_PROG_TEST_RUN on a CPU of choice: on
 * another one than the caller's that is an interrupt there (call_function_single).
 */
#include "bpf/kernel.h"

#define STEPS (1 << 21) /* of about 50 ns: no spin outlasts 0.1 s */
#define CPUS 256
#define CLOCK_MONOTONIC 1
#define TIMER_AFTER 300000 /* ns */
#define TIMER_HERE 2       /* BPF_F_TIMER_CPU_PIN of Linux 6.7 */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

volatile __u64 spin_from, spin_to, spin_ns;
volatile __u32 softirq_cpu, softirq_nr, softirq_tid, softirq_left; /* what we wait for */
volatile __u64 softirq_sum;                                        /* ns, from entry to exit */
volatile __u32 softirq_runs, softirq_in, softirq_deferred;
volatile __u32 line_nr, line_cpu, line_left;
volatile __u64 timer_first_ns, timer_ns;
volatile __u32 timer_runs;
volatile __u64 stolen[CPUS];

struct timer_value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_value);
} timers SEC(".maps");

static long until(__u32 i, void *ctx)
{
	return bpf_ktime_get_ns() >= *(__u64 *)ctx;
}

static __always_inline void spin(__u64 ns)
{
	__u64 from = bpf_ktime_get_ns(), end = from + ns;

	bpf_loop(STEPS, until, &end, 0);
	spin_from = from;
	spin_to = bpf_ktime_get_ns();
}

SEC("raw_tp")
int scn_spin(void *ctx)
{
	spin(spin_ns);
	return 0;
}

SEC("raw_tp")
int scn_stolen(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct task_struct *task = bpf_get_current_task_btf();

	if (cpu < CPUS && bpf_core_field_exists(struct rq, prev_steal_time_rq))
		stolen[cpu] = task->se.cfs_rq->rq->prev_steal_time_rq;
	return 0;
}

static __always_inline bool is_it(unsigned int nr)
{
	return nr == softirq_nr && bpf_get_smp_processor_id() == softirq_cpu;
}

/* Does the kernel's own task do it? */
static __always_inline bool by_ksoftirqd(void)
{
	char name[16] = {};

	bpf_get_current_comm(name, sizeof(name));
	return !bpf_strncmp(name, 10, "ksoftirqd/");
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(scn_softirq, unsigned int nr)
{
	if (!softirq_left || !is_it(nr))
		return 0;
	softirq_left--;
	softirq_deferred = by_ksoftirqd();
	softirq_in = 1;
	spin(spin_ns);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(scn_softirq_over, unsigned int nr)
{
	if (!softirq_in || !is_it(nr))
		return 0;
	softirq_in = 0;
	if (!softirq_tid || (__u32)bpf_get_current_pid_tgid() == softirq_tid)
		softirq_sum += bpf_ktime_get_ns() - spin_from;
	softirq_runs++;
	return 0;
}

/* The line's handler seems to take long: we run inside of what is measured of it. */
SEC("tp_btf/irq_handler_entry")
int BPF_PROG(scn_line, int irq, struct irqaction *action)
{
	if (!line_left || (__u32)irq != line_nr)
		return 0;
	line_left--;
	line_cpu = bpf_get_smp_processor_id();
	spin(spin_ns);
	return 0;
}

/* A softirq that takes too long and then has more to do is left for ksoftirqd. */
static int timer_fired(void *map, __u32 *key, struct timer_value *value)
{
	bool first = !timer_runs++;

	spin(first ? timer_first_ns : timer_ns);
	if (first)
		bpf_timer_start(&value->timer, 0, TIMER_HERE);
	return 0;
}

SEC("syscall")
int scn_timer(void *ctx)
{
	__u32 key = 0;
	struct timer_value *value = bpf_map_lookup_elem(&timers, &key);

	if (!value)
		return 1;
	bpf_timer_init(&value->timer, &timers, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&value->timer, timer_fired))
		return 1;
	timer_runs = 0;
	return bpf_timer_start(&value->timer, TIMER_AFTER, TIMER_HERE) ? 1 : 0;
}
