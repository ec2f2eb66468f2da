/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/probes.h"

bool wl_probes_follow_sockets(const struct wl_config *config)
{
	return config->follow &&
	       (config->chain.until == WL_UNTIL_TURN || config->chain.until == WL_UNTIL_IDLE ||
		config->chain.until == WL_UNTIL_MARK);
}

/* Marks end responses there, whatever is sent. */
static bool for_sends(const struct wl_config *config)
{
	return wl_probes_follow_sockets(config) && config->chain.until != WL_UNTIL_MARK;
}

static bool for_marks(const struct wl_config *config)
{
	return config->follow && config->chain.until == WL_UNTIL_MARK;
}

static bool for_tcp(const struct wl_config *config)
{
	return config->tcp_turns;
}

static bool for_packets(const struct wl_config *config)
{
	return config->record || config->tcp_turns;
}

/* Reclaim happens inside a response that has begun to run. */
static bool for_work(const struct wl_config *config)
{
	return config->chain.until != WL_UNTIL_RUN || config->record;
}

static bool for_hash(const struct wl_config *config)
{
	return config->follow && !config->task_storage;
}

static bool for_follow(const struct wl_config *config)
{
	return config->follow;
}

static bool for_record(const struct wl_config *config)
{
	return config->record;
}

static bool for_syscalls(const struct wl_config *config)
{
	return config->record && config->syscalls;
}

static bool for_timeout(const struct wl_config *config)
{
	return config->timeout_ns != 0;
}

static bool for_lost_marks(const struct wl_config *config)
{
	return for_marks(config) && for_timeout(config);
}

static bool never(const struct wl_config *config)
{
	(void)config;
	return false;
}

#define IPI "wake-ups inside this interrupt would be taken for the interrupted task's"
#define CALLS "work sent to another CPU by an IPI (RPS, rq_affinity) starts a new chain there"
#define WORK "work that passes through a work queue starts a new chain at the worker"
#define SOCKETS                                                                                    \
	"requests of a thread that never sleeps are told apart on TCP sockets only (since 6.3: on all)"
#define TCP "requests of a thread that never sleeps can't be told apart: busy periods instead"
#define RECORD "captures and recordings are without it"
#define RECLAIM "time in direct reclaim counts as running or task"

const struct wl_probe wl_probes[] = {
	{ "wl_sched_switch", "sched_switch", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_sched_waking", "sched_waking", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_sched_process_fork", "sched_process_fork", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_sched_process_exec", "sched_process_exec", WL_PROBE_QUALITY, NULL,
	  "a program keeps the waits that its predecessor had learned" },
	{ "wl_sched_process_free", "sched_process_free", WL_PROBE_CORE, for_hash, "nothing works" },
	{ "wl_task_rename", "task_rename", WL_PROBE_QUALITY, for_follow,
	  "a task that changes its name is noticed up to a second later" },
	{ "wl_irq_handler_entry", "irq_handler_entry", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_irq_handler_exit", "irq_handler_exit", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_softirq_raise_probe", "softirq_raise", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_softirq_entry_probe", "softirq_entry", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_softirq_exit_probe", "softirq_exit", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_hrtimer_expire_entry", "hrtimer_expire_entry", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_hrtimer_expire_exit", "hrtimer_expire_exit", WL_PROBE_CORE, NULL, "nothing works" },
	{ "wl_local_timer_entry", "local_timer_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_local_timer_exit", "local_timer_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_reschedule_entry", "reschedule_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_reschedule_exit", "reschedule_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_call_function_entry", "call_function_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_call_function_exit", "call_function_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_call_function_single_entry", "call_function_single_entry", WL_PROBE_QUALITY, NULL,
	  IPI },
	{ "wl_call_function_single_exit", "call_function_single_exit", WL_PROBE_QUALITY, NULL,
	  IPI },
	{ "wl_irq_work_entry", "irq_work_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_irq_work_exit", "irq_work_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_x86_platform_ipi_entry", "x86_platform_ipi_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_x86_platform_ipi_exit", "x86_platform_ipi_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_thermal_apic_entry", "thermal_apic_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_thermal_apic_exit", "thermal_apic_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_threshold_apic_entry", "threshold_apic_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_threshold_apic_exit", "threshold_apic_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_deferred_error_apic_entry", "deferred_error_apic_entry", WL_PROBE_QUALITY, NULL,
	  IPI },
	{ "wl_deferred_error_apic_exit", "deferred_error_apic_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_error_apic_entry", "error_apic_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_error_apic_exit", "error_apic_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_spurious_apic_entry", "spurious_apic_entry", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_spurious_apic_exit", "spurious_apic_exit", WL_PROBE_QUALITY, NULL, IPI },
	{ "wl_nmi_handler", "nmi_handler", WL_PROBE_QUALITY, NULL, "NMIs count as running" },
	{ "wl_csd_queue_cpu", "csd_queue_cpu", WL_PROBE_QUALITY, NULL, CALLS },
	{ "wl_csd_function_entry", "csd_function_entry", WL_PROBE_QUALITY, NULL, CALLS },
	{ "wl_csd_function_exit", "csd_function_exit", WL_PROBE_QUALITY, NULL, CALLS },
	{ "wl_workqueue_queue_work", "workqueue_queue_work", WL_PROBE_QUALITY, NULL, WORK },
	{ "wl_workqueue_execute_start", "workqueue_execute_start", WL_PROBE_QUALITY, NULL, WORK },
	{ "wl_workqueue_execute_end", "workqueue_execute_end", WL_PROBE_QUALITY, NULL, WORK },
	{ "wl_sk_data_ready", "sk_data_ready", WL_PROBE_QUALITY, wl_probes_follow_sockets,
	  SOCKETS },
	{ "wl_sock_send_length", "sock_send_length", WL_PROBE_QUALITY, for_sends, SOCKETS },
	{ "wl_sock_recv_length", "sock_recv_length", WL_PROBE_QUALITY, wl_probes_follow_sockets,
	  SOCKETS },
	{ "wl_tcp_probe", "tcp_probe", WL_PROBE_QUALITY, for_tcp, TCP },
	{ "wl_tcp_rcv_space_adjust", "tcp_rcv_space_adjust", WL_PROBE_QUALITY, for_tcp, TCP },
	{ "wl_inet_sock_set_state", "inet_sock_set_state", WL_PROBE_QUALITY,
	  wl_probes_follow_sockets,
	  "what arrived at a closed socket may be taken for another's that has its memory" },
	{ "wl_mm_vmscan_direct_reclaim_begin", "mm_vmscan_direct_reclaim_begin", WL_PROBE_QUALITY,
	  for_work, RECLAIM },
	{ "wl_mm_vmscan_direct_reclaim_end", "mm_vmscan_direct_reclaim_end", WL_PROBE_QUALITY,
	  for_work, RECLAIM },
	{ "wl_mm_vmscan_memcg_reclaim_begin", "mm_vmscan_memcg_reclaim_begin", WL_PROBE_QUALITY,
	  for_work, RECLAIM },
	{ "wl_mm_vmscan_memcg_reclaim_end", "mm_vmscan_memcg_reclaim_end", WL_PROBE_QUALITY,
	  for_work, RECLAIM },
	{ "wl_sched_wakeup_new", "sched_wakeup_new", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_sched_migrate_task", "sched_migrate_task", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_sched_process_exit", "sched_process_exit", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_block_rq_insert", "block_rq_insert", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_block_rq_issue", "block_rq_issue", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_block_rq_complete", "block_rq_complete", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_netif_receive_skb", "netif_receive_skb", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_net_dev_queue", "net_dev_queue", WL_PROBE_QUALITY, for_packets, RECORD },
	{ "wl_page_fault_user", "page_fault_user", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_page_fault_kernel", "page_fault_kernel", WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_sys_enter", "sys_enter", WL_PROBE_QUALITY, for_syscalls, RECORD },
	{ "wl_sys_exit", "sys_exit", WL_PROBE_QUALITY, for_syscalls, RECORD },
	{ "wl_mark_usdt", NULL, WL_PROBE_QUALITY, for_marks, "marks are not seen" },
	{ "wl_mark_uprobe", NULL, WL_PROBE_QUALITY, for_marks, "marks are not seen" },
	{ "wl_iter_create", NULL, WL_PROBE_CORE, for_follow, "nothing works" },
	{ "wl_iter_check", NULL, WL_PROBE_CORE, for_follow, "nothing works" },
	{ "wl_iter_dump", NULL, WL_PROBE_QUALITY, for_record, RECORD },
	{ "wl_iter_stuck", NULL, WL_PROBE_QUALITY, for_timeout, "unfinished work is not found" },
	{ "wl_iter_marks", NULL, WL_PROBE_QUALITY, for_lost_marks, "unfinished work is not found" },
	{ "wl_empty", "sched_switch", WL_PROBE_QUALITY, never, "" },
};

const size_t wl_nprobes = sizeof(wl_probes) / sizeof(wl_probes[0]);

bool wl_probe_wanted(const struct wl_probe *probe, const struct wl_kernel *kernel,
		     const struct wl_config *config)
{
	if (probe->wanted && !probe->wanted(config))
		return false;
	return !probe->tracepoint || wl_kernel_has_tracepoint(kernel, probe->tracepoint);
}

const char *wl_probes_missing(const struct wl_kernel *kernel)
{
	for (size_t i = 0; i < wl_nprobes; i++) {
		const struct wl_probe *p = &wl_probes[i];

		if (p->need == WL_PROBE_CORE && p->tracepoint &&
		    !wl_kernel_has_tracepoint(kernel, p->tracepoint))
			return p->tracepoint;
	}
	return NULL;
}

bool wl_probes_can_turn(const struct wl_kernel *kernel)
{
	return wl_kernel_has_tracepoint(kernel, "sk_data_ready") &&
	       wl_kernel_has_tracepoint(kernel, "sock_send_length") &&
	       wl_kernel_has_tracepoint(kernel, "sock_recv_length");
}

bool wl_probes_can_turn_tcp(const struct wl_kernel *kernel)
{
	return wl_kernel_has_tracepoint(kernel, "tcp_probe") &&
	       wl_kernel_has_tracepoint(kernel, "tcp_rcv_space_adjust") &&
	       wl_kernel_has_tracepoint(kernel, "net_dev_queue");
}
