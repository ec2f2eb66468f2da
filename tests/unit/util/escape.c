/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/escape.h"

struct row {
	const char *bytes, *text;
};

static const char *escape(const char *bytes)
{
	static char out[256];
	size_t len = wl_escape_text(bytes, strlen(bytes), out, sizeof(out));

	assert_int_equal(len, strlen(out));
	return out;
}

static void test_kept(void **state)
{
	static const char *const rows[] = {
		"",
		"memcached",
		" ~!\"'$",
		"a\\b",
		"system-getty\\x2d1",
		"\xc3\xa9t\xc3\xa9",
		"\xe2\x82\xac",
		"\xf0\x9f\x90\xa7",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"e\xcc\x81",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(escape(rows[i]), rows[i]);
}

static void test_escaped(void **state)
{
	static const struct row rows[] = {
		{ "a\x1b[31mb", "a\\x1b[31mb" },                /* escape sequence */
		{ "a\nb\tc\r", "a\\x0ab\\x09c\\x0d" },          /* C0 */
		{ "\x7f", "\\x7f" },                            /* DEL */
		{ "\xc2\x9b", "\\xc2\\x9b" },                   /* C1: CSI */
		{ "\x9b", "\\x9b" },                            /* the same, raw */
		{ "\xc2\xad", "\\xc2\\xad" },                   /* soft hyphen */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },          /* U+202E */
		{ "\xe2\x80\xaa", "\\xe2\\x80\\xaa" },          /* U+202A */
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },          /* U+2066 */
		{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },          /* U+2069 */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },          /* U+2028 */
		{ "\xe2\x80\xa9", "\\xe2\\x80\\xa9" },          /* U+2029 */
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },          /* U+200B */
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },          /* U+200F */
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },          /* U+FEFF */
		{ "\xef\xbf\xbe", "\\xef\\xbf\\xbe" },          /* U+FFFE */
		{ "\xee\x80\x80", "\\xee\\x80\\x80" },          /* private use */
		{ "\xf3\xa0\x80\xa0", "\\xf3\\xa0\\x80\\xa0" }, /* tag */
		{ "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },          /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
		{ "\xe2\x82", "\\xe2\\x82" },                   /* cut */
		{ "\xe2\x82x", "\\xe2\\x82x" },
		{ "\xff\xfe", "\\xff\\xfe" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(escape(rows[i].bytes), rows[i].text);
}

static void test_neighbours(void **state)
{
	/* What lies right beside the ranges that are escaped is kept. */
	static const char *const rows[] = {
		"\xe2\x80\xa7", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe2\x81\xb0", "\xe2\x80\x8a",
		"\xe2\x80\x90", "\xc2\xa0",     "\xed\x9f\xbb", "\xef\xa4\x80", "\xef\xbf\xbd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(escape(rows[i]), rows[i]);
}

static void test_ends(void **state)
{
	char out[16] = "untouched";

	assert_int_equal(wl_escape_text("ab\0cd", 5, out, sizeof(out)), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(wl_escape_text("abcd", 3, out, sizeof(out)), 3);
	assert_string_equal(out, "abc");
	/* len cuts a character: no byte of the rest is read */
	assert_int_equal(wl_escape_text("\xe2\x82\xac", 2, out, sizeof(out)), 8);
	assert_string_equal(out, "\\xe2\\x82");
	out[0] = 'z';
	assert_int_equal(wl_escape_text("ab", 2, out, 0), 0);
	assert_int_equal(out[0], 'z');
	assert_int_equal(wl_escape_text("ab", 2, out, 1), 0);
	assert_string_equal(out, "");
}

static void test_never_split(void **state)
{
	char out[8];

	for (size_t size = 1; size <= 4; size++)
		assert_int_equal(wl_escape_text("\x1b", 1, out, size), 0);
	assert_int_equal(wl_escape_text("\x1b", 1, out, 5), 4);
	for (size_t size = 1; size <= 3; size++)
		assert_int_equal(wl_escape_text("\xe2\x82\xac", 3, out, size), 0);
	assert_int_equal(wl_escape_text("\xe2\x82\xac", 3, out, 4), 3);
	/* nothing that would fit follows what did not */
	assert_int_equal(wl_escape_text("a\x1b"
					"b",
					3, out, 4),
			 1);
	assert_string_equal(out, "a");
}

static void test_sanitize(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "caf\xc3\xa9\n\x1b", "caf\xc3\xa9\n\x1b" },
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd" },
		{ "\xf0\x9f\x90"
		  "x",
		  "\xef\xbf\xbdx" },
		/* the example of the Unicode standard, table 3-8 */
		{ "a\xf1\x80\x80\xe1\x80\xc2"
		  "b\x80"
		  "c\x80\xbf"
		  "d",
		  "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		  "b\xef\xbf\xbd"
		  "c\xef\xbf\xbd\xef\xbf\xbd"
		  "d" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool invalid =
			wl_utf8_sanitize(rows[i].bytes, strlen(rows[i].bytes), out, sizeof(out));

		assert_string_equal(out, rows[i].text);
		assert_int_equal(invalid, strcmp(rows[i].bytes, rows[i].text) != 0);
	}
	assert_false(wl_utf8_sanitize("ab\0\xff", 4, out, sizeof(out)));
	assert_string_equal(out, "ab");
}

static void test_sanitize_cut(void **state)
{
	char out[8];

	/* What is wrong is told even where it no longer fits; what fits is whole. */
	assert_true(wl_utf8_sanitize("abc\xff", 4, out, 4));
	assert_string_equal(out, "abc");
	assert_false(wl_utf8_sanitize("ab\xe2\x82\xac"
				      "c",
				      6, out, 5));
	assert_string_equal(out, "ab");
	assert_true(wl_utf8_sanitize("\xff", 1, out, 0));
}

/* No byte that a terminal acts on, nothing half, whatever goes in and however small the buffer is.
 */
static void test_escape_fuzz(void **state)
{
	uint64_t seed = 11;

	for (int i = 0; i < 100000; i++) {
		size_t len = test_random(&seed) % 24, size = test_random(&seed) % 100 + 1;
		char *bytes = malloc(len + 1), *out = malloc(size), again[WL_ESCAPE_SIZE(100)];
		uint32_t code;
		size_t used;

		assert_non_null(bytes);
		assert_non_null(out);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (char)test_random(&seed);
		used = wl_escape_text(bytes, len, out, size);
		assert_true(used < size && !out[used]);
		for (size_t j = 0, n; j < used; j += n) {
			n = wl_utf8_decode(out + j, used - j, &code, NULL);
			assert_true(n && code >= 0x20 && code != 0x7f);
			assert_false(code >= 0x80 && code < 0xa0);
		}
		assert_int_equal(wl_escape_text(out, used, again, sizeof(again)), used);
		assert_string_equal(again, out);
		free(bytes);
		free(out);
	}
}

static void test_sanitize_fuzz(void **state)
{
	uint64_t seed = 13;

	for (int i = 0; i < 100000; i++) {
		size_t len = test_random(&seed) % 24;
		char *bytes = malloc(len + 1), *out = malloc(WL_SANITIZE_SIZE(len));
		char again[WL_SANITIZE_SIZE(3 * 24)];
		bool invalid;

		assert_non_null(bytes);
		assert_non_null(out);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (char)(test_random(&seed) | (j & 1 ? 0x80 : 0));
		bytes[len] = '\0';
		invalid = wl_utf8_sanitize(bytes, len, out, WL_SANITIZE_SIZE(len));
		assert_int_equal(invalid, strcmp(bytes, out) != 0);
		assert_false(wl_utf8_sanitize(out, strlen(out), again, sizeof(again)));
		assert_string_equal(out, again);
		free(bytes);
		free(out);
	}
}

/* Every code point there is, both ways. */
static void test_all_code_points(void **state)
{
	for (uint32_t c = 1; c < 0x110000; c++) {
		char bytes[4];
		uint32_t code = 0;
		size_t n, want = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		for (size_t i = want; i-- > 1;)
			bytes[i] = (char)(0x80 | ((c >> (6 * (want - 1 - i))) & 0x3f));
		bytes[0] = (char)(want == 1 ? c : (0xf00u >> want) | (c >> (6 * (want - 1))));
		n = wl_utf8_decode(bytes, want, &code, NULL);
		if (c >= 0xd800 && c < 0xe000) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, want);
		assert_int_equal(code, c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),          cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_neighbours),    cmocka_unit_test(test_ends),
		cmocka_unit_test(test_never_split),   cmocka_unit_test(test_sanitize),
		cmocka_unit_test(test_sanitize_cut),  cmocka_unit_test(test_escape_fuzz),
		cmocka_unit_test(test_sanitize_fuzz), cmocka_unit_test(test_all_code_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
