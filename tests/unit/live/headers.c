/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program may use the library and read trackers of BPF objects: both headers in one source. */
#include "test.h"

#include "latency_tracker.bpf.h"
#include "latency_tracker.h"

static void test_numbers(void **state)
{
	enum latency_tracker_ret all[] = {
		LATENCY_TRACKER_OK,        LATENCY_TRACKER_FULL,
		LATENCY_TRACKER_ERR,       LATENCY_TRACKER_DISABLED, /* 3: none */
		LATENCY_TRACKER_NOT_FOUND, LATENCY_TRACKER_LOST,
	};
	static const int numbers[] = { 0, 1, 2, 4, 5, 6 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(all[i], numbers[i]);
}

/* The same histogram in both: what one has counted the other can show. */
static void test_buckets(void **state)
{
	assert_int_equal(LATENCY_TRACKER_BUCKETS, LATENCY_TRACKER_HIST_BUCKETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
