/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "output/json_parts.h"
#include "output/value.h"

static const struct wl_enumerator kinds[] = { { "blocked", 0 }, { "gone", -1 } };

static struct wl_field field(enum wl_value_kind kind, uint32_t offset, uint32_t size)
{
	struct wl_field f = { .kind = kind, .offset = offset, .size = size, .name = "it" };

	if (kind == WL_VALUE_ENUM) {
		f.enums = (struct wl_enumerator *)kinds;
		f.nenums = ARRAY_SIZE(kinds);
	}
	return f;
}

/* Without kernel symbols: as where kallsyms can't be read. */
static void check(enum wl_value_kind kind, const void *bytes, uint32_t size, const char *words,
		  const char *json)
{
	struct wl_value_names names = { .tried = true };
	struct wl_field f = field(kind, 3, size);
	char text[512], line[1024], copy[256];
	struct wl_phrase p;
	struct wl_json j;
	FILE *out;

	/* at an odd place, and nothing behind it that may be read */
	char *at = malloc(f.offset + size);

	memcpy(at + f.offset, bytes, size);
	wl_phrase_init(&p, text, sizeof(text));
	wl_value_text(&p, &f, at, &names);
	assert_string_equal(text, words);
	out = fmemopen(line, sizeof(line), "w");
	wl_json_init(&j, out);
	wl_json_begin_line(&j, "x");
	wl_value_json(&j, &f, at, &names);
	assert_int_equal(wl_json_end_line(&j), 0);
	fclose(out);
	snprintf(copy, sizeof(copy), "{\"type\":\"x\",\"v\":1,\"it\":%s}\n", json);
	assert_string_equal(line, copy);
	free(at);
}

#define CHECK(kind, type, value, words, json)                                                      \
	do {                                                                                       \
		type v = value;                                                                    \
                                                                                                   \
		check(kind, &v, sizeof(v), words, json);                                           \
	} while (0)

static void test_numbers(void **state)
{
	CHECK(WL_VALUE_UINT, uint8_t, 200, "200", "200");
	CHECK(WL_VALUE_UINT, uint16_t, 60000, "60000", "60000");
	CHECK(WL_VALUE_UINT, uint32_t, 4000000000u, "4000000000", "4000000000");
	CHECK(WL_VALUE_UINT, uint64_t, ~0ull, "18446744073709551615", "18446744073709551615");
	CHECK(WL_VALUE_INT, int8_t, -5, "-5", "-5");
	CHECK(WL_VALUE_INT, int16_t, -5, "-5", "-5");
	CHECK(WL_VALUE_INT, int32_t, -5, "-5", "-5");
	CHECK(WL_VALUE_INT, int64_t, INT64_MIN, "-9223372036854775808", "-9223372036854775808");
}

static void test_meanings(void **state)
{
	CHECK(WL_VALUE_NS, lt_ns, 12400000, "12.4ms", "12400000");
	CHECK(WL_VALUE_BYTE_COUNT, lt_bytes, 4096, "4K", "4096");
	CHECK(WL_VALUE_BYTE_COUNT, lt_bytes, 3 << 20, "3M", "3145728");
	CHECK(WL_VALUE_BYTE_COUNT, lt_bytes, 1500, "1500", "1500");
	CHECK(WL_VALUE_HEX, lt_hex, 0xdead, "0xdead", "\"0xdead\"");
	CHECK(WL_VALUE_KSYM, lt_ksym, 0xffff, "0xffff", "\"0xffff\"");
	CHECK(WL_VALUE_SYSCALL, lt_syscall, 0, "read", "\"read\"");
	CHECK(WL_VALUE_SYSCALL, lt_syscall, -7, "-7", "-7");
	CHECK(WL_VALUE_SOFTIRQ, lt_softirq, 3, "NET_RX", "\"NET_RX\"");
	CHECK(WL_VALUE_IRQ, lt_irq, 36, "36", "36");
	CHECK(WL_VALUE_IRQ, lt_irq, ~0u, "-", "null");
	CHECK(WL_VALUE_CPU, lt_cpu, 0, "0", "0");
	CHECK(WL_VALUE_CPU, uint64_t, 200, "200", "200");
	CHECK(WL_VALUE_DEV, lt_dev, 4000u << 20 | 7, "4000:7", "\"4000:7\"");
	CHECK(WL_VALUE_ENUM, uint32_t, 0, "blocked", "\"blocked\"");
	CHECK(WL_VALUE_ENUM, int32_t, -1, "gone", "\"gone\"");
	CHECK(WL_VALUE_ENUM, int32_t, 9, "9", "9");
}

/* Not terminated, not printable: nothing behind it is read, and no cursor moves. */
static void test_texts(void **state)
{
	check(WL_VALUE_TEXT, "abcd", 4, "abcd", "\"abcd\"");
	check(WL_VALUE_TEXT, "ab\0d", 4, "ab", "\"ab\"");
	check(WL_VALUE_TEXT, "\x1b[2J", 4, "\\x1b[2J", "\"\\u001b[2J\"");
	check(WL_VALUE_BYTES, "\x01\xff", 2, "01ff", "\"01ff\"");
}

/* What a text for people has no room for, JSON has. */
static void test_long_json(void **state)
{
	struct wl_value_names names = { .tried = true };
	struct wl_field f = field(WL_VALUE_BYTES, 0, 200);
	char bytes[200], line[1024];
	struct wl_json j;
	FILE *out;

	for (int kind = 0; kind < 2; kind++) {
		memset(bytes, kind ? 'a' : 0xab, sizeof(bytes));
		f.kind = kind ? WL_VALUE_TEXT : WL_VALUE_BYTES;
		out = fmemopen(line, sizeof(line), "w");
		wl_json_init(&j, out);
		wl_json_begin_line(&j, "x");
		wl_value_json(&j, &f, bytes, &names);
		assert_int_equal(wl_json_end_line(&j), 0);
		fclose(out);
		assert_int_equal(strspn(strstr(line, "\"it\":\"") + 6, "ab"),
				 (kind ? 1 : 2) * sizeof(bytes));
	}
}

static void test_addresses(void **state)
{
	lt_addr a = { .ip = { 127, 0, 0, 1 }, .port = 80, .family = 2 };

	check(WL_VALUE_ADDR, &a, sizeof(a), "127.0.0.1:80", "\"127.0.0.1:80\"");
	a = (lt_addr){ .ip = { [15] = 1 }, .port = 443, .family = 10 };
	check(WL_VALUE_ADDR, &a, sizeof(a), "[::1]:443", "\"[::1]:443\"");
	a.family = 99;
	check(WL_VALUE_ADDR, &a, sizeof(a), "-", "\"-\"");
}

static void test_stacks(void **state)
{
	lt_stack s = { { 0x10, 0x20 } };

	check(WL_VALUE_STACK, &s, sizeof(s), "0x10 < 0x20", "[\"0x10\",\"0x20\"]");
	s.ip[0] = 0;
	check(WL_VALUE_STACK, &s, sizeof(s), "", "[]");
}

static void test_set(void **state)
{
	struct wl_field f = field(WL_VALUE_BYTES, 1, 2);

	assert_false(wl_value_is_set(&f, "\x01\x00\x00\x01"));
	assert_true(wl_value_is_set(&f, "\x00\x00\x01\x00"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_meanings),
		cmocka_unit_test(test_texts),     cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_stacks),    cmocka_unit_test(test_set),
		cmocka_unit_test(test_long_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
