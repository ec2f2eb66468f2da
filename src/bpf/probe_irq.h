/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Interrupts, softirqs, timers, calls from other CPUs. */
#ifndef WL_BPF_PROBE_IRQ_H
#define WL_BPF_PROBE_IRQ_H

#include "bpf/report.h"

#define WL_CHAIN_CFG (&wl_config()->chain)

/* The current task's state; 0: idle, or it can reach no target. */
WL_INLINE struct wl_task *wl_current(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return wl_task_reaches(task) ? wl_task_lookup(task) : 0;
}

/* On PREEMPT_RT softirqs belong to tasks, also to those that reach no target. */
WL_INLINE struct wl_task *wl_softirq_task(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return WL_CHAIN_CFG->rt && task->pid ? wl_task_lookup(task) : 0;
}

/* The giver's task: none inside an interrupt. */
WL_INLINE struct wl_task *wl_giving_task(struct wl_cpu *c)
{
	struct wl_task *t;

	if (wl_cpu_in_frame(c))
		return 0;
	t = wl_softirq_task();
	return t && t->soft_on ? t : wl_current();
}

/* A clock reading costs as much as an empty program. */
WL_INLINE __u64 wl_exit_time(const struct wl_cpu *c)
{
	return wl_frame_pop_timed(c) ? bpf_ktime_get_ns() : 0;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(wl_irq_handler_entry, int irq, struct irqaction *action)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_irq_enter(c, (__u16)irq, (__u64)action->thread, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(wl_irq_handler_exit, int irq, struct irqaction *action, int ret)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_irq_exit(c, wl_exit_time(c));
	return 0;
}

#define WL_VECTOR(name, nr)                                                                        \
	SEC("?tp_btf/" #name "_entry")                                                             \
	int BPF_PROG(wl_##name##_entry, int vector)                                                \
	{                                                                                          \
		struct wl_cpu *c = wl_this_cpu();                                                  \
                                                                                                   \
		if (c)                                                                             \
			wl_irq_enter(c, WL_VEC_BASE + nr, 0, bpf_ktime_get_ns());                  \
		return 0;                                                                          \
	}                                                                                          \
	SEC("?tp_btf/" #name "_exit")                                                              \
	int BPF_PROG(wl_##name##_exit, int vector)                                                 \
	{                                                                                          \
		struct wl_cpu *c = wl_this_cpu();                                                  \
                                                                                                   \
		if (c)                                                                             \
			wl_irq_exit(c, wl_exit_time(c));                                           \
		return 0;                                                                          \
	}

WL_VECTOR(local_timer, WL_VEC_LOCAL_TIMER)
WL_VECTOR(reschedule, WL_VEC_RESCHEDULE)
WL_VECTOR(call_function, WL_VEC_CALL_FUNCTION)
WL_VECTOR(call_function_single, WL_VEC_CALL_FUNCTION_SINGLE)
WL_VECTOR(irq_work, WL_VEC_IRQ_WORK)
WL_VECTOR(x86_platform_ipi, WL_VEC_OTHER)
WL_VECTOR(thermal_apic, WL_VEC_OTHER)
WL_VECTOR(threshold_apic, WL_VEC_OTHER)
WL_VECTOR(deferred_error_apic, WL_VEC_OTHER)
WL_VECTOR(error_apic, WL_VEC_OTHER)
WL_VECTOR(spurious_apic, WL_VEC_OTHER)

SEC("?tp_btf/nmi_handler")
int BPF_PROG(wl_nmi_handler, void *handler, __s64 delta_ns, int handled)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_event_nmi(c, delta_ns > 0 ? (__u64)delta_ns : 0);
	return 0;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(wl_softirq_raise_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_giver g;
	__u64 now;

	if (!c)
		return 0;
	c->returned = 0;
	/* most raises find the vector pending already */
	if (c->pending[vec & 15].state == WL_SLOT_FULL)
		return 0;
	now = bpf_ktime_get_ns();
	wl_giver_now(WL_CHAIN_CFG, c, wl_giving_task(c), &g, now);
	wl_softirq_raise(WL_CHAIN_CFG, c, vec, &g, now);
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(wl_softirq_entry_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_softirq_enter(WL_CHAIN_CFG, c, wl_softirq_task(), vec, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(wl_softirq_exit_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_softirq_exit(WL_CHAIN_CFG, c, wl_softirq_task(), wl_exit_time(c));
	return 0;
}

/* An expiry is on the clock of its base; the base's offset brings it to the monotonic one. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(wl_hrtimer_expire_entry, struct hrtimer *timer, wl_ktime_t *now_on_base)
{
	struct wl_cpu *c = wl_this_cpu();
	__s64 offset;

	if (!c)
		return 0;
	offset = timer->base->offset;
	wl_timer_enter(c, (__u64)(timer->_softexpires - offset),
		       (__u64)(timer->node.expires - offset), (__u16)timer->base->clockid,
		       bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(wl_hrtimer_expire_exit, struct hrtimer *timer)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_timer_exit(c, wl_exit_time(c));
	return 0;
}

/* Remote wake-ups travel the same way, but sched_waking has handed their chain over already. */
SEC("?raw_tp/csd_queue_cpu")
int wl_csd_queue_cpu(struct bpf_raw_tracepoint_args *ctx)
{
	struct __call_single_data *csd = (void *)ctx->args[3];
	struct wl_cpu *c = wl_this_cpu();
	struct wl_kept_set *set;
	__u64 key = wl_hash_address(ctx->args[3]);

	if (!c || (BPF_CORE_READ(csd, node.u_flags) & CSD_TYPE_MASK) == CSD_TYPE_TTWU)
		return 0;
	set = wl_kept_set_of(key);
	if (set)
		wl_event_keep(WL_CHAIN_CFG, c, wl_giving_task(c), set, key, WL_SEG_IRQ, 1,
			      bpf_ktime_get_ns());
	return 0;
}

SEC("?raw_tp/csd_function_entry")
int wl_csd_function_entry(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_kept_set *set;
	__u64 key = wl_hash_address(ctx->args[1]);

	/* without a csd it is a call on this very CPU: the same context goes on */
	if (!c || !ctx->args[1])
		return 0;
	set = wl_kept_set_of(key);
	if (set)
		wl_event_call_enter(c, set, key, bpf_ktime_get_ns());
	return 0;
}

SEC("?tp_btf/csd_function_exit")
int BPF_PROG(wl_csd_function_exit, void *func, struct __call_single_data *csd)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c && csd)
		wl_event_call_exit(c, wl_exit_time(c));
	return 0;
}

#endif
