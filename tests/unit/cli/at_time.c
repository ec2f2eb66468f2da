/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli/at_time.h"

#define SECOND 1000000000ull
#define DAY (86400 * SECOND)
/* 2026-11-21T19:41:07Z, at 1000 s of the trace's clock */
#define OFFSET ((int64_t)((1795290067ull - 1000) * SECOND))

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool wall;
		uint64_t ns;
	} rows[] = {
		{ "81106449693881", false, 81106449693881 },
		{ "0", false, 0 },
		{ "18446744073709551615", false, UINT64_MAX },
		{ "81106.449693881", false, 81106449693881 },
		{ "1.5", false, 1500000000 },
		{ "00:00:00", true, 0 },
		{ "19:41:07.123", true, ((19 * 60 + 41) * 60 + 7) * SECOND + 123000000 },
		{ "23:59:59.999999999", true, DAY - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_at_time at;

		assert_int_equal(wl_at_time_parse(rows[i].text, &at), 0);
		assert_true(at.given && at.wall == rows[i].wall && at.ns == rows[i].ns);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"5x",
		"-1",
		"0x10",
		"1.",
		".",
		"1.2345678901",
		"1.2x",
		"1e9",
		" 1",
		"24:00:00",
		"1:00:00",
		"12:60:00",
		"12:00:61",
		"12:00",
		"12:00:00.",
		"12:00:00,5",
		"12:00:00.1Z",
		"18446744073709551616",
		"99999999999.0",
		"+1.0",
		"::",
		"123456789012345678901234567890.1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct wl_at_time at = { 0 };

		if (!wl_at_time_parse(texts[i], &at))
			fail_msg("'%s' was taken", texts[i]);
		assert_false(at.given);
	}
}

static int resolve(const char *text, uint64_t first, uint64_t last, uint64_t *ns)
{
	struct wl_at_time at;

	assert_int_equal(wl_at_time_parse(text, &at), 0);
	return wl_at_time_resolve(&at, first, last, OFFSET, ns);
}

static void test_resolve(void **state)
{
	uint64_t first = 1000 * SECOND, ns;
	struct wl_at_time at;

	assert_int_equal(resolve("5", first, first + 9, &ns), 0);
	assert_true(ns == 5);
	assert_int_equal(resolve("19:41:07", first, first + SECOND, &ns), 0);
	assert_true(ns == first);
	assert_int_equal(resolve("19:41:07.000000009", first, first + 9, &ns), 0);
	assert_true(ns == first + 9);
	assert_int_equal(resolve("19:41:07.00000001", first, first + 9, &ns), -ERANGE);
	assert_int_equal(resolve("19:41:06.999", first, first + SECOND, &ns), -ERANGE);
	/* past midnight, and the next day at a time before the first one's */
	assert_int_equal(resolve("00:00:01", first, first + DAY / 2, &ns), 0);
	assert_true(ns == first + (4 * 3600 + 18 * 60 + 54) * SECOND);
	assert_int_equal(resolve("19:41:06", first, first + DAY, &ns), 0);
	assert_true(ns == first + DAY - SECOND);
	assert_int_equal(wl_at_time_parse("19:41:07", &at), 0);
	assert_int_equal(wl_at_time_resolve(&at, first, first + 1, 0, &ns), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_resolve),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
