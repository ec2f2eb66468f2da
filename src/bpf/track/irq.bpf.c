// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* How long interrupts are handled: lines of devices, and the CPU's own vectors. */
#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>
#include "bpf/kernel.h"
#include "latency_tracker.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NO_IRQ (~0u) /* vectors have no line */

struct wl_irq_key {
	lt_cpu cpu;
	__u32 source; /* line, or 0x10000 + number of our own */
};

struct wl_irq_row {
	lt_irq irq;
	char name[28];
} __attribute__((aligned(8)));

LATENCY_TRACKER(irq, struct wl_irq_key, struct wl_irq_row, 4096);
LATENCY_TRACKER_ROWS(irq, struct wl_irq_row, 512);

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(wl_track_irq_entry, int irq, struct irqaction *action)
{
	struct wl_irq_key key = { .cpu = bpf_get_smp_processor_id(), .source = irq };
	struct wl_irq_row row = { .irq = irq };

	bpf_probe_read_kernel_str(row.name, sizeof(row.name), action->name);
	latency_tracker_event_in(irq, &key, &row);
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(wl_track_irq_exit, int irq, struct irqaction *action, int ret)
{
	struct wl_irq_key key = { .cpu = bpf_get_smp_processor_id(), .source = irq };
	struct lt1_event_irq *e = latency_tracker_find(irq, &key);
	__u64 now = bpf_ktime_get_ns();
	struct wl_irq_row row;

	if (!e)
		return 0;
	row = e->priv;
	latency_tracker_event_out_row(irq, &key, &row, now);
	return 0;
}

/* nr: any number of its own */
#define VECTOR(vector, nr)                                                                         \
	SEC("?tp_btf/" #vector "_entry")                                                           \
	int BPF_PROG(wl_track_##vector##_entry)                                                    \
	{                                                                                          \
		struct wl_irq_key key = { bpf_get_smp_processor_id(), 0x10000 + (nr) };            \
		struct wl_irq_row row = { NO_IRQ, #vector };                                       \
                                                                                                   \
		latency_tracker_event_in(irq, &key, &row);                                         \
		return 0;                                                                          \
	}                                                                                          \
	SEC("?tp_btf/" #vector "_exit")                                                            \
	int BPF_PROG(wl_track_##vector##_exit)                                                     \
	{                                                                                          \
		struct wl_irq_key key = { bpf_get_smp_processor_id(), 0x10000 + (nr) };            \
		struct wl_irq_row row = { NO_IRQ, #vector };                                       \
                                                                                                   \
		latency_tracker_event_out_row(irq, &key, &row, bpf_ktime_get_ns());                \
		return 0;                                                                          \
	}

VECTOR(local_timer, 0)
VECTOR(reschedule, 1)
VECTOR(call_function, 2)
VECTOR(call_function_single, 3)
VECTOR(irq_work, 4)
VECTOR(x86_platform_ipi, 5)
VECTOR(thermal_apic, 6)
VECTOR(threshold_apic, 7)
VECTOR(deferred_error_apic, 8)
VECTOR(error_apic, 9)
VECTOR(spurious_apic, 10)
