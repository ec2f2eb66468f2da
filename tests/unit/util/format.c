/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "util/format.h"

static void test_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0ns" },
		{ 1, "1ns" },
		{ 999, "999ns" },
		{ 1000, "1.00us" },
		{ 1004, "1.00us" },
		{ 1005, "1.01us" },
		{ 9994, "9.99us" },
		{ 9995, "10.0us" },
		{ 99949, "99.9us" },
		{ 99950, "100us" },
		{ 410000, "410us" },
		{ 999499, "999us" },
		{ 999500, "1.00ms" },
		{ 12410000, "12.4ms" },
		{ 999499999, "999ms" },
		{ 999500000, "1.00s" },
		{ 1200000000, "1.20s" },
		{ 59900000000, "59.9s" },
		{ 999499999999, "999s" },
		{ 999500000000, "1000s" },
		{ 3600000000000, "3600s" },
		{ UINT64_MAX, "18446744074s" },
	};
	char buf[WL_FORMAT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ptr_equal(wl_format_duration(rows[i].ns, buf, sizeof(buf)), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

/* Any value: reads back within half a digit, with three digits at most below 1000 s. */
static void test_duration_any(void **state)
{
	static const double scale[] = { ['n'] = 1, ['u'] = 1e3, ['m'] = 1e6, ['s'] = 1e9 };
	uint64_t seed = 3;
	char buf[WL_FORMAT_SIZE];

	for (int i = 0; i < 100000; i++) {
		uint64_t ns = test_random(&seed) >> (test_random(&seed) % 64);
		char *unit;
		double value;

		wl_format_duration(ns, buf, sizeof(buf));
		value = strtod(buf, &unit) * scale[(unsigned char)*unit];
		assert_true(fabs(value - (double)ns) <= (double)ns * 0.005001);
		if (ns < 999000000000)
			assert_true(unit - buf <= 4);
	}
}

static void test_count(void **state)
{
	static const struct {
		uint64_t count;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 12345, "12,345" },
		{ 999999, "999,999" },
		{ 1000000, "1,000,000" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char buf[WL_FORMAT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(wl_format_count(rows[i].count, buf, sizeof(buf)), rows[i].text);
}

static void test_small_buffer(void **state)
{
	char buf[4] = "abc";

	assert_string_equal(wl_format_duration(12410000, buf, sizeof(buf)), "12.");
	assert_string_equal(wl_format_count(1234567, buf, sizeof(buf)), "1,2");
	buf[0] = 'x';
	wl_format_count(5, buf, 0);
	assert_int_equal(buf[0], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_duration_any),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
