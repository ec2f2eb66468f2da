/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the state machine would not find in the events of another tracer, or in ours that nobody has
 * followed: each input by itself.
 */
#include "explain/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "abi/event.h"
#include "abi/kinds.h"
#include "test.h"

#define MS 1000000ull
#define CALL_NONE (-2)

static struct wl_foreign *f;
static struct wl_event out;
static uint64_t now;
static uint32_t event_flags;
static int32_t context_tid, context_pid; /* of the next events; -1: the trace has none */

static int setup(void **state)
{
	now = 1000 * MS;
	event_flags = WL_EVENT_FOREIGN;
	context_tid = -1;
	context_pid = -1;
	return wl_foreign_new(&f, 2, false, NULL);
}

static int teardown(void **state)
{
	wl_foreign_free(f);
	return 0;
}

/* Gives an event of that CPU; the result is `out`. */
static int give(uint32_t cpu, uint16_t id, const void *payload)
{
	struct wl_event in = {
		.ts = now++,
		.payload = payload,
		.cpu = cpu,
		.flags = event_flags,
		.tid = context_tid,
		.pid = context_pid,
		.id = id,
	};
	int ret = wl_foreign_event(f, &in, &out);

	assert_true(ret >= 0);
	assert_int_equal(out.ts, in.ts);
	assert_int_equal(out.id, id);
	assert_int_equal(out.flags, event_flags);
	return ret;
}

struct side {
	int32_t tid;
	const char *comm;
};

static const struct side idle = { 0, "swapper/0" };
static const struct side worker = { 7, "worker" };
static const struct side other = { 9, "other" };

/* The same for every event below: the translated record. */
static const struct wl_ev_sched_switch *do_switch(uint32_t cpu, struct side prev, int64_t state,
						  struct side next)
{
	struct wl_ev_sched_switch e = {
		.prev_tid = prev.tid,
		.prev_prio = 20,
		.prev_state = state,
		.next_tid = next.tid,
		.next_prio = 20,
	};

	snprintf(e.prev_comm, sizeof(e.prev_comm), "%s", prev.comm);
	snprintf(e.next_comm, sizeof(e.next_comm), "%s", next.comm);
	assert_int_equal(give(cpu, WL_EVID_SCHED_SWITCH, &e), 1);
	return out.payload;
}

static const struct wl_ev_sched_waking *wake(uint32_t cpu, struct side task)
{
	struct wl_ev_sched_waking e = { .tid = task.tid, .prio = 20, .target_cpu = 1 };

	snprintf(e.comm, sizeof(e.comm), "%s", task.comm);
	assert_int_equal(give(cpu, WL_EVID_SCHED_WAKING, &e), 1);
	return out.payload;
}

static const struct wl_ev_sched_process_fork *do_fork(uint32_t cpu, struct side parent,
						      struct side child)
{
	struct wl_ev_sched_process_fork e = {
		.parent_tid = parent.tid,
		.parent_pid = parent.tid,
		.child_tid = child.tid,
		.child_pid = child.tid,
	};

	snprintf(e.child_comm, sizeof(e.child_comm), "%s", child.comm);
	assert_int_equal(give(cpu, WL_EVID_SCHED_FORK, &e), 1);
	return out.payload;
}

static void enter(uint32_t cpu, unsigned nr, uint64_t arg)
{
	uint64_t slots[16] = { arg };

	assert_int_equal(give(cpu, (uint16_t)(WL_EV_SYSCALL_ENTRY + nr), slots), 1);
}

static void leave(uint32_t cpu, unsigned nr)
{
	int64_t ret[8] = { 1 };

	assert_int_equal(give(cpu, (uint16_t)(WL_EV_SYSCALL_EXIT + nr), ret), 1);
}

/* The flags of a switch-out with that state. */
static uint32_t sleeps(int64_t state)
{
	do_switch(0, idle, 0, worker);
	return do_switch(0, worker, state, idle)->wl_flags;
}

/* --- switches --- */

static void test_states(void **state)
{
	assert_int_equal(sleeps(0), WL_SW_PREV | WL_SW_RUNNABLE);
	assert_int_equal(sleeps(256), WL_SW_PREV | WL_SW_RUNNABLE);
	assert_int_equal(sleeps(2048), WL_SW_PREV | WL_SW_RUNNABLE); /* preempted, Linux 4.4 */
	assert_int_equal(sleeps(1), WL_SW_PREV);
	assert_int_equal(sleeps(2), WL_SW_PREV | WL_SW_HARD);
	assert_int_equal(sleeps(130), WL_SW_PREV | WL_SW_HARD); /* killable, Linux 4.4 */
	assert_int_equal(sleeps(1026), WL_SW_PREV | WL_SW_HARD | WL_SW_NOLOAD);
	assert_int_equal(sleeps(4), WL_SW_PREV | WL_SW_STOPPED);
	assert_int_equal(sleeps(8), WL_SW_PREV | WL_SW_STOPPED);
	assert_int_equal(sleeps(16), WL_SW_PREV | WL_SW_HARD | WL_SW_DEAD);
	assert_int_equal(sleeps(32), WL_SW_PREV | WL_SW_HARD | WL_SW_DEAD);
	assert_int_equal(sleeps(64), WL_SW_PREV | WL_SW_HARD | WL_SW_DEAD);
	/* only kernel threads sleep like that */
	assert_int_equal(sleeps(128), WL_SW_PREV | WL_SW_HARD | WL_SW_NOLOAD | WL_SW_PREV_KTHREAD);
}

static void test_switch(void **state)
{
	const struct wl_ev_sched_switch *e = do_switch(0, idle, 0, worker);

	assert_int_equal(e->wl_flags, WL_SW_NEXT);
	assert_int_equal(e->wl_next_task, WL_TASK_TARGET);
	assert_int_equal(e->wl_next_pid, 7);
	assert_int_equal(e->wl_prev_task, 0);
	assert_int_equal(e->wl_prev_pid, 0);
	assert_string_equal(e->next_comm, "worker");
	e = do_switch(0, worker, 1, idle);
	assert_int_equal(e->wl_flags, WL_SW_PREV);
	assert_int_equal(e->wl_prev_call, CALL_NONE);
}

static void test_policy(void **state)
{
	struct wl_ev_sched_switch e = {
		.prev_tid = 7, .next_tid = 9, .prev_prio = -81, .next_prio = -101
	};
	const struct wl_ev_sched_switch *to;

	give(0, WL_EVID_SCHED_SWITCH, &e);
	to = out.payload;
	assert_int_equal(to->wl_prev_policy, 1);
	assert_int_equal(to->wl_next_policy, 6);
}

/* Switches and wake-ups of a task are counted in one row. */
static void test_steps(void **state)
{
	assert_int_equal(do_switch(0, idle, 0, worker)->wl_next_seq, 0);
	assert_int_equal(do_switch(0, worker, 1, other)->wl_prev_seq, 1);
	assert_int_equal(wake(0, worker)->wl_seq, 2);
	assert_int_equal(do_switch(1, idle, 0, worker)->wl_next_seq, 3);
	assert_int_equal(do_switch(0, other, 1, idle)->wl_prev_seq, 1);
}

/* --- wake-ups --- */

static void test_waking(void **state)
{
	const struct wl_ev_sched_waking *e;
	struct wl_ev_sched_waking first = { .tid = 7 };

	/* nobody knows who runs there yet */
	assert_int_equal(give(0, WL_EVID_SCHED_WAKING, &first), 0);
	do_switch(0, idle, 0, other);
	e = wake(0, worker);
	assert_int_equal(e->wl_cur_tid, 9);
	assert_int_equal(e->wl_flags, WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(e->wl_task, WL_TASK_TARGET);
	do_switch(0, other, 1, idle);
	e = wake(0, (struct side){ 20, "ksoftirqd/0" });
	assert_int_equal(e->wl_cur_tid, 0);
	assert_int_equal(e->wl_flags, WL_EV_F_DONE | WL_EV_F_KTHREAD);
	assert_int_equal(e->wl_task, WL_TASK_LINK | WL_TASK_SOFTIRQD);
}

/* Contexts tell who runs before any switch does, and of which process it is. */
static void test_contexts(void **state)
{
	const struct wl_ev_sched_waking *e;

	context_tid = 31;
	context_pid = 30;
	e = wake(1, worker);
	assert_int_equal(e->wl_cur_tid, 31);
	assert_int_equal(e->wl_pid, 7); /* a guess */
	context_tid = 7;
	context_pid = 5;
	leave(0, SYS_read);
	context_tid = -1;
	assert_int_equal(wake(1, worker)->wl_pid, 5);
	assert_int_equal(wake(1, (struct side){ 31, "thread" })->wl_pid, 30);
}

/* --- system calls --- */

static const struct wl_ev_sched_switch *block(int64_t how)
{
	return do_switch(0, worker, how, idle);
}

static void test_calls(void **state)
{
	const struct wl_ev_sched_switch *e;

	do_switch(0, idle, 0, worker);
	enter(0, SYS_epoll_wait, 7);
	e = block(1);
	assert_int_equal(e->wl_prev_call, SYS_epoll_wait);
	assert_int_equal(e->wl_prev_arg, 7);
	/* it goes on elsewhere, in the same call */
	do_switch(1, idle, 0, worker);
	e = do_switch(1, worker, 1, idle);
	assert_int_equal(e->wl_prev_call, SYS_epoll_wait);
	do_switch(0, idle, 0, worker);
	leave(0, SYS_epoll_wait);
	enter(0, SYS_futex, 0x7f0000001230);
	e = block(1);
	assert_int_equal(e->wl_prev_call, SYS_futex);
	assert_int_equal(e->wl_prev_arg, 0x7f0000001230);
	/* preempted: not asked */
	do_switch(0, idle, 0, worker);
	assert_int_equal(block(256)->wl_prev_call, CALL_NONE);
}

/* Stopped and continued: the call goes on under another name. */
static void test_restart(void **state)
{
	const struct wl_ev_sched_switch *e;

	do_switch(0, idle, 0, worker);
	enter(0, SYS_nanosleep, 0x1000);
	leave(0, SYS_nanosleep);
	enter(0, SYS_restart_syscall, 0);
	e = block(1);
	assert_int_equal(e->wl_prev_call, SYS_nanosleep);
	assert_int_equal(e->wl_prev_arg, 0x1000);
}

/* In no call, and yet asleep: a fault. */
static void test_fault(void **state)
{
	do_switch(0, idle, 0, worker);
	assert_int_equal(block(2)->wl_prev_call, CALL_NONE);
	do_switch(0, idle, 0, worker);
	enter(0, SYS_read, 3);
	leave(0, SYS_read);
	assert_int_equal(block(2)->wl_prev_call, -1);
}

static void test_compat(void **state)
{
	uint64_t slots[16] = { 4 };
	const struct wl_ev_sched_switch *e;

	do_switch(0, idle, 0, worker);
	give(0, WL_EV_COMPAT_ENTRY + 3, slots); /* read */
	e = block(1);
	assert_int_equal(e->wl_prev_call, 3);
	assert_int_equal(e->wl_prev_arg, 4);
	assert_true(e->wl_flags & WL_SW_COMPAT);
}

/* A first argument of 32 bits: what lies behind it does not count. */
static void test_narrow_argument(void **state)
{
	do_switch(0, idle, 0, worker);
	enter(0, SYS_epoll_wait, 0xdead00000007);
	assert_int_equal(block(1)->wl_prev_arg, 7);
}

/* What it was in may be over. */
static void test_loss(void **state)
{
	struct wl_ev_sched_switch sw = { .prev_tid = 7, .prev_state = 1 };
	struct wl_event in = {
		.ts = now,
		.payload = &sw,
		.flags = WL_EVENT_FOREIGN | WL_EVENT_AFTER_LOSS,
		.id = WL_EVID_SCHED_SWITCH,
		.tid = -1,
		.pid = -1,
	};

	do_switch(0, idle, 0, worker);
	enter(0, SYS_epoll_wait, 7);
	assert_int_equal(wl_foreign_event(f, &in, &out), 1);
	assert_int_equal(((const struct wl_ev_sched_switch *)out.payload)->wl_prev_call, CALL_NONE);
}

static void request(uint32_t cpu)
{
	struct wl_ev_block_rq e = { 0 };

	assert_int_equal(give(cpu, WL_EVID_BLOCK_ISSUE, &e), 1);
}

static void test_disk(void **state)
{
	struct wl_ev_irq_softirq_entry softirq = { .vec = WL_SOFTIRQ_BLOCK };

	do_switch(0, idle, 0, worker);
	enter(0, SYS_read, 3);
	assert_false(block(2)->wl_flags & WL_SW_IO);
	do_switch(0, idle, 0, worker);
	request(0);
	assert_true(block(2)->wl_flags & WL_SW_IO);
	do_switch(0, idle, 0, worker);
	leave(0, SYS_read);
	enter(0, SYS_read, 3);
	assert_false(block(2)->wl_flags & WL_SW_IO);
	/* an interrupt's, on top of it */
	do_switch(0, idle, 0, worker);
	give(0, WL_EVID_SOFTIRQ_ENTRY, &softirq);
	request(0);
	give(0, WL_EVID_SOFTIRQ_EXIT, &softirq);
	assert_false(block(2)->wl_flags & WL_SW_IO);
}

/* --- what kind of task --- */

static void test_kernel_threads(void **state)
{
	static const struct side kthreadd = { 2, "kthreadd" };
	struct wl_ev_statedump_process dump = { .tid = 50, .pid = 50, .ppid = 2, .type = 1 };
	struct wl_ev_statedump_process zombie = { .tid = 51, .pid = 51, .type = 1, .status = 4 };

	do_switch(0, idle, 0, kthreadd);
	assert_int_equal(do_fork(0, kthreadd, (struct side){ 40, "spindle" })->wl_child_task,
			 WL_TASK_LINK);
	give(1, WL_EVID_STATEDUMP_PROCESS, &dump);
	give(1, WL_EVID_STATEDUMP_PROCESS, &zombie);
	assert_int_equal(wake(0, (struct side){ 50, "spindle" })->wl_task, WL_TASK_LINK);
	assert_int_equal(wake(0, (struct side){ 51, "spindle" })->wl_task, WL_TASK_TARGET);
	assert_int_equal(wake(0, (struct side){ 52, "kworker/0:1" })->wl_task, WL_TASK_LINK);
	assert_int_equal(wake(0, (struct side){ 53, "ktimers/1" })->wl_task,
			 WL_TASK_LINK | WL_TASK_SOFTIRQD);
	assert_int_equal(wake(0, (struct side){ 54, "iou-wrk-12" })->wl_task, WL_TASK_LINK);
}

/* Anybody may call himself that. */
static void test_false_kernel_threads(void **state)
{
	static const struct side liar = { 60, "kworker/0:1" };

	assert_true(do_switch(0, idle, 0, liar)->wl_flags & WL_SW_NEXT_KTHREAD);
	enter(0, SYS_epoll_wait, 3);
	assert_int_equal(do_switch(0, liar, 1, idle)->wl_prev_task, WL_TASK_TARGET);
	assert_int_equal(wake(0, liar)->wl_task, WL_TASK_TARGET);
	/* a thread of another process */
	context_tid = 61;
	context_pid = 60;
	enter(1, SYS_read, 3);
	context_tid = -1;
	assert_int_equal(wake(0, (struct side){ 61, "irq/9-acpi" })->wl_task, WL_TASK_TARGET);
}

/* --- births --- */

static void test_fork(void **state)
{
	const struct wl_ev_sched_process_fork *e;
	const struct wl_ev_sched_switch *sw;

	do_switch(0, idle, 0, worker);
	enter(0, SYS_clone, 0);
	e = do_fork(0, worker, (struct side){ 70, "worker" });
	assert_int_equal(e->wl_flags, WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(e->wl_child_task, WL_TASK_TARGET);
	sw = do_switch(1, idle, 0, (struct side){ 70, "worker" });
	assert_int_equal(sw->wl_next_seq, 1);
	/* it is on its way out of its parent's call */
	sw = do_switch(1, (struct side){ 70, "worker" }, 2, idle);
	assert_int_equal(sw->wl_prev_call, SYS_clone);
}

/* The id is used again: nothing is left of who had it. */
static void test_reuse(void **state)
{
	do_switch(0, idle, 0, worker);
	enter(0, SYS_epoll_wait, 7);
	do_switch(0, worker, 1, other);
	do_fork(0, other, worker);
	do_switch(1, idle, 0, worker);
	assert_int_equal(do_switch(1, worker, 1, idle)->wl_prev_call, CALL_NONE);
}

static void test_exec(void **state)
{
	struct wl_ev_sched_process_exec e = { .tid = 7, .old_tid = 9 };

	do_switch(0, idle, 0, other);
	enter(0, SYS_execve, 0);
	assert_int_equal(give(0, WL_EVID_SCHED_EXEC, &e), 1);
	assert_int_equal(((const struct wl_ev_sched_process_exec *)out.payload)->wl_flags,
			 WL_EV_F_DONE);
	assert_int_equal(do_switch(0, worker, 2, idle)->wl_prev_call, SYS_execve);
}

/* --- interrupts --- */

static int32_t thread_of(int32_t irq, const char *name)
{
	struct wl_ev_irq_handler_entry e = { .irq = irq };

	memcpy(e.name, name, strlen(name));
	give(0, WL_EVID_IRQ_ENTRY, &e);
	return ((const struct wl_ev_irq_handler_entry *)out.payload)->wl_thread;
}

static void test_threaded_interrupts(void **state)
{
	do_switch(0, idle, 0, other);
	assert_int_equal(thread_of(25, "virtio3-input.0"), 0);
	wake(0, (struct side){ 80, "irq/25-virtio3-" });
	wake(0, (struct side){ 81, "irq/2-virtio3-i" });
	wake(0, (struct side){ 82, "irq/25-s-virtio" });
	assert_int_equal(thread_of(25, "virtio3-input.0"), 80);
	assert_int_equal(thread_of(2, "virtio3-input.0"), 81);
	assert_int_equal(thread_of(25, "eth0"), 0);
	/* not terminated */
	assert_int_equal(thread_of(25, "virtio3-input.0-and-more"), 80);
}

static uint32_t softirq(uint32_t cpu, uint16_t id, uint32_t vec)
{
	struct wl_ev_irq_softirq_raise e = { .vec = vec };

	assert_int_equal(give(cpu, id, &e), 1);
	return ((const struct wl_ev_irq_softirq_raise *)out.payload)->wl_flags;
}

static void test_softirqs(void **state)
{
	do_switch(0, idle, 0, worker);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_ENTRY, 3), WL_EV_F_CUR);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_RAISE, 3), WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_RAISE, 3), 0);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_ENTRY, 3), WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_EXIT, 3), WL_EV_F_CUR);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_RAISE, 3), WL_EV_F_DONE | WL_EV_F_CUR);
	/* an idle CPU has none */
	do_switch(0, worker, 1, idle);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_ENTRY, 3), 0);
}

/* Recorded on PREEMPT_RT: raised, the CPU went idle, and only then ktimers came to it. */
static void test_softirqs_of_rt(void **state)
{
	wl_foreign_free(f);
	assert_int_equal(wl_foreign_new(&f, 2, true, NULL), 0);
	do_switch(0, idle, 0, worker);
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_RAISE, 8), WL_EV_F_DONE | WL_EV_F_CUR);
	do_switch(0, worker, 1, idle);
	do_switch(0, idle, 0, (struct side){ 15, "ktimers/0" });
	assert_int_equal(softirq(0, WL_EVID_SOFTIRQ_ENTRY, 8), WL_EV_F_DONE | WL_EV_F_CUR);
}

static uint32_t work(uint16_t id)
{
	struct wl_ev_workqueue_queue_work e = { .work = 0x1234 };

	give(0, id, &e);
	switch (id) {
	case WL_EVID_QUEUE_WORK:
		return ((const struct wl_ev_workqueue_queue_work *)out.payload)->wl_flags;
	case WL_EVID_WORK_START:
		return ((const struct wl_ev_workqueue_execute_start *)out.payload)->wl_flags;
	default:
		return ((const struct wl_ev_workqueue_execute_end *)out.payload)->wl_flags;
	}
}

static void test_work(void **state)
{
	do_switch(0, worker, 0, idle);
	assert_int_equal(work(WL_EVID_QUEUE_WORK), WL_EV_F_DONE);
	do_switch(0, idle, 0, worker);
	assert_int_equal(work(WL_EVID_QUEUE_WORK), WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(work(WL_EVID_WORK_START), WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(work(WL_EVID_WORK_END), WL_EV_F_CUR);
}

/* --- timers --- */

static const struct wl_ev_timer_hrtimer_expire_entry *expire(uint64_t timer, int64_t clock)
{
	struct wl_ev_timer_hrtimer_expire_entry e = { .hrtimer = timer, .now = clock };

	assert_int_equal(give(0, WL_EVID_TIMER_ENTRY, &e), 1);
	return out.payload;
}

static void set_timer(uint64_t timer, int64_t soft, int64_t hard)
{
	struct wl_ev_timer_hrtimer_start e = { .hrtimer = timer,
					       .softexpires = soft,
					       .expires = hard };

	assert_int_equal(give(0, WL_EVID_TIMER_START, &e), 1);
}

static void test_timer(void **state)
{
	const struct wl_ev_timer_hrtimer_expire_entry *e;

	set_timer(0x10, 1500 * MS, 1501 * MS);
	now = 1503 * MS;
	e = expire(0x10, 1502 * MS);
	assert_int_equal(e->wl_softexpires, 1500 * MS);
	assert_int_equal(e->wl_expires, 1501 * MS);
	assert_int_equal(e->wl_clock, 1);
	/* it has not been set again: known is only when the kernel found it expired */
	now = 1603 * MS;
	e = expire(0x10, 1602 * MS);
	assert_int_equal(e->wl_softexpires, 1602 * MS);
	assert_int_equal(e->wl_expires, 1602 * MS);
	/* within its slack */
	set_timer(0x10, 1700 * MS, 1750 * MS);
	now = 1720 * MS;
	e = expire(0x10, 1719 * MS);
	assert_int_equal(e->wl_softexpires, 1700 * MS);
	assert_int_equal(e->wl_expires, 1750 * MS);
}

/* Two threads' timers on their stacks, of a recording of LTTng: one had displaced the other. */
static void test_timers_of_two(void **state)
{
	const uint64_t lru = 0xffffc90000627b48, cyclic = 0xffffc9000059fdc8;
	const struct wl_ev_timer_hrtimer_expire_entry *e;

	set_timer(lru, 1500 * MS, 1501 * MS);
	set_timer(cyclic, 1600 * MS, 1601 * MS);
	now = 1503 * MS;
	e = expire(lru, 1502 * MS);
	assert_int_equal(e->wl_softexpires, 1500 * MS);
	assert_int_equal(e->wl_expires, 1501 * MS);
	now = 1603 * MS;
	e = expire(cyclic, 1602 * MS);
	assert_int_equal(e->wl_softexpires, 1600 * MS);
	assert_int_equal(e->wl_expires, 1601 * MS);
}

/* A guest whose host had no time for it, of a recording: 3 s from the kernel's clock to the event.
 */
static void test_timer_of_a_stopped_guest(void **state)
{
	const struct wl_ev_timer_hrtimer_expire_entry *e;

	set_timer(0x10, 1500 * MS, 1501 * MS);
	now = 5503 * MS;
	e = expire(0x10, 2502 * MS);
	assert_int_equal(e->wl_softexpires, 1500 * MS);
	assert_int_equal(e->wl_expires, 1501 * MS);
	assert_int_equal(e->wl_clock, 1);
}

/* On a clock that has slept: how late it is counts. */
static void test_timer_of_another_clock(void **state)
{
	const int64_t slept = 3600000000000;
	const struct wl_ev_timer_hrtimer_expire_entry *e;

	set_timer(0x10, slept + 1500 * (int64_t)MS, slept + 1500 * (int64_t)MS);
	now = 1502 * MS;
	e = expire(0x10, slept + 1502 * (int64_t)MS);
	assert_int_equal(e->wl_softexpires, 1500 * MS);
	assert_int_equal(e->wl_expires, 1500 * MS);
	assert_int_equal(e->wl_clock, 7);
}

/* --- what is missing --- */

static bool says(const char *part)
{
	const char *texts[32];
	size_t n = wl_foreign_missing(f, texts, 32);

	for (size_t i = 0; i < n; i++)
		if (strstr(texts[i], part))
			return true;
	return false;
}

static void test_missing(void **state)
{
	const char *texts[32];

	assert_true(says("system calls were not"));
	assert_true(says("task switches"));
	assert_true(says("raised softirqs"));
	assert_int_equal(wl_foreign_missing(f, texts, 2), 2);
	do_switch(0, idle, 0, worker);
	assert_true(says("does not tell the process"));
	context_tid = 7;
	context_pid = 7;
	enter(0, SYS_read, 3);
	softirq(0, WL_EVID_SOFTIRQ_RAISE, 3);
	assert_false(says("system calls were not"));
	assert_false(says("task switches"));
	assert_false(says("raised softirqs"));
	assert_false(says("does not tell the process"));
	assert_true(says("sockets"));
	assert_true(says("where they wait"));
}

/* --- records of ours --- */

static int setup_recorded(void **state)
{
	int ret = setup(state);

	event_flags = 0;
	return ret;
}

/* What the kernel knew stays as it is, whatever names and states would have us guess. */
static void test_recorded_switch(void **state)
{
	struct wl_ev_sched_switch e = {
		.prev_comm = "kworker/0:1",
		.prev_tid = 7,
		.prev_prio = -2,
		.prev_state = 2,
		.next_comm = "plain",
		.next_tid = 9,
		.next_prio = -2,
		.wl_prev_arg = 5,
		.wl_steal = 11,
		.wl_prev_call = SYS_futex,
		.wl_prev_pid = 6,
		.wl_next_pid = 8,
		.wl_prev_policy = 2,
		.wl_next_policy = 1,
		.wl_flags = WL_SW_IO | WL_SW_NEXT_KTHREAD,
	};
	struct wl_ev_sched_switch expected = e;

	expected.wl_flags |= WL_SW_PREV | WL_SW_NEXT;
	expected.wl_prev_task = WL_TASK_TARGET;
	expected.wl_next_task = WL_TASK_LINK;
	assert_int_equal(give(0, WL_EVID_SCHED_SWITCH, &e), 1);
	assert_memory_equal(out.payload, &expected, sizeof(e));
	expected.wl_prev_seq = 1;
	expected.wl_next_seq = 1;
	assert_int_equal(give(0, WL_EVID_SCHED_SWITCH, &e), 1);
	assert_memory_equal(out.payload, &expected, sizeof(e));
}

static void test_recorded_switch_of_idle(void **state)
{
	assert_int_equal(do_switch(0, idle, 0, worker)->wl_flags, WL_SW_NEXT);
	assert_int_equal(do_switch(0, worker, 2, idle)->wl_flags, WL_SW_PREV);
}

/* Who was on the CPU, each record tells anew. */
static void test_recorded_waking(void **state)
{
	struct wl_ev_sched_waking e = {
		.comm = "worker",
		.tid = 7,
		.wl_pid = 6,
		.wl_cur_tid = 9,
		.wl_seq = 0xffffffff,
		.wl_flags = WL_EV_F_THROTTLED,
	};
	const struct wl_ev_sched_waking *o;

	assert_int_equal(give(0, WL_EVID_SCHED_WAKING, &e), 1);
	o = out.payload;
	assert_int_equal(o->wl_flags, WL_EV_F_THROTTLED | WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(o->wl_pid, 6);
	assert_int_equal(o->wl_cur_tid, 9);
	assert_int_equal(o->wl_seq, 0);
	assert_int_equal(o->wl_task, WL_TASK_TARGET);
	e.wl_cur_tid = 0;
	e.wl_flags = WL_EV_F_KTHREAD;
	assert_int_equal(give(0, WL_EVID_SCHED_WAKING, &e), 1);
	assert_int_equal(o->wl_flags, WL_EV_F_KTHREAD | WL_EV_F_DONE);
	assert_int_equal(o->wl_cur_tid, 0);
	assert_int_equal(o->wl_seq, 1);
	assert_int_equal(o->wl_task, WL_TASK_LINK);
}

static void test_recorded_fork(void **state)
{
	struct wl_ev_sched_process_fork e = {
		.parent_tid = 9,
		.parent_pid = 8,
		.child_comm = "worker",
		.child_tid = 7,
		.child_pid = 8,
		.wl_flags = WL_EV_F_KTHREAD,
	};
	const struct wl_ev_sched_process_fork *o;

	assert_int_equal(give(0, WL_EVID_SCHED_FORK, &e), 1);
	o = out.payload;
	assert_int_equal(o->wl_flags, WL_EV_F_KTHREAD | WL_EV_F_DONE | WL_EV_F_CUR);
	assert_int_equal(o->wl_child_task, WL_TASK_LINK);
}

static void test_recorded_interrupts(void **state)
{
	struct wl_ev_irq_handler_entry irq = { .irq = 1, .name = "x", .wl_thread = 33 };
	struct wl_ev_timer_hrtimer_expire_entry timer = {
		.now = 5,
		.wl_softexpires = 3,
		.wl_expires = 4,
		.wl_clock = 11,
	};
	struct wl_ev_call_queue queue = { .wl_csd = 0x10, .wl_target = 1 };
	struct wl_ev_call_entry call = { .wl_csd = 0x10 };

	do_switch(0, idle, 0, worker);
	assert_int_equal(give(0, WL_EVID_IRQ_ENTRY, &irq), 1);
	assert_memory_equal(out.payload, &irq, sizeof(irq));
	assert_int_equal(give(0, WL_EVID_TIMER_ENTRY, &timer), 1);
	assert_memory_equal(out.payload, &timer, sizeof(timer));
	assert_int_equal(give(0, WL_EVID_CALL_QUEUE, &queue), 1);
	queue.wl_flags = WL_EV_F_DONE | WL_EV_F_CUR;
	assert_memory_equal(out.payload, &queue, sizeof(queue));
	assert_int_equal(give(1, WL_EVID_CALL_ENTRY, &call), 1);
	call.wl_flags = WL_EV_F_DONE;
	assert_memory_equal(out.payload, &call, sizeof(call));
}

static void test_recorded_missing(void **state)
{
	const char *texts[32];

	do_switch(0, idle, 0, worker);
	assert_int_equal(wl_foreign_missing(f, texts, 32), 1);
	assert_true(says("sockets"));
}

/* --- rubbish --- */

/* Nothing is known of such CPUs and numbers, and nothing is written anywhere. */
static void test_out_of_range(void **state)
{
	struct wl_ev_irq_softirq_raise e = { .vec = 0xffffffff };

	assert_int_equal(give(2, WL_EVID_SOFTIRQ_RAISE, &e), 0);
	assert_int_equal(give(0, WL_EV_MAX, &e), 0);
	assert_int_equal(give(0, WL_EVID_SOFTIRQ_RAISE, &e), 1);
	context_tid = INT32_MAX;
	assert_int_equal(give(0, WL_EVID_SOFTIRQ_RAISE, &e), 1);
}

/* Whatever a file says. */
static void test_rubbish(void **state)
{
	uint64_t seed = 11, payload[64];

	for (unsigned i = 0; i < 200000; i++) {
		uint64_t r = test_random(&seed);
		uint16_t id = (uint16_t)(r % 4 ? r / 4 % WL_EV_FIXED_MAX : r / 4 % WL_EV_MAX);

		for (unsigned k = 0; k < ARRAY_SIZE(payload); k++)
			payload[k] = test_random(&seed) >> (r >> 32 & 63);
		if (!(r >> 40 & 3))
			memcpy(payload, "irq/1-x", 8);
		context_tid = r >> 42 & 3 ? -1 : (int32_t)payload[0];
		give(r >> 44 & 1, id, payload);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define RECORDED(name) cmocka_unit_test_setup_teardown(name, setup_recorded, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_switch),
		TEST(test_policy),
		TEST(test_steps),
		TEST(test_waking),
		TEST(test_contexts),
		TEST(test_calls),
		TEST(test_restart),
		TEST(test_fault),
		TEST(test_compat),
		TEST(test_narrow_argument),
		TEST(test_loss),
		TEST(test_disk),
		TEST(test_kernel_threads),
		TEST(test_false_kernel_threads),
		TEST(test_fork),
		TEST(test_reuse),
		TEST(test_exec),
		TEST(test_threaded_interrupts),
		TEST(test_softirqs),
		TEST(test_softirqs_of_rt),
		TEST(test_work),
		TEST(test_timer),
		TEST(test_timers_of_two),
		TEST(test_timer_of_a_stopped_guest),
		TEST(test_timer_of_another_clock),
		TEST(test_missing),
		TEST(test_out_of_range),
		TEST(test_rubbish),
		RECORDED(test_recorded_switch),
		RECORDED(test_recorded_switch_of_idle),
		RECORDED(test_recorded_waking),
		RECORDED(test_recorded_fork),
		RECORDED(test_steps),
		RECORDED(test_softirqs),
		RECORDED(test_work),
		RECORDED(test_recorded_interrupts),
		RECORDED(test_recorded_missing),
		RECORDED(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
