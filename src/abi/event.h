/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The recorder's events: names, fields, types and order of LTTng-modules 2.13 (its meaning too:
 * prio is task_struct.prio - 100, prev_state is 0 for a preempted task, …), then our own fields
 * (wl_…): every input of chain/ that earlier records don't give. What LTTng has no event for is
 * called whylate_….
 *
 * One list makes the C structures that BPF fills in, the TSDL of a capture, and the reader's
 * tables. Members lie where C puts them; in TSDL every type has its natural alignment, so that both
 * agree.
 *
 * Numbers and layouts are a file format: append, never change.
 *
 * Field types: u8 u16 u32 u64 s32 s64, x8 x64 (shown in hexadecimal), text16/24/64 (UTF-8,
 * zero-padded, not always terminated), tids (a sequence of one s32 whose length is the field
 * before). Kernel addresses are hashed with a key of the recording: equal ones stay equal.
 */
#ifndef WL_ABI_EVENT_H
#define WL_ABI_EVENT_H

#include <linux/types.h>

/* --- fields: F(type, name) --- */

#define WL_EV_sched_switch(F)                                                                      \
	F(text16, prev_comm)                                                                       \
	F(s32, prev_tid)                                                                           \
	F(s32, prev_prio)                                                                          \
	F(s64, prev_state)                                                                         \
	F(text16, next_comm)                                                                       \
	F(s32, next_tid)                                                                           \
	F(s32, next_prio)                                                                          \
	F(u32, wl_prev_seq) /* per-task sequence numbers, see WL_SEQ_* */                          \
	F(u32, wl_next_seq)                                                                        \
	F(u64, wl_prev_arg)  /* first argument of wl_prev_call */                                  \
	F(u64, wl_steal)     /* rq->prev_steal_time_rq, ns; 0: not known */                        \
	F(s32, wl_prev_call) /* system call it blocks in, -1 fault, -2 none or not looked at */    \
	F(s32, wl_prev_pid)  /* process: initial namespace */                                      \
	F(s32, wl_next_pid)                                                                        \
	F(u32, wl_flags)    /* WL_SW_* */                                                          \
	F(u8, wl_prev_task) /* WL_TASK_*, after the switch */                                      \
	F(u8, wl_next_task)                                                                        \
	F(u8, wl_prev_policy) /* SCHED_* */                                                        \
	F(u8, wl_next_policy)                                                                      \
	F(u8, wl_prev_end) /* enum wl_end_kind: a response of prev ended here */                   \
	F(u8, wl_next_end)

#define WL_EV_sched_waking(F)                                                                      \
	F(text16, comm)                                                                            \
	F(s32, tid)                                                                                \
	F(s32, prio)                                                                               \
	F(s32, target_cpu) /* where it last ran */                                                 \
	F(s32, wl_pid)                                                                             \
	F(s32, wl_cur_tid) /* who was on the CPU; woke it, unless an interrupt did */              \
	F(u32, wl_seq)                                                                             \
	F(u32, wl_flags) /* WL_EV_F_* */                                                           \
	F(u8, wl_task)   /* WL_TASK_* */

#define WL_EV_sched_wakeup_new(F)                                                                  \
	F(text16, comm)                                                                            \
	F(s32, tid)                                                                                \
	F(s32, prio)                                                                               \
	F(s32, target_cpu)

#define WL_EV_sched_migrate_task(F)                                                                \
	F(text16, comm)                                                                            \
	F(s32, tid)                                                                                \
	F(s32, prio)                                                                               \
	F(s32, orig_cpu)                                                                           \
	F(s32, dest_cpu)

#define WL_EV_sched_process_fork(F)                                                                \
	F(text16, parent_comm)                                                                     \
	F(s32, parent_tid)                                                                         \
	F(s32, parent_pid)                                                                         \
	F(u32, parent_ns_inum)                                                                     \
	F(text16, child_comm)                                                                      \
	F(s32, child_tid)                                                                          \
	F(u8, _vtids_length) /* 1: the id in the initial namespace */                              \
	F(tids, vtids)                                                                             \
	F(s32, child_pid)                                                                          \
	F(u32, child_ns_inum)                                                                      \
	F(u32, wl_flags)                                                                           \
	F(u8, wl_child_task)

#define WL_EV_sched_process_exec(F)                                                                \
	F(text64, filename) /* of targets only */                                                  \
	F(s32, tid)                                                                                \
	F(s32, old_tid)                                                                            \
	F(u32, wl_flags)

#define WL_EV_sched_process_exit(F)                                                                \
	F(text16, comm)                                                                            \
	F(s32, tid)                                                                                \
	F(s32, prio)

#define WL_EV_irq_handler_entry(F)                                                                 \
	F(s32, irq)                                                                                \
	F(text24, name)                                                                            \
	F(s32, wl_thread) /* thread id of the line's own thread, 0: none */

#define WL_EV_irq_handler_exit(F)                                                                  \
	F(s32, irq)                                                                                \
	F(s32, ret)

#define WL_EV_irq_softirq_raise(F)                                                                 \
	F(u32, vec)                                                                                \
	F(u32, wl_flags) /* WL_EV_F_DONE: it filled the pending slot */

#define WL_EV_irq_softirq_entry(F)                                                                 \
	F(u32, vec)                                                                                \
	F(u32, wl_flags) /* WL_EV_F_DONE: it took the pending slot */

#define WL_EV_irq_softirq_exit(F)                                                                  \
	F(u32, vec)                                                                                \
	F(u32, wl_flags)

#define WL_EV_timer_hrtimer_expire_entry(F)                                                        \
	F(x64, hrtimer)                                                                            \
	F(s64, now) /* on the timer's clock */                                                     \
	F(x64, function)                                                                           \
	F(u64, wl_softexpires) /* programmed expiry, CLOCK_MONOTONIC ns */                         \
	F(u64, wl_expires)     /* latest allowed one */                                            \
	F(u32, wl_clock)       /* clock id */

#define WL_EV_timer_hrtimer_expire_exit(F) F(x64, hrtimer)

#define WL_EV_vector(F) F(s32, vector)

#define WL_EV_workqueue_queue_work(F)                                                              \
	F(x64, work)                                                                               \
	F(x64, function)                                                                           \
	F(s32, req_cpu)                                                                            \
	F(u32, wl_flags)

#define WL_EV_workqueue_execute_start(F)                                                           \
	F(x64, work)                                                                               \
	F(x64, function)                                                                           \
	F(u32, wl_flags)

#define WL_EV_workqueue_execute_end(F)                                                             \
	F(x64, work)                                                                               \
	F(x64, function)                                                                           \
	F(u32, wl_flags)

#define WL_EV_block_rq(F)                                                                          \
	F(u32, dev)                                                                                \
	F(u64, sector)                                                                             \
	F(u32, nr_sector)                                                                          \
	F(u32, bytes)                                                                              \
	F(s32, tid)                                                                                \
	F(u32, rwbs)                                                                               \
	F(text16, comm)

#define WL_EV_block_rq_complete(F)                                                                 \
	F(u32, dev)                                                                                \
	F(u64, sector)                                                                             \
	F(u32, nr_sector)                                                                          \
	F(s32, error)                                                                              \
	F(u32, rwbs)

#define WL_EV_net_skb(F)                                                                           \
	F(x64, skbaddr)                                                                            \
	F(u32, len)                                                                                \
	F(text16, name)                                                                            \
	F(u8, network_header_type) /* always 0, _unknown: headers are not recorded */

#define WL_EV_page_fault(F)                                                                        \
	F(x64, address) /* of targets only, else 0 */                                              \
	F(x64, ip)      /* user space: of targets only; kernel: hashed */                          \
	F(x8, error_code)

#define WL_EV_reclaim_begin(F)                                                                     \
	F(s32, order)                                                                              \
	F(u32, gfp_flags)                                                                          \
	F(u32, wl_flags)

#define WL_EV_reclaim_end(F)                                                                       \
	F(u64, nr_reclaimed)                                                                       \
	F(u32, wl_flags)

#define WL_EV_data_ready(F) /* data for a socket, that nobody had been waiting to read */          \
	F(x64, wl_sock)                                                                            \
	F(u32, wl_flags)

#define WL_EV_sock_send(F)                                                                         \
	F(s32, wl_ret)                                                                             \
	F(u32, wl_flags)

#define WL_EV_sock_recv(F)                                                                         \
	F(x64, wl_sock)                                                                            \
	F(s32, wl_ret)                                                                             \
	F(u32, wl_flags) /* WL_EV_F_DONE: the socket's place could be looked at */                 \
	F(u8, wl_end)    /* enum wl_end_kind: WL_END_TURN or none */

#define WL_EV_sock_close(F) F(x64, wl_sock)

#define WL_EV_call_queue(F) /* csd_queue_cpu: work for another CPU, by an IPI */                   \
	F(x64, wl_csd)                                                                             \
	F(u32, wl_target)                                                                          \
	F(u32, wl_flags)

#define WL_EV_call_entry(F)                                                                        \
	F(x64, wl_csd)                                                                             \
	F(u32, wl_flags)

#define WL_EV_call_exit(F) F(x64, wl_csd)

#define WL_EV_nmi(F)                                                                               \
	F(s64, wl_delta) /* ns */                                                                  \
	F(s32, wl_handled)

/* A mark of the program itself, by the task on the CPU (whylate/mark.h). */
#define WL_EV_mark(F)                                                                              \
	F(u64, wl_cookie)                                                                          \
	F(text24, wl_name) /* of a step */                                                         \
	F(u32, wl_flags)                                                                           \
	F(u32, wl_tid)                                                                             \
	F(u8, wl_op)  /* enum wl_mark_op */                                                        \
	F(u8, wl_end) /* enum wl_end_kind: WL_END_MARK or none */

#define WL_EV_mark_text(F)                                                                         \
	F(text64, wl_cookie)                                                                       \
	F(text24, wl_name)                                                                         \
	F(u32, wl_flags)                                                                           \
	F(u32, wl_tid)                                                                             \
	F(u8, wl_op)                                                                               \
	F(u8, wl_end)

/* The task leaves the CPU, or turns to another item: what it did for its item is put down. */
#define WL_EV_mark_leave(F)                                                                        \
	F(x64, wl_key)                                                                             \
	F(u32, wl_flags)                                                                           \
	F(u32, wl_tid)

/* Covers a hole of at least a record's header: bytes that no reader shows. */
#define WL_EV_filler(F) F(u32, wl_length)

#define WL_EV_statedump_none(F) F(u8, wl_none)

#define WL_EV_statedump_process(F)                                                                 \
	F(s32, tid)                                                                                \
	F(s32, pid)                                                                                \
	F(s32, ppid)                                                                               \
	F(text16, name)                                                                            \
	F(s32, type)                                                                               \
	F(s32, mode)                                                                               \
	F(s32, submode)                                                                            \
	F(s32, status)                                                                             \
	F(u32, cpu)

#define WL_EV_statedump_fd(F)                                                                      \
	F(s32, pid)                                                                                \
	F(s32, fd)                                                                                 \
	F(u32, flags)                                                                              \
	F(u32, fmode)                                                                              \
	F(text64, filename)

#define WL_EV_timer_hrtimer_start(F)                                                               \
	F(x64, hrtimer)                                                                            \
	F(x64, function)                                                                           \
	F(s64, expires) /* latest allowed expiry, on the timer's clock */                          \
	F(s64, softexpires)                                                                        \
	F(u32, mode)

/* --- events: X(enumerator, fields, number, name) --- */

#define WL_EV_VECTOR_PAIR(X, UPPER, nr, name)                                                      \
	X(VEC_##UPPER##_ENTRY, vector, nr, "x86_irq_vectors_" name "_entry")                       \
	X(VEC_##UPPER##_EXIT, vector, (nr) + 1, "x86_irq_vectors_" name "_exit")

#define WL_EVENTS(X)                                                                               \
	X(SCHED_SWITCH, sched_switch, 1, "sched_switch")                                           \
	X(SCHED_WAKING, sched_waking, 2, "sched_waking")                                           \
	X(SCHED_WAKEUP_NEW, sched_wakeup_new, 3, "sched_wakeup_new")                               \
	X(SCHED_MIGRATE, sched_migrate_task, 4, "sched_migrate_task")                              \
	X(SCHED_FORK, sched_process_fork, 5, "sched_process_fork")                                 \
	X(SCHED_EXEC, sched_process_exec, 6, "sched_process_exec")                                 \
	X(SCHED_EXIT, sched_process_exit, 7, "sched_process_exit")                                 \
	X(IRQ_ENTRY, irq_handler_entry, 8, "irq_handler_entry")                                    \
	X(IRQ_EXIT, irq_handler_exit, 9, "irq_handler_exit")                                       \
	X(SOFTIRQ_RAISE, irq_softirq_raise, 10, "irq_softirq_raise")                               \
	X(SOFTIRQ_ENTRY, irq_softirq_entry, 11, "irq_softirq_entry")                               \
	X(SOFTIRQ_EXIT, irq_softirq_exit, 12, "irq_softirq_exit")                                  \
	X(TIMER_ENTRY, timer_hrtimer_expire_entry, 13, "timer_hrtimer_expire_entry")               \
	X(TIMER_EXIT, timer_hrtimer_expire_exit, 14, "timer_hrtimer_expire_exit")                  \
	X(QUEUE_WORK, workqueue_queue_work, 15, "workqueue_queue_work")                            \
	X(WORK_START, workqueue_execute_start, 16, "workqueue_execute_start")                      \
	X(WORK_END, workqueue_execute_end, 17, "workqueue_execute_end")                            \
	X(BLOCK_INSERT, block_rq, 18, "block_rq_insert")                                           \
	X(BLOCK_ISSUE, block_rq, 19, "block_rq_issue")                                             \
	X(BLOCK_COMPLETE, block_rq_complete, 20, "block_rq_complete")                              \
	X(NET_RECEIVE, net_skb, 21, "net_if_receive_skb")                                          \
	X(NET_QUEUE, net_skb, 22, "net_dev_queue")                                                 \
	X(FAULT_USER, page_fault, 23, "x86_exceptions_page_fault_user")                            \
	X(FAULT_KERNEL, page_fault, 24, "x86_exceptions_page_fault_kernel")                        \
	X(RECLAIM_BEGIN, reclaim_begin, 25, "mm_vmscan_direct_reclaim_begin")                      \
	X(RECLAIM_END, reclaim_end, 26, "mm_vmscan_direct_reclaim_end")                            \
	X(MEMCG_RECLAIM_BEGIN, reclaim_begin, 27, "mm_vmscan_memcg_reclaim_begin")                 \
	X(MEMCG_RECLAIM_END, reclaim_end, 28, "mm_vmscan_memcg_reclaim_end")                       \
	X(DATA_READY, data_ready, 29, "whylate_data_ready")                                        \
	X(SOCK_SEND, sock_send, 30, "whylate_sock_send")                                           \
	X(SOCK_RECV, sock_recv, 31, "whylate_sock_recv")                                           \
	X(SOCK_CLOSE, sock_close, 32, "whylate_sock_close")                                        \
	X(CALL_QUEUE, call_queue, 33, "whylate_call_queue")                                        \
	X(CALL_ENTRY, call_entry, 34, "whylate_call_entry")                                        \
	X(CALL_EXIT, call_exit, 35, "whylate_call_exit")                                           \
	X(NMI, nmi, 36, "whylate_nmi")                                                             \
	WL_EV_VECTOR_PAIR(X, LOCAL_TIMER, 38, "local_timer")                                       \
	WL_EV_VECTOR_PAIR(X, RESCHEDULE, 40, "reschedule")                                         \
	WL_EV_VECTOR_PAIR(X, CALL_FUNCTION, 42, "call_function")                                   \
	WL_EV_VECTOR_PAIR(X, CALL_FUNCTION_SINGLE, 44, "call_function_single")                     \
	WL_EV_VECTOR_PAIR(X, IRQ_WORK, 46, "irq_work")                                             \
	WL_EV_VECTOR_PAIR(X, X86_PLATFORM_IPI, 48, "ipi")                                          \
	WL_EV_VECTOR_PAIR(X, THERMAL_APIC, 50, "thermal_apic")                                     \
	WL_EV_VECTOR_PAIR(X, THRESHOLD_APIC, 52, "threshold_apic")                                 \
	WL_EV_VECTOR_PAIR(X, DEFERRED_ERROR_APIC, 54, "deferred_error_apic")                       \
	WL_EV_VECTOR_PAIR(X, ERROR_APIC, 56, "error_apic")                                         \
	WL_EV_VECTOR_PAIR(X, SPURIOUS_APIC, 58, "spurious_apic")                                   \
	X(FILLER, filler, 60, "whylate_filler")                                                    \
	X(STATEDUMP_START, statedump_none, 61, "lttng_statedump_start")                            \
	X(STATEDUMP_PROCESS, statedump_process, 62, "lttng_statedump_process_state")               \
	X(STATEDUMP_FD, statedump_fd, 63, "lttng_statedump_file_descriptor")                       \
	X(STATEDUMP_END, statedump_none, 64, "lttng_statedump_end")                                \
	X(MARK, mark, 66, "whylate_mark")                                                          \
	X(MARK_TEXT, mark_text, 67, "whylate_mark_text")                                           \
	X(MARK_LEAVE, mark_leave, 68, "whylate_mark_leave")

/* Of other tracers only: we don't record them. */
#define WL_EV_FOREIGN_EVENTS(X) X(TIMER_START, timer_hrtimer_start, 65, "timer_hrtimer_start")

enum wl_event_id {
	WL_EV_NONE = 0,
	WL_EV_FIXED_MAX = 69, /* size of arrays indexed by the numbers above */
	WL_EVID_GAP = 37,     /* a filler of 16 bytes, without a payload */
#define X(enumerator, fields, nr, name) WL_EVID_##enumerator = nr,
	WL_EVENTS(X) WL_EV_FOREIGN_EVENTS(X)
#undef X
	/*
	 * System calls: WL_EV_SYSCALL_ENTRY + number and so on, in four ranges of WL_EV_SYSCALLS.
	 * The payload of an entry is the arguments of abi/syscall_fields.h, one u64 slot each
	 * (strings: 8 slots); that of an exit is s64 ret.
	 */
	WL_EV_SYSCALLS = 1024,
	WL_EV_SYSCALL_ENTRY = 1024,
	WL_EV_SYSCALL_EXIT = 2048,
	WL_EV_COMPAT_ENTRY = 3072,
	WL_EV_COMPAT_EXIT = 4096,
	WL_EV_MAX = 5120,
};

/* --- structures --- */

#define WL_EV_MEMBER_u8(name) __u8 name;
#define WL_EV_MEMBER_u16(name) __u16 name;
#define WL_EV_MEMBER_u32(name) __u32 name;
#define WL_EV_MEMBER_u64(name) __u64 name;
#define WL_EV_MEMBER_s32(name) __s32 name;
#define WL_EV_MEMBER_s64(name) __s64 name;
#define WL_EV_MEMBER_x8(name) __u8 name;
#define WL_EV_MEMBER_x64(name) __u64 name;
#define WL_EV_MEMBER_text16(name) char name[16];
#define WL_EV_MEMBER_text24(name) char name[24];
#define WL_EV_MEMBER_text64(name) char name[64];
#define WL_EV_MEMBER_tids(name) __s32 name[1];
#define WL_EV_MEMBER(type, name) WL_EV_MEMBER_##type(name)

/* offsetof(end) is the exact size; sizeof may be a few bytes more. */
#define WL_EV_STRUCT(fields)                                                                       \
	struct wl_ev_##fields {                                                                    \
		WL_EV_##fields(WL_EV_MEMBER) char end[];                                           \
	} __attribute__((aligned(8)))

WL_EV_STRUCT(sched_switch);
WL_EV_STRUCT(sched_waking);
WL_EV_STRUCT(sched_wakeup_new);
WL_EV_STRUCT(sched_migrate_task);
WL_EV_STRUCT(sched_process_fork);
WL_EV_STRUCT(sched_process_exec);
WL_EV_STRUCT(sched_process_exit);
WL_EV_STRUCT(irq_handler_entry);
WL_EV_STRUCT(irq_handler_exit);
WL_EV_STRUCT(irq_softirq_raise);
WL_EV_STRUCT(irq_softirq_entry);
WL_EV_STRUCT(irq_softirq_exit);
WL_EV_STRUCT(timer_hrtimer_expire_entry);
WL_EV_STRUCT(timer_hrtimer_expire_exit);
WL_EV_STRUCT(vector);
WL_EV_STRUCT(workqueue_queue_work);
WL_EV_STRUCT(workqueue_execute_start);
WL_EV_STRUCT(workqueue_execute_end);
WL_EV_STRUCT(block_rq);
WL_EV_STRUCT(block_rq_complete);
WL_EV_STRUCT(net_skb);
WL_EV_STRUCT(page_fault);
WL_EV_STRUCT(reclaim_begin);
WL_EV_STRUCT(reclaim_end);
WL_EV_STRUCT(data_ready);
WL_EV_STRUCT(sock_send);
WL_EV_STRUCT(sock_recv);
WL_EV_STRUCT(sock_close);
WL_EV_STRUCT(call_queue);
WL_EV_STRUCT(call_entry);
WL_EV_STRUCT(call_exit);
WL_EV_STRUCT(nmi);
WL_EV_STRUCT(mark);
WL_EV_STRUCT(mark_text);
WL_EV_STRUCT(mark_leave);
WL_EV_STRUCT(filler);
WL_EV_STRUCT(statedump_none);
WL_EV_STRUCT(statedump_process);
WL_EV_STRUCT(statedump_fd);
WL_EV_STRUCT(timer_hrtimer_start);

#define WL_EVENT_SIZE(fields) (16 + __builtin_offsetof(struct wl_ev_##fields, end))

/* --- own fields --- */

/* wl_flags of events that may hand a chain on. */
#define WL_EV_F_DONE 0x01      /* the chain state was changed as the event says */
#define WL_EV_F_CUR 0x02       /* the current task's state was looked up and found */
#define WL_EV_F_THROTTLED 0x04 /* sched_waking: the run queue was out of quota */
#define WL_EV_F_NEW 0x08       /* sched_waking: the wakee's state was made here */
#define WL_EV_F_BACKLOG 0x10   /* data_ready: for a socket in use, handled in its user's context */
#define WL_EV_F_KTHREAD 0x20   /* sched_waking: the wakee is a kernel thread or worker */
#define WL_EV_F_FOUND 0x40     /* mark: its item was there */
#define WL_EV_F_FREE 0x80      /* mark: the task has no chain after it */
#define WL_EV_F_RELEASE 0x100  /* mark_leave: for another item */
#define WL_EV_F_TARGET 0x200   /* mark: it ended a response of a target */

/* wl_flags of sched_switch. */
#define WL_SW_PREV 0x001      /* prev's state was found and changed: prev's fields are valid */
#define WL_SW_NEXT 0x002      /* next's */
#define WL_SW_RUNNABLE 0x004  /* prev was preempted or yielded; below: how it sleeps otherwise */
#define WL_SW_HARD 0x008      /* not interruptible */
#define WL_SW_NOLOAD 0x010    /* a kernel thread that idles in an uninterruptible state */
#define WL_SW_STOPPED 0x020   /* stopped or traced */
#define WL_SW_DEAD 0x040      /* it will not come back */
#define WL_SW_IO 0x080        /* in_iowait */
#define WL_SW_THROTTLED 0x100 /* runnable, but its run queue is out of quota */
#define WL_SW_COMPAT 0x200    /* wl_prev_call is of the 32-bit table */
#define WL_SW_PREV_KTHREAD 0x400
#define WL_SW_NEXT_KTHREAD 0x800
#define WL_SW_PREV_FREE 0x1000 /* prev left without a chain: what it had before is over */
#define WL_SW_LOCK 0x2000 /* PREEMPT_RT: it waits for a lock of the kernel that spins elsewhere */

#endif
