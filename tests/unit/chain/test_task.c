/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The two slots of a task: switches, wake-ups, races between them, ends of responses. */
#include "cases.h"

static void test_response(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 300);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 300);
	assert_null(machine_chain(a));
	assert_int_equal(machine_counter(&m, WL_CNT_RAN), 1);
	assert_int_equal(machine_counter(&m, WL_CNT_STARTED), 1);
}

static void test_preempted(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(2000);

	machine_pass(&m, 100);
	irq_wakes(0, 37, b);
	machine_switch(&m, 0, true, b);
	machine_pass(&m, 1000);
	go_home(0, NULL);
	machine_switch(&m, 1, false, a);
	machine_pass(&m, 50);
	go_home(1, NULL);
	assert_report(a, 1, WL_END_IDLE, 1150);
	assert_int_equal(machine_sum(&a->report, WL_SEG_PREEMPTED), 1000);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 150);
}

static void test_throttled(void **state)
{
	struct machine_task *a = worker(0, 1000);

	a->throttled = true;
	machine_pass(&m, 100);
	machine_switch(&m, 0, true, NULL);
	machine_pass(&m, 1000);
	a->throttled = false;
	machine_switch(&m, 0, false, a);
	go_home(0, NULL);
	assert_int_equal(machine_sum(&a->report, WL_SEG_THROTTLED), 1000);
	/* woken while its group is out of quota */
	a->throttled = true;
	irq_wakes(0, 36, a);
	machine_pass(&m, 70);
	machine_switch(&m, 0, false, a);
	go_home(0, NULL);
	assert_int_equal(machine_sum(&a->report, WL_SEG_THROTTLED), 70);
}

static void test_midwork(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 100);
	machine_sleep_hard(&m, 0, CALL_READ, true, NULL);
	machine_pass(&m, 500);
	irq_wakes(1, 40, a);
	machine_pass(&m, 20);
	machine_switch(&m, 0, false, a);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 620);
	assert_int_equal(machine_sum(&a->report, WL_SEG_IO), 500);
	assert_int_equal(machine_sum(&a->report, WL_SEG_WAKEUP), 20);
}

/* Hazard 8: sched_waking before the switch-out, in mid-work. */
static void test_early_wake_midwork(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_READ, .hard = 1, .io = 1 };

	machine_arm(&m, 0, &s);
	machine_pass(&m, 100);
	irq_wakes(1, 40, a);
	machine_pass(&m, 10);
	machine_switch(&m, 0, false, NULL);
	machine_pass(&m, 30);
	machine_switch(&m, 0, false, a);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 140);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 110);
	assert_int_equal(machine_sum(&a->report, WL_SEG_WAKEUP), 30);
	assert_int_equal(machine_sum(&a->report, WL_SEG_IO), 0);
}

/* The same at home: the old response ends, the new one had begun. */
static void test_early_wake_home(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };
	uint64_t start;

	machine_arm(&m, 0, &s);
	machine_pass(&m, 100);
	start = m.now;
	irq_wakes(1, 40, a);
	machine_pass(&m, 10);
	machine_switch(&m, 0, false, NULL);
	assert_report(a, 1, WL_END_IDLE, 110);
	machine_pass(&m, 30);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 40, start);
}

/* A sleep that comes to nothing, and then a real one with its own wake-up. */
static void test_cancelled_sleep(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };
	uint64_t start;

	machine_arm(&m, 0, &s);
	irq_wakes(1, 40, a);
	machine_disarm(&m, 0);
	machine_pass(&m, 1000);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 1000);
	machine_pass(&m, 1000);
	start = m.now;
	irq_wakes(1, 41, a);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 41, start);
	assert_int_equal(machine_counter(&m, WL_CNT_NEXT_DROPPED), 0);
}

static void test_cancelled_then_preempted(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };

	machine_arm(&m, 0, &s);
	irq_wakes(1, 40, a);
	machine_switch(&m, 0, true, NULL);
	assert_int_equal(machine_counter(&m, WL_CNT_NEXT_DROPPED), 1);
	machine_switch(&m, 0, false, a);
	assert_int_equal(wl_task_next(&a->t), WL_SLOT_EMPTY);
	assert_stimulus(a, WL_STIM_IRQ, 36, m.now);
	assert_int_equal(a->reports, 0);
}

/* Put aside with its state set, woken there. */
static void test_woken_while_preempted(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };

	machine_arm(&m, 0, &s);
	machine_switch(&m, 0, true, NULL);
	irq_wakes(1, 40, a);
	machine_pass(&m, 10);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, m.now - 10);
	machine_switch(&m, 0, true, NULL);
	assert_int_equal(machine_counter(&m, WL_CNT_NEXT_DROPPED), 1);
}

/* We missed its wake-up: the wait is unknown, and counted. */
static void test_no_wakeup(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 10);
	machine_sleep_hard(&m, 0, CALL_READ, true, NULL);
	machine_pass(&m, 500);
	a->run = RUN_READY;
	machine_switch(&m, 0, false, a);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 510);
	assert_int_equal(machine_sum(&a->report, WL_SEG_UNKNOWN), 500);
	assert_int_equal(machine_counter(&m, WL_CNT_NO_WAKEUP), 1);
	/* at home: no response begins */
	a->run = RUN_READY;
	machine_switch(&m, 0, false, a);
	assert_null(machine_chain(a));
	assert_int_equal(machine_counter(&m, WL_CNT_NO_WAKEUP), 2);
	assert_int_equal(machine_counter(&m, WL_CNT_RAN),
			 machine_counter(&m, WL_CNT_STARTED) +
				 machine_counter(&m, WL_CNT_NO_WAKEUP));
}

/* Two wakers at the same moment: the second one is counted. */
static void test_next_busy(void **state)
{
	struct machine_task *a = user(1000);

	a->t.next = WL_SLOT_BUSY;
	irq_wakes(0, 36, a);
	assert_int_equal(machine_counter(&m, WL_CNT_NEXT_BUSY), 1);
	assert_int_equal(a->t.next, WL_SLOT_BUSY);
}

/* Every wake-up, switch out and in has a number of its own. */
static void test_steps(void **state)
{
	struct machine_task *a = worker(0, 1000);
	uint32_t step = a->t.step;

	machine_sleep(&m, 0, CALL_EPOLL, HOME, NULL);
	assert_int_equal(a->t.step, step + 1);
	irq_wakes(0, 36, a);
	assert_int_equal(a->t.next >> WL_STEP_SHIFT, step + 3);
	assert_int_equal(wl_task_next(&a->t), WL_SLOT_FULL);
	machine_switch(&m, 0, false, a);
	assert_int_equal(a->t.step, step + 3);
	assert_int_equal(wl_task_next(&a->t), WL_SLOT_EMPTY);
}

/* From a wait that is not home no response begins. */
static void test_away(void **state)
{
	struct machine_task *a = machine_task_add(&m, 1000, 0, CALL_WRITE, 1);

	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	assert_null(machine_chain(a));
}

/* Neither if sched_waking came before the switch-out. */
static void test_away_early_wake(void **state)
{
	struct machine_task *a = user(1000);
	struct wl_sleep s = { .call = CALL_WRITE, .arg = 1, .hard = 1 };

	a->run = RUN_READY; /* from home, without a wake-up and so without a chain */
	machine_switch(&m, 0, false, a);
	machine_arm(&m, 0, &s);
	irq_wakes(1, 36, a);
	machine_switch(&m, 0, false, NULL);
	machine_switch(&m, 0, false, a);
	assert_null(machine_chain(a));
}

/* Having been away says nothing about the next sleep: home, woken before the switch-out. */
static void test_home_after_away_early_wake(void **state)
{
	struct machine_task *a = bystander(0);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };

	machine_arm(&m, 0, &s);
	irq_wakes(1, 36, a);
	machine_switch(&m, 0, false, NULL);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, m.now);
}

/* Hazard 9: links end their chain in S and in 0x402, and keep it in D. */
static void test_links(void **state)
{
	struct machine_task *k = thread_of_kernel(0);
	struct wl_sleep s = { .call = -2, .hard = 1, .noload = 1 };
	uint64_t start = m.now;

	irq_wakes(0, 36, k);
	machine_switch(&m, 0, false, k);
	machine_sleep_hard(&m, 0, -2, false, NULL);
	assert_non_null(machine_chain(k));
	machine_pass(&m, 100);
	irq_wakes(0, 37, k);
	machine_switch(&m, 0, false, k);
	assert_stimulus(k, WL_STIM_IRQ, 36, start);
	machine_arm(&m, 0, &s);
	machine_switch(&m, 0, false, NULL);
	assert_null(machine_chain(k));
	machine_pass(&m, 1700000000);
	irq_wakes(0, 37, k);
	machine_switch(&m, 0, false, k);
	assert_stimulus(k, WL_STIM_IRQ, 37, m.now);
	machine_sleep(&m, 0, -2, 0, NULL);
	assert_null(machine_chain(k));
	assert_int_equal(k->reports, 0);
}

static void test_exit(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 77);
	machine_exit(&m, 0, NULL);
	assert_report(a, 1, WL_END_EXIT, 77);
}

static void test_fork(void **state)
{
	struct machine_task *a = worker(0, 1000), *child;
	uint64_t start = m.now;

	machine_pass(&m, 40);
	child = machine_fork(&m, 0, false);
	machine_pass(&m, 5);
	machine_switch(&m, 1, false, child);
	assert_stimulus(child, WL_STIM_IRQ, 36, start);
	assert_int_equal(machine_chain(child)->h.owner, child->tgid);
	assert_int_equal(machine_sum(machine_chain(child), WL_SEG_RUNNING), 40);
	assert_int_equal(machine_sum(machine_chain(child), WL_SEG_WAKEUP), 5);
	machine_exec(&m, 1);
	assert_stimulus(child, WL_STIM_IRQ, 36, start);
	/* its first wait in an idle call is home */
	machine_sleep(&m, 1, CALL_READ, 0, NULL);
	assert_report(child, 1, WL_END_IDLE, 45);
	assert_non_null(machine_chain(a));
}

/* A program that a kernel thread starts has left nobody: what it wakes begins with that wake-up. */
static void test_fork_by_link(void **state)
{
	struct machine_task *a = worker(0, 1000), *k = thread_of_kernel(0), *b = user(3000), *child;

	machine_pass(&m, 10);
	machine_waking(&m, 0, k);
	machine_switch(&m, 1, false, k);
	k->t.flags &= ~WL_TASK_LINK; /* the machine's children are what their parent is */
	child = machine_fork(&m, 1, false);
	k->t.flags |= WL_TASK_LINK;
	machine_switch(&m, 2, false, child);
	machine_pass(&m, 100000);
	machine_waking(&m, 2, b);
	machine_switch(&m, 3, false, b);
	assert_stimulus(b, WL_STIM_WAKEUP, 0, m.now);
	assert_non_null(machine_chain(a));
}

static void test_until_run(void **state)
{
	struct machine_task *a = user(1000);

	machine_irq_enter(&m, 0, 36, NULL);
	machine_pass(&m, 10);
	machine_waking(&m, 0, a);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 20);
	machine_switch(&m, 0, false, a);
	assert_report(a, 1, WL_END_RUN, 30);
	/* any sleep begins the next one */
	machine_sleep_hard(&m, 0, CALL_WRITE, true, NULL);
	irq_wakes(0, 37, a);
	machine_pass(&m, 5);
	machine_switch(&m, 0, false, a);
	assert_report(a, 2, WL_END_RUN, 5);
}

static void test_until_block(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 10);
	machine_sleep_hard(&m, 0, CALL_WRITE, true, NULL);
	assert_report(a, 1, WL_END_BLOCK, 10);
	irq_wakes(0, 37, a);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 37, m.now);
	machine_switch(&m, 0, true, NULL);
	assert_int_equal(a->reports, 1);
}

static void test_reclaim(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 10);
	machine_reclaim(&m, 0, true);
	machine_pass(&m, 20);
	machine_sleep_hard(&m, 0, CALL_READ, true, NULL);
	machine_pass(&m, 30);
	irq_wakes(1, 40, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 40);
	machine_reclaim(&m, 0, false);
	machine_pass(&m, 50);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 150);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RECLAIM), 90);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 60);
}

static void test_steal(void **state)
{
	struct machine_task *a = user(1000);

	m.cpu[0].steal = 5000;
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 1000);
	m.cpu[0].steal += 400;
	go_home(0, NULL);
	assert_int_equal(machine_sum(&a->report, WL_SEG_STEAL), 400);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 600);
}

/* More than was there: the charge saturates. */
static void test_steal_too_much(void **state)
{
	struct machine_task *a = user(1000);

	m.cpu[0].steal = 5000;
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 100);
	machine_irq_enter(&m, 0, 37, NULL);
	machine_pass(&m, 30);
	machine_irq_exit(&m, 0);
	m.cpu[0].steal += 400;
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 130);
	assert_int_equal(machine_sum(&a->report, WL_SEG_STEAL), 100);
	assert_int_equal(machine_sum(&a->report, WL_SEG_INTERRUPTED), 30);
}

/* A wake-up of somebody else in between charges running time, and must not hide what was stolen. */
static void test_steal_before_wakeup(void **state)
{
	struct machine_task *a = user(1000), *b = user(2000);

	m.cpu[0].steal = 5000;
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 6000);
	m.cpu[0].steal += 5000;
	machine_waking(&m, 0, b);
	machine_pass(&m, 10);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 6010);
	/* a nanosecond may stay where it was */
	assert_true(machine_sum(&a->report, WL_SEG_STEAL) >= 4999);
}

/* The number of segments does not depend on how often it was interrupted. */
static void test_many_interruptions(void **state)
{
	struct machine_task *a = worker(0, 1000);

	for (int i = 0; i < 1000; i++) {
		machine_pass(&m, 10);
		machine_irq_enter(&m, 0, 37, NULL);
		machine_pass(&m, 3);
		machine_irq_exit(&m, 0);
	}
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 13000);
	assert_int_equal(a->report.h.nseg, 2);
	assert_int_equal(machine_sum(&a->report, WL_SEG_INTERRUPTED), 3000);
}

/* As if no program had run at a switch: the state is what it was before. */
static void miss_switch(uint32_t cpu, bool preempt, struct machine_task *a,
			struct machine_task *next)
{
	struct wl_task before = a->t;

	machine_switch(&m, cpu, preempt, next);
	a->t = before;
}

static void test_missed_switch_in(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 10);
	machine_switch(&m, 0, true, NULL);
	machine_pass(&m, 100);
	miss_switch(0, false, a, a);
	machine_pass(&m, 1000);
	go_home(0, NULL);
	/* it ran or waited for 1100, nobody knows which */
	assert_report(a, 1, WL_END_IDLE, 1110);
	assert_int_equal(machine_sum(&a->report, WL_SEG_UNKNOWN), 1100);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 10);
	assert_int_equal(machine_counter(&m, WL_CNT_NO_SWITCH), 1);
}

static void test_missed_switch_out(void **state)
{
	struct machine_task *a = worker(0, 1000);

	machine_pass(&m, 10);
	miss_switch(0, true, a, NULL);
	machine_pass(&m, 100);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 1000);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 1110);
	assert_int_equal(machine_sum(&a->report, WL_SEG_UNKNOWN), 110);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 1000);
	assert_int_equal(machine_counter(&m, WL_CNT_NO_SWITCH), 1);
}

/* A waker comes between a preempted task's step and its dropping of what was there before. */
static void test_newer_wakeup_stays(void **state)
{
	struct machine_task *a = user(1000);
	struct wl_task *t = &a->t;

	wl_wake_open(&m.cpu[0].c, t, m.now, 0);
	wl_wake_close(t);
	assert_int_equal(wl_task_step(t), WL_SLOT_FULL);
	wl_wake_open(&m.cpu[0].c, t, m.now, 0);
	assert_int_equal(wl_task_drop(t), 0);
	wl_wake_close(t);
	assert_int_equal(wl_task_drop(t), 0);
	assert_int_equal(wl_task_next(t), WL_SLOT_FULL);
	wl_task_step(t);
	assert_int_equal(wl_task_drop(t), 1);
	assert_int_equal(wl_task_next(t), WL_SLOT_EMPTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_newer_wakeup_stays),
		TEST(test_response),
		TEST(test_preempted),
		TEST(test_throttled),
		TEST(test_midwork),
		TEST(test_early_wake_midwork),
		TEST(test_early_wake_home),
		TEST(test_cancelled_sleep),
		TEST(test_cancelled_then_preempted),
		TEST(test_woken_while_preempted),
		TEST(test_no_wakeup),
		TEST(test_next_busy),
		TEST(test_steps),
		TEST(test_away),
		TEST(test_away_early_wake),
		TEST(test_home_after_away_early_wake),
		TEST(test_links),
		TEST(test_exit),
		TEST(test_fork),
		TEST(test_fork_by_link),
		TEST_UNTIL(test_until_run, run),
		TEST_UNTIL(test_until_block, block),
		TEST(test_reclaim),
		TEST(test_steal),
		TEST(test_steal_too_much),
		TEST(test_steal_before_wakeup),
		TEST(test_many_interruptions),
		TEST(test_missed_switch_in),
		TEST(test_missed_switch_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
