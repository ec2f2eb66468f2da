/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Quantiles of the histogram against those of a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "explain/quantile.h"

#define VALUES 20000

/* A generator of our own: the same values in every run and everywhere. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void agg_count(struct wl_agg *agg, uint64_t ns)
{
	agg->count++;
	agg->sum += ns;
	agg->bucket[wl_hist_bucket(ns)]++;
	if (ns > agg->max)
		agg->max = ns;
}

static uint64_t exact_quantile(const uint64_t *sorted, size_t n, double q)
{
	double rank = q * (double)n;
	size_t i = (size_t)rank;

	if ((double)i < rank)
		i++;
	return sorted[i ? (i > n ? n - 1 : i - 1) : 0];
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void check_against_sorted(struct wl_agg *agg, uint64_t *values, size_t n)
{
	static const double qs[] = { 0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1 };

	memset(agg, 0, sizeof(*agg));
	for (size_t i = 0; i < n; i++)
		agg_count(agg, values[i]);
	qsort(values, n, sizeof(*values), compare_u64);
	for (size_t i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
		uint64_t exact = exact_quantile(values, n, qs[i]);
		uint64_t found = wl_agg_quantile(agg, qs[i]);

		/* The same bucket, which is at most 12.5 % of the value wide. */
		assert_true(found <= agg->max);
		assert_int_equal(wl_hist_bucket(found), wl_hist_bucket(exact));
		assert_true(difference(found, exact) <= exact / 8);
	}
	assert_int_equal(wl_agg_quantile(agg, 1), values[n - 1]);
}

static void test_random(void **state)
{
	struct wl_agg *agg = calloc(1, sizeof(*agg));
	uint64_t *values = calloc(VALUES, sizeof(*values));
	uint64_t seed = 0x9e3779b97f4a7c15;

	assert_non_null(agg);
	assert_non_null(values);
	for (size_t n = 1; n <= VALUES; n = n * 3 + 1) {
		for (unsigned int bits = 1; bits <= 38; bits++) {
			for (size_t i = 0; i < n; i++)
				values[i] = random_next(&seed) >> (64 - bits);
			check_against_sorted(agg, values, n);
		}
		/* Spread over all magnitudes, as latencies are. */
		for (size_t i = 0; i < n; i++)
			values[i] = random_next(&seed) >> (26 + random_next(&seed) % 38);
		check_against_sorted(agg, values, n);
	}
	free(values);
	free(agg);
}

static void test_monotonic(void **state)
{
	struct wl_agg agg = { 0 };
	uint64_t seed = 42, last = 0;

	for (int i = 0; i < 5000; i++)
		agg_count(&agg, random_next(&seed) >> (34 + random_next(&seed) % 25));
	for (int i = 0; i <= 10000; i++) {
		uint64_t found = wl_agg_quantile(&agg, i / 10000.0);

		assert_true(found >= last);
		last = found;
	}
}

static void test_edges(void **state)
{
	struct wl_agg agg = { 0 };

	assert_int_equal(wl_agg_quantile(&agg, 0.5), 0);
	agg_count(&agg, 0);
	assert_int_equal(wl_agg_quantile(&agg, 0.5), 0);
	assert_int_equal(wl_agg_quantile(&agg, 1), 0);

	/* Beyond the last bucket: limited by the largest value, never by the bucket. */
	memset(&agg, 0, sizeof(agg));
	agg_count(&agg, 1ull << 45);
	agg_count(&agg, (1ull << 45) + 5);
	assert_int_equal(wl_agg_quantile(&agg, 1), (1ull << 45) + 5);
	assert_true(wl_agg_quantile(&agg, 0.5) >= wl_hist_lower(WL_HIST_BUCKETS - 1));
	assert_true(wl_agg_quantile(&agg, 0.5) <= agg.max);

	/* Out of range, and not a number: no crash, an end of the range. */
	assert_int_equal(wl_agg_quantile(&agg, 7), agg.max);
	assert_true(wl_agg_quantile(&agg, -1) <= agg.max);
	assert_true(wl_agg_quantile(&agg, 0.0 / 0.0) <= agg.max);
}

/* A CPU may have counted a response whose maximum is not written yet. */
static void test_torn_row(void **state)
{
	struct wl_agg agg = { 0 };

	agg_count(&agg, 1000);
	agg.bucket[wl_hist_bucket(500000)] += 9;
	assert_true(wl_agg_quantile(&agg, 0.5) <= 1000);
	agg.count += 1000;
	assert_true(wl_agg_quantile(&agg, 0.999) <= 1000);
}

static void test_add(void **state)
{
	struct wl_agg a = { .merged = 1, .typical_count = 2, .typical_sum = 30 };
	struct wl_agg b = { .merged = 2, .typical_count = 3, .typical_sum = 50 };

	agg_count(&a, 100);
	agg_count(&b, 100);
	agg_count(&b, 7000);
	a.typical[WL_SEG_WAKEUP] = 4;
	b.typical[WL_SEG_WAKEUP] = 5;
	wl_agg_add(&a, &b);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.sum, 7200);
	assert_int_equal(a.max, 7000);
	assert_int_equal(a.merged, 3);
	assert_int_equal(a.typical_count, 5);
	assert_int_equal(a.typical_sum, 80);
	assert_int_equal(a.typical[WL_SEG_WAKEUP], 9);
	assert_int_equal(a.bucket[wl_hist_bucket(100)], 2);
	assert_int_equal(a.bucket[wl_hist_bucket(7000)], 1);
}

static void test_typical(void **state)
{
	struct wl_agg agg = { .count = 99, .typical_count = 50, .typical_sum = 5000 };
	struct wl_typical typical;

	agg.typical[WL_SEG_RUNNING] = 4000;
	wl_agg_typical(&agg, &typical);
	assert_false(typical.known);
	assert_int_equal(typical.count, 99);
	assert_int_equal(typical.ns, 0);

	agg.count = 100;
	wl_agg_typical(&agg, &typical);
	assert_true(typical.known);
	assert_int_equal(typical.ns, 100);
	assert_int_equal(typical.budget[WL_SEG_RUNNING], 80);

	agg.typical_count = 0;
	wl_agg_typical(&agg, &typical);
	assert_false(typical.known);
}

static void test_row(void **state)
{
	struct wl_agg agg = { .merged = 4 };
	struct wl_row row = { 0 };

	wl_agg_row(&agg, &row);
	assert_int_equal(row.mean, 0);
	assert_int_equal(row.p999, 0);
	for (uint64_t i = 1; i <= 1000; i++)
		agg_count(&agg, i * 1000);
	wl_agg_row(&agg, &row);
	assert_int_equal(row.count, 1000);
	assert_int_equal(row.merged, 4);
	assert_int_equal(row.mean, 500500);
	assert_int_equal(row.max, 1000000);
	assert_true(difference(row.p50, 500000) <= 62500);
	assert_true(difference(row.p90, 900000) <= 112500);
	assert_true(row.p99 <= row.p999 && row.p999 <= row.max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_monotonic),
		cmocka_unit_test(test_edges),  cmocka_unit_test(test_torn_row),
		cmocka_unit_test(test_add),    cmocka_unit_test(test_typical),
		cmocka_unit_test(test_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
