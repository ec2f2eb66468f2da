/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Chains that wait in a socket, a work item or a call. */
#include "cases.h"

static struct wl_kept_set set;
static struct wl_cpu cpu;

static int setup_set(void **state)
{
	memset(&set, 0, sizeof(set));
	memset(&cpu, 0, sizeof(cpu));
	return setup(state);
}

static bool put(uint64_t key, uint64_t start, int fresh)
{
	struct wl_kept *k = wl_kept_open(&set, &cpu, key, fresh, start);

	if (!k)
		return false;
	wl_path_begin(&k->p, start, 0, WL_STIM_IRQ, 36, WL_SEG_QUEUED);
	return true;
}

static uint64_t take(uint64_t key)
{
	struct wl_path p;

	return wl_kept_take(&set, key, &p) ? p.h.start : 0;
}

static void test_first_wins(void **state)
{
	assert_int_equal(take(1), 0);
	assert_true(put(1, 100, 0));
	assert_false(put(1, 200, 0));
	assert_int_equal(take(1), 100);
	assert_int_equal(take(1), 100); /* one arrival, several requests */
	assert_true(put(1, 300, 0));
	assert_int_equal(take(1), 300);
}

static void test_fresh(void **state)
{
	assert_true(put(1, 100, 1));
	assert_true(put(1, 200, 1));
	assert_int_equal(take(1), 200);
}

static void test_drop(void **state)
{
	assert_true(put(1, 100, 0));
	wl_kept_drop(&set, 1);
	wl_kept_drop(&set, 2);
	assert_true(put(1, 200, 0));
	assert_int_equal(take(1), 200);
}

static void test_eviction(void **state)
{
	assert_true(put(1, 100, 0));
	assert_true(put(2, 200, 0));
	/* the older of two that nobody has taken: a loss */
	assert_true(put(3, 300, 0));
	assert_int_equal(cpu.counters[WL_CNT_KEPT_EVICTED], 1);
	assert_int_equal(take(1), 0);
	assert_int_equal(take(2), 200);
	/* a taken one goes first, and is no loss */
	assert_true(put(4, 400, 0));
	assert_int_equal(cpu.counters[WL_CNT_KEPT_EVICTED], 1);
	assert_int_equal(take(2), 0);
	assert_int_equal(take(3), 300);
	assert_int_equal(take(4), 400);
}

/* Forgotten for over a second: no loss. */
static void test_eviction_of_old(void **state)
{
	assert_true(put(1, 100, 0));
	assert_true(put(2, 200, 0));
	assert_true(put(3, 300 + WL_KEPT_FRESH_NS, 0));
	assert_int_equal(cpu.counters[WL_CNT_KEPT_EVICTED], 0);
}

static void test_lock(void **state)
{
	assert_true(wl_kept_lock(&set, &cpu));
	assert_false(wl_kept_lock(&set, &cpu));
	assert_int_equal(cpu.counters[WL_CNT_KEPT_EVICTED], 1);
	wl_kept_unlock(&set);
	assert_true(wl_kept_lock(&set, &cpu));
}

static void test_index(void **state)
{
	uint32_t seen[WL_KEPT_SETS] = { 0 }, most = 0;

	/* sockets are a few hundred or thousand bytes apart */
	for (uint64_t i = 0; i < WL_KEPT_SETS; i++) {
		uint32_t index = wl_kept_index(
			(0xffff888000000000ull + i * 2048) * 0x9e3779b97f4a7c15ull | 1);

		assert_true(index < WL_KEPT_SETS);
		if (++seen[index] > most)
			most = seen[index];
	}
	assert_true(most <= 8);
}

static void test_work_item(void **state)
{
	struct machine_task *a = worker(0, 1000), *k = thread_of_kernel(0), *b = user(1000);
	uint64_t start = m.now;

	machine_pass(&m, 100);
	machine_queue_work(&m, 0, 3);
	machine_pass(&m, 50);
	irq_wakes(1, 40, k);
	machine_switch(&m, 1, false, k);
	machine_pass(&m, 5);
	machine_work_start(&m, 1, 3);
	assert_stimulus(k, WL_STIM_IRQ, 36, start);
	machine_pass(&m, 7);
	machine_waking(&m, 1, b);
	machine_work_end(&m, 1);
	assert_null(machine_chain(k));
	machine_switch(&m, 2, false, b);
	assert_stimulus(b, WL_STIM_IRQ, 36, start);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_WORK_DELAY), 55);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_RUNNING), 107);
	assert_non_null(machine_chain(a));
}

/* The next item brings its own chain, though the thread has not slept. */
static void test_two_items(void **state)
{
	struct machine_task *k = thread_of_kernel(0), *b = user(1000);
	uint64_t second;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_queue_work(&m, 0, 3);
	machine_waking(&m, 0, k);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, k);
	machine_work_start(&m, 0, 3);
	machine_pass(&m, 1000);
	second = m.now;
	machine_irq_enter(&m, 0, 37, NULL);
	machine_queue_work(&m, 0, 4);
	machine_irq_exit(&m, 0);
	machine_work_end(&m, 0);
	machine_work_start(&m, 0, 4);
	machine_waking(&m, 0, b);
	machine_work_end(&m, 0);
	machine_switch(&m, 1, false, b);
	assert_stimulus(b, WL_STIM_IRQ, 37, second);
	/* an item whose queueing was not seen has none */
	machine_work_start(&m, 0, 5);
	assert_null(machine_chain(k));
	machine_work_end(&m, 0);
}

#define TEST_SET(name) cmocka_unit_test_setup_teardown(name, setup_set, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_SET(test_first_wins), TEST_SET(test_fresh),           TEST_SET(test_drop),
		TEST_SET(test_eviction),   TEST_SET(test_eviction_of_old), TEST_SET(test_lock),
		TEST_SET(test_index),      TEST_SET(test_work_item),       TEST_SET(test_two_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
