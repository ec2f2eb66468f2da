/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Replay of small traces made by hand: what may be known at the beginning of a window, after a
 * loss, and of events whose time stamps are in another order than what they did.
 */
#include "explain/replay.h"

#include <stdlib.h>
#include <string.h>

#include "abi/event.h"
#include "abi/kinds.h"
#include "abi/mark.h"
#include "explain/made.h"
#include "test.h"

#define ENDS 16

struct end {
	uint32_t tid;
	uint64_t at, start, ns;
	uint8_t kind, doubt;
	bool has_path, target;
};

struct ends {
	struct end end[ENDS];
	unsigned n;
	struct wl_replay_stats stats;
};

static int take(void *ctx, const struct wl_replay_response *r)
{
	struct ends *ends = ctx;
	struct end *e = &ends->end[ends->n++];

	assert_true(ends->n < ENDS);
	*e = (struct end){
		.tid = r->tid, .at = r->end, .kind = r->kind, .doubt = r->doubt, .target = r->target
	};
	if (!r->path)
		return 0;
	e->has_path = true;
	e->start = r->path->h.start;
	for (unsigned i = 0; i < r->path->h.nseg; i++)
		e->ns += r->path->seg[i].ns;
	return 0;
}

static void run_until(struct made *made, struct ends *ends, uint8_t until)
{
	struct wl_chain_config config = { .until = until, .max_hops = 8 };
	struct wl_replay *replay = NULL;
	struct wl_trace *trace;
	char *dir = made_write(made);

	memset(ends, 0, sizeof(*ends));
	trace = made_open(dir);
	assert_int_equal(wl_replay_new(&replay, &config, 2), 0);
	if (made->unfollowed)
		wl_replay_unfollowed(replay);
	assert_int_equal(wl_replay_run(replay, trace, take, ends), 0);
	ends->stats = *wl_replay_stats(replay);
	wl_replay_free(replay);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Replays what was made, of responses that end when the task runs. */
static void run(struct made *made, struct ends *ends)
{
	run_until(made, ends, WL_UNTIL_RUN);
}

static void expect(const struct ends *ends, unsigned i, uint32_t tid, uint64_t start, uint64_t at)
{
	const struct end *e = &ends->end[i];

	assert_true(i < ends->n);
	assert_int_equal(e->tid, tid);
	assert_int_equal(e->at, at);
	assert_int_equal(e->kind, WL_END_RUN);
	assert_int_equal(e->doubt, WL_REPLAY_SURE);
	assert_true(e->has_path);
	assert_int_equal(e->start, start);
	assert_int_equal(e->ns, at - start);
}

/* A whole wait inside the window. */
static void test_inside(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 1, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_waking(&made, 0, 110 * US, 0, 7, 2);
	made_add_switch(&made, 1, 113 * US, made_idle, made_ends_at_run(7, 3));
	run(&made, &ends);
	assert_int_equal(ends.n, 1);
	expect(&ends, 0, 7, 110 * US, 113 * US);
	assert_int_equal(ends.stats.gaps, 0);
}

/* The same of a recording: neither steps nor ends are told. */
static void test_unfollowed(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made.unfollowed = true;
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 1, 101 * US, made_sleeps(7, 0), made_idle);
	made_add_waking(&made, 0, 110 * US, 0, 7, 0);
	made_add_switch(&made, 1, 113 * US, made_idle, made_runs(7, 0));
	made_add_switch(&made, 1, 120 * US, made_sleeps(7, 0), made_idle);
	made_add_waking(&made, 0, 130 * US, 0, 7, 0);
	made_add_switch(&made, 1, 134 * US, made_idle, made_runs(7, 0));
	run(&made, &ends);
	assert_int_equal(ends.n, 2);
	expect(&ends, 0, 7, 110 * US, 113 * US);
	expect(&ends, 1, 7, 130 * US, 134 * US);
	assert_int_equal(ends.stats.gaps, 0);
}

/* The task came on its CPU before the window: nothing is known of it but that a response ended. */
static void test_unknown(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 1, 101 * US, made_runs(8, 0), made_idle);
	made_add_switch(&made, 1, 113 * US, made_idle, made_ends_at_run(7, 3));
	run(&made, &ends);
	assert_int_equal(ends.n, 1);
	assert_int_equal(ends.end[0].doubt, WL_REPLAY_UNKNOWN);
	assert_false(ends.end[0].has_path);
}

/*
 * CPU 0 tells from 10 us on that the task fell asleep there, CPU 1 only from 100 us on, when the
 * task is on its CPU again: nobody said so. A wake-up that is ahead of its next sleep counts.
 */
static void test_woken_ahead_of_its_first_sleep(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 10 * US, made_sleeps(7, 1), made_runs(9, 0));
	made_add_waking(&made, 0, 110 * US, 9, 7, 4);
	made_add_switch(&made, 1, 100 * US, made_runs(8, 0), made_runs(6, 0));
	made_add_switch(&made, 1, 112 * US, made_sleeps(7, 5), made_idle);
	made_add_switch(&made, 1, 113 * US, made_idle, made_ends_at_run(7, 6));
	run(&made, &ends);
	assert_int_equal(ends.n, 1);
	expect(&ends, 0, 7, 110 * US, 113 * US);
}

/* The same, but what woke it before the window has been used up in the part that is missing. */
static void test_woken_before_the_window(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 10 * US, made_sleeps(7, 1), made_runs(9, 0));
	made_add_waking(&made, 0, 20 * US, 9, 7, 2);
	made_add_switch(&made, 1, 100 * US, made_runs(8, 0), made_runs(6, 0));
	made_add_switch(&made, 1, 112 * US, made_sleeps(7, 4), made_idle);
	made_add_switch(&made, 1, 113 * US, made_idle, made_runs(7, 5));
	run(&made, &ends);
	assert_int_equal(ends.n, 0);
}

/*
 * Its wake-up meant nothing, because it was runnable when it left; the waker was stopped between
 * its step and its time stamp, or the other one between time stamp and step.
 */
static void steps_decide(uint64_t late_ns)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 1, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_waking(&made, 0, 110 * US, 0, 7, 2);
	made_add_switch(&made, 1, 113 * US, made_idle, made_ends_at_run(7, 3));
	made_add_switch(&made, 1, 120 * US, made_preempted(7, 5), made_runs(8, 0));
	made_add_waking(&made, 0, 120 * US + late_ns, 0, 7, 4);
	made_add_switch(&made, 1, 130 * US + late_ns, made_runs(8, 0), made_runs(7, 6));
	made_add_switch(&made, 1, 140 * US + late_ns, made_sleeps(7, 7), made_runs(8, 0));
	made_add_switch(&made, 1, 150 * US + late_ns, made_runs(8, 0), made_runs(7, 8));
	run(&made, &ends);
	assert_int_equal(ends.n, 1);
	assert_int_equal(ends.stats.reordered, 1);
	assert_int_equal(ends.stats.gaps, 0);
}

static void test_steps_decide(void **state)
{
	steps_decide(1 * US);
	steps_decide(50000 * US);
}

/* A wake-up is missing in the trace: that is counted, and does not stop the rest. */
static void test_missing_step(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 1, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_switch(&made, 1, 113 * US, made_idle, made_ends_at_run(7, 3));
	made_add_switch(&made, 1, 120 * US, made_sleeps(7, 4), made_idle);
	made_add_waking(&made, 0, 130 * US, 0, 7, 5);
	made_add_switch(&made, 1, 133 * US, made_idle, made_ends_at_run(7, 6));
	run(&made, &ends);
	assert_int_equal(ends.n, 2);
	assert_int_equal(ends.end[0].doubt, WL_REPLAY_DIFFERS);
	expect(&ends, 1, 7, 130 * US, 133 * US);
	assert_int_equal(ends.stats.gaps, 1);
}

/* --- marks --- */

#define ITEM_BEGINS(who, item)                                                                     \
	((struct made_mark){ .tid = (who), .cookie = (item), .op = WL_MARK_BEGIN })
#define ITEM_ENDS(who, item, what)                                                                 \
	((struct made_mark){ .tid = (who),                                                         \
			     .cookie = (item),                                                     \
			     .op = WL_MARK_END,                                                    \
			     .flags = WL_EV_F_FOUND | WL_EV_F_TARGET | (what),                     \
			     .end = WL_END_MARK })

static void expect_item(const struct ends *ends, unsigned i, uint32_t tid, uint8_t doubt,
			uint64_t ns)
{
	assert_true(i < ends->n);
	assert_int_equal(ends->end[i].tid, tid);
	assert_int_equal(ends->end[i].kind, WL_END_MARK);
	assert_int_equal(ends->end[i].doubt, doubt);
	if (doubt == WL_REPLAY_SURE)
		assert_int_equal(ends->end[i].ns, ns);
}

/* CPU 1: 7 has been home and was woken at 110 us. */
static void made_known(struct made *made)
{
	made_begin(made);
	made_add_switch(made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(made, 1, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_waking(made, 0, 110 * US, 0, 7, 2);
	made_add_switch(made, 1, 113 * US, made_idle, made_runs(7, 3));
}

static void test_item(void **state)
{
	struct made made;
	struct ends ends;

	made_known(&made);
	made_add_mark(&made, 1, 120 * US, ITEM_BEGINS(7, 1));
	made_add_mark(&made, 1, 130 * US, ITEM_ENDS(7, 1, WL_EV_F_FREE));
	run_until(&made, &ends, WL_UNTIL_MARK);
	assert_int_equal(ends.n, 1);
	expect_item(&ends, 0, 7, WL_REPLAY_SURE, 20 * US);
}

/* An item that ends in a thread that nobody watches is none of the target's responses. */
static void test_item_of_a_bystander(void **state)
{
	struct made_mark ends_there = ITEM_ENDS(7, 1, WL_EV_F_FREE);
	struct made made;
	struct ends ends;

	made_known(&made);
	made_add_mark(&made, 1, 120 * US, ITEM_BEGINS(7, 1));
	ends_there.flags &= ~WL_EV_F_TARGET;
	made_add_mark(&made, 1, 130 * US, ends_there);
	made_add_mark(&made, 1, 140 * US, ITEM_BEGINS(7, 2));
	made_add_mark(&made, 1, 150 * US, ITEM_ENDS(7, 2, WL_EV_F_FREE));
	run_until(&made, &ends, WL_UNTIL_MARK);
	assert_int_equal(ends.n, 2);
	assert_false(ends.end[0].target);
	assert_true(ends.end[1].target);
}

/* The end of an item from before the window is none of what its thread carries. */
static void test_item_from_before(void **state)
{
	struct made made;
	struct ends ends;

	made_known(&made);
	made_add_mark(&made, 1, 120 * US, ITEM_BEGINS(7, 1));
	made_add_mark(&made, 1, 125 * US, ITEM_ENDS(7, 2, 0));
	made_add_mark(&made, 1, 130 * US, ITEM_ENDS(7, 1, WL_EV_F_FREE));
	run_until(&made, &ends, WL_UNTIL_MARK);
	assert_int_equal(ends.n, 2);
	expect_item(&ends, 0, 7, WL_REPLAY_BEFORE, 0);
	expect_item(&ends, 1, 7, WL_REPLAY_SURE, 20 * US);
}

/* Begun by a thread of which nothing is known, ended by one that it has woken. */
static void test_item_of_an_unknown(void **state)
{
	struct made made;
	struct ends ends;

	made_begin(&made);
	made_add_switch(&made, 0, 100 * US, made_runs(9, 0), made_idle);
	made_add_switch(&made, 0, 101 * US, made_sleeps(7, 1), made_idle);
	made_add_switch(&made, 1, 50 * US, made_idle, made_runs(8, 0));
	made_add_mark(&made, 1, 110 * US, ITEM_BEGINS(8, 1));
	made_add_handing(&made, 1, 120 * US, 8, 7, 2);
	made_add_switch(&made, 0, 125 * US, made_idle, made_runs(7, 3));
	made_add_mark(&made, 0, 130 * US, ITEM_ENDS(7, 1, WL_EV_F_FREE));
	run_until(&made, &ends, WL_UNTIL_MARK);
	assert_int_equal(ends.n, 1);
	expect_item(&ends, 0, 7, WL_REPLAY_BEFORE, 0);
}

/* A switch was not seen: the mark says who made it. */
static void test_item_of_another(void **state)
{
	struct made made;
	struct ends ends;

	made_known(&made);
	made_add_mark(&made, 1, 120 * US, ITEM_BEGINS(8, 1));
	made_add_mark(&made, 1, 130 * US, ITEM_ENDS(8, 1, WL_EV_F_FREE));
	run_until(&made, &ends, WL_UNTIL_MARK);
	assert_int_equal(ends.n, 1);
	assert_int_equal(ends.end[0].tid, 8);
	assert_int_not_equal(ends.end[0].doubt, WL_REPLAY_SURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_unfollowed),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_woken_ahead_of_its_first_sleep),
		cmocka_unit_test(test_woken_before_the_window),
		cmocka_unit_test(test_steps_decide),
		cmocka_unit_test(test_missing_step),
		cmocka_unit_test(test_item),
		cmocka_unit_test(test_item_of_a_bystander),
		cmocka_unit_test(test_item_from_before),
		cmocka_unit_test(test_item_of_an_unknown),
		cmocka_unit_test(test_item_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
