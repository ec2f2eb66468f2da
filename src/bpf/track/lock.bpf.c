// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Waits for a futex: by address, with its holder where the lock says who that is (glibc's mutexes,
 * priority inheritance), and who has woken the waiter.
 */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"

#define FUTEX_CMD_MASK 0x7f
#define FUTEX_PRIVATE_FLAG 0x80
#define FUTEX_TID_MASK 0x3fffffff
#define GLIBC_CONTENDED                                                                            \
	2 /* value of a mutex that somebody waits for; its owner's id follows at 8 */
#define GLIBC_OWNER 8

enum wl_futex_op {
	wait = 0,
	lock_pi = 6,
	wait_bitset = 9,
	wait_requeue_pi = 11,
	lock_pi2 = 13,
};

struct wl_lock {
	char process[16];
	char comm[16];
	lt_pid pid;
	enum wl_futex_op op;
	lt_hex address;
	lt_tid holder_tid; /* when the wait began; 0: not known */
	lt_tid waker_tid;
	char waker[16];
};

struct wl_lock_row {
	char process[16];
	lt_hex address;
};

LATENCY_TRACKER(lock, lt_tid, struct wl_lock, WL_TRACK_TASKS);
LATENCY_TRACKER_ROWS(lock, struct wl_lock_row, 1024);

WL_INLINE int wl_lock_waits(unsigned int op)
{
	return op == wait || op == wait_bitset || op == lock_pi || op == lock_pi2 ||
	       op == wait_requeue_pi;
}

struct task_struct *bpf_task_from_pid(int tid) __ksym __weak; /* 6.2 */
void bpf_task_release(struct task_struct *task) __ksym __weak;

/*
 * glibc's own locks have the same value as its mutexes and anything at the owner's place: only a
 * thread that there is can hold it, of the same process if it is not shared. Older kernels can't be
 * asked.
 */
WL_INLINE lt_tid wl_lock_checked(lt_tid tid, const struct task_struct *waiter, int private)
{
	struct task_struct *holder;

	if (!bpf_task_from_pid || !bpf_task_release)
		return tid;
	holder = tid ? bpf_task_from_pid(tid) : 0;
	if (!holder)
		return 0;
	if (private && holder->tgid != waiter->tgid)
		tid = 0;
	bpf_task_release(holder);
	return tid;
}

WL_INLINE lt_tid wl_lock_holder(const struct task_struct *waiter, struct pt_regs *regs,
				unsigned int op)
{
	unsigned long address = WL_ARG0(regs);
	lt_tid tid = 0;

	if (waiter->thread_pid->level) /* a PID namespace of its own: threads have other numbers */
		return 0;
	if (op == wait && (unsigned int)WL_ARG2(regs) == GLIBC_CONTENDED)
		address += GLIBC_OWNER;
	else if (op != lock_pi && op != lock_pi2)
		return 0;
	bpf_probe_read_user(&tid, sizeof(tid), (void *)address);
	if (op != wait)
		tid &= FUTEX_TID_MASK;
	return wl_lock_checked(tid, waiter, WL_ARG1(regs) & FUTEX_PRIVATE_FLAG);
}

static __noinline int wl_lock_begin(struct task_struct *task, struct pt_regs *regs, unsigned int op)
{
	lt_tid tid = task->pid;
	struct wl_lock l = {
		.pid = task->tgid,
		.op = op,
		.address = WL_ARG0(regs),
		.holder_tid = wl_lock_holder(task, regs, op),
	};

	wl_comm_of(l.process, task->group_leader);
	wl_comm_of(l.comm, task);
	latency_tracker_event_in(lock, &tid, &l);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(wl_track_sys_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	unsigned int op = WL_ARG1(regs) & FUTEX_CMD_MASK;

	if (nr != WL_CALL_FUTEX || !wl_lock_waits(op) || wl_call_is_compat(task) ||
	    !wl_track_wants(task))
		return 0;
	return wl_lock_begin(task, regs, op);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(wl_track_waking, struct task_struct *task)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	lt_tid tid = task->pid;
	struct lt1_event_lock *e = latency_tracker_find(lock, &tid);

	if (!e || waker == task)
		return 0;
	e->priv.waker_tid = waker->pid;
	wl_comm_of(e->priv.waker, waker);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wl_track_sys_exit, struct pt_regs *regs, long result)
{
	lt_tid tid = (lt_tid)bpf_get_current_pid_tgid();
	struct lt1_event_lock *e = latency_tracker_find(lock, &tid);
	__u64 now = bpf_ktime_get_ns();
	struct wl_lock_row row;

	if (!e)
		return 0;
	__builtin_memcpy(row.process, e->priv.process, sizeof(row.process));
	row.address = e->priv.address;
	latency_tracker_event_out_row(lock, &tid, &row, now);
	return 0;
}

/* A thread that is killed in its wait does not come back from it. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(wl_track_exit, struct task_struct *task)
{
	lt_tid tid = task->pid;

	latency_tracker_discard(lock, &tid);
	return 0;
}
