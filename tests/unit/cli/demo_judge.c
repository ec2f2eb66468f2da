/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "cli/demo_judge.h"

#define MS 1000000ull
#define OVER (5 * MS)

/* An act from 100 to 120 ms; a request that it delays from its arrival at 102 ms. */
static struct wl_demo_truth truth_of(enum wl_demo_kind kind)
{
	struct wl_demo_truth truth = {
		.act = { .kind = kind, .began = 100 * MS, .ended = 120 * MS },
		.request = { .sent = 102 * MS,
			     .begun = 120 * MS,
			     .done = 121 * MS,
			     .received = 122 * MS },
		.culprit = "demo-x",
		.culprit_tid = 7,
	};

	truth.request.waited[kind] = 19 * MS;
	return truth;
}

static struct wl_demo_verdict verdict_of(enum wl_seg_kind kind, uint64_t ns, const char *who)
{
	struct wl_demo_verdict v = {
		.id = 1,
		.start = 102 * MS,
		.end = 121 * MS,
		.cause = { .kind = kind, .ns = ns },
	};

	if (!who)
		return v;
	v.cause.who.ctx = WL_WHO_TASK;
	v.cause.who.tid = 7;
	strcpy(v.cause.who.comm, who);
	return v;
}

static void check(const struct wl_demo_truth *truth, struct wl_demo_verdict verdict,
		  enum wl_demo_result result)
{
	assert_int_equal(wl_demo_judge(truth, &verdict, OVER), result);
}

static void test_right(void **state)
{
	struct wl_demo_truth truth = truth_of(WL_DEMO_ACT_HOG);

	check(&truth, verdict_of(WL_SEG_WAKEUP, 18 * MS, "demo-x"), WL_DEMO_RIGHT);
	check(&truth, verdict_of(WL_SEG_PREEMPTED, 18 * MS, "demo-x"), WL_DEMO_RIGHT);
	truth = truth_of(WL_DEMO_ACT_LOCK);
	check(&truth, verdict_of(WL_SEG_LOCK, 18 * MS, "demo-x"), WL_DEMO_RIGHT);
	truth = truth_of(WL_DEMO_ACT_BACKEND);
	check(&truth, verdict_of(WL_SEG_TASK, 18 * MS, "demo-x"), WL_DEMO_RIGHT);
	truth = truth_of(WL_DEMO_ACT_DISK);
	truth.culprit = NULL;
	truth.act.cpu_ns = 2 * MS;
	check(&truth, verdict_of(WL_SEG_IO, 17 * MS, NULL), WL_DEMO_RIGHT);
}

static void test_wrong(void **state)
{
	struct wl_demo_truth truth = truth_of(WL_DEMO_ACT_LOCK);
	struct wl_demo_verdict verdict;

	check(&truth, verdict_of(WL_SEG_TASK, 18 * MS, "demo-x"), WL_DEMO_WRONG_KIND);
	check(&truth, verdict_of(WL_SEG_LOCK, 18 * MS, "demo-y"), WL_DEMO_WRONG_CULPRIT);
	check(&truth, verdict_of(WL_SEG_LOCK, 18 * MS, NULL), WL_DEMO_WRONG_CULPRIT);
	check(&truth, verdict_of(WL_SEG_LOCK, 10 * MS, "demo-x"), WL_DEMO_WRONG_TIME);
	check(&truth, verdict_of(WL_SEG_LOCK, 40 * MS, "demo-x"), WL_DEMO_WRONG_TIME);
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_VERDICT);
	verdict = verdict_of(WL_SEG_LOCK, 18 * MS, "demo-x");
	verdict.cause.who.tid = 8;
	check(&truth, verdict, WL_DEMO_WRONG_CULPRIT);
	truth.culprit_tid = 0; /* another pid namespace */
	check(&truth, verdict, WL_DEMO_RIGHT);
	/* The disk has nobody to blame. */
	truth = truth_of(WL_DEMO_ACT_DISK);
	truth.culprit = NULL;
	check(&truth, verdict_of(WL_SEG_IO, 18 * MS, "demo-x"), WL_DEMO_WRONG_CULPRIT);
}

/* What was not made late by the act is not a matter of verdicts. */
static void test_nothing(void **state)
{
	struct wl_demo_truth truth = truth_of(WL_DEMO_ACT_LOCK);

	truth.request.waited[WL_DEMO_ACT_LOCK] = OVER;
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_EFFECT);
	truth = truth_of(WL_DEMO_ACT_DISK);
	truth.act.cpu_ns = 18 * MS;
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_EFFECT);
	truth.act.cpu_ns = 30 * MS; /* other clocks */
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_EFFECT);
	truth.act.error = -28;
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_FAILED);
	truth = (struct wl_demo_truth){ .act = { .began = MS, .ended = 20 * MS } };
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_EFFECT);
}

/* 18 ms for the lock of 200 ms: a verdict on the rest isn't wrong, none at all is. */
static void test_disturbed(void **state)
{
	struct wl_demo_truth truth = truth_of(WL_DEMO_ACT_LOCK);

	truth.request.done = 302 * MS;
	check(&truth, verdict_of(WL_SEG_WAKEUP, 180 * MS, "make"), WL_DEMO_DISTURBED);
	check(&truth, verdict_of(WL_SEG_LOCK, 18 * MS, "demo-x"), WL_DEMO_RIGHT);
	assert_int_equal(wl_demo_judge(&truth, NULL, OVER), WL_DEMO_NO_VERDICT);
}

static void test_effect(void **state)
{
	struct wl_demo_truth truth = truth_of(WL_DEMO_ACT_HOG);

	assert_int_equal(wl_demo_overlap(&truth.act, &truth.request), 18 * MS);
	assert_int_equal(wl_demo_effect(&truth.act, &truth.request), 18 * MS);
	/* The mutex was free again after 18 ms, the worker got a CPU after 19. */
	truth = truth_of(WL_DEMO_ACT_LOCK);
	assert_int_equal(wl_demo_effect(&truth.act, &truth.request), 18 * MS);
	truth.request.waited[WL_DEMO_ACT_LOCK] = 3 * MS;
	assert_int_equal(wl_demo_effect(&truth.act, &truth.request), 3 * MS);
	truth = truth_of(WL_DEMO_ACT_DISK);
	truth.act.cpu_ns = 4 * MS;
	assert_int_equal(wl_demo_effect(&truth.act, &truth.request), 15 * MS);
	truth.request.sent = 120 * MS;
	assert_int_equal(wl_demo_overlap(&truth.act, &truth.request), 0);
}

static void test_find(void **state)
{
	struct wl_demo_request request = { .sent = 102 * MS, .done = 121 * MS };
	const struct wl_demo_verdict verdicts[] = {
		{ .id = 1, .start = 90 * MS, .end = 102 * MS },
		{ .id = 2, .start = 99 * MS, .end = 125 * MS }, /* the other thread's */
		{ .id = 3, .start = 102 * MS, .end = 121 * MS + 1000 },
		{ .id = 4, .start = 121 * MS, .end = 140 * MS },
	};

	assert_ptr_equal(wl_demo_find(verdicts, 4, &request), &verdicts[2]);
	assert_ptr_equal(wl_demo_find(verdicts, 2, &request), &verdicts[1]);
	assert_null(wl_demo_find(verdicts, 1, &request));
	assert_null(wl_demo_find(NULL, 0, &request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_disturbed),
		cmocka_unit_test(test_effect),  cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
