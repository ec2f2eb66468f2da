/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "util/parse.h"

#define UNTOUCHED 0x5aa5u

struct row {
	const char *text;
	int ret;
	uint64_t value;
};

static void check(int (*parse)(const char *, uint64_t *), const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int ret = parse(rows[i].text, &value);

		if (ret != rows[i].ret || value != (ret ? UNTOUCHED : rows[i].value))
			fail_msg("'%s': %d, %" PRIu64, rows[i].text ? rows[i].text : "(null)", ret,
				 value);
	}
}

static void test_duration(void **state)
{
	static const struct row rows[] = {
		{ "100ns", 0, 100 },
		{ "250us", 0, 250000 },
		{ "5ms", 0, 5000000 },
		{ "1.5s", 0, 1500000000 },
		{ "2m", 0, 120000000000 },
		{ "1h", 0, 3600000000000 },
		{ "0s", 0, 0 },
		{ "0.0ms", 0, 0 },
		{ "007us", 0, 7000 },
		{ "0.000001ms", 0, 1 },
		{ "1.9ns", 0, 1 },
		{ "0.1h", 0, 360000000000 },
		{ "1.000000000000000000000000009s", 0, 1000000000 },
		{ "18446744073709551615ns", 0, UINT64_MAX },
		{ "18446744073.709551615s", 0, UINT64_MAX },
	};

	check(wl_parse_duration, rows, ARRAY_SIZE(rows));
}

static void test_duration_refused(void **state)
{
	static const struct row rows[] = {
		{ NULL, -EINVAL },    { "", -EINVAL },       { "5", -EINVAL },
		{ "0", -EINVAL },     { "5x", -EINVAL },     { "ms", -EINVAL },
		{ "-5ms", -EINVAL },  { "+5ms", -EINVAL },   { " 5ms", -EINVAL },
		{ "5 ms", -EINVAL },  { "5ms ", -EINVAL },   { "5msx", -EINVAL },
		{ "5MS", -EINVAL },   { ".5s", -EINVAL },    { "5.s", -EINVAL },
		{ "1.5", -EINVAL },   { "1,5s", -EINVAL },   { "1e3s", -EINVAL },
		{ "0x5ms", -EINVAL }, { "1..5s", -EINVAL },  { "nan", -EINVAL },
		{ "infs", -EINVAL },  { "5ms5us", -EINVAL }, { "5\xc2\xb5s", -EINVAL },
	};

	check(wl_parse_duration, rows, ARRAY_SIZE(rows));
}

static void test_duration_range(void **state)
{
	static const struct row rows[] = {
		{ "18446744073709551616ns", -ERANGE },
		{ "18446744073.709551616s", -ERANGE },
		{ "99999999999999999999999h", -ERANGE },
		{ "5124096h", -ERANGE },
		{ "0.1ns", -ERANGE },
		{ "0.0000000001s", -ERANGE },
	};

	check(wl_parse_duration, rows, ARRAY_SIZE(rows));
}

static void test_size(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "512K", 0, 524288 },
		{ "512k", 0, 524288 },
		{ "4M", 0, 4194304 },
		{ "1G", 0, 1073741824 },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE },
		{ "99999999999999999999", -ERANGE },
		{ "", -EINVAL },
		{ NULL, -EINVAL },
		{ "M", -EINVAL },
		{ "4MB", -EINVAL },
		{ "1.5M", -EINVAL },
		{ "-1", -EINVAL },
		{ "4 M", -EINVAL },
	};

	check(wl_parse_size, rows, ARRAY_SIZE(rows));
}

static void test_uint64(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0x7f", 0, 127 },
		{ "0XfF", 0, 255 },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "0x0000000000000000000001", 0, 1 },
		{ "18446744073709551616", -ERANGE },
		{ "0x10000000000000000", -ERANGE },
		{ "", -EINVAL },
		{ NULL, -EINVAL },
		{ "0x", -EINVAL },
		{ "0xg", -EINVAL },
		{ "12a", -EINVAL },
		{ "-1", -EINVAL },
		{ "0x-1", -EINVAL },
	};

	check(wl_parse_uint64, rows, ARRAY_SIZE(rows));
}

static void test_uint32(void **state)
{
	uint32_t value = UNTOUCHED;

	assert_int_equal(wl_parse_uint32("4294967296", &value), -ERANGE);
	assert_int_equal(wl_parse_uint32("99999999999999999999", &value), -ERANGE);
	assert_int_equal(wl_parse_uint32("12x", &value), -EINVAL);
	assert_int_equal(wl_parse_uint32("0x12", &value), -EINVAL);
	assert_int_equal(wl_parse_uint32("", &value), -EINVAL);
	assert_int_equal(wl_parse_uint32(NULL, &value), -EINVAL);
	assert_int_equal(wl_parse_uint32("-1", &value), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
	assert_int_equal(wl_parse_uint32("4294967295", &value), 0);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(wl_parse_uint32("0", &value), 0);
	assert_int_equal(value, 0);
}

static void test_quantile(void **state)
{
	static const struct {
		const char *text;
		int ret;
		double value;
	} rows[] = {
		{ "p99.9", 0, 0.999 },
		{ "p50", 0, 0.5 },
		{ "p99", 0, 0.99 },
		{ "p99.99", 0, 0.9999 },
		{ "p0.1", 0, 0.001 },
		{ "p99.999", 0, 0.99999 },
		{ "p95.0", 0, 0.95 },
		{ "p0", -ERANGE },
		{ "p0.0", -ERANGE },
		{ "p100", -ERANGE },
		{ "p100.1", -ERANGE },
		{ "p99999999999999999999", -ERANGE },
		{ "99", -EINVAL },
		{ "p", -EINVAL },
		{ "p-1", -EINVAL },
		{ "p99.", -EINVAL },
		{ "p99%", -EINVAL },
		{ "P99", -EINVAL },
		{ "", -EINVAL },
		{ NULL, -EINVAL },
		{ "p0.000000000001", -ERANGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double value = -1;
		int ret = wl_parse_quantile(rows[i].text, &value);

		if (ret != rows[i].ret || (ret ? value != -1 : value != rows[i].value))
			fail_msg("'%s': %d, %.17g", rows[i].text, ret, value);
	}
}

/* Every number of ns comes back from its text, in every unit. */
static void test_duration_round_trip(void **state)
{
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint64_t ns = test_random(&seed) >> (test_random(&seed) % 64), value;
		char text[64];

		snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64 "s", ns / 1000000000,
			 ns % 1000000000);
		assert_int_equal(wl_parse_duration(text, &value), 0);
		assert_true(value == ns);
		snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64 "ms", ns / 1000000,
			 ns % 1000000);
		assert_int_equal(wl_parse_duration(text, &value), 0);
		assert_true(value == ns);
	}
}

/* Random text of the letters that matter: no crash, and what is accepted has digits and a unit. */
static void test_fuzz(void **state)
{
	static const char letters[] = "0123456789..nusmhKMGTpx- ";
	uint64_t seed = 7;

	for (int i = 0; i < 200000; i++) {
		size_t len = test_random(&seed) % 12;
		uint64_t value;
		uint32_t small;
		double quantile;
		char text[16] = "";

		for (size_t j = 0; j < len; j++)
			text[j] = letters[test_random(&seed) % (sizeof(letters) - 1)];
		if (!wl_parse_duration(text, &value))
			assert_true(text[0] >= '0' && text[0] <= '9' && text[len - 1] > '9');
		if (!wl_parse_size(text, &value))
			assert_null(strpbrk(text, ".nushpx- "));
		if (!wl_parse_quantile(text, &quantile))
			assert_true(quantile > 0 && quantile < 1);
		if (!wl_parse_uint32(text, &small))
			assert_int_equal(strspn(text, "0123456789"), len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),       cmocka_unit_test(test_duration_refused),
		cmocka_unit_test(test_duration_range), cmocka_unit_test(test_size),
		cmocka_unit_test(test_uint64),         cmocka_unit_test(test_uint32),
		cmocka_unit_test(test_quantile),       cmocka_unit_test(test_duration_round_trip),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
