/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Interrupts, softirqs, timers, calls from other CPUs. */
#ifndef WL_BPF_PROBE_IRQ_H
#define WL_BPF_PROBE_IRQ_H

#include "bpf/probe_stack.h"

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

/* Who is on the CPU is filled in fully only when somebody is going to be told. */
WL_INLINE void wl_run_name(struct wl_cpu *c, struct task_struct *task)
{
	if (!wl_run_is_named(&c->run))
		wl_who_of(&c->run.who, task);
}

/* The giver's task: none inside an interrupt. A link's name goes with what it gives. */
WL_INLINE struct wl_task *wl_giving_task(struct wl_cpu *c)
{
	struct wl_task *t;

	if (wl_cpu_in_frame(c))
		return 0;
	t = wl_softirq_task();
	t = t && t->soft_on ? t : wl_current();
	if (t && (t->soft_on || t->flags & WL_TASK_LINK))
		wl_run_name(c, bpf_get_current_task_btf());
	return t;
}

/*
 * Ends of contexts: the time is read only if the recorder or the state machine (timed) needs it, a
 * clock reading costs as much as an empty program.
 */
WL_INLINE void *wl_exit_begin(struct wl_rec *rec, int timed, __u32 id, __u32 size)
{
	if (wl_recording() || timed)
		return wl_record_begin(rec, id, size);
	rec->record = 0;
	rec->ts = 0;
	return 0;
}

#define WL_EXIT_BEGIN(rec, timed, event, fields)                                                   \
	((struct wl_ev_##fields *)wl_exit_begin(rec, timed, WL_EVID_##event, WL_EVENT_SIZE(fields)))

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(wl_irq_handler_entry, int irq, struct irqaction *action)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_irq_handler_entry *e;
	struct wl_rec rec;

	if (!c)
		return 0;
	e = WL_RECORD_BEGIN(&rec, IRQ_ENTRY, irq_handler_entry);
	if (wl_following())
		wl_irq_enter(c, (__u16)irq, (__u64)action->thread, rec.ts);
	if (!e)
		return 0;
	e->irq = irq;
	e->wl_thread = action->thread ? action->thread->pid : 0;
	__builtin_memset(e->name, 0, sizeof(e->name));
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), action->name);
	wl_record_commit(&rec);
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(wl_irq_handler_exit, int irq, struct irqaction *action, int ret)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_irq_handler_exit *e;
	struct wl_rec rec;

	if (!c)
		return 0;
	e = WL_EXIT_BEGIN(&rec, wl_frame_pop_timed(c), IRQ_EXIT, irq_handler_exit);
	if (wl_following())
		wl_irq_exit(c, rec.ts);
	if (!e)
		return 0;
	e->irq = irq;
	e->ret = ret;
	wl_record_commit(&rec);
	return 0;
}

WL_INLINE void wl_vector_entry(__u32 id, __u16 nr, int vector)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_vector *e;
	struct wl_rec rec;

	if (!c)
		return;
	e = wl_record_begin(&rec, id, WL_EVENT_SIZE(vector));
	if (wl_following())
		wl_irq_enter(c, WL_VEC_BASE + nr, 0, rec.ts);
	if (!e)
		return;
	e->vector = vector;
	wl_record_commit(&rec);
}

WL_INLINE void wl_vector_exit(__u32 id, int vector)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_vector *e;
	struct wl_rec rec;

	if (!c)
		return;
	e = wl_exit_begin(&rec, wl_frame_pop_timed(c), id, WL_EVENT_SIZE(vector));
	if (wl_following())
		wl_irq_exit(c, rec.ts);
	if (!e)
		return;
	e->vector = vector;
	wl_record_commit(&rec);
}

/* first: what comes before it counts. */
#define WL_VECTOR_BEGUN(name, upper, nr, first)                                                    \
	SEC("?tp_btf/" #name "_entry")                                                             \
	int BPF_PROG(wl_##name##_entry, int vector)                                                \
	{                                                                                          \
		first;                                                                             \
		wl_vector_entry(WL_EVID_VEC_##upper##_ENTRY, nr, vector);                          \
		return 0;                                                                          \
	}                                                                                          \
	SEC("?tp_btf/" #name "_exit")                                                              \
	int BPF_PROG(wl_##name##_exit, int vector)                                                 \
	{                                                                                          \
		wl_vector_exit(WL_EVID_VEC_##upper##_EXIT, vector);                                \
		return 0;                                                                          \
	}

#define WL_VECTOR(name, upper, nr) WL_VECTOR_BEGUN(name, upper, nr, (void)0)

WL_VECTOR_BEGUN(local_timer, LOCAL_TIMER, WL_VEC_LOCAL_TIMER, if (wl_stacks) wl_stack_tick(ctx))
WL_VECTOR(reschedule, RESCHEDULE, WL_VEC_RESCHEDULE)
WL_VECTOR(call_function, CALL_FUNCTION, WL_VEC_CALL_FUNCTION)
WL_VECTOR(call_function_single, CALL_FUNCTION_SINGLE, WL_VEC_CALL_FUNCTION_SINGLE)
WL_VECTOR(irq_work, IRQ_WORK, WL_VEC_IRQ_WORK)
WL_VECTOR(x86_platform_ipi, X86_PLATFORM_IPI, WL_VEC_OTHER)
WL_VECTOR(thermal_apic, THERMAL_APIC, WL_VEC_OTHER)
WL_VECTOR(threshold_apic, THRESHOLD_APIC, WL_VEC_OTHER)
WL_VECTOR(deferred_error_apic, DEFERRED_ERROR_APIC, WL_VEC_OTHER)
WL_VECTOR(error_apic, ERROR_APIC, WL_VEC_OTHER)
WL_VECTOR(spurious_apic, SPURIOUS_APIC, WL_VEC_OTHER)

SEC("?tp_btf/nmi_handler")
int BPF_PROG(wl_nmi_handler, void *handler, __s64 delta_ns, int handled)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_rec rec;
	struct wl_ev_nmi *e;

	if (!c)
		return 0;
	e = wl_recording() ? WL_RECORD_BEGIN(&rec, NMI, nmi) : 0;
	if (wl_following())
		wl_event_nmi(c, delta_ns > 0 ? (__u64)delta_ns : 0);
	if (!e)
		return 0;
	e->wl_delta = delta_ns;
	e->wl_handled = handled;
	wl_record_commit(&rec);
	return 0;
}

/* Most raises find the vector pending already: no time is read for them unless they are recorded.
 */
WL_INLINE __u32 wl_raise_chain(struct wl_cpu *c, __u32 vec, __u64 now)
{
	struct wl_task *t = wl_giving_task(c);
	struct wl_giver g;

	wl_giver_now(WL_CHAIN_CFG, c, t, &g, now);
	wl_softirq_raise(WL_CHAIN_CFG, c, t, vec, &g, now);
	return WL_EV_F_DONE | (t ? WL_EV_F_CUR : 0);
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(wl_softirq_raise_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_irq_softirq_raise *e;
	struct wl_rec rec;
	__u32 flags = 0;
	int wanted;

	if (!c)
		return 0;
	wanted = wl_following() && wl_softirq_wants(c, vec);
	if (!wanted && !wl_recording())
		return 0;
	e = WL_RECORD_BEGIN(&rec, SOFTIRQ_RAISE, irq_softirq_raise);
	if (wanted)
		flags = wl_raise_chain(c, vec, rec.ts);
	if (!e)
		return 0;
	e->vec = vec;
	e->wl_flags = flags;
	wl_record_commit(&rec);
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(wl_softirq_entry_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_irq_softirq_entry *e;
	struct wl_task *t = 0;
	struct wl_rec rec;
	int claimed;

	if (!c)
		return 0;
	claimed = wl_following() && wl_softirq_claim(c, vec);
	e = WL_RECORD_BEGIN(&rec, SOFTIRQ_ENTRY, irq_softirq_entry);
	if (wl_following()) {
		t = wl_softirq_task();
		wl_softirq_enter(WL_CHAIN_CFG, c, t, vec, claimed, rec.ts);
	}
	if (!e)
		return 0;
	e->vec = vec;
	e->wl_flags = (claimed ? WL_EV_F_DONE : 0) | (t ? WL_EV_F_CUR : 0);
	wl_record_commit(&rec);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(wl_softirq_exit_probe, unsigned int vec)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_irq_softirq_exit *e;
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c)
		return 0;
	e = WL_EXIT_BEGIN(&rec, wl_frame_pop_timed(c), SOFTIRQ_EXIT, irq_softirq_exit);
	if (wl_following()) {
		t = wl_softirq_task();
		wl_softirq_exit(WL_CHAIN_CFG, c, t, rec.ts);
	}
	if (!e)
		return 0;
	e->vec = vec;
	e->wl_flags = t ? WL_EV_F_CUR : 0;
	wl_record_commit(&rec);
	return 0;
}

/* An expiry is on the clock of its base; the base's offset brings it to the monotonic one. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(wl_hrtimer_expire_entry, struct hrtimer *timer, wl_ktime_t *now_on_base)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_timer_hrtimer_expire_entry *e;
	struct wl_expiry x;
	struct wl_rec rec;
	__u64 offset;

	if (!c)
		return 0;
	offset = (__u64)timer->base->offset;
	x.soft = (__u64)timer->_softexpires - offset;
	x.hard = (__u64)timer->node.expires - offset;
	x.clock = (__u16)timer->base->clockid;
	e = WL_RECORD_BEGIN(&rec, TIMER_ENTRY, timer_hrtimer_expire_entry);
	if (wl_following())
		wl_timer_enter(WL_CHAIN_CFG, c, wl_softirq_task(), &x, rec.ts);
	if (!e)
		return 0;
	wl_hash_pointer(&e->hrtimer, timer);
	wl_hash_pointer(&e->function, timer->function);
	bpf_probe_read_kernel(&e->now, sizeof(e->now), now_on_base);
	e->wl_softexpires = x.soft;
	e->wl_expires = x.hard;
	e->wl_clock = x.clock;
	wl_record_commit(&rec);
	return 0;
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(wl_hrtimer_expire_exit, struct hrtimer *timer)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_timer_hrtimer_expire_exit *e;
	struct wl_rec rec;

	if (!c)
		return 0;
	e = WL_EXIT_BEGIN(&rec, wl_timer_exit_timed(WL_CHAIN_CFG, c), TIMER_EXIT,
			  timer_hrtimer_expire_exit);
	if (wl_following())
		wl_timer_exit(WL_CHAIN_CFG, c, wl_softirq_task(), rec.ts);
	if (!e)
		return 0;
	wl_hash_pointer(&e->hrtimer, timer);
	wl_record_commit(&rec);
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
	struct wl_ev_call_queue *e;
	struct wl_task *t = 0;
	struct wl_rec rec;

	if (!c || (BPF_CORE_READ(csd, node.u_flags) & CSD_TYPE_MASK) == CSD_TYPE_TTWU)
		return 0;
	set = wl_following() ? wl_kept_claim(c, key) : 0;
	e = WL_RECORD_BEGIN(&rec, CALL_QUEUE, call_queue);
	if (set) {
		t = wl_giving_task(c);
		wl_event_keep(WL_CHAIN_CFG, c, t, set, key, WL_SEG_IRQ, 1, rec.ts);
		wl_kept_unlock(set);
	}
	if (!e)
		return 0;
	e->wl_csd = key;
	e->wl_target = (__u32)ctx->args[0];
	e->wl_flags = (set ? WL_EV_F_DONE : 0) | (t ? WL_EV_F_CUR : 0);
	wl_record_commit(&rec);
	return 0;
}

SEC("?raw_tp/csd_function_entry")
int wl_csd_function_entry(struct bpf_raw_tracepoint_args *ctx)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_kept_set *set;
	__u64 key = wl_hash_address(ctx->args[1]);
	struct wl_ev_call_entry *e;
	struct wl_rec rec;

	/* without a csd it is a call on this very CPU: the same context goes on */
	if (!c || !ctx->args[1])
		return 0;
	set = wl_following() ? wl_kept_claim(c, key) : 0;
	e = WL_RECORD_BEGIN(&rec, CALL_ENTRY, call_entry);
	if (wl_following())
		wl_event_call_enter(c, set, key, rec.ts);
	if (set)
		wl_kept_unlock(set);
	if (!e)
		return 0;
	e->wl_csd = key;
	e->wl_flags = set ? WL_EV_F_DONE : 0;
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/csd_function_exit")
int BPF_PROG(wl_csd_function_exit, void *func, struct __call_single_data *csd)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_call_exit *e;
	struct wl_rec rec;

	if (!c || !csd)
		return 0;
	e = WL_EXIT_BEGIN(&rec, wl_frame_pop_timed(c), CALL_EXIT, call_exit);
	if (wl_following())
		wl_event_call_exit(c, rec.ts);
	if (!e)
		return 0;
	wl_hash_pointer(&e->wl_csd, csd);
	wl_record_commit(&rec);
	return 0;
}

#endif
