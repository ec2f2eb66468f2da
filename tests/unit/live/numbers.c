/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "live/numbers.h"

static struct wl_slow response(uint64_t chain, uint32_t tid, uint64_t end, int reason)
{
	struct wl_slow s = { .tid = tid, .end = end, .reason = (__u8)reason };

	s.path.h.id = chain;
	return s;
}

static int setup(void **state)
{
	return wl_numbers_new((struct wl_numbers **)state);
}

static int teardown(void **state)
{
	wl_numbers_free(*state);
	return 0;
}

static void test_in_order(void **state)
{
	for (uint64_t i = 1; i < 20000; i++) {
		struct wl_slow s = response(i % 7 + 1, 5, i, WL_REASON_THRESHOLD);

		assert_true(wl_numbers_give(*state, &s) == i);
	}
}

/* A timeout and its end share one; a timeout is told once. */
static void test_unfinished(void **state)
{
	struct wl_slow t = response(1, 5, 100, WL_REASON_TIMEOUT);
	struct wl_slow later = response(1, 5, 200, WL_REASON_TIMEOUT);
	struct wl_slow other = response(1, 6, 100, WL_REASON_TIMEOUT);
	struct wl_slow end = response(1, 5, 300, WL_REASON_THRESHOLD);

	assert_int_equal(wl_numbers_give(*state, &t), 1);
	assert_int_equal(wl_numbers_give(*state, &later), 0);
	assert_int_equal(wl_numbers_give(*state, &other), 2);
	assert_int_equal(wl_numbers_ask(*state, &end), 1);
	assert_int_equal(wl_numbers_give(*state, &end), 1);
}

/* Whoever comes first, both get the same. */
static void test_two_threads(void **state)
{
	struct wl_slow a = response(1, 5, 100, WL_REASON_THRESHOLD);
	struct wl_slow b = response(2, 5, 110, WL_REASON_THRESHOLD);
	struct wl_slow c = response(2, 5, 120, WL_REASON_WORST);

	assert_int_equal(wl_numbers_ask(*state, &b), 1);
	assert_int_equal(wl_numbers_give(*state, &a), 2);
	assert_int_equal(wl_numbers_give(*state, &b), 1);
	assert_int_equal(wl_numbers_give(*state, &c), 3);
	assert_int_equal(wl_numbers_ask(*state, &c), 3);
	assert_int_equal(wl_numbers_ask(*state, &a), 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),
		TEST(test_unfinished),
		TEST(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
