/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/maker.h"
#include "trace/tsdl.h"

static int scan(const char *text, struct wl_tsdl *tsdl)
{
	return wl_tsdl_scan(text, strlen(text), tsdl);
}

static bool described(const struct wl_tsdl *tsdl, unsigned id)
{
	return tsdl->described[id / 64] >> id % 64 & 1;
}

static void test_whole(void **state)
{
	struct wl_tsdl tsdl;

	assert_int_equal(scan(maker_metadata(), &tsdl), 0);
	assert_true(tsdl.has_uuid);
	assert_memory_equal(tsdl.uuid, maker_uuid, 16);
	assert_string_equal(tsdl.byte_order, "le");
	assert_string_equal(tsdl.hostname, "maker");
	assert_string_equal(tsdl.release, "6.18.0-made");
	assert_string_equal(tsdl.version, "0.0.1");
	assert_int_equal(tsdl.layout, 1);
	assert_string_equal(tsdl.clock_uuid, "c36fe4b6-9631-4fc1-92ef-db7011f68d1a");
	assert_int_equal(tsdl.frequency, 1000000000);
	assert_int_equal(tsdl.offset, 1795292545749269113);
	assert_int_equal(tsdl.renamed, 0);
	for (unsigned id = 0; id < WL_EV_MAX; id++)
		assert_int_equal(described(&tsdl, id), id == 1 || id == 2 || id == 10 || id == 61 ||
							       id == 1024 || id == 2048);
}

static void test_odd(void **state)
{
	struct wl_tsdl tsdl;

	assert_int_equal(scan("", &tsdl), -EINVAL);
	assert_int_equal(scan("/* CTF 1.8", &tsdl), -EINVAL);
	assert_int_equal(scan("W\x1d\xd1u and so on", &tsdl), -EINVAL);
	assert_int_equal(scan("/* CTF 1.8 */", &tsdl), 0);
	assert_string_equal(tsdl.version, "");
	/* Comments, escapes, strings that look like structure, and negative offsets. */
	assert_int_equal(scan("/* CTF 1.8 */ // env { hostname = \"no\"; };\n"
			      "/* env { hostname = \"no\"; }; */"
			      "env { hostname = \"a\\\"b{};\"; whylate_version = \"9\"; };"
			      "clock { offset = -5; offset_s = 2; };",
			      &tsdl),
			 0);
	assert_string_equal(tsdl.hostname, "a\"b{};");
	assert_string_equal(tsdl.version, "9");
	assert_int_equal(tsdl.offset, 1999999995);
	/* Deeper levels say nothing. */
	assert_int_equal(scan("/* CTF 1.8 */ env { x = struct { hostname = \"no\"; } }; "
			      "event { fields := struct { id = 5; } }; event { id = 1; "
			      "name = \"sched_waking\"; }; event { id = 99999999; };",
			      &tsdl),
			 0);
	assert_string_equal(tsdl.hostname, "");
	assert_int_equal(tsdl.renamed, 1);
	assert_false(described(&tsdl, 1));
	assert_false(described(&tsdl, 5));
	assert_int_equal(
		scan("/* CTF 1.8 */ trace { uuid = \"0f1e2d3c-4b5a-4978-8796\"; };", &tsdl), 0);
	assert_false(tsdl.has_uuid);
	assert_int_equal(scan("/* CTF 1.8 */ clock { freq = 1000; offset = 5; };", &tsdl), 0);
	assert_int_equal(tsdl.offset, 0);
}

/* Cut anywhere, and with any byte changed: reads nothing behind its end (ASan tells). */
static void test_hostile(void **state)
{
	size_t len = strlen(maker_metadata());
	uint64_t seed = 7;
	struct wl_tsdl tsdl;

	for (size_t n = 0; n <= len; n++) {
		char *text = malloc(n ? n : 1);

		assert_non_null(text);
		memcpy(text, maker_metadata(), n);
		wl_tsdl_scan(text, n, &tsdl);
		for (unsigned i = 0; n && i < 3; i++)
			text[test_random(&seed) % n] = "\"{};=/*\\\n\xff"[test_random(&seed) % 10];
		wl_tsdl_scan(text, n, &tsdl);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
