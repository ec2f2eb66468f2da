// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* PREEMPT_RT: softirqs and most timers run in threads, and are preempted and blocked with them. */
#include "cases.h"

/* Long enough that who held a CPU is looked up. */
#define LONG 100000

struct expected {
	uint8_t kind;
	uint64_t ns;
	const struct machine_task *who; /* NULL: not looked at */
};

static void assert_segments(const struct wl_path *p, const struct expected *want, unsigned int n)
{
	assert_int_equal(p->h.nseg, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(p->seg[i].kind, want[i].kind);
		assert_int_equal(p->seg[i].ns, want[i].ns);
		if (want[i].who)
			assert_int_equal(p->seg[i].who.tid, want[i].who->tid);
	}
}

#define ASSERT_SEGMENTS(task, ...)                                                                 \
	do {                                                                                       \
		const struct expected want_[] = { __VA_ARGS__ };                                   \
		assert_segments(machine_chain(task), want_, ARRAY_SIZE(want_));                    \
	} while (0)

/* A thread for softirqs, on an idle CPU. */
static struct machine_task *ksoftirqd(uint32_t cpu)
{
	struct machine_task *task = thread_of_kernel(WL_TASK_SOFTIRQD);

	machine_waking(&m, cpu, task);
	machine_switch(&m, cpu, false, task);
	return task;
}

static void raise_in_irq(uint32_t cpu, uint16_t nr, uint16_t vec)
{
	machine_irq_enter(&m, cpu, nr, NULL);
	machine_raise(&m, cpu, vec);
	machine_pass(&m, 10);
	machine_irq_exit(&m, cpu);
}

static void test_softirq_preempted(void **state)
{
	struct machine_task *k = ksoftirqd(0), *a = user(1000), *hog = user(2000);
	uint64_t start = m.now;

	raise_in_irq(0, 36, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 30);
	machine_waking(&m, 1, hog);
	machine_switch(&m, 0, true, hog);
	machine_pass(&m, LONG);
	machine_switch(&m, 0, true, k);
	machine_pass(&m, 40);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_pass(&m, 5);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
	ASSERT_SEGMENTS(a, { WL_SEG_SOFTIRQ_DELAY, 10 }, { WL_SEG_SOFTIRQ, 30, k },
			{ WL_SEG_PREEMPTED, LONG, hog }, { WL_SEG_SOFTIRQ, 40, k },
			{ WL_SEG_WAKEUP, 5 });
}

/* A lock that sleeps there: b lets the softirq go on. */
static void test_softirq_blocked(void **state)
{
	struct machine_task *k = ksoftirqd(0), *a = user(1000), *b = bystander(1);

	raise_in_irq(0, 36, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 30);
	machine_sleep_hard(&m, 0, -2, false, NULL);
	machine_pass(&m, 200);
	machine_waking(&m, 1, k);
	machine_pass(&m, 20);
	machine_switch(&m, 0, false, k);
	machine_pass(&m, 40);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	ASSERT_SEGMENTS(a, { WL_SEG_SOFTIRQ_DELAY, 10 }, { WL_SEG_SOFTIRQ, 30, k },
			{ WL_SEG_LOCK, 200, b }, { WL_SEG_WAKEUP, 20 }, { WL_SEG_SOFTIRQ, 40, k });
}

/* The interrupt comes again while its thread runs the softirq: the thread goes round once more. */
static void test_line_comes_again(void **state)
{
	struct machine_task *line = thread_of_kernel(0), *a = user(1000), *b = user(1001);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, line);
	machine_irq_exit(&m, 0);
	machine_waking(&m, 0, line);
	machine_switch(&m, 0, false, line);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, a);
	machine_pass(&m, 100);
	machine_irq_enter(&m, 0, 36, line);
	machine_irq_exit(&m, 0);
	machine_softirq_exit(&m, 0);
	machine_pass(&m, 20);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, b);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
	machine_switch(&m, 1, true, b);
	assert_stimulus(b, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, start + 120);
}

/* It is woken behind an interrupt, which may have cut a program of the current task in two. */
static void test_waking_its_thread_charges_nobody(void **state)
{
	struct machine_task *k = thread_of_kernel(WL_TASK_SOFTIRQD), *a = user(1000);
	uint64_t last;

	ksoftirqd(0);
	raise_in_irq(0, 36, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	last = machine_chain(a)->h.last;
	machine_pass(&m, 50);
	machine_waking(&m, 1, k);
	assert_int_equal(machine_chain(a)->h.last, last);
	machine_waking(&m, 1, user(2000));
	assert_int_equal(machine_chain(a)->h.last, last + 50);
}

/* The timer was due at the interrupt; its thread then waited for the CPU. */
static void test_timer_waits_for_its_thread(void **state)
{
	struct machine_task *k = thread_of_kernel(WL_TASK_SOFTIRQD), *a = user(1000);
	struct machine_task *hog = bystander(0);
	uint64_t due = m.now + 100;

	machine_pass(&m, 120);
	raise_in_irq(0, VEC_TIMER, WL_SOFTIRQ_HRTIMER);
	machine_waking(&m, 0, k);
	machine_pass(&m, LONG);
	machine_switch(&m, 0, true, k);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_HRTIMER);
	machine_pass(&m, 30);
	machine_timer_enter(&m, 0, 1, due, due + 10);
	machine_pass(&m, 5);
	machine_waking(&m, 0, a);
	machine_timer_exit(&m, 0);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, true, a);
	assert_stimulus(a, WL_STIM_TIMER, 1, due);
	ASSERT_SEGMENTS(a, { WL_SEG_TIMER_SLACK, 10 }, { WL_SEG_TIMER_DELAY, 10 },
			{ WL_SEG_SOFTIRQ_DELAY, LONG + 10, hog }, { WL_SEG_SOFTIRQ, 30, k },
			{ WL_SEG_SOFTIRQ, 5, k });
}

/* Due when the softirq was already running: what came before is none of its business. */
static void test_timer_due_late(void **state)
{
	struct machine_task *k = ksoftirqd(0), *a = user(1000);
	uint64_t due = m.now + 50;

	raise_in_irq(0, VEC_TIMER, WL_SOFTIRQ_HRTIMER);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_HRTIMER);
	machine_pass(&m, 100);
	machine_timer_enter(&m, 0, 1, due, due);
	machine_waking(&m, 0, a);
	machine_timer_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_TIMER, 1, due);
	ASSERT_SEGMENTS(a, { WL_SEG_SOFTIRQ, 60, k });
}

static void test_timer_preempted(void **state)
{
	struct machine_task *k = ksoftirqd(0), *a = user(1000), *b = user(1500);
	struct machine_task *hog = user(2000);
	uint64_t due = m.now;

	raise_in_irq(0, VEC_TIMER, WL_SOFTIRQ_HRTIMER);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_HRTIMER);
	machine_timer_enter(&m, 0, 1, due, due);
	machine_waking(&m, 1, hog);
	machine_switch(&m, 0, true, hog);
	machine_pass(&m, LONG);
	machine_switch(&m, 0, true, k);
	machine_waking(&m, 0, a);
	machine_timer_exit(&m, 0);
	machine_waking(&m, 0, b);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_TIMER, 1, due);
	ASSERT_SEGMENTS(a, { WL_SEG_SOFTIRQ_DELAY, 10 }, { WL_SEG_PREEMPTED, LONG, hog });
	/* the timer is over */
	machine_switch(&m, 0, true, b);
	assert_stimulus(b, WL_STIM_SOFTIRQ, WL_SOFTIRQ_HRTIMER, m.now);
	assert_int_equal(m.cpu[0].c.counters[WL_CNT_RESYNC], 0);
}

/* The hand-off of such a lock ends a wait; it is no work for whom it wakes. */
static void test_lock_handoff(void **state)
{
	struct wl_sleep lock = { .call = CALL_EPOLL, .arg = HOME, .hard = 1, .lock = 1 };
	struct machine_task *a = user(1000), *b = bystander(1), *k = thread_of_kernel(0);

	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 10);
	machine_arm(&m, 0, &lock);
	machine_switch(&m, 0, false, NULL);
	machine_pass(&m, 100);
	machine_waking(&m, 1, k);
	machine_switch(&m, 1, true, k);
	machine_waking(&m, 1, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 10);
	go_home(0, NULL);
	assert_report(a, 1, WL_END_IDLE, 120);
	assert_int_equal(machine_sum(&a->report, WL_SEG_LOCK), 100);
	/* without a chain it has none after it, either */
	machine_switch(&m, 1, true, b);
	machine_arm(&m, 1, &lock);
	machine_switch(&m, 1, false, NULL);
	irq_wakes(0, 36, b);
	machine_switch(&m, 1, false, b);
	assert_null(machine_chain(b));
}

/* Not even where any sleep is an end (until block) and any wake-up a beginning (until run). */
static void test_lock_is_no_sleep(void **state)
{
	struct wl_sleep lock = { .call = CALL_EPOLL, .arg = HOME, .hard = 1, .lock = 1 };
	struct machine_task *a = user(1000);

	ksoftirqd(1);
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	assert_int_equal(a->reports, m.cfg.until == WL_UNTIL_RUN);
	machine_arm(&m, 0, &lock);
	machine_switch(&m, 0, false, NULL);
	machine_waking(&m, 1, a);
	machine_switch(&m, 0, false, a);
	assert_int_equal(a->reports, m.cfg.until == WL_UNTIL_RUN);
}

/* The line's own thread ran, not the target. */
static void test_thread_is_named(void **state)
{
	struct machine_task *k = thread_of_kernel(0), *a = user(1000);

	machine_irq_enter(&m, 0, 36, k);
	machine_pass(&m, 10);
	machine_irq_exit(&m, 0);
	machine_waking(&m, 0, k);
	machine_pass(&m, 20);
	machine_switch(&m, 0, false, k);
	machine_pass(&m, 30);
	machine_waking(&m, 0, a);
	machine_pass(&m, 40);
	machine_switch(&m, 1, false, a);
	machine_pass(&m, 50);
	go_home(1, NULL);
	assert_report(a, 1, WL_END_IDLE, 150);
	assert_int_equal(a->report.h.nseg, 5);
	assert_int_equal(a->report.seg[2].kind, WL_SEG_RUNNING);
	assert_int_equal(a->report.seg[2].who.tid, k->tid);
	assert_int_equal(a->report.seg[2].who.ctx, WL_WHO_TASK);
	assert_int_equal(a->report.seg[4].kind, WL_SEG_RUNNING);
	assert_int_equal(a->report.seg[4].who.ctx, WL_WHO_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_UNTIL(test_softirq_preempted, rt),
		TEST_UNTIL(test_softirq_blocked, rt),
		TEST_UNTIL(test_line_comes_again, rt),
		TEST(test_line_comes_again),
		TEST_UNTIL(test_timer_waits_for_its_thread, rt),
		TEST_UNTIL(test_waking_its_thread_charges_nobody, rt),
		TEST(test_waking_its_thread_charges_nobody),
		TEST_UNTIL(test_timer_due_late, rt),
		TEST_UNTIL(test_timer_preempted, rt),
		TEST_UNTIL(test_lock_handoff, rt),
		TEST_UNTIL(test_lock_is_no_sleep, rt_run),
		TEST_UNTIL(test_lock_is_no_sleep, rt_block),
		TEST_UNTIL(test_thread_is_named, rt),
		TEST(test_thread_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
