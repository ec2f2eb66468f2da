/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Who held the CPU, and nobody who did not. */
#include "cases.h"

#define MS 1000000ull

static const struct wl_seg *only(const struct wl_path *p, enum wl_seg_kind kind)
{
	for (uint32_t i = 0; i < p->h.nseg; i++)
		if (p->seg[i].kind == kind)
			return &p->seg[i];
	return NULL;
}

static const struct wl_who *culprit(struct machine_task *task, enum wl_seg_kind kind)
{
	const struct wl_seg *s = only(machine_chain(task), kind);

	assert_non_null(s);
	return &s->who;
}

/* Fills what the CPU remembers with runs of the idle task and of somebody. */
static void age(uint32_t cpu)
{
	struct machine_task *task = machine_task_add(&m, 800, 0, CALL_WRITE, 1);

	for (int i = 0; i < WL_RECENT; i++) {
		machine_pass(&m, MS);
		machine_waking(&m, cpu, task);
		machine_switch(&m, cpu, false, task);
		machine_pass(&m, MS);
		machine_sleep_hard(&m, cpu, CALL_WRITE, false, NULL);
	}
}

static void hog_holds(bool old)
{
	struct machine_task *hog, *a = user(2000);

	if (old)
		age(0);
	hog = worker(0, 1000);
	hog->policy = 1;
	machine_pass(&m, 100 * MS);
	irq_wakes(0, 37, a);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->tid, hog->tid);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_TASK);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->policy, 1);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->flags & WL_WHO_F_SHARED, 0);
}

static void test_hog(void **state)
{
	hog_holds(true);
}

/* A CPU that we have only begun to look at: what was never recorded is nobody's run. */
static void test_hog_early(void **state)
{
	hog_holds(false);
}

/* Neither when it held the CPU for a part of the wait only. */
static void test_two_early(void **state)
{
	struct machine_task *a = user(2000), *hog[2] = { user(1000), user(1001) };

	irq_wakes(0, 36, hog[0]);
	machine_switch(&m, 0, false, hog[0]);
	irq_wakes(0, 37, a);
	irq_wakes(0, 36, hog[1]);
	machine_pass(&m, MS);
	machine_switch(&m, 0, true, hog[1]);
	machine_pass(&m, 4 * MS);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->tid, hog[1]->tid);
}

/* Of several the longest, and it says so. */
static void test_shared(void **state)
{
	struct machine_task *a = user(2000), *hog[3];

	age(0);
	for (int i = 0; i < 3; i++)
		hog[i] = user(1000 + (uint32_t)i);
	irq_wakes(0, 36, hog[0]);
	machine_switch(&m, 0, false, hog[0]);
	irq_wakes(0, 37, a);
	irq_wakes(0, 36, hog[1]);
	irq_wakes(0, 36, hog[2]);
	machine_pass(&m, 2 * MS);
	machine_switch(&m, 0, true, hog[1]);
	machine_pass(&m, 3 * MS);
	machine_switch(&m, 0, true, hog[2]);
	machine_pass(&m, 2 * MS);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->tid, hog[1]->tid);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->flags & WL_WHO_F_SHARED, WL_WHO_F_SHARED);
}

/* Nobody held it: the wake-up took its time, on an idle CPU. */
static void test_idle(void **state)
{
	struct machine_task *a = user(2000);

	age(0);
	machine_pass(&m, MS);
	irq_wakes(1, 37, a);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 0, false, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_IDLE);
}

static void test_idle_early(void **state)
{
	struct machine_task *a = user(2000);

	bystander(0);
	machine_switch(&m, 0, true, NULL);
	machine_pass(&m, MS);
	irq_wakes(1, 37, a);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 0, false, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_IDLE);
}

/* Pulled over to a CPU that has become idle: who held the one where it waited. */
static void test_pulled(void **state)
{
	struct machine_task *a = user(2000), *hog;

	age(0);
	age(1);
	a->cpu = 0;
	hog = worker(0, 1000);
	machine_pass(&m, MS);
	irq_wakes(0, 37, a);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 1, false, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->tid, hog->tid);
}

/* An interrupt that filled the wait is the culprit, not the task below it. */
static void test_interrupt(void **state)
{
	struct machine_task *a = user(2000);

	age(0);
	worker(0, 1000);
	machine_pass(&m, MS);
	irq_wakes(1, 37, a);
	machine_irq_enter(&m, 0, 44, NULL);
	machine_pass(&m, 5 * MS);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_IRQ);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->nr, 44);
}

/* And so it is if somebody else (ksoftirqd) has a short turn between it and who waited. */
static void test_interrupt_then_another(void **state)
{
	struct machine_task *a = user(2000), *b = user(3000);

	age(0);
	worker(0, 1000);
	machine_pass(&m, 10 * MS);
	irq_wakes(1, 37, a);
	irq_wakes(1, 37, b);
	machine_irq_enter(&m, 0, 44, NULL);
	machine_pass(&m, 5 * MS);
	machine_irq_exit(&m, 0);
	machine_pass(&m, MS / 10);
	machine_switch(&m, 0, true, b);
	machine_pass(&m, MS / 10);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_IRQ);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->nr, 44);
}

/* One that was over long before the wait began has nothing to do with it. */
static void test_interrupt_before(void **state)
{
	struct machine_task *a = user(2000), *hog;

	age(0);
	hog = worker(0, 1000);
	machine_pass(&m, MS);
	machine_irq_enter(&m, 0, 44, NULL);
	machine_pass(&m, 5 * MS);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 500 * MS);
	irq_wakes(1, 37, a);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->ctx, WL_WHO_TASK);
	assert_int_equal(culprit(a, WL_SEG_WAKEUP)->tid, hog->tid);
}

/* What is not known of a run is not what was known of the one before it. */
static void test_unnamed_run(void **state)
{
	struct machine_task *a = user(2000), *b = worker(0, 1000), *c;

	age(1);
	b->policy = 1;
	machine_waking(&m, 0, a); /* names b: SCHED_FIFO */
	c = machine_task_add(&m, 3000, 0, CALL_WRITE, 1);
	c->reaches = false;
	machine_waking(&m, 0, c);
	machine_switch(&m, 0, true, c);
	assert_int_equal(m.cpu[0].c.run.who.tid, c->tid);
	assert_int_equal(m.cpu[0].c.run.who.policy, 0);
	assert_int_equal(m.cpu[0].c.run.who.flags, 0);
}

/* Who woke a task that waited in mid-work: an irq thread is not woken by the bystander. */
static void test_waker_of_threaded_handler(void **state)
{
	struct machine_task *handler = thread_of_kernel(0);

	bystander(0);
	machine_irq_enter(&m, 0, 36, handler);
	machine_irq_exit(&m, 0);
	machine_waking(&m, 0, handler);
	assert_int_equal(handler->t.waker.ctx, WL_WHO_IRQ);
	assert_int_equal(handler->t.waker.nr, 36);
	assert_int_equal(handler->t.waker.tid, 0);
}

static void test_preempted(void **state)
{
	struct machine_task *a, *hog = user(1000);

	age(0);
	a = worker(0, 2000);
	irq_wakes(0, 37, hog);
	machine_switch(&m, 0, true, hog);
	machine_pass(&m, 5 * MS);
	machine_switch(&m, 0, true, a);
	assert_int_equal(culprit(a, WL_SEG_PREEMPTED)->tid, hog->tid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hog),
		TEST(test_hog_early),
		TEST(test_two_early),
		TEST(test_shared),
		TEST(test_idle),
		TEST(test_idle_early),
		TEST(test_pulled),
		TEST(test_interrupt),
		TEST(test_interrupt_then_another),
		TEST(test_interrupt_before),
		TEST(test_unnamed_run),
		TEST(test_waker_of_threaded_handler),
		TEST(test_preempted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
