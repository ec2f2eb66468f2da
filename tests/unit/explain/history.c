/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Timelines of traces made by hand: every stretch of every task and CPU is known, and no more. */
#include "explain/history.h"

#include <string.h>

#include "explain/made.h"
#include "test.h"

static struct wl_timeline *build(struct made *made, uint64_t from, uint64_t to)
{
	const struct wl_chain_config config = { .until = WL_UNTIL_BLOCK, .max_hops = 8 };
	const struct wl_history_options options = {
		.config = &config, .ncpu = 2, .from = from, .to = to
	};
	struct wl_timeline *tl = NULL;
	char *dir = made_write(made);
	struct wl_trace *trace = made_open(dir);

	assert_int_equal(wl_history_build(&tl, trace, &options), 0);
	wl_trace_close(trace);
	maker_remove(dir);
	return tl;
}

static const struct wl_tl_task *task(const struct wl_timeline *tl, uint32_t tid)
{
	uint32_t i = wl_timeline_task(tl, tid);

	assert_int_not_equal(i, WL_NOBODY);
	return &tl->tasks[i];
}

static void expect(const struct wl_tl_task *t, size_t i, unsigned kind, uint64_t from, uint64_t to)
{
	assert_true(i < t->n);
	assert_int_equal(t->states[i].kind, kind);
	assert_int_equal(t->states[i].from, from);
	assert_int_equal(t->states[i].to, to);
}

/* Asleep on CPU 1, woken by 9 on CPU 0, preempted by 8, back again. */
static void make_day(struct made *made)
{
	made_begin(made);
	made_add_switch(made, 0, 100 * US, made_idle, made_runs(9, 0));
	made_add_switch(made, 1, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_waking(made, 0, 110 * US, 9, 7, 2);
	made_add_switch(made, 1, 113 * US, made_idle, made_runs(7, 3));
	made_add_switch(made, 1, 120 * US, made_preempted(7, 4), made_runs(8, 0));
	made_add_switch(made, 1, 150 * US, made_sleeps(8, 1), made_runs(7, 5));
	made_add_switch(made, 0, 170 * US, made_sleeps(9, 1), made_idle);
}

static void test_states(void **state)
{
	struct made made;
	struct wl_timeline *tl;
	const struct wl_tl_task *t;

	make_day(&made);
	tl = build(&made, 0, 0);
	t = task(tl, 7);
	assert_int_equal(tl->begin, 101 * US);
	assert_int_equal(tl->end, 170 * US);
	assert_int_equal(t->n, 5);
	expect(t, 0, WL_SEG_TASK, 101 * US, 110 * US);
	assert_true(t->states[0].blocked);
	assert_int_equal(t->states[0].by.ctx, WL_WHO_TASK);
	assert_int_equal(t->states[0].by.tid, 9);
	expect(t, 1, WL_SEG_WAKEUP, 110 * US, 113 * US);
	expect(t, 2, WL_SEG_RUNNING, 113 * US, 120 * US);
	expect(t, 3, WL_SEG_PREEMPTED, 120 * US, 150 * US);
	expect(t, 4, WL_SEG_RUNNING, 150 * US, 170 * US);
	assert_true(t->states[4].open);
	wl_history_free(tl);
}

static void test_cpus(void **state)
{
	struct made made;
	struct wl_timeline *tl;
	const struct wl_tl_cpu *cpu;

	make_day(&made);
	tl = build(&made, 0, 0);
	cpu = wl_timeline_cpu(tl, 1);
	assert_int_equal(cpu->nruns, 4);
	assert_int_equal(cpu->runs[0].task, WL_NOBODY);
	assert_int_equal(cpu->runs[0].to, 113 * US);
	assert_int_equal(cpu->runs[1].task, wl_timeline_task(tl, 7));
	assert_int_equal(cpu->runs[2].task, wl_timeline_task(tl, 8));
	assert_int_equal(cpu->runs[2].from, 120 * US);
	assert_int_equal(cpu->runs[3].to, 170 * US);
	assert_int_equal(wl_timeline_run(cpu, 120 * US), 2);
	assert_int_equal(wl_timeline_run(cpu, 149 * US), 2);
	assert_int_equal(wl_timeline_run(cpu, 150 * US), 3);
	assert_int_equal(wl_timeline_run(cpu, 999 * US), 4);
	assert_null(wl_timeline_cpu(tl, 2));
	wl_history_free(tl);
}

/* Where the kernel side told nothing of the sleep, it is known from prev_state whether it was hard.
 */
static void test_hard_sleep_unfollowed(void **state)
{
	static const unsigned kinds[] = { WL_SEG_TASK, WL_SEG_LOCK };

	for (int64_t prev_state = 1; prev_state <= 2; prev_state++) {
		struct made_side sleeper = made_sleeps(7, 0);
		struct wl_timeline *tl;
		struct made made;

		sleeper.state = prev_state;
		made_begin(&made);
		made.unfollowed = true;
		made_add_switch(&made, 0, 100 * US, made_idle, made_runs(9, 0));
		made_add_switch(&made, 1, 101 * US, sleeper, made_idle);
		made_add_waking(&made, 0, 110 * US, 9, 7, 0);
		made_add_switch(&made, 1, 113 * US, made_idle, made_runs(7, 0));
		tl = build(&made, 0, 0);
		expect(task(tl, 7), 0, kinds[prev_state - 1], 101 * US, 110 * US);
		wl_history_free(tl);
	}
}

/* Only what touches the window is kept. */
static void test_window(void **state)
{
	struct made made;
	struct wl_timeline *tl;
	const struct wl_tl_task *t;

	make_day(&made);
	tl = build(&made, 114 * US, 119 * US);
	t = task(tl, 7);
	assert_int_equal(t->n, 1);
	expect(t, 0, WL_SEG_RUNNING, 113 * US, 120 * US);
	assert_int_equal(wl_timeline_cpu(tl, 1)->nruns, 1);
	assert_ptr_equal(wl_timeline_state(t, 115 * US), &t->states[0]);
	assert_null(wl_timeline_state(t, 113 * US));
	wl_history_free(tl);
}

/* Woken while it is on its way to sleep: the sleep has no length, but somebody ended it. */
static void test_woken_early(void **state)
{
	struct made made;
	struct wl_timeline *tl;
	const struct wl_tl_task *t;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_idle, made_runs(9, 0));
	made_add_switch(&made, 1, 101 * US, made_idle, made_runs(7, 1));
	made_add_waking(&made, 0, 109 * US, 9, 7, 2);
	made_add_switch(&made, 1, 110 * US, made_sleeps(7, 3), made_idle);
	made_add_switch(&made, 1, 115 * US, made_idle, made_runs(7, 4));
	tl = build(&made, 0, 0);
	t = task(tl, 7);
	assert_int_equal(t->n, 3);
	expect(t, 0, WL_SEG_RUNNING, 101 * US, 110 * US);
	expect(t, 1, WL_SEG_TASK, 110 * US, 110 * US);
	assert_int_equal(t->states[1].by.tid, 9);
	expect(t, 2, WL_SEG_WAKEUP, 110 * US, 115 * US);
	wl_history_free(tl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_hard_sleep_unfollowed),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_woken_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
