/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the writer writes, read back by jansson. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "output/json.h"

struct page {
	struct wl_json json;
	FILE *out;
	char *text;
	size_t size;
};

static void page_open(struct page *page)
{
	page->out = open_memstream(&page->text, &page->size);
	assert_non_null(page->out);
	wl_json_init(&page->json, page->out);
}

static void page_close(struct page *page)
{
	fclose(page->out);
	free(page->text);
}

/* Ends the line, closes, parses. */
static json_t *page_parse(struct page *page)
{
	json_error_t error;
	json_t *root;

	assert_int_equal(wl_json_line_end(&page->json), 0);
	root = json_loadb(page->text, page->size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s: %s", error.text, page->text);
	page_close(page);
	return root;
}

static void test_values(void **state)
{
	struct page page;
	json_t *root;

	page_open(&page);
	wl_json_object(&page.json, NULL);
	wl_json_u64(&page.json, "largest", INT64_MAX);
	wl_json_i64(&page.json, "least", INT64_MIN);
	wl_json_decimal(&page.json, "time", UINT64_MAX);
	wl_json_time(&page.json, "when", 1795290067, 5);
	wl_json_time(&page.json, "never", INT64_MAX, 0);
	wl_json_double(&page.json, "share", 0.956, 2);
	wl_json_double(&page.json, "nan", NAN, 2);
	wl_json_double(&page.json, "inf", INFINITY, 2);
	wl_json_bool(&page.json, "yes", true);
	wl_json_null(&page.json, "nothing");
	wl_json_string(&page.json, "absent", NULL);
	wl_json_string_or_null(&page.json, "empty", "");
	wl_json_array(&page.json, "list");
	wl_json_array_end(&page.json);
	wl_json_object_end(&page.json);
	root = page_parse(&page);
	assert_int_equal(json_integer_value(json_object_get(root, "largest")), INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(root, "least")), INT64_MIN);
	assert_string_equal(json_string_value(json_object_get(root, "time")),
			    "18446744073709551615");
	assert_string_equal(json_string_value(json_object_get(root, "when")),
			    "2026-11-21T19:41:07.000000005Z");
	assert_true(json_is_null(json_object_get(root, "never")));
	assert_true(fabs(json_real_value(json_object_get(root, "share")) - 0.96) < 1e-9);
	assert_true(json_is_null(json_object_get(root, "nan")));
	assert_true(json_is_null(json_object_get(root, "inf")));
	assert_true(json_is_true(json_object_get(root, "yes")));
	assert_true(json_is_null(json_object_get(root, "nothing")));
	assert_true(json_is_null(json_object_get(root, "absent")));
	assert_true(json_is_null(json_object_get(root, "empty")));
	assert_int_equal(json_array_size(json_object_get(root, "list")), 0);
	json_decref(root);
}

static void test_exact_text(void **state)
{
	struct page page;

	page_open(&page);
	wl_json_object(&page.json, NULL);
	wl_json_array(&page.json, "a");
	wl_json_u64(&page.json, NULL, 1);
	wl_json_object(&page.json, NULL);
	wl_json_object_end(&page.json);
	wl_json_string(&page.json, NULL, "\x01\"\\\n\t\x7f");
	wl_json_array_end(&page.json);
	wl_json_u64(&page.json, "b", 2);
	wl_json_object_end(&page.json);
	assert_int_equal(wl_json_line_end(&page.json), 0);
	assert_string_equal(page.text, "{\"a\":[1,{},\"\\u0001\\\"\\\\\\n\\t\\u007f\"],\"b\":2}\n");
	page_close(&page);
}

static void test_names(void **state)
{
	static const char hostile[16] = "\x1b[2J\xff\n\"\\";
	static const char full[16] = "0123456789abcdef";
	struct page page;
	json_t *root;

	page_open(&page);
	wl_json_object(&page.json, NULL);
	wl_json_name(&page.json, "comm", hostile, sizeof(hostile));
	wl_json_name(&page.json, "full", full, sizeof(full));
	wl_json_name(&page.json, "utf8", "m\xc3\xbcller", 16);
	wl_json_object_end(&page.json);
	root = page_parse(&page);
	assert_string_equal(json_string_value(json_object_get(root, "comm")),
			    "\x1b[2J\xef\xbf\xbd\n\"\\");
	assert_string_equal(json_string_value(json_object_get(root, "comm_hex")),
			    "1b5b324aff0a225c");
	assert_string_equal(json_string_value(json_object_get(root, "full")), "0123456789abcdef");
	assert_null(json_object_get(root, "full_hex"));
	assert_string_equal(json_string_value(json_object_get(root, "utf8")), "m\xc3\xbcller");
	assert_null(json_object_get(root, "utf8_hex"));
	json_decref(root);
}

/* A field of somebody's object is as long as it is: nothing is cut. */
static void test_long_names(void **state)
{
	static char path[128], damaged[5000];
	struct page page;
	json_t *root;

	memset(path, 'a', sizeof(path));
	memset(damaged, 0xff, sizeof(damaged));
	path[100] = 'z';
	page_open(&page);
	wl_json_object(&page.json, NULL);
	wl_json_name(&page.json, "path", path, sizeof(path));
	wl_json_name(&page.json, "damaged", damaged, sizeof(damaged));
	wl_json_hex(&page.json, "bytes", damaged, sizeof(damaged));
	wl_json_object_end(&page.json);
	root = page_parse(&page);
	assert_int_equal(json_string_length(json_object_get(root, "path")), sizeof(path));
	assert_memory_equal(json_string_value(json_object_get(root, "path")), path, sizeof(path));
	assert_int_equal(json_string_length(json_object_get(root, "damaged")), 3 * sizeof(damaged));
	assert_int_equal(json_string_length(json_object_get(root, "damaged_hex")),
			 2 * sizeof(damaged));
	assert_int_equal(json_string_length(json_object_get(root, "bytes")), 2 * sizeof(damaged));
	json_decref(root);
}

/* Any bytes at all: the line stays one line of valid JSON. */
static void test_random_bytes(void **state)
{
	uint32_t seed = 12345;

	for (int round = 0; round < 2000; round++) {
		struct page page;
		char bytes[40];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (char)(seed >> 24);
		}
		bytes[sizeof(bytes) - 1] = '\0';
		page_open(&page);
		wl_json_object(&page.json, NULL);
		wl_json_string(&page.json, bytes[0] ? "text" : "t", bytes);
		wl_json_name(&page.json, "comm", bytes + 8, 16);
		wl_json_object_end(&page.json);
		json_decref(page_parse(&page));
	}
}

static void test_wrong_use(void **state)
{
	struct page page;

	page_open(&page);
	wl_json_object(&page.json, NULL);
	wl_json_u64(&page.json, NULL, 1);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	wl_json_array(&page.json, NULL);
	wl_json_u64(&page.json, "key", 1);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	wl_json_object(&page.json, NULL);
	wl_json_array_end(&page.json);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	wl_json_object_end(&page.json);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	wl_json_object(&page.json, NULL);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	wl_json_u64(&page.json, NULL, 1);
	wl_json_u64(&page.json, NULL, 2);
	assert_int_equal(wl_json_line_end(&page.json), -EINVAL);
	/* An error does not stay beyond its line. */
	wl_json_u64(&page.json, NULL, 1);
	assert_int_equal(wl_json_line_end(&page.json), 0);
	page_close(&page);
}

static void test_depth(void **state)
{
	struct page page;
	json_t *root;

	page_open(&page);
	for (int i = 0; i < WL_JSON_DEPTH; i++)
		wl_json_array(&page.json, NULL);
	for (int i = 0; i < WL_JSON_DEPTH; i++)
		wl_json_array_end(&page.json);
	root = page_parse(&page);
	assert_true(json_is_array(root));
	json_decref(root);

	page_open(&page);
	for (int i = 0; i < 100; i++)
		wl_json_array(&page.json, NULL);
	for (int i = 0; i < 100; i++)
		wl_json_array_end(&page.json);
	assert_int_equal(wl_json_line_end(&page.json), -E2BIG);
	page_close(&page);
}

static void test_write_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct wl_json json;

	if (!full)
		skip();
	wl_json_init(&json, full);
	wl_json_u64(&json, NULL, 1);
	assert_int_equal(wl_json_line_end(&json), -ENOSPC);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),       cmocka_unit_test(test_exact_text),
		cmocka_unit_test(test_names),        cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_wrong_use),
		cmocka_unit_test(test_depth),        cmocka_unit_test(test_write_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
