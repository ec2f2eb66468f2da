/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "util/distance.h"

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 },           { "", "abc", 3 },           { "watch", "watch", 0 },
		{ "wacth", "watch", 1 }, { "wtch", "watch", 1 },     { "wattch", "watch", 1 },
		{ "match", "watch", 1 }, { "kitten", "sitting", 3 }, { "ab", "ba", 1 },
		{ "doctor", "demo", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(wl_edit_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(wl_edit_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

static void test_long_words(void **state)
{
	char a[500], b[500];

	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	assert_int_equal(wl_edit_distance(a, a), 0);
	assert_true(wl_edit_distance(a, b) > 0);
}

static const char *nearest_of(const char *word)
{
	static const char *const names[] = { "watch", "doctor", "demo", "top" };
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, word);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		wl_nearest_offer(&nearest, names[i]);
	return nearest.best;
}

static void test_nearest(void **state)
{
	assert_string_equal(nearest_of("wacth"), "watch");
	assert_string_equal(nearest_of("docter"), "doctor");
	assert_string_equal(nearest_of("dem"), "demo");
	assert_string_equal(nearest_of("top"), "top");
	assert_null(nearest_of("x"));
	assert_null(nearest_of(""));
	assert_null(nearest_of("memcached"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
